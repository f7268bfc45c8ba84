// Pictures and files: dragged, pasted or chosen, looked at before they go, and sent in order. Small
// ones are kept on the device while there is no connection; of larger ones it is said that they wait
// only as long as the page is open.
const KEPT_BYTES_MAX = 512 * 1024;
const KEPT_MAX = 4;
const AGAIN_MS = 3000;

function kept(name) {
  try { return JSON.parse(localStorage.getItem(name)) ?? []; } catch { return []; }
}

function keep(name, all) {
  try { localStorage.setItem(name, JSON.stringify(all)); return true; } catch { return false; }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function written(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = reject;
    reader.readAsDataURL(file);
  });
}

// What `written` wrote; no address is fetched, so no policy is in the way.
function read({ url, name, type }) {
  const bytes = Uint8Array.from(atob(url.split(",")[1] ?? ""), (one) => one.charCodeAt(0));
  return new File([bytes], name, { type });
}

export function tend(form, sent) {
  const queue = `ieum-files-${form.dataset.attach}`;
  const { file: input, text } = form.elements;
  const told = form.querySelector("[role=status]");
  const frame = form.querySelector(".preview");
  const picture = frame.appendChild(document.createElement("img"));
  picture.alt = frame.dataset.alt;
  const box = form.closest("details");
  // What is too large to be kept waits here, while the page is open.
  let held = [];
  let sending = false;

  const tell = (what) => { told.textContent = told.dataset[what] ?? ""; };
  const preview = () => {
    if (picture.src) URL.revokeObjectURL(picture.src);
    const [file] = input.files;
    const isPicture = file?.type.startsWith("image/") && file.type !== "image/svg+xml";
    if (isPicture) picture.src = URL.createObjectURL(file); else picture.removeAttribute("src");
    frame.hidden = !isPicture;
    tell(file && file.size > Number(form.dataset.bytesMax) ? "large" : "");
  };
  const choose = (file) => {
    const chosen = new DataTransfer();
    chosen.items.add(file);
    input.files = chosen.files;
    box.open = true;
    preview();
    form.querySelector("button").focus();
  };

  // The words go before the file: the hub reads them in this order.
  const post = async ({ key, words, reply, file }) => {
    const body = new FormData();
    const fields = { csrf: form.elements.csrf.value, key, text: words, reply };
    for (const [name, value] of Object.entries(fields)) if (value) body.append(name, value);
    body.append("file", file);
    const answer = await fetch(form.action, { method: "POST", body });
    const here = new URL(answer.url).pathname === form.dataset.place;
    return answer.ok ? (answer.redirected && here ? 303 : 401) : answer.status;
  };
  const next = () => {
    const [first] = kept(queue);
    return first ? { ...first, file: read(first) } : held[0];
  };
  const drop = (key) => {
    keep(queue, kept(queue).filter((one) => one.key !== key));
    held = held.filter((one) => one.key !== key);
  };
  const flush = async () => {
    if (sending) return;
    sending = true;
    let status = 303;
    try {
      for (let one = next(); one; one = next()) {
        status = await post(one);
        const isFinal = status === 303 || (status >= 400 && status < 500 && status !== 429);
        if (!isFinal) break;
        drop(one.key);
        if (status !== 303) break;
        sent();
      }
    } catch { status = 0; }
    sending = false;
    if (status === 303) return tell("");
    if (status >= 400 && status < 500 && status !== 429) {
      return tell(status === 401 ? "again" : "refused");
    }
    setTimeout(flush, AGAIN_MS);
    tell(held.length ? "open" : "waiting");
  };

  input.addEventListener("change", preview);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [file] = input.files;
    if (!file) return;
    if (file.size > Number(form.dataset.bytesMax)) { tell("large"); return; }
    const one = { key: newKey(), words: text.value.trim(), reply: form.elements.reply?.value };
    const all = kept(queue);
    const isSmall = file.size <= KEPT_BYTES_MAX && all.length < KEPT_MAX;
    const { name, type } = file;
    const isKept = isSmall && keep(queue, [...all, { ...one, name, type, url: await written(file) }]);
    if (!isKept) held.push({ ...one, file });
    form.reset();
    preview();
    tell("going");
    await flush();
    if (!kept(queue).length && !held.length && !told.textContent) box.open = false;
  });
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    choose(file);
  });
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) choose(file);
  });
  addEventListener("online", flush);
  flush();
}
