import { request, Sequence } from "../realtime/live.js";
import { addMessage } from "./log.js";
import { lastSeq, messagesUrl, showError } from "./page.js";

/** The room's messages, whether they come through the socket, as an answer to a post or by catching up. */
export const feed = new Sequence({
  last: Number(lastSeq),
  fetchAfter: (last) => request(`${messagesUrl}?after=${last}`),
});

feed.addEventListener("message", ({ detail }) => addMessage(detail));
feed.addEventListener("error", ({ detail }) => showError(detail.message));
