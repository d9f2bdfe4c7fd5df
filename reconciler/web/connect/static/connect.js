// Only comfort: without it the page does all it has to do.
"use strict";

for (const button of document.querySelectorAll("[data-peek]")) {
  const input = document.getElementById(button.dataset.peek);
  const label = button.getAttribute("aria-label").replace("Show ", "");
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", `${shown ? "Hide" : "Show"} ${label}`);
    input.focus();
  });
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  const submit = form.querySelector("[type=submit]");
  const text = submit.textContent;
  form.addEventListener("submit", (event) => {
    if (submit.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      return;
    }
    submit.setAttribute("aria-disabled", "true");
    submit.textContent = form.dataset.busy;
  });
  // A page that comes back from the browser's memory is ready again.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    submit.removeAttribute("aria-disabled");
    submit.textContent = text;
  });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
    } catch {
      field.select();
      button.textContent = "Now copy it by hand";
    }
  });
}
