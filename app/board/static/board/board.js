import { LiveSocket } from "../realtime/live.js";
import { restore } from "./compose.js";
import { feed } from "./feed.js";
import { $, announce, recall, remember, socketPath } from "./page.js";
import { setStatus, showConnection } from "./status.js";

let askedAfter = feed.last;

const live = new LiveSocket({
  url: () => {
    askedAfter = feed.last;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    return `${scheme}//${location.host}${socketPath}?after=${askedAfter}`;
  },
});

live.addEventListener("message", ({ detail: frame }) => {
  if (frame.type === "hello") greet(frame);
  if (frame.type === "message") feed.receive(frame.message);
  if (frame.type === "resync") resync();
});
live.addEventListener("roundtrip", ({ detail }) => ($("roundtrip").textContent = `${detail} ms`));
live.addEventListener("state", ({ detail }) => showConnection(detail));

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
  announce("Catching up.");
  if (!(await feed.catchUp())) return setStatus("stopped", "Stopped: the messages cannot be loaded");
  // Whatever put us behind put others behind as well; do not return all at once.
  setTimeout(() => live.start(), Math.random() * 1000);
}

/** The database went back in time, so what this page shows is not true any more. */
function startOver() {
  const recently = Date.now() - recall("restored") < 60_000;
  // A reload that cannot be remembered could go on for ever.
  if (!recently && remember("restored", Date.now())) return location.reload();
  notify("The board was restored to an earlier state.");
}

function notify(sentence) {
  $("notice").hidden = false;
  $("notice").firstElementChild.textContent = sentence;
}
$("notice").lastElementChild.addEventListener("click", () => location.reload());

live.start();
restore();
