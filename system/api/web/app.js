// Connects the page with the vote of this browser and with the results.

import * as results from "./results.js";
import { follow, hurry, isKept, leave, load, newKey, save } from "./vote.js";

/** @typedef {import("./vote.js").Vote} Vote */
/** @typedef {import("./vote.js").Problem} Problem */

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const choices = /** @type {HTMLFieldSetElement} */ (document.getElementById("choices"));
const radios = /** @type {HTMLInputElement[]} */ (Array.from(choices.querySelectorAll("input")));
const mayVoteAgain = document.documentElement.dataset.revote === "yes";
const HINT = element("message").textContent ?? "";
const NOT_KEPT = {
  sending: " This browser keeps nothing: leave this page open until your vote is accepted.",
  accepted: " This browser keeps nothing: write down the receipt before you leave this page.",
};
const ORDER = ["new", "sending", "accepted", "counted"];

/** @param {string} id @param {boolean} there */
function place(id, there) {
  element(id).classList.toggle("away", !there);
}

/** @param {string} text @param {boolean} isError */
function say(text, isError) {
  const line = element("message");
  if (line.textContent !== text) {
    line.textContent = text;
  }
  line.classList.toggle("error", isError);
  line.classList.toggle("good", !isError && text !== HINT);
}

/** @param {Vote} vote */
function words(vote) {
  switch (vote.state) {
    case "sending":
      return `Sending your vote for ${vote.option}…`;
    case "accepted":
      return `Your vote for ${vote.option} is accepted. It will be counted exactly once; this page says when.`;
    case "counted":
      return `Your vote for ${vote.option} is counted, at ${new Date(vote.at).toLocaleTimeString("en-GB")}.`;
    default:
      return HINT;
  }
}

/** @type {ReturnType<typeof setInterval> | undefined} */
let ticking;

/** @param {number} seconds */
function countDown(seconds) {
  clearInterval(ticking);
  let left = Math.ceil(seconds);
  const tick = () => {
    element("countdown").textContent = left > 0 ? `in ${left} s` : "";
    left -= 1;
  };
  tick();
  ticking = seconds > 0 ? setInterval(tick, 1000) : undefined;
}

/** @param {Vote} vote @param {Problem | null} problem */
function show(vote, problem) {
  const asks = vote.state === "new" || problem?.final === true;
  const reached = ORDER.indexOf(vote.state);
  choices.disabled = !asks;
  element("question").textContent = asks ? "Choose one option" : "Your choice";
  for (const radio of radios) {
    radio.checked = asks ? radio.checked : radio.value === vote.option;
  }
  for (const [number, name] of ORDER.entries()) {
    const step = document.getElementById(`step-${name}`);
    step?.classList.toggle("done", number < reached || vote.state === "counted");
    if (number === reached) {
      step?.setAttribute("aria-current", "step");
    } else {
      step?.removeAttribute("aria-current");
    }
  }
  element("step-sending").textContent = reached > 1 ? "Sent" : "Sending";
  place("send", asks);
  place("told", !asks);
  const retries = problem !== null && (problem.wait > 0 || problem.resends === true);
  place("receipt-line", !asks && vote.id !== "" && !retries); // both are in one place
  place("retry-line", retries);
  if (vote.id !== "" && element("receipt").textContent !== vote.id) {
    element("receipt").textContent = vote.id;
    element("copy").textContent = "Copy";
  }
  place("again", mayVoteAgain && !asks && vote.state !== "sending");
  countDown(problem?.wait ?? 0);
  const kept = isKept() || asks ? "" : NOT_KEPT[vote.id === "" || retries ? "sending" : "accepted"];
  say((problem?.why ?? words(vote)) + kept, problem !== null);
}

/** @param {Vote | null} vote */
function take(vote) {
  leave();
  if (vote === null || !radios.some((radio) => radio.value === vote.option)) {
    show({ key: "", option: "", state: "new", id: "", at: "" }, null);
  } else {
    follow(vote, show);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const known = load();
  const option = String(new FormData(form).get("option") ?? "");
  const key = /** @type {HTMLInputElement} */ (form.elements.namedItem("key"));
  if (known === null && option !== "" && !choices.disabled) {
    const vote = { key: key.value, option, state: /** @type {const} */ ("sending"), id: "", at: "" };
    save(vote); // before it is sent, so that a reload finds it
    follow(vote, show);
  } else if (known !== null) {
    take(known);
  }
  element("message").focus();
});

element("retry").addEventListener("click", () => {
  const known = load();
  if (known?.state === "accepted") {
    const vote = { ...known, state: /** @type {const} */ ("sending") };
    save(vote);
    take(vote);
  } else {
    hurry();
  }
  element("message").focus();
});

element("again").addEventListener("click", () => {
  const key = /** @type {HTMLInputElement} */ (form.elements.namedItem("key"));
  key.value = newKey();
  save(null);
  take(null);
  radios[0]?.focus();
});

element("copy").addEventListener("click", async () => {
  const text = element("receipt").textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    element("copy").textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(element("receipt")); // then the browser's own command copies it
    element("copy").textContent = "Selected";
  }
});

addEventListener("storage", (event) => {
  if (event.key === "vote" || event.key === null) {
    take(load()); // another tab has voted
  }
});
addEventListener("online", hurry);

const told = form.dataset.vote ? /** @type {Vote} */ ({ at: "", ...JSON.parse(form.dataset.vote) }) : null;
if (told !== null && load() === null) {
  save(told); // the form was sent before this script was there
}
take(load());
results.follow();
