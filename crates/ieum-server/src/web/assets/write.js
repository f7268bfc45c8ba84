// Writing: a draft is kept as it is typed, and what was sent without a connection is kept on the
// device and sent in order, each with the key under which the hub knows a repetition.
const WAITING_MAX = 100;
const AGAIN_MS = 3000;
// The hub read it and will not have this text: no other one waits behind it.
const NEVER = [404, 413, 422];

function kept(name, otherwise) {
  try { return JSON.parse(localStorage.getItem(name)) ?? otherwise; } catch { return otherwise; }
}

function keep(name, value) {
  try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* No room: nothing is kept. */ }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Takes care of one form; `sent` is called after each message that the hub took.
export function tend(form, sent) {
  const draft = `ieum-draft-${form.dataset.write}`;
  const queue = `ieum-waiting-${form.dataset.write}`;
  const text = form.elements.text;
  const told = form.querySelector("[role=status]");
  let sending = false;

  const grow = () => {
    text.rows = Math.min(6, Math.max(1, text.value.split("\n").length));
  };
  const post = async (one) => {
    const { key, text: words, about } = one;
    const body = new URLSearchParams({ csrf: form.elements.csrf.value, key, text: words, ...about });
    const answer = await fetch(form.action, { method: "POST", body });
    // Taken only when the hub leads back to this conversation: elsewhere is the way to sign in.
    const here = new URL(answer.url).pathname === new URL(form.action).pathname;
    if (answer.ok) return answer.redirected && here ? 303 : 401;
    return answer.status;
  };
  const flush = async () => {
    if (sending) return;
    sending = true;
    const back = [];
    let status = 303;
    try {
      for (let waiting = kept(queue, []); waiting.length; waiting = kept(queue, [])) {
        status = await post(waiting[0]);
        if (status !== 303 && !NEVER.includes(status)) break;
        keep(queue, kept(queue, []).filter((one) => one.key !== waiting[0].key));
        if (status === 303) sent(); else back.push(waiting[0].text);
      }
    } catch { status = 0; }
    sending = false;
    if (back.length) {
      text.value = [...back, text.value].filter(Boolean).join("\n");
      if (!about.edit) keep(draft, text.value);
      grow();
      told.textContent = told.dataset.returned;
      return;
    }
    const refused = status >= 400 && status < 500 && status !== 429;
    told.textContent = status === 303 ? "" : refused ? told.dataset.refused : told.dataset.waiting;
    if (status !== 303 && !refused) setTimeout(flush, AGAIN_MS);
  };

  // What is answered or edited goes with it; such a text is no draft of the conversation's.
  const abouts = ["reply", "edit"].filter((name) => form.elements[name]);
  const about = Object.fromEntries(abouts.map((name) => [name, form.elements[name].value]));
  if (!about.edit) text.value = kept(draft, "");
  grow();
  text.addEventListener("input", () => { if (!about.edit) keep(draft, text.value); grow(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing
      && matchMedia("(hover: hover)").matches) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const words = text.value.trim();
    const waiting = kept(queue, []);
    if (!words || waiting.length >= WAITING_MAX) return;
    keep(queue, [...waiting, { key: newKey(), text: words, about }]);
    text.value = "";
    if (!about.edit) keep(draft, "");
    grow();
    flush().then(() => { if (abouts.length) location.assign(form.action); });
  });
  addEventListener("online", flush);
  flush();
}
