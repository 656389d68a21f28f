// The results: from the event stream, or by asking again and again. Their age is told by the server's times and the time since then.

/**
 * @typedef {{ option: string, count: number, percentage: number }} Row
 * @typedef {{ results: Row[], total_votes: number, last_updated: string }} Results
 */

const SILENT_SECONDS = 15; // the server says something at least every ten seconds
const POLL_SECONDS = 5;
const LONGEST_FALLBACK_SECONDS = 30;
const ATTEMPT_MILLISECONDS = 5000;

let heard = -Infinity; // when the server last confirmed the numbers, in seconds of a clock that nobody sets
let age = 0; // how old they were at that time
let live = false;
let outage = "";
let stamp = "";

const seconds = () => performance.now() / 1000;

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (found === null) {
    throw new Error(`The page has no ${id}.`);
  }
  return found;
}

/** @param {string} name @param {string} text */
function part(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}

/** @param {Row} row */
function newRow(row) {
  const made = document.createElement("li");
  const name = part("name", row.option);
  name.dir = "auto";
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-hidden", "true"); // the text carries the same information
  made.append(name, part("count", ""), part("share", ""), bar);
  return made;
}

/** @param {Results} told */
function show({ results, total_votes: total }) {
  const list = element("results");
  const names = Array.from(list.querySelectorAll(".name"), (name) => name.textContent);
  if (names.length !== results.length || results.some((row, number) => names[number] !== row.option)) {
    list.replaceChildren(...results.map(newRow));
  }
  results.forEach((row, number) => {
    const [, count, share, bar] = /** @type {HTMLElement[]} */ (Array.from(list.children[number]?.children ?? []));
    if (count && share && bar instanceof HTMLProgressElement) {
      count.textContent = row.count.toLocaleString("en");
      share.textContent = `${row.percentage.toFixed(2)} %`;
      bar.value = row.percentage;
    }
  });
  element("total").textContent = total === 0 ? "No votes yet" : `${total.toLocaleString("en")} ${total === 1 ? "vote" : "votes"}`;
}

/** @param {number} since */
function ago(since) {
  const whole = Math.max(1, Math.round(since));
  return whole < 90 ? `${whole} ${whole === 1 ? "second" : "seconds"}` : `${Math.round(whole / 60)} minutes`;
}

/** @param {string} updated @param {number} old */
function confirm(updated, old) {
  heard = seconds();
  age = old;
  stamp = updated;
  outage = "";
  tell();
}

function tell() {
  const since = seconds() - heard + age;
  const stale = outage !== "" || since > SILENT_SECONDS;
  let text = "Loading the results…";
  if (heard > -Infinity) {
    const time = new Date(stamp).toLocaleTimeString("en-GB");
    const why = outage || "The connection to the service is lost.";
    if (stale) {
      text = `${why} These results are ${ago(since)} old.`;
    } else {
      text = live ? `Live. Last confirmed at ${time}.` : `Live updates do not work at the moment. Refreshed every ${POLL_SECONDS} seconds, last at ${time}.`;
    }
  } else if (outage) {
    text = `${outage} You can vote all the same.`;
  }
  const line = element("freshness");
  if (line.textContent !== text) {
    line.textContent = text;
  }
  line.classList.toggle("error", stale && (heard > -Infinity || outage !== ""));
  document.body.classList.toggle("stale", stale && heard > -Infinity);
}

/** @returns {Promise<number>} seconds to wait before asking again */
async function poll() {
  let response = null;
  try {
    response = await fetch("/api/results", { signal: AbortSignal.timeout(ATTEMPT_MILLISECONDS) });
    if (response.ok) {
      const told = /** @type {Results} */ (await response.json());
      const sent = Date.parse(response.headers.get("Date") ?? told.last_updated);
      const cached = Number(response.headers.get("Age")) || 0;
      show(told);
      confirm(told.last_updated, Math.max(0, (sent - Date.parse(told.last_updated)) / 1000) + cached);
      return POLL_SECONDS;
    }
    outage = response.status === 429 ? "Too many requests come from your network." : "The results cannot be read now.";
  } catch {
    outage = navigator.onLine ? "The service does not answer." : "You are offline.";
  }
  tell();
  return Math.max(POLL_SECONDS, Number(response?.headers.get("Retry-After")) || 0);
}

/** Follow the event stream until it breaks or falls silent. */
function listen() {
  return new Promise((resolve) => {
    const source = new EventSource("/api/results/stream");
    const opened = seconds();
    const end = () => {
      clearInterval(watch);
      source.close();
      live = false;
      tell();
      resolve(undefined);
    };
    const watch = setInterval(() => {
      tell();
      if (seconds() - Math.max(heard, opened) > SILENT_SECONDS) {
        end();
      }
    }, 1000);
    source.addEventListener("message", (event) => {
      const told = /** @type {Results} */ (JSON.parse(event.data));
      live = true;
      show(told);
      confirm(told.last_updated, 0);
    });
    source.addEventListener("unchanged", (event) => {
      live = true;
      confirm(JSON.parse(event.data).last_updated, 0);
    });
    source.addEventListener("unavailable", () => {
      outage = "The results cannot be read now.";
      tell();
    });
    source.addEventListener("error", end);
  });
}

/** Show the results for as long as the page is open. */
export async function follow() {
  addEventListener("pageshow", tell);
  document.addEventListener("visibilitychange", tell);
  for (let pause = 2; ; pause = Math.min(2 * pause, LONGEST_FALLBACK_SECONDS)) {
    const before = heard;
    await listen();
    pause = heard > before ? 2 : pause;
    const until = seconds() + pause * (1 + Math.random()); // not all pages at once
    let next = 0;
    while (seconds() < until || outage !== "") {
      if (seconds() >= next) {
        next = seconds() + await poll();
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
      tell();
    }
  }
}
