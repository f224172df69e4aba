/* The htmx swap "live": morphs a fragment into its new self, and holds back what would move under the pointer.

   Text that changes in place is swapped at once. When links, buttons, rows or blocks come, go or change places while
   the pointer (not a finger) is over the fragment or the focus is inside it, the newest answer waits; a bar over the
   fragment's upper edge says so and shows it. Once pointer and focus have left, it is swapped in. */

const STEADY =
  "section,header,p,h1,h2,h3,dl,dt,dd,ul,ol,li,table,caption,tr,th,td,figure,form,a,button,input,select,textarea,details,summary,nav";
// A chart is drawn in a box of its own, and its table scrolls in one: what comes there moves nothing else.
const APART = ".held-bar, .chart-plot, .chart-rows";
const ROW = "tbody tr, li";
const LOOK_MS = 400;
const SAY_AGAIN_MS = 10000;

const held = new Map(); // fragment -> {next, count, bar}
const saidAt = new WeakMap();
let finger = false;

/* What there is to click or to lose one's place in, in order. */
function shape(root) {
  const parts = [...root.querySelectorAll(STEADY)].filter((part) => !part.closest(APART));
  return parts.map((part) => {
    const leads = part.getAttribute("href") ?? part.getAttribute("value") ?? "";
    return `${part.tagName}#${part.id}${leads}${part.matches(ROW) ? nameOf(part) : ""}`;
  });
}

/* What tells a row from the others: an id in it, or what stands first. */
function nameOf(row) {
  return row.querySelector("[id]")?.id ?? row.firstElementChild?.textContent.trim() ?? "";
}

function rows(root) {
  return new Set([...root.querySelectorAll(ROW)].map(nameOf));
}

/* How many rows came or went; at least 1. */
function countChanges(root, next) {
  const [before, after] = [rows(root), rows(next)];
  const came = [...after].filter((row) => !before.has(row)).length;
  const went = [...before].filter((row) => !after.has(row)).length;
  return Math.max(came, went, 1);
}

function moves(root, next) {
  const [before, after] = [shape(root), shape(next)];
  return before.length !== after.length || before.some((part, index) => part !== after[index]);
}

function inUse(root) {
  const active = document.activeElement;
  const focused = active !== root && root.contains(active) && !active.classList.contains("held-bar");
  return focused || (!finger && root.matches(":hover"));
}

function plural(count) {
  return count === 1 ? "1 change" : `${count} changes`;
}

function announce(root, words) {
  const now = performance.now();
  if (!root.dataset.liveSay || now - (saidAt.get(root) ?? -SAY_AGAIN_MS) < SAY_AGAIN_MS) return;
  saidAt.set(root, now);
  document.getElementById("live-said").textContent = `${root.dataset.liveSay}: ${words}`;
}

/* Morphing: what a person did to the page stays. */

function typedInto(node) {
  if (node.matches?.("input[type=checkbox], input[type=radio]")) return node.checked !== node.defaultChecked;
  if (node.matches?.("input, textarea")) return node.value !== node.defaultValue;
  return false;
}

const CALLBACKS = {
  beforeNodeMorphed(node, next) {
    if (node.nodeType !== Node.ELEMENT_NODE || next.nodeType !== Node.ELEMENT_NODE) return true;
    if (node.hasAttribute("data-live-keep")) {
      node.dispatchEvent(new CustomEvent("live:kept", { bubbles: true, detail: next }));
      return false;
    }
    return !typedInto(node);
  },
  beforeAttributeUpdated(name, node) {
    if (name === "class" && node.matches(".chart-rows tr")) return false; // the row of the cursor
    return !(name === "open" && node.tagName === "DETAILS");
  },
};

function swap(root, next) {
  const moved = moves(root, next);
  const words = moved ? plural(countChanges(root, next)) : "";
  letGo(root);
  const now = Idiomorph.morph(root, next, { morphStyle: "outerHTML", ignoreActiveValue: true, callbacks: CALLBACKS });
  if (moved) announce(root, words);
  return now;
}

/* Holding */

function letGo(root) {
  held.get(root)?.bar.remove();
  held.delete(root);
}

function hold(root, next) {
  const count = countChanges(root, next);
  const before = held.get(root);
  const entry = before ?? { bar: newBar(root), since: clockTime() };
  Object.assign(entry, { next, count });
  entry.bar.textContent = `${plural(count)} since ${entry.since}, show`;
  held.set(root, entry);
  if (!before) root.append(entry.bar);
  announce(root, `${plural(count)} to show`);
}

function clockTime() {
  return document.querySelector("#frame-clock time")?.textContent.match(/\d\d:\d\d/)?.[0] ?? "now";
}

function newBar(root) {
  const bar = document.createElement("button");
  bar.type = "button";
  bar.className = "held-bar";
  bar.addEventListener("click", () => {
    const focused = document.activeElement === bar;
    release(root);
    const shown = document.getElementById(root.id);
    if (focused && shown) {
      shown.tabIndex = -1;
      shown.focus({ preventScroll: true });
    }
  });
  return bar;
}

function release(root) {
  const { next } = held.get(root);
  for (const element of swap(root, next)) {
    if (element.nodeType === Node.ELEMENT_NODE) htmx.process(element);
  }
}

htmx.defineExtension("live", {
  handleSwap(style, target, fragment) {
    if (style !== "live") return false;
    const next = fragment.firstElementChild;
    if (!next) return [];
    if (inUse(target) && moves(target, next)) {
      hold(target, next);
      return [];
    }
    return swap(target, next);
  },
});

document.addEventListener("pointermove", (event) => (finger = event.pointerType === "touch"), { passive: true });
document.addEventListener("pointerdown", (event) => (finger = event.pointerType === "touch"), { passive: true });
setInterval(() => {
  for (const root of held.keys()) {
    if (!root.isConnected) letGo(root);
    else if (!inUse(root)) release(root);
  }
}, LOOK_MS);
