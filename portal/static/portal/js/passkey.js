// Passkeys. A form with data-passkey="APPROVE" or "BREAK_GLASS" has its decision signed before it is sent: the portal gives
// a challenge for exactly this content, the authenticator signs it, and what it signed goes into the hidden field.
// A form with data-passkey="ENROL" makes a new key, once it is proven who asks: with the password of its field, or, where
// it names data-proof, with a key there is already. Refusals are said in the form's [data-passkey-words].

const field = (form, name) => form.querySelector(`[name="${name}"]`);

async function ask(url, form, given) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", field(form, "csrfmiddlewaretoken").value);
  for (const [name, value] of Object.entries(given)) body.set(name, value);
  const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail || `The portal gave no challenge (${answer.status}).`);
  return told.public_key;
}

async function answerOfKey(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

async function sign(form) {
  const given = { decision: form.dataset.passkey, content_hash: field(form, "content_hash").value };
  return answerOfKey(await ask(form.dataset.challenge, form, given));
}

async function proof(form) {
  const password = field(form, "password");
  if (!form.dataset.proof) return { password: password ? password.value : "" };
  const signed = await answerOfKey(await ask(form.dataset.proof, form, {}));
  return { assertion: JSON.stringify(signed.toJSON()) };
}

async function enrol(form) {
  const options = await ask(form.dataset.challenge, form, await proof(form));
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  const password = field(form, "password");
  if (password) password.disabled = true; // it has done its work and goes no further
  return credential;
}

function say(form, text) {
  const words = form.querySelector("[data-passkey-words]");
  words.textContent = text;
  words.hidden = !text;
}

function reason(error) {
  if (error.name === "NotAllowedError") return "The passkey was not used: cancelled, or too late. Press again to retry.";
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  return error.message;
}

async function submit(event) {
  const form = event.target.closest("form[data-passkey]");
  if (!form) return;
  const target = field(form, form.dataset.passkey === "ENROL" ? "credential" : "assertion");
  if (target.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!window.PublicKeyCredential) {
    say(form, "This browser knows no passkeys on this address. They need https, or localhost by its name.");
    return;
  }
  const button = event.submitter;
  if (button) button.disabled = true;
  say(form, "Waiting for your passkey …");
  try {
    const credential = await (form.dataset.passkey === "ENROL" ? enrol : sign)(form);
    target.value = JSON.stringify(credential.toJSON());
    say(form, "");
    if (button) button.disabled = false;
    form.requestSubmit(button);
  } catch (error) {
    if (button) button.disabled = false;
    say(form, reason(error));
  }
}

document.addEventListener("submit", submit, true);
