import { $, announce } from "./page.js";

const STOPPED = {
  1000: "closed by the server",
  4401: "please sign in",
  4403: "you may not read this room",
  4404: "this room does not exist",
};

let wasLost = false;
let countdown;

/**
 * Shows a state of the connection, as LiveSocket's "state" event gives it.
 *
 * @param {{state: string, code: number|null, retryInMs: number|null}} detail
 */
export function showConnection({ state, code, retryInMs }) {
  const at = Date.now() + retryInMs;
  const words = {
    connecting: () => "Connecting…",
    open: () => "Live",
    waiting: () => `Reconnecting in ${Math.max(1, Math.ceil((at - Date.now()) / 1000))} s`,
    stopped: () => `Stopped: ${STOPPED[code]}`,
  }[state];
  setStatus(state, words());
  clearInterval(countdown);
  if (state === "waiting") countdown = setInterval(() => setStatus(state, words()), 250);
  if (state !== "open") $("roundtrip").textContent = $("ws-instance").textContent = "–";
  announceChange(state, words());
}

/**
 * Says how the connection is doing.
 *
 * @param {string} state one of LiveSocket's, for the colour
 * @param {string} words
 */
export function setStatus(state, words) {
  $("status").dataset.state = state;
  $("status").textContent = words;
}

/** Tells screen readers about a lost connection and its return, not about every second between. */
function announceChange(state, words) {
  if (state === "open" && wasLost) announce("Connected again.");
  if (state === "waiting" && !wasLost) announce("Connection lost, reconnecting.");
  if (state === "stopped") announce(words);
  if (state !== "connecting") wasLost = state === "waiting";
}
