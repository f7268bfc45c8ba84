// Keeps a page as it is now: the part with `data-refresh` is asked for again after so many
// seconds while somebody looks, and put in its place when it differs.
const MANY_SECONDS = 600;

async function renew(part) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-refresh]");
  if (!fresh || fresh.innerHTML === part.dataset.was) return;
  part.dataset.was = fresh.innerHTML;
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll("details").forEach((one, place) => { one.open = open[place] ?? false; });
}

const part = document.querySelector("[data-refresh]");
if (part) {
  const seconds = Math.min(Number(part.dataset.refresh) || MANY_SECONDS, MANY_SECONDS);
  part.dataset.was = part.innerHTML;
  setInterval(() => {
    if (document.visibilityState === "visible") renew(part).catch(() => {});
  }, seconds * 1000);
}
