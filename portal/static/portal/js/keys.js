/* Single keys (docs/design-system.md). The pages name what a key does in `data-keys`; a key only ever follows a link
   or moves the focus: whatever changes something has a page of its own with a button to press. Not loaded when
   somebody turned single keys off. */
const SEQUENCE_MS = 1500;
const ROWS = "main tbody th a[href], main .log a[href]";
let begun = "";
let timer = 0;

function typing(element) {
  return element.closest("input, select, textarea, [contenteditable], [role=textbox], [role=application]") !== null;
}

function visible(element) {
  return element.checkVisibility({ visibilityProperty: true });
}

function remember(key) {
  begun = key;
  clearTimeout(timer);
  timer = setTimeout(() => { begun = ""; }, SEQUENCE_MS);
}

function follow(keys) {
  const target = document.querySelector(`[data-keys="${CSS.escape(keys)}"]`);
  if (!target) return false;
  if (target.dataset.href) location.assign(target.dataset.href);
  else target.click();
  return true;
}

function step(by) {
  const links = [...document.querySelectorAll(ROWS)].filter(visible);
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next].focus();
  links[next].scrollIntoView({ block: "nearest" });
  return true;
}

async function help() {
  const answer = await fetch("/keys/", { headers: { "HX-Request": "true", "HX-Target": "keys-list" } });
  if (!answer.ok) { location.assign("/keys/"); return; }
  const dialog = document.createElement("dialog");
  dialog.className = "keys-dialog";
  dialog.setAttribute("aria-label", "Keys");
  dialog.innerHTML = await answer.text();
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function act(key) {
  const keys = begun ? `${begun} ${key}` : key;
  begun = "";
  if (keys === "g") { remember("g"); return true; }
  if (keys === "j" || keys === "k") return step(keys === "j" ? 1 : -1);
  if (keys === "?") { help(); return true; }
  return follow(keys);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.repeat && event.key !== "j" && event.key !== "k") return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (act(event.key)) event.preventDefault();
});
