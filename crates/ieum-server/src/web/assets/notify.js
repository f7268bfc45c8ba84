// Hearing of messages while no page is open: asks the browser once somebody wants it, and hands the
// hub what it says.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

async function subscribed(applicationServerKey) {
  await navigator.serviceWorker.register("/worker.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  const wanted = { userVisibleOnly: true, applicationServerKey };
  try {
    return await pushManager.subscribe(wanted);
  } catch (failure) {
    // One that belongs to an earlier key of the hub is of no use to anybody.
    const former = await pushManager.getSubscription();
    if (failure.name !== "InvalidStateError" || !former) throw failure;
    await former.unsubscribe();
    return pushManager.subscribe(wanted);
  }
}

async function begin(part) {
  if (await Notification.requestPermission() !== "granted") return "denied";
  const { endpoint, keys } = (await subscribed(bytes(part.dataset.push))).toJSON();
  const body = new URLSearchParams({ csrf: part.dataset.form, endpoint, ...keys });
  const answer = await fetch("/me/push", { method: "POST", body });
  if (!answer.ok) throw new Error(`the hub says ${answer.status}`);
  location.assign("/me?done=kept");
  return "";
}

export function offer(part) {
  if (!("PushManager" in window && "serviceWorker" in navigator)) {
    const isPhone = /iPhone|iPad/.test(navigator.userAgent);
    document.querySelector("[data-push-install]").hidden = !isPhone;
    return;
  }
  const [button, wrong] = [part.querySelector("button"), part.querySelector("[role=alert]")];
  const tell = (what) => {
    wrong.textContent = wrong.dataset[what] ?? "";
    wrong.hidden = !what;
  };
  button.addEventListener("click", async () => {
    button.disabled = true;
    tell("");
    try { tell(await begin(part)); } catch { tell("failed"); } finally { button.disabled = false; }
  });
  if (Notification.permission === "denied") tell("denied");
  part.hidden = false;
}
