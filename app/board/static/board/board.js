import { LiveSocket, reconnectDelay } from "../realtime/socket.js";

const $ = (id) => document.getElementById(id);
const { room, lastSeq, messagesUrl, nicknameUrl, socketPath } = $("board").dataset;
const [log, list, box, nameBox] = ["log", "messages", "text", "nickname"].map($);
const csrfToken = $("compose").elements.csrfmiddlewaretoken.value;

const KEPT_ON_PAGE = 500;
const MAX_LENGTH = box.maxLength;
const STOPPED = {
  1000: "closed by the server",
  4401: "please sign in",
  4403: "you may not read this room",
  4404: "this room does not exist",
};

/** A request that failed. `retryAfter` is the least wait in ms, or null if repeating cannot help. */
class RequestError extends Error {
  constructor(message, retryAfter) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/**
 * Fetches JSON; with `fields`, posts them as a form.
 *
 * @param {string} url
 * @param {Record<string, string>} [fields]
 * @returns {Promise<object>}
 * @throws {RequestError}
 */
async function request(url, fields) {
  let response, data;
  try {
    response = await fetch(url, {
      method: fields ? "POST" : "GET",
      body: fields && new URLSearchParams(fields),
      headers: { Accept: "application/json", ...(fields && { "X-CSRFToken": csrfToken }) },
      cache: "no-store",
      signal: AbortSignal.timeout(15_000),
    });
    // nginx answers for an absent server in HTML.
    data = await response.json().catch(() => null);
  } catch {
    throw new RequestError("The server cannot be reached.", 0);
  }
  if (response.ok && data) return data;
  const temporary = response.ok || [429, 502, 503, 504].includes(response.status);
  const seconds = Number(response.headers.get("Retry-After")) || 0;
  throw new RequestError(
    data?.error ?? `The server did not accept this (${response.status}). Reload the page and try again.`,
    temporary ? seconds * 1000 : null,
  );
}

/** Repeats a request until it is answered for good. */
async function insist(send, onRetry = () => {}) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof RequestError) || error.retryAfter === null) throw error;
      onRetry();
      await pause(error.retryAfter, reconnectDelay(1006, attempt));
    }
  }
}

/** Waits `least` ms and then up to `more`, which a returning connection cuts short. */
async function pause(least, more) {
  await new Promise((resolve) => setTimeout(resolve, least));
  await new Promise((resolve) => {
    setTimeout(resolve, more);
    addEventListener("online", resolve, { once: true });
    addEventListener("live", resolve, { once: true });
  });
}

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const fullDate = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium" });
const dayName = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });

let last = Number(lastSeq);
let catchingUp = null;
let atEnd = true;
const early = new Map();

const tone = (name) => [...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 6;

function localize(item) {
  const time = item.querySelector("time");
  const at = new Date(time.dateTime);
  time.textContent = clock.format(at);
  time.title = fullDate.format(at);
  // The first message of a day carries the day's name, which CSS draws above it.
  item.dataset.date = dayName.format(at);
  if (item.previousElementSibling?.dataset.date !== item.dataset.date) item.dataset.day = item.dataset.date;
}

function makeItem({ nickname, text, at, hidden }) {
  const item = $("message").content.cloneNode(true).firstElementChild;
  item.dataset.initial = ([...nickname][0] ?? "").toUpperCase();
  item.dataset.tone = tone(nickname);
  item.querySelector("b").textContent = nickname;
  item.querySelector("time").dateTime = at;
  const body = item.querySelector(".text");
  body.textContent = hidden ? "Removed by a moderator" : text;
  body.classList.toggle("removed", hidden);
  return item;
}

function show(message) {
  last = message.seq;
  // The socket may be faster than the answer to our own POST; the text is not shown twice.
  const own = outbox.find(({ item, text }) => item.isConnected && text === message.text);
  if (own && message.nickname === (nameBox.defaultValue || message.nickname)) own.item.remove();
  const item = makeItem(message);
  item.dataset.seq = message.seq;
  list.insertBefore(item, list.querySelector(".pending"));
  localize(item);
  if (atEnd && list.childElementCount > KEPT_ON_PAGE) list.firstElementChild.remove();
  follow();
}

/** Takes a message from anywhere: shows it in order, once, and fetches what is missing before it. */
function receive(message) {
  if (message.seq <= last) return;
  if (message.seq === last + 1) return show(message);
  early.set(message.seq, message);
  catchUp();
}

/** Fetches everything after the last message shown; resolves to false if the server refuses. */
function catchUp() {
  catchingUp ??= (async () => {
    try {
      for (let more = true; more; ) {
        const page = await insist(() => request(`${messagesUrl}?after=${last}`));
        for (const message of page.messages) if (message.seq > last) show(message);
        more = page.more && page.messages.length > 0;
      }
      // HTTP had its say: what is still missing before these does not exist any more.
      const rest = [...early.values()].sort((a, b) => a.seq - b.seq);
      for (const message of rest) if (message.seq > last) show(message);
      return true;
    } catch (error) {
      showError(error.message);
      return false;
    } finally {
      early.clear();
      catchingUp = null;
    }
  })();
  return catchingUp;
}

function follow() {
  if (atEnd) log.scrollTop = log.scrollHeight;
  $("newer").hidden = atEnd;
}

log.addEventListener("scroll", () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  if (atEnd) $("newer").hidden = true;
});
$("newer").addEventListener("click", () => {
  atEnd = true;
  log.focus({ preventScroll: true });
  follow();
});
// The box grows and on-screen keyboards open: the reader stays at the end.
new ResizeObserver(() => atEnd && follow()).observe(log);

