// Runs an account page. Its HTML says what there is to show in which state, which fields there are, and
// which call they are for; this shows the state, and sends the fields with the token of the link.

import { call, takeToken } from "./call.js";
import { faultOf } from "./words.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const message = /** @type {HTMLElement} */ (document.querySelector("#message"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
const inputs = [...form.querySelectorAll("input")];
/** Here and nowhere else. */
let token = "";
let busy = false;

/**
 * Shows the part of the page that is for a state, and only that.
 * @param {"ask" | "none" | "garbled" | "dead" | "done"} state
 */
function show(state) {
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-state]"))) {
    part.hidden = part.dataset["state"] !== state;
    if (!part.hidden && state !== "ask") part.focus();
  }
}

/** Begins with the link that the page was opened with, or that was put into the address bar since. */
function begin() {
  const found = takeToken(location, history);
  token = found.state === "ask" ? found.token : "";
  say("", new Map());
  show(found.state);
}

/**
 * Says what is wrong, and takes the reader to the first field that is meant.
 * @param {string} words of the whole
 * @param {ReadonlyMap<string, string>} fields
 */
function say(words, fields) {
  message.textContent = words;
  for (const input of inputs) {
    const fault = fields.get(input.name);
    const place = document.getElementById(`${input.id}-fault`);
    if (place) place.textContent = fault ?? "";
    if (fault === undefined) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
  }
  inputs.find((input) => fields.has(input.name))?.focus();
}

async function submit() {
  if (busy) return;
  for (const toggle of form.querySelectorAll("button[data-shows]")) reveal(/** @type {HTMLButtonElement} */ (toggle), false);
  const faults = inputs.map((input) => /** @type {const} */ ([input.name, faultOf(input.name, input.value)]));
  const found = faults.flatMap(([name, fault]) => (fault === null ? [] : [/** @type {const} */ ([name, fault])]));
  say("", new Map(found));
  if (found.length > 0) return;

  setBusy(true);
  const outcome = await call(form.dataset["call"] ?? "", token, Object.fromEntries(inputs.map(({ name, value }) => [name, value])));
  setBusy(false);
  if (outcome.state === "refused") {
    say(outcome.message, outcome.fields);
    return;
  }
  token = "";
  form.reset();
  show(outcome.state);
}

/**
 * The button keeps its focus meanwhile, which one that is disabled would lose.
 * @param {boolean} now
 */
function setBusy(now) {
  busy = now;
  button.setAttribute("aria-disabled", String(now));
  form.setAttribute("aria-busy", String(now));
}

/**
 * Shows a password as it is written, or hides it.
 * @param {HTMLButtonElement} toggle
 * @param {boolean} shown
 */
function reveal(toggle, shown) {
  const input = inputs.find(({ id }) => id === toggle.dataset["shows"]);
  if (!input) return;
  input.type = shown ? "text" : "password";
  const word = toggle.querySelector("[data-word]");
  if (word) word.textContent = shown ? "Hide" : "Show";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void submit();
});
form.addEventListener("click", ({ target }) => {
  const toggle = target instanceof Element ? target.closest("button") : null;
  if (!toggle?.dataset["shows"]) return;
  const input = inputs.find(({ id }) => id === toggle.dataset["shows"]);
  reveal(toggle, input?.type === "password");
});
addEventListener("hashchange", () => {
  if (location.hash !== "") begin();
});
begin();
