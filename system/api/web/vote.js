// The vote of this browser: its record, and how it is sent until the service has told what became of it.

/**
 * @typedef {"new" | "sending" | "accepted" | "counted"} State
 * @typedef {{ key: string, option: string, state: State, id: string, at: string }} Vote
 * @typedef {{ wait: number, why: string, final: boolean, resends?: boolean }} Problem
 * @typedef {(vote: Vote, problem: Problem | null) => void} Show
 */

const PLACE = "vote";
const ATTEMPT_MILLISECONDS = 10_000;
const LONGEST_PAUSE_SECONDS = 30;
const SLOW_MILLISECONDS = 3000;

/** @type {Record<number, string>} */
const REFUSED = {
  403: "The service refused this vote. Reload the page, then vote again.",
  404: "The service does not take votes at this address. Reload the page, then vote again.",
  413: "Something on the way changed your vote, and it was refused. Nothing was recorded. Try another network.",
  422: "This vote was refused: the option is no longer offered, or this browser has voted already. Reload the page.",
};
/** @type {Record<number, string>} */
const UNSURE = {
  408: "The connection is too slow: your vote did not arrive in time.",
  429: "Too many votes come from your network. Your vote is not recorded yet.",
  503: "The service does not take votes at the moment. Your vote may have arrived all the same.",
};
const NO_REPLY = "There was no reply. Your vote may have arrived all the same.";
const OFFLINE = "You are offline. The page keeps your vote and sends it when you are online again.";
const FORGOTTEN = "The service has not counted your vote yet and no longer remembers it. Send it again: it counts only once.";
const KEEPS = "The page sends it again by itself, and it counts only once.";
const SLOW = "This takes longer than usual. Your vote is on its way and counts only once.";

/** @type {Vote | null} */
let memory = null; // where the browser keeps nothing, the page does, for as long as it is open
let keeps = true;

/** @returns {boolean} whether the browser keeps the vote after the page is closed, as far as it was asked to */
export function isKept() {
  return keeps;
}

/** @returns {Vote | null} the vote of this browser */
export function load() {
  try {
    return /** @type {Vote | null} */ (keeps ? JSON.parse(localStorage.getItem(PLACE) ?? "null") : memory);
  } catch (failure) {
    keeps = failure instanceof SyntaxError; // the browser keeps texts, but this one is not a vote
    return memory;
  }
}

/** @param {Vote | null} vote */
export function save(vote) {
  memory = vote;
  try {
    if (vote === null) {
      localStorage.removeItem(PLACE);
    } else {
      localStorage.setItem(PLACE, JSON.stringify(vote));
    }
  } catch {
    keeps = false; // storage is blocked, or full
  }
}

/** Return a new key. crypto.randomUUID is available on HTTPS pages only. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @type {() => void} */
let wake = () => {};

/** End the pause before the next attempt. */
export function hurry() {
  wake();
}

/** @param {number} seconds */
function pause(seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    wake = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
  });
}

/**
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<Response | null>} the response; null if there was none
 */
async function ask(path, options) {
  try {
    return await fetch(path, { ...options, signal: AbortSignal.timeout(ATTEMPT_MILLISECONDS) });
  } catch {
    return null;
  }
}

/** @param {Response | null} response @param {number} attempt */
function secondsToWait(response, attempt) {
  const asked = Number(response?.headers.get("Retry-After")) || 0;
  return Math.max(asked, Math.min(2 ** attempt, LONGEST_PAUSE_SECONDS));
}

/**
 * Send the vote until it is accepted or refused for good. An attempt without a reply may have been recorded; the key makes it one vote.
 *
 * @param {Vote} vote
 * @param {Show} show
 * @param {() => boolean} goes whether the page still follows the vote
 * @returns {Promise<Vote | null>} the accepted vote; null if it was refused, or is not followed any more
 */
async function send(vote, show, goes) {
  for (let attempt = 0; ; attempt += 1) {
    const slow = setTimeout(() => show(vote, { wait: 0, why: SLOW, final: false }), SLOW_MILLISECONDS);
    const response = await ask("/api/vote", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": vote.key },
      body: JSON.stringify({ option: vote.option }),
    });
    clearTimeout(slow);
    if (!goes()) {
      return null;
    }
    const status = response?.status ?? 0;
    if (response !== null && status === 201) {
      const body = await response.json().catch(() => null);
      if (body !== null) {
        return { ...vote, state: "accepted", id: String(body.vote_id) };
      }
    }
    if (status >= 400 && status < 500 && !(status in UNSURE)) {
      show(vote, { wait: 0, why: REFUSED[status] ?? `The service refused this vote (${status}). Reload the page.`, final: true });
      return null;
    }
    const wait = secondsToWait(response, attempt);
    const why = navigator.onLine ? `${UNSURE[status] ?? NO_REPLY} ${KEEPS}` : OFFLINE;
    show(vote, { wait, why, final: false });
    await pause(wait);
    if (!goes()) {
      return null;
    }
    const other = load(); // another tab may know more by now
    if (other?.key === vote.key && other.state !== "sending") {
      return other;
    }
    show(vote, null);
  }
}

/**
 * Ask once what became of an accepted vote.
 *
 * @param {Vote} vote
 * @returns {Promise<{ vote: Vote, wait: number, unknown: boolean }>}
 */
async function look(vote) {
  const response = await ask(`/api/votes/${vote.id}`, { headers: { "Idempotency-Key": vote.key } });
  const body = response?.ok ? await response.json().catch(() => null) : null;
  if (body?.state === "counted") {
    return { vote: { ...vote, state: "counted", at: body.counted_at, option: body.option ?? vote.option }, wait: 0, unknown: false };
  }
  return { vote, wait: Number(response?.headers.get("Retry-After")) || 0, unknown: body?.state === "unknown" };
}

/** The key of the vote that this page follows; another tab may have replaced it meanwhile. */
let followed = "";
let turn = 0;

/**
 * Follow a vote until it is counted.
 *
 * @param {Vote} vote
 * @param {Show} show
 */
export async function follow(vote, show) {
  if (followed === vote.key) {
    return;
  }
  followed = vote.key;
  const mine = (turn += 1);
  const goes = () => mine === turn;
  let known = vote;
  show(known, null);
  if (known.state === "sending") {
    const accepted = await send(known, show, goes);
    if (!goes()) {
      return;
    }
    if (accepted === null) {
      followed = "";
      save(null);
      return;
    }
    known = accepted;
    save(known);
    show(known, null);
  }
  for (let asked = 0; goes(); asked += 1) {
    const told = await look(known);
    if (!goes()) {
      return;
    }
    if (told.unknown && known.state === "counted") {
      // The ledger is that of another election.
      followed = "";
      save(null);
      show({ ...known, state: "new" }, null);
      return;
    }
    if (told.vote.state === "counted") {
      followed = "";
      save(told.vote);
      show(told.vote, null);
      return;
    }
    if (told.unknown && asked > 0) {
      show(known, { wait: 0, why: FORGOTTEN, final: false, resends: true });
    } else if (asked === 4) {
      show(known, { wait: 0, why: "Counting takes longer than usual. Your vote is safe, and you may close this page.", final: false });
    }
    await pause(Math.max(told.wait, Math.min(2 ** asked / 2, 10)));
  }
}

/** Stop following a vote. */
export function leave() {
  followed = "";
  turn += 1;
  wake();
}
