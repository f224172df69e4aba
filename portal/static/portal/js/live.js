/* Live pages: what changed is told by /live/ (topic and id, never content); the fragment is asked for again by htmx.

   Note [how a fragment becomes live]
     <section id="rows" data-live="plan signal" hx-get="..." hx-trigger="live" hx-target="this" hx-swap="live">
   - data-live: topics it depends on: plan, signal, event (a sent plan's progress and result; all three with the plan's id),
     grid, clock, cohort.
   - data-live-id="42": only changes of that id (or of everything); left out: any id.
   - data-live-every="30": also asked every 30 s, for what grows old without an event.
   - data-live-say="Plans": rows that come or go are said aloud (aria-live), under that name.
   - hx-swap="live" morphs (ids, focus, open <details>, typed text and scroll stay) and holds while the pointer or the
     focus is inside and something would move: see hold.js. An element with data-live-keep is not touched; it gets the
     event "live:kept" with the newly rendered element as detail, for charts that draw themselves.
   Instants: {% until %} and {% age %} tick by themselves (clock.js). While the stream is down every fragment is asked
   for every 5 s, and the footer says so. */

const STREAM = "/live/";
const TOPICS = ["plan", "signal", "event", "grid", "clock", "cohort", "rules"];
const ALL = "*"; // as an id: whatever of that topic; as a topic: everything
const POLL_S = 5;
const GATHER_MS = 120;
const SPREAD_MS = 250; // many browsers hear of one change at the same moment
const SILENT_S = 16; // the stream beats every 5 s
const DOWN_AFTER_MS = 2000; // a stream that comes back at once was not down
const AGAIN_S = [1, 2, 4, 8];

const live = { source: null, up: false, over: false, attempts: 0, heardAt: renderedAt(), timer: 0 };
const asked = new WeakMap(); // fragment -> when it was last asked for
const soon = new Map(); // fragment -> timer

/** When this page left the server, in ms of performance.now(). */
function renderedAt() {
  return performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now();
}

function say(key, words, late = true) {
  document.dispatchEvent(new CustomEvent("live:words", { detail: { key, words, late } }));
}

/* Fragments */

function fragments() {
  return [...document.querySelectorAll("[data-live]")];
}

function ask(fragment) {
  if (live.over || soon.has(fragment)) return;
  const timer = setTimeout(() => {
    soon.delete(fragment);
    if (!fragment.isConnected) return;
    asked.set(fragment, performance.now());
    fragment.dispatchEvent(new CustomEvent("live")); // does not bubble: one fragment, one request
  }, GATHER_MS + Math.random() * SPREAD_MS);
  soon.set(fragment, timer);
}

function depends(fragment, topic, id) {
  if (topic === ALL) return true;
  const ids = fragment.dataset.liveId?.split(" ");
  return fragment.dataset.live.split(" ").includes(topic) && (!ids || id === ALL || ids.includes(id));
}

function changed(topic, id) {
  fragments()
    .filter((fragment) => depends(fragment, topic, id))
    .forEach(ask);
}

function askWhatIsDue() {
  if (document.hidden) return;
  const now = performance.now();
  for (const fragment of fragments()) {
    const every = live.up ? Number(fragment.dataset.liveEvery) || Infinity : POLL_S;
    if (!asked.has(fragment)) asked.set(fragment, now);
    if (now - asked.get(fragment) >= every * 1000) ask(fragment);
  }
}

/* The stream */

function connect() {
  if (live.over || live.source) return;
  const since = (performance.now() - live.heardAt) / 1000 + 1;
  const source = new EventSource(`${STREAM}?since=${since.toFixed(1)}`);
  live.source = source;
  source.onopen = opened;
  source.onerror = lost;
  source.addEventListener("beat", heard);
  source.addEventListener("all", () => changed(ALL, ALL));
  for (const topic of TOPICS) {
    source.addEventListener(topic, (event) => {
      heard();
      changed(topic, event.data);
    });
  }
}

function heard() {
  live.heardAt = performance.now();
}

function opened() {
  heard();
  clearTimeout(live.timer);
  Object.assign(live, { up: true, attempts: 0 });
  say("stream", "Updates live", false);
}

function lost() {
  live.source?.close();
  live.source = null;
  if (live.over) return;
  if (live.up) live.timer = setTimeout(down, DOWN_AFTER_MS);
  else down();
  const wait = live.up ? 0.1 : AGAIN_S[Math.min(live.attempts, AGAIN_S.length - 1)];
  live.up = false;
  live.attempts += 1;
  setTimeout(connect, wait * 1000 * (0.75 + Math.random() / 2));
}

function down() {
  if (!live.up && !live.over) say("stream", `Live updates down, asking every ${POLL_S} s`);
}

function catchUp() {
  if (!document.hidden) changed(ALL, ALL);
}

function signedOut() {
  live.over = true;
  live.source?.close();
  say("stream", "");
}

/* Requests: what takes long or goes wrong is named. */

const SLOW_MS = 3000;
const waiting = new Map(); // xhr -> since when

function tellSlow() {
  const now = performance.now();
  const longest = Math.max(0, ...[...waiting.values()].map((since) => now - since));
  say("slow", longest > SLOW_MS ? `The portal is slow: no answer for ${Math.floor(longest / 1000)} s` : "");
}

function answered({ detail }) {
  waiting.delete(detail.xhr);
  if (detail.xhr.status === 286) signedOut();
  if (!detail.target?.closest?.("[data-live]")) return;
  if (detail.successful || detail.xhr.status === 503) say("error", "");
  else if (detail.xhr.status) say("error", `The portal answered with error ${detail.xhr.status}`);
}

if (document.querySelector("[data-live]")) {
  const body = document.body;
  body.addEventListener("htmx:beforeSend", ({ detail }) => waiting.set(detail.xhr, performance.now()));
  body.addEventListener("htmx:afterRequest", answered);
  body.addEventListener("htmx:sendError", () => {
    say("error", "The portal does not answer");
    if (live.source) lost(); // it may take a while to notice by itself
  });
  // The frame renders without a database; its words about that are what must be seen.
  body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.xhr.status === 503 && detail.target.id === "frame-clock") detail.shouldSwap = true;
  });
  document.addEventListener("visibilitychange", catchUp);
  document.addEventListener("live:awake", catchUp);
  window.addEventListener("pageshow", (event) => event.persisted && catchUp());
  window.addEventListener("pagehide", () => {
    live.source?.close(); // an open stream would keep this page out of the browser's memory of pages
    live.source = null;
  });
  window.addEventListener("pageshow", (event) => event.persisted && connect());
  setInterval(() => {
    if (live.source && live.up && performance.now() - live.heardAt > SILENT_S * 1000) lost();
    askWhatIsDue();
    tellSlow();
  }, 500);
  connect();
}
