// Passkeys. A form with data-passkey="APPROVE" or "BREAK_GLASS" has its decision signed before it is sent: the portal gives
// a challenge for exactly this content, the authenticator signs it, and what it signed goes into the hidden field.
// A form with data-passkey="ENROL" makes a new key. Refusals are said in the form's [data-passkey-words].

const field = (form, name) => form.querySelector(`[name="${name}"]`);

async function challenge(form) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", field(form, "csrfmiddlewaretoken").value);
  const hash = field(form, "content_hash");
  if (hash) body.set("content_hash", hash.value);
  body.set("decision", form.dataset.passkey);
  const answer = await fetch(form.dataset.challenge, { method: "POST", body, headers: { Accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail || `The portal gave no challenge (${answer.status}).`);
  return told.public_key;
}

async function sign(form) {
  const options = await challenge(form);
  if (form.dataset.passkey === "ENROL") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
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
    const credential = await sign(form);
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
