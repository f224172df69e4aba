// Tells the portal how many seconds a plan stood in sight: counted while the page is visible, sent when it is left.

const form = document.querySelector("form[data-viewing]");
let since = document.visibilityState === "visible" ? performance.now() : null;
let seconds = 0;

function pause() {
  if (since !== null) seconds += (performance.now() - since) / 1000;
  since = null;
}

function tell() {
  pause();
  const whole = Math.round(seconds);
  if (whole < 1) return;
  seconds = 0;
  const body = new FormData(form);
  body.set("seconds", String(whole));
  navigator.sendBeacon(form.action, body);
}

if (form) {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") since = performance.now();
    else tell();
  });
  window.addEventListener("pagehide", tell);
}
