// Passkeys: carries what the hub asks to the browser's own dialogue, and its answer back.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

const words = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function ask(path, form, body) {
  const headers = body ? { "content-type": "application/json" } : {};
  if (form) headers["x-ieum-form"] = form;
  const answer = await fetch(path, { method: "POST", headers, body });
  if (!answer.ok) throw new Error(`${path} says ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

const known = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

async function add(form) {
  const options = await ask("/passkeys/options", form);
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: known(options.excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  await ask("/passkeys", form, JSON.stringify({
    id: made.id,
    rawId: words(made.rawId),
    type: made.type,
    authenticatorAttachment: made.authenticatorAttachment,
    clientExtensionResults: made.getClientExtensionResults(),
    response: {
      clientDataJSON: words(made.response.clientDataJSON),
      attestationObject: words(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  }));
  location.assign("/me?done=kept");
}

async function enter() {
  const options = await ask("/sign-in/passkey/options");
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: known(options.allowCredentials),
  };
  const proof = await navigator.credentials.get({ publicKey });
  await ask("/sign-in/passkey", null, JSON.stringify({
    id: proof.id,
    rawId: words(proof.rawId),
    type: proof.type,
    authenticatorAttachment: proof.authenticatorAttachment,
    clientExtensionResults: proof.getClientExtensionResults(),
    response: {
      clientDataJSON: words(proof.response.clientDataJSON),
      authenticatorData: words(proof.response.authenticatorData),
      signature: words(proof.response.signature),
      userHandle: proof.response.userHandle ? words(proof.response.userHandle) : null,
    },
  }));
  location.assign("/inbox");
}

export function offer(part) {
  if (!window.PublicKeyCredential) return;
  const [button, wrong] = [part.querySelector("button"), part.querySelector("[role=alert]")];
  const deed = part.dataset.passkey === "add" ? () => add(part.dataset.form) : enter;
  button.addEventListener("click", async () => {
    button.disabled = true;
    wrong.hidden = true;
    try {
      await deed();
    } catch (failure) {
      // Whoever closes the dialogue changed their mind; nothing went wrong.
      wrong.hidden = failure.name === "NotAllowedError";
    } finally {
      button.disabled = false;
    }
  });
  part.hidden = false;
}
