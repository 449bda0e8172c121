// Browsers also report 1006 when the handshake itself fails, so a refusal the
// page should explain must be an accepted connection closed with a 44xx code.
const FINAL = new Set([1000, 4401, 4403, 4404]);
const RESTARTING = new Set([1001, 1012]);
// The server asked for room, or disliked what it got: start slower than after a cut line.
const UNWELCOME = new Set([1003, 1007, 1008, 1009, 1013, 4408, 4429]);

const LONGEST_WAIT = 60_000;
const STABLE_AFTER = 10_000;

/**
 * How long to wait before the next connection attempt.
 *
 * Every wait is drawn from zero upwards ("full jitter"), so that clients which
 * lost the same server do not come back in step.
 *
 * @param {number} code close code of the connection that ended
 * @param {number} attempt failures in a row before this one, 0 for the first
 * @param {() => number} [random] source of numbers in [0, 1)
 * @returns {number|null} milliseconds, or null when the client must stop
 */
export function reconnectDelay(code, attempt, random = Math.random) {
  if (FINAL.has(code)) return null;
  // A restart is planned and short: spread the herd, but do not back off.
  if (RESTARTING.has(code)) return random() * 3_000;
  const first = UNWELCOME.has(code) ? 4_000 : 1_000;
  return random() * Math.min(LONGEST_WAIT, first * 2 ** attempt);
}

/**
 * A WebSocket that carries JSON and comes back after a failure.
 *
 * Nothing is queued or repeated: a frame that could not be sent, or that the
 * server closed the connection over, is gone. State belongs in `url`, which is
 * called for each attempt and so can say where to resume.
 *
 * The server answers `{"type": "ping", "id": X}` with `{"type": "pong", "id": X}`.
 *
 * @fires LiveSocket#state `{state, code, retryInMs}`; state is "connecting",
 *   "open", "waiting" or "stopped"
 * @fires LiveSocket#message the parsed frame, pongs excepted
 * @fires LiveSocket#roundtrip milliseconds from ping to pong
 */
export class LiveSocket extends EventTarget {
  #url;
  #pingEvery;
  #answerWithin;
  #state = "stopped";
  #socket = null;
  #attempt = 0;
  #openedAt = null;
  #ping = { id: 0, sentAt: 0 };
  #heartbeat;
  #deadline = null;
  #retry;
  #listening;

  /**
   * @param {object} options
   * @param {() => string} options.url address for the next attempt
   * @param {number} [options.pingEvery] milliseconds between pings while the page is visible
   * @param {number} [options.answerWithin] milliseconds of silence, after a ping or
   *   while connecting, after which the connection counts as lost
   */
  constructor({ url, pingEvery = 15_000, answerWithin = 10_000 }) {
    super();
    this.#url = url;
    this.#pingEvery = pingEvery;
    this.#answerWithin = answerWithin;
  }

  /** The current state, as in the "state" event. */
  get state() {
    return this.#state;
  }

  /** Connects, and keeps connected until stop() or a final close code. */
  start() {
    if (this.#state !== "stopped") return;
    this.#attempt = 0;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    window.addEventListener("online", () => this.#wake(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
    this.#connect();
  }

  /** Disconnects and stays disconnected until start(). */
  stop() {
    if (this.#state !== "stopped") this.#halt(1000);
  }

  /**
   * Sends one JSON frame.
   *
   * @param {object} frame
   * @returns {boolean} false when there is no open connection to send it on
   */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #connect() {
    this.#enter("connecting");
    let quiet = true;
    const socket = new WebSocket(this.#url());
    this.#socket = socket;
    this.#expectAnswer();
    socket.onopen = () => {
      this.#answered();
      this.#openedAt = Date.now();
      // Timers of hidden pages are throttled, so silence there proves nothing.
      this.#heartbeat = setInterval(() => document.hidden || this.#sendPing(), this.#pingEvery);
      this.#enter("open");
    };
    socket.onmessage = ({ data }) => {
      this.#answered();
      this.#receive(data);
      // The handler may just have stopped or restarted us.
      if (quiet && this.#socket === socket) this.#sendPing();
      quiet = false;
    };
    socket.onclose = ({ code }) => this.#lost(code);
  }

  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      console.warn("LiveSocket: a frame that is not JSON was ignored");
      return;
    }
    if (frame.type !== "pong") {
      this.dispatchEvent(new CustomEvent("message", { detail: frame }));
    } else if (frame.id === this.#ping.id) {
      const detail = Math.round(performance.now() - this.#ping.sentAt);
      this.dispatchEvent(new CustomEvent("roundtrip", { detail }));
    }
  }

  #sendPing() {
    if (this.#deadline !== null) return;
    const id = this.#ping.id + 1;
    if (!this.send({ type: "ping", id })) return;
    this.#ping = { id, sentAt: performance.now() };
    this.#expectAnswer();
  }

  #expectAnswer() {
    this.#deadline = setTimeout(() => this.#lost(1006), this.#answerWithin);
  }

  #answered() {
    clearTimeout(this.#deadline);
    this.#deadline = null;
  }

  #wake() {
    if (this.#state === "open") this.#sendPing();
    if (this.#state !== "waiting") return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  #lost(code) {
    // A server that accepts and then fails must not reset the backoff each time.
    if (this.#openedAt && Date.now() - this.#openedAt >= STABLE_AFTER) this.#attempt = 0;
    const delay = reconnectDelay(code, this.#attempt++);
    if (delay === null) return this.#halt(code);
    this.#drop();
    this.#retry = setTimeout(() => this.#connect(), delay);
    this.#enter("waiting", code, delay);
  }

  #halt(code) {
    this.#listening.abort();
    clearTimeout(this.#retry);
    this.#drop();
    this.#enter("stopped", code);
  }

  #drop() {
    this.#answered();
    clearInterval(this.#heartbeat);
    this.#openedAt = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    // On a dead line the closing handshake takes its time; nobody waits for it.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #enter(state, code = null, retryInMs = null) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, code, retryInMs } }));
  }
}
