/* A form is sent once: the second press of its button does nothing until the page that answers is there. */
function release() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "get" || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
  setTimeout(release, 15000); // an answer that never came must not lock the form
});

// Back from the browser's memory of pages: the form is as it was left, and may be sent again.
addEventListener("pageshow", release);
