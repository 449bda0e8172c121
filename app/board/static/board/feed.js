import { insist, request } from "./api.js";
import { addMessage } from "./log.js";
import { lastSeq, messagesUrl, showError } from "./page.js";

let last = Number(lastSeq);
let catchingUp = null;
const early = new Map();

/** @returns {number} the number of the last message on the page */
export const lastShown = () => last;

/**
 * Takes a message from anywhere: shows it in order, once, and fetches what is missing before it.
 *
 * @param {Message} message see log.js
 * @returns {Promise<void>} resolved when the message is on the page, or cannot be
 */
export async function receive(message) {
  if (message.seq === last + 1) {
    show(message);
  } else if (message.seq > last) {
    early.set(message.seq, message);
    catchUp();
  }
  await catchingUp;
}

/**
 * Fetches everything after the last message shown.
 *
 * @returns {Promise<boolean>} false if the server refuses; why is on the page then
 */
export function catchUp() {
  catchingUp ??= fetchMissing();
  return catchingUp;
}

async function fetchMissing() {
  try {
    for (let more = true; more; ) {
      const page = await insist(() => request(`${messagesUrl}?after=${last}`));
      showNew(page.messages);
      more = page.more && page.messages.length > 0;
    }
    // HTTP had its say: what is still missing before these does not exist any more.
    showNew([...early.values()].sort((a, b) => a.seq - b.seq));
    return true;
  } catch (error) {
    showError(error.message);
    return false;
  } finally {
    early.clear();
    catchingUp = null;
  }
}

function showNew(messages) {
  for (const message of messages) if (message.seq > last) show(message);
}

function show(message) {
  last = message.seq;
  addMessage(message);
}
