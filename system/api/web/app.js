"use strict";

const ATTEMPTS = 5;
const ATTEMPT_MILLISECONDS = 5000;

let shown = ""; // how old the results on the page are

const element = (id) => document.getElementById(id);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const REFUSALS = {
  422: "This option no longer exists. Reload the page.",
  429: "Too many votes from your network. Wait a moment, then vote again.",
};

// crypto.randomUUID is available on HTTPS pages only.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(text, isError = false) {
  element("message").textContent = text;
  element("message").classList.toggle("error", isError);
}

// An attempt without a response may have been counted; the key makes it safe to retry.
async function send(option, key) {
  for (let attempt = 1; ; attempt += 1) {
    let response = null;
    try {
      response = await fetch("/api/vote", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify({ option }),
        signal: AbortSignal.timeout(ATTEMPT_MILLISECONDS),
      });
    } catch {
      response = null;
    }
    if (response !== null && response.status < 500) {
      return response.status;
    }
    if (attempt === ATTEMPTS) {
      return null;
    }
    say(`No response yet. Retrying (${attempt} of ${ATTEMPTS - 1})…`);
    const seconds = Number(response?.headers.get("Retry-After")) || 1;
    await pause(Math.max(seconds, 2 ** (attempt - 1)) * 1000);
  }
}

async function vote(option, unanswered) {
  const buttons = document.querySelectorAll("#options button");
  buttons.forEach((button) => button.setAttribute("aria-disabled", "true"));
  say(`Sending your vote for ${option}…`);
  // An unconfirmed vote keeps its key, so voting again for the same option cannot count twice.
  const key = unanswered.get(option) ?? newKey();
  unanswered.set(option, key);
  const status = await send(option, key);
  if (status !== null) {
    unanswered.delete(option);
  }
  if (status === 201) {
    say(`Vote for ${option} recorded. Results update in seconds.`);
  } else if (status === null) {
    say("The service is not responding, and your vote may not be recorded. Vote again later: it will count only once.", true);
  } else {
    say(REFUSALS[status] ?? "Your vote was not accepted. Reload the page and try again.", true);
  }
  buttons.forEach((button) => button.removeAttribute("aria-disabled"));
}

function makeButtons(results, unanswered) {
  const buttons = results.map(({ option }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = option;
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") !== "true") {
        vote(option, unanswered);
      }
    });
    return button;
  });
  element("options").replaceChildren(...buttons);
  say("Choose an option.");
}

function show({ results, total_votes: total, last_updated: updated }) {
  const rows = results.map(({ option, count, percentage }) => {
    const row = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = `${option}: ${count.toLocaleString("en")} (${percentage.toFixed(2)} %)`;
    const bar = document.createElement("progress");
    bar.max = 100;
    bar.value = percentage;
    bar.setAttribute("aria-hidden", "true"); // the text carries the same information
    row.append(text, bar);
    return row;
  });
  element("results").replaceChildren(...rows);
  element("total").textContent = `${total.toLocaleString("en")} ${total === 1 ? "vote" : "votes"}`;
  shown = `Results as of ${new Date(updated).toLocaleTimeString("en-GB")}`;
  element("freshness").textContent = shown;
  element("freshness").classList.toggle("error", false);
}

async function start() {
  const unanswered = new Map();
  for (;;) {
    try {
      const response = await fetch("/api/results", { signal: AbortSignal.timeout(ATTEMPT_MILLISECONDS) });
      if (response.ok) {
        const first = await response.json();
        makeButtons(first.results, unanswered);
        show(first);
        break;
      }
    } catch {
      // no network: reported below
    }
    say("Cannot load the results. Retrying…", true);
    await pause(2000);
  }
  follow();
}

function follow() {
  const source = new EventSource("/api/results/stream");
  source.addEventListener("message", (event) => show(JSON.parse(event.data)));
  source.addEventListener("open", () => {
    element("freshness").textContent = shown;
  });
  source.addEventListener("unavailable", () => {
    element("freshness").classList.toggle("error", true);
    element("freshness").textContent = `The results cannot be read now. ${shown}`;
  });
  source.addEventListener("error", () => {
    element("freshness").textContent = `Live results interrupted. Reconnecting… ${shown}`;
    // An error status (503) closes an EventSource for good; a broken connection does not.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(follow, 2000);
    }
  });
}

start();