const outbox = [];
let sending = false;
let returned = null;
let nicknameSaved = Promise.resolve();

// crypto.randomUUID exists in secure contexts only; a first try over plain http must work too.
const uuid = () =>
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );

function showError(sentence) {
  $("error").textContent = sentence;
  box.setAttribute("aria-invalid", Boolean(sentence));
}

function enqueue(text, key) {
  const item = makeItem({ nickname: nameBox.value.trim() || "You", text, at: "", hidden: false });
  item.className = "pending";
  item.querySelector("time").replaceWith(Object.assign(document.createElement("span"), { textContent: "sending…" }));
  list.append(item);
  outbox.push({ text, key, item });
  atEnd = true;
  follow();
  sendAll();
}

/** Sends one message after the other, so that they arrive in the order they were written. */
async function sendAll() {
  if (sending) return;
  sending = true;
  for (; outbox.length; outbox.shift()) {
    const { text, key, item } = outbox[0];
    try {
      await nicknameSaved;
      const answer = await insist(
        () => request(messagesUrl, { text, key }),
        () => (item.querySelector("span").textContent = "sending… trying again"),
      );
      $("post-instance").textContent = answer.server.instance;
      receive(answer.message);
      await catchingUp;
      // Who did not choose a name was given one.
      nameBox.defaultValue ||= answer.message.nickname;
    } catch (error) {
      box.value = [text, box.value].filter(Boolean).join("\n");
      returned = { text, key };
      count();
      showError(error.message);
    }
    item.remove();
  }
  sending = false;
}

function count() {
  const { length } = box.value;
  $("counter").textContent = length > MAX_LENGTH * 0.9 ? `${length} / ${MAX_LENGTH}` : "";
}

box.addEventListener("input", count);
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("compose").requestSubmit();
});
$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  count();
  showError("");
  box.focus();
  // Sent again unchanged, it may have been stored the first time after all.
  enqueue(text, returned?.text === text ? returned.key : uuid());
  returned = null;
});

$("nickname-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = nameBox.value.trim() || nameBox.defaultValue;
  nameBox.value = value;
  if (value === nameBox.defaultValue) return;
  nicknameSaved = request(nicknameUrl, { nickname: value }).then(
    (answer) => {
      nameBox.value = nameBox.defaultValue = answer.nickname;
      $("nickname-error").textContent = "";
      $("announcer").textContent = "Nickname saved.";
    },
    (error) => void ($("nickname-error").textContent = error.message),
  );
});
nameBox.addEventListener("change", () => $("nickname-form").requestSubmit());

let askedAfter = last;
let wasLost = false;
let countdown;

const live = new LiveSocket({
  url: () => {
    askedAfter = last;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    return `${scheme}//${location.host}${socketPath}?after=${last}`;
  },
});

live.addEventListener("message", ({ detail: frame }) => {
  if (frame.type === "hello") greet(frame);
  if (frame.type === "message") receive(frame.message);
  if (frame.type === "resync") resync();
});
live.addEventListener("roundtrip", ({ detail }) => ($("roundtrip").textContent = `${detail} ms`));
live.addEventListener("state", ({ detail: { state, code, retryInMs } }) => {
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
  if (state === "open") dispatchEvent(new Event("live"));
  else $("roundtrip").textContent = $("ws-instance").textContent = "–";
  announce(state, words());
});

function setStatus(state, words) {
  $("status").dataset.state = state;
  $("status").textContent = words;
}

/** Tells screen readers about a lost connection and its return, not about every second between. */
function announce(state, words) {
  if (state === "open" && wasLost) $("announcer").textContent = "Connected again.";
  if (state === "waiting" && !wasLost) $("announcer").textContent = "Connection lost, reconnecting.";
  if (state === "stopped") $("announcer").textContent = words;
  if (state !== "connecting") wasLost = state === "waiting";
}

function greet({ last: newest, server }) {
  $("ws-instance").textContent = server.instance;
  if (newest < askedAfter) return startOver();
  if (server.release !== $("release").textContent) notify("A new release is live.");
  else $("notice").hidden = true;
}

/** The server is too far ahead for the socket: read on over HTTP, then come back. */
async function resync() {
  live.stop();
  setStatus("connecting", "Catching up…");
  $("announcer").textContent = "Catching up.";
  if (!(await catchUp())) return setStatus("stopped", "Stopped: the messages cannot be loaded");
  // Whatever put us behind put others behind as well; do not return all at once.
  setTimeout(() => live.start(), Math.random() * 1000);
}

/** The database went back in time, so what this page shows is not true any more. */
function startOver() {
  const recently = Date.now() - Number(sessionStorage.getItem("board:restored")) < 60_000;
  if (recently) return notify("The board was restored to an earlier state.");
  sessionStorage.setItem("board:restored", Date.now());
  location.reload();
}

function notify(sentence) {
  $("notice").hidden = false;
  $("notice").firstElementChild.textContent = sentence;
}
$("notice").lastElementChild.addEventListener("click", () => location.reload());

for (const item of list.children) {
  item.dataset.tone = tone(item.querySelector("b").textContent);
  localize(item);
}
follow();
live.start();

// No reload, ours or the reader's, costs a word: the keys make sending again harmless.
const stored = `board:${room}`;
const { draft = "", unsent = [] } = JSON.parse(sessionStorage.getItem(stored) ?? "{}");
sessionStorage.removeItem(stored);
box.value ||= draft;
count();
for (const { text, key } of unsent) enqueue(text, key);
addEventListener("pagehide", () => {
  const unsent = outbox.map(({ text, key }) => ({ text, key }));
  sessionStorage.setItem(stored, JSON.stringify({ draft: box.value, unsent }));
});
