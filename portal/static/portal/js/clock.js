/* Portal time ticks between two answers of the server: the clock itself, "in 54 min" and "3 min old". Also the words in
   the footer about the stream, slow answers, a page that slept and a computer whose clock is wrong. */

const ZONE = "America/Chicago";
const TICK_MS = 500;
const ASLEEP_MS = 20000;
const SKEW_S = 30;
const FORMAT = new Intl.DateTimeFormat("en-US", {
  timeZone: ZONE,
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

const anchor = { at: 0, speed: 0, perf: 0 }; // portal ms, portal seconds per second, ms of performance.now()
const words = new Map(); // key -> {words, late}
let lastTick = Date.now();

/* `Tue 18 Aug 15:36 CDT`, as the server writes it. */
function instant(at) {
  const part = Object.fromEntries(FORMAT.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${part.weekday} ${part.day} ${part.month} ${part.hour}:${part.minute} ${part.timeZoneName}`;
}

/* `54 min`, `2 h 5 min`, `3 days`. */
function duration(ms) {
  const minutes = Math.max(0, Math.floor(ms / 60000));
  if (minutes < 60) return `${minutes} min`;
  if (minutes >= 48 * 60) return `${Math.floor(minutes / 1440)} days`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

function wallWords(seconds) {
  return seconds < 120 ? `${Math.round(seconds)} s` : duration(seconds * 1000);
}

function clockElement() {
  return document.querySelector("#frame-clock time[data-at]");
}

/** The server's word on portal time, given at `perf`. */
function takeAnchor(perf) {
  const clock = clockElement();
  if (!clock) return;
  anchor.at = Date.parse(clock.dataset.at);
  anchor.speed = Number(clock.dataset.speed);
  anchor.perf = perf;
  const aheadS = (performance.timeOrigin + perf - Date.parse(clock.dataset.wall)) / 1000;
  const which = aheadS > 0 ? "ahead of" : "behind";
  const off = `This computer's clock is ${wallWords(Math.abs(aheadS))} ${which} the portal's`;
  say("skew", Math.abs(aheadS) > SKEW_S ? off : "");
}

function portalNow() {
  return anchor.at + (performance.now() - anchor.perf) * anchor.speed;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tickCountdown(element, now) {
  const left = Date.parse(element.dateTime) - now;
  write(element, left >= 0 ? `in ${duration(left)}` : `${duration(-left)} ago`);
  const border = Number(element.dataset.near ?? 0) * 1000;
  const before = element.portalLeft;
  element.portalLeft = left;
  // Near now, or over: what stands around it has to say so too.
  if (before > border && left <= border) element.closest("[data-live]")?.dispatchEvent(new CustomEvent("live"));
}

function tick() {
  noticeSleep();
  const clock = clockElement();
  if (!clock || !anchor.at) return;
  const now = portalNow();
  write(clock, instant(now));
  clock.dateTime = new Date(now).toISOString();
  document.querySelectorAll("time[data-until]").forEach((element) => tickCountdown(element, now));
  document
    .querySelectorAll("time[data-age]")
    .forEach((element) => write(element, `${duration(now - Date.parse(element.dateTime))} old`));
}

function noticeSleep() {
  const gap = Date.now() - lastTick;
  lastTick = Date.now();
  if (gap < ASLEEP_MS || document.hidden) return;
  say("asleep", `This page was asleep for ${wallWords(gap / 1000)}; what you see is being asked for again`);
  document.dispatchEvent(new CustomEvent("live:awake"));
}

/* Words in the footer */

function say(key, text, late = true) {
  const before = words.get(key);
  if (before?.words === text && before.late === late) return;
  words.set(key, { words: text, late });
  const shown = [...words.values()].filter((item) => item.words);
  document.getElementById("live-state")?.replaceChildren(...shown.map(item));
}

function item({ words: text, late }) {
  const element = document.createElement("span");
  element.className = late ? "late" : "";
  element.textContent = late ? `▲ ${text}` : text;
  return element;
}

document.addEventListener("live:words", ({ detail }) => say(detail.key, detail.words, detail.late));
document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "frame-clock") return;
  takeAnchor(performance.now());
  say("asleep", "");
  tick();
});

takeAnchor(performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now());
setInterval(tick, TICK_MS);
tick();
