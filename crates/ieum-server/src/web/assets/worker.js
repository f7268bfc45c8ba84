// Without a connection: the conversations that were opened last, as they were. They are on this
// device until somebody signs in or out on it. Nothing is ever shown from here while the hub answers.
const KEPT = "ieum-last-1";
const PAGES_MAX = 60;
// Of which messages this device told, so that it tells of none twice.
const TOLD = "ieum-told-1";
const TOLD_MAX = 60;

// Where somebody may become another, or nobody.
const DOORS = ["/sign-out", "/sign-in/code", "/sign-in/passkey", "/join", "/me/leave"];

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

async function keep(request, answer, name = KEPT, most = PAGES_MAX) {
  const kept = await caches.open(name);
  await kept.delete(request);
  await kept.put(request, answer);
  const all = await kept.keys();
  await Promise.all(all.slice(0, Math.max(0, all.length - most)).map((one) => kept.delete(one)));
}

// Nothing of before stays on the device of somebody who comes or goes.
async function forget() {
  const told = await registration.getNotifications();
  told.forEach((one) => one.close());
  await Promise.all([KEPT, TOLD].map((name) => caches.delete(name)));
}

async function answered(event, isPage) {
  try {
    const answer = await fetch(event.request);
    const isSent = answer.redirected || answer.type === "opaqueredirect";
    if (isPage && isSent) event.waitUntil(caches.delete(KEPT));
    else if (answer.ok) event.waitUntil(keep(event.request.url, answer.clone()));
    return answer;
  } catch (error) {
    const kept = await caches.open(KEPT);
    const last = await kept.match(event.request.url);
    if (last) return last;
    throw error;
  }
}

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const { origin, pathname, search } = new URL(url);
  if (origin !== location.origin) return;
  if (method === "POST" && DOORS.includes(pathname)) {
    event.waitUntil(forget());
  }
  const isPage = /^\/inbox(\/\d+)?$/.test(pathname) && !search;
  if (method === "GET" && (isPage || pathname.startsWith("/assets/"))) {
    event.respondWith(answered(event, isPage));
  }
});

async function tell(data) {
  const { conversation, message, title, text } = data.json();
  if (!Number.isSafeInteger(conversation) || !title) return;
  const place = `/told/${encodeURIComponent(message)}`;
  if (await (await caches.open(TOLD)).match(place)) return;
  await keep(place, new Response(""), TOLD, TOLD_MAX);
  await registration.showNotification(title, {
    body: text,
    tag: `ieum-${conversation}`,
    renotify: true,
    icon: "/assets/icon.svg",
    data: `/inbox/${conversation}`,
  });
}

addEventListener("push", (event) => {
  if (event.data) event.waitUntil(tell(event.data));
});

async function open(path) {
  const all = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const here = all.find((one) => new URL(one.url).pathname === path) ?? all[0];
  if (!here) return clients.openWindow(path);
  await here.focus();
  return new URL(here.url).pathname === path ? here : here.navigate(path);
}

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});
