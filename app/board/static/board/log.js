import { knownName } from "./nickname.js";
import { $ } from "./page.js";

const [log, list] = ["log", "messages"].map($);
const KEPT_ON_PAGE = 500;

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const fullDate = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium" });
const dayName = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });

let atEnd = true;

/**
 * A message as the server gives it.
 *
 * @typedef {object} Message
 * @property {number} seq its number in the room, without gaps
 * @property {string} nickname
 * @property {string} text
 * @property {string} at when it was stored, in ISO 8601
 * @property {boolean} hidden whether a moderator removed it
 */

/**
 * Draws a message below the others, in place of the pending one it was.
 *
 * @param {Message} message
 */
export function addMessage(message) {
  findPending(message)?.remove();
  const item = makeItem(message);
  item.dataset.seq = message.seq;
  list.insertBefore(item, list.querySelector(".pending"));
  localize(item);
  if (atEnd && list.childElementCount > KEPT_ON_PAGE) list.firstElementChild.remove();
  follow();
}

/**
 * Draws a message that is on its way, and scrolls to it.
 *
 * @param {string} nickname
 * @param {string} text
 * @returns {HTMLElement} with a span that says how it is going
 */
export function addPending(nickname, text) {
  const item = makeItem({ nickname, text, at: "", hidden: false });
  item.className = "pending";
  item.querySelector("time").replaceWith(Object.assign(document.createElement("span"), { textContent: "sending…" }));
  list.append(item);
  goToEnd();
  return item;
}

/** The socket may be faster than the answer to our own POST; the text is not shown twice. */
function findPending({ nickname, text }) {
  const own = [...list.querySelectorAll(".pending")].find((item) => item.querySelector(".text").textContent === text);
  return nickname === (knownName() || nickname) ? own : undefined;
}

function makeItem({ nickname, text, at, hidden }) {
  const item = $("message").content.cloneNode(true).firstElementChild;
  item.dataset.initial = ([...nickname][0] ?? "").toUpperCase();
  tint(item, nickname);
  item.querySelector("b").textContent = nickname;
  item.querySelector("time").dateTime = at;
  const body = item.querySelector(".text");
  body.textContent = hidden ? "Removed by a moderator" : text;
  body.classList.toggle("removed", hidden);
  return item;
}

function tint(item, nickname) {
  item.dataset.tone = [...nickname].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 6;
}

function localize(item) {
  const time = item.querySelector("time");
  const at = new Date(time.dateTime);
  time.textContent = clock.format(at);
  time.title = fullDate.format(at);
  // The first message of a day carries the day's name, which CSS draws above it.
  item.dataset.date = dayName.format(at);
  if (item.previousElementSibling?.dataset.date !== item.dataset.date) item.dataset.day = item.dataset.date;
}

/** Keeps a reader at the end there; any other is told that there is more below. */
function follow() {
  if (atEnd) log.scrollTop = log.scrollHeight;
  $("newer").hidden = atEnd;
}

function goToEnd() {
  atEnd = true;
  follow();
}

log.addEventListener("scroll", () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  if (atEnd) $("newer").hidden = true;
});
$("newer").addEventListener("click", () => {
  // The button is about to go, and the focus with it.
  log.focus({ preventScroll: true });
  goToEnd();
});
// The box grows and on-screen keyboards open: the reader stays at the end.
new ResizeObserver(() => atEnd && follow()).observe(log);

// The server drew the first messages; it knows neither the reader's time zone nor the colours.
for (const item of list.children) {
  tint(item, item.querySelector("b").textContent);
  localize(item);
}
follow();
