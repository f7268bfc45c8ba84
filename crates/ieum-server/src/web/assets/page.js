// Keeps a page as it is now: the part with `data-refresh` is asked for again after so many seconds
// while somebody looks, and at once when the hub says that something moved in what it shows.
import { tend } from "./write.js";

const MANY_SECONDS = 600;
const NEAR_END_PX = 120;

const part = document.querySelector("[data-refresh]");

function atEnd() {
  const page = document.scrollingElement;
  return page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_END_PX;
}

async function fresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("[data-refresh]");
}

let asking = null;
let again = false;
const isSeen = () => document.visibilityState === "visible";

// Only a page that somebody looks at is asked for again: the hub takes asking for having seen it.
async function renew() {
  if (!isSeen()) return null;
  if (asking) { again = true; return asking; }
  asking = (async () => {
    do {
      again = false;
      const now = await fresh();
      if (!now || now.innerHTML === part.dataset.was) continue;
      const follows = part.dataset.live && part.dataset.live !== "all" && atEnd();
      part.dataset.was = now.innerHTML;
      const open = [...part.querySelectorAll("details")].map((one) => one.open);
      part.replaceChildren(...now.childNodes);
      part.querySelectorAll("details").forEach((one, place) => { one.open = open[place] ?? false; });
      if (follows) scrollTo(0, document.scrollingElement.scrollHeight);
    } while (again);
  })().catch(() => {}).finally(() => { asking = null; });
  return asking;
}

// What was opened last is kept for when there is no connection; only where pages come over TLS.
function keepLast() {
  navigator.serviceWorker?.register("/worker.js").then(async (worker) => {
    const told = await worker.getNotifications({ tag: `ieum-${part.dataset.live}` });
    told.forEach((one) => one.close());
  }).catch(() => {});
}

function listen(wanted) {
  const events = new EventSource("/inbox/live");
  events.addEventListener("moved", (event) => {
    if (wanted === "all" || wanted === event.data) renew();
  });
  events.addEventListener("open", () => renew());
  addEventListener("pagehide", () => events.close());
}

if (part) {
  const seconds = Math.min(Number(part.dataset.refresh) || MANY_SECONDS, MANY_SECONDS);
  part.dataset.was = part.innerHTML;
  setInterval(renew, seconds * 1000);
  addEventListener("visibilitychange", renew);
  if (part.dataset.live) { listen(part.dataset.live); keepLast(); }
  if (part.classList.contains("thread") && !location.search) {
    scrollTo(0, document.scrollingElement.scrollHeight);
  }
}

const passkey = document.querySelector("[data-passkey]");
if (passkey) import("./passkey.js").then((passkeys) => passkeys.offer(passkey));

const push = document.querySelector("[data-push]");
if (push) import("./notify.js").then((notify) => notify.offer(push));

const form = document.querySelector("[data-write]");
if (form) tend(form, renew);

const attach = document.querySelector("[data-attach]");
if (attach) import("./attach.js").then((files) => files.tend(attach, renew));
