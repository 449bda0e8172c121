import { Outbox } from "../realtime/live.js";
import { post } from "./api.js";
import { feed } from "./feed.js";
import { addPending } from "./log.js";
import { adoptName, nicknameSaved, typedName } from "./nickname.js";
import { $, messagesUrl, recall, remember, room, showError } from "./page.js";

const box = $("text");
const MAX_LENGTH = box.maxLength;
const DRAFT = `draft:${room}`;

const pending = new Map();
// What was not accepted, while it may be sent again unchanged: {text, key}.
let returned = null;

const outbox = new Outbox(`board:${room}`, {
  async send({ key, body: text }) {
    await nicknameSaved();
    return post(messagesUrl, { text, key });
  },
});

outbox.addEventListener("waiting", ({ detail: { key, body } }) => {
  pending.set(key, addPending(typedName() || "You", body));
});
outbox.addEventListener("retry", ({ detail: { key } }) => {
  pending.get(key).querySelector("span").textContent = "sending… trying again";
});
outbox.addEventListener("sent", async ({ detail: { key, answer } }) => {
  $("post-instance").textContent = answer.server.instance;
  await feed.receive(answer.message);
  adoptName(answer.message.nickname);
  removePending(key);
});
outbox.addEventListener("returned", ({ detail: { key, body: text, error } }) => {
  box.value = [text, box.value].filter(Boolean).join("\n");
  returned = { text, key };
  changed();
  showError(error.message);
  removePending(key);
});

function removePending(key) {
  pending.get(key).remove();
  pending.delete(key);
}

function changed() {
  remember(DRAFT, { text: box.value, returned });
  const { length } = box.value;
  $("counter").textContent = length > MAX_LENGTH * 0.9 ? `${length} / ${MAX_LENGTH}` : "";
}

box.addEventListener("input", changed);
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("compose").requestSubmit();
});
$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = box.value.trim();
  if (!text) return;
  // Sent again unchanged, it may have been stored the first time after all.
  outbox.add(text, returned?.text === text ? returned.key : undefined);
  returned = null;
  box.value = "";
  changed();
  showError("");
  box.focus();
});

/** Brings back the draft and the unsent messages of an earlier load: no reload costs a word. */
export function restore() {
  const kept = recall(DRAFT);
  box.value ||= kept?.text ?? "";
  returned = kept?.returned ?? null;
  changed();
  outbox.start();
}
