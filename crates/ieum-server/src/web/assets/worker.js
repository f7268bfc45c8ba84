// Without a connection: the conversations that were opened last, as they were. They are on this
// device until somebody signs in or out on it. Nothing is ever shown from here while the hub answers.
const KEPT = "ieum-last-1";
const PAGES_MAX = 60;

// Where somebody may become another, or nobody.
const DOORS = ["/sign-out", "/sign-in/code", "/sign-in/passkey", "/join", "/me/leave"];

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

async function keep(request, answer) {
  const kept = await caches.open(KEPT);
  await kept.delete(request);
  await kept.put(request, answer);
  const all = await kept.keys();
  await Promise.all(all.slice(0, Math.max(0, all.length - PAGES_MAX)).map((one) => kept.delete(one)));
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
    event.waitUntil(caches.delete(KEPT));
  }
  const isPage = /^\/inbox(\/\d+)?$/.test(pathname) && !search;
  if (method === "GET" && (isPage || pathname.startsWith("/assets/"))) {
    event.respondWith(answered(event, isPage));
  }
});
