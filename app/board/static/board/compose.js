import { insist, request } from "./api.js";
import { receive } from "./feed.js";
import { addPending } from "./log.js";
import { adoptName, nicknameSaved, typedName } from "./nickname.js";
import { $, messagesUrl, room, showError } from "./page.js";

const box = $("text");
const MAX_LENGTH = box.maxLength;
const STORED = `board:${room}`;

const outbox = [];
let sending = false;
let returned = null;

// crypto.randomUUID exists in secure contexts only; a first try over plain http must work too.
const uuid = () =>
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );

function enqueue(text, key) {
  outbox.push({ text, key, item: addPending(typedName() || "You", text) });
  sendAll();
}

/** Sends one message after the other, so that they arrive in the order they were written. */
async function sendAll() {
  if (sending) return;
  sending = true;
  for (; outbox.length; outbox.shift()) {
    const { text, key, item } = outbox[0];
    try {
      await nicknameSaved();
      const answer = await insist(
        () => request(messagesUrl, { text, key }),
        () => (item.querySelector("span").textContent = "sending… trying again"),
      );
      $("post-instance").textContent = answer.server.instance;
      await receive(answer.message);
      adoptName(answer.message.nickname);
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

/**
 * Brings back what an earlier load of this page left unsent, and keeps it for the next one.
 *
 * No reload, ours or the reader's, costs a word: the keys make sending again harmless.
 */
export function restore() {
  const { draft = "", unsent = [] } = JSON.parse(sessionStorage.getItem(STORED) ?? "{}");
  sessionStorage.removeItem(STORED);
  box.value ||= draft;
  count();
  for (const { text, key } of unsent) enqueue(text, key);
  addEventListener("pagehide", keep);
}

function keep() {
  const unsent = outbox.map(({ text, key }) => ({ text, key }));
  sessionStorage.setItem(STORED, JSON.stringify({ draft: box.value, unsent }));
}
