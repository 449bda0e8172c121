/**
 * The browser's half of a live application: messages that the server numbers without gaps, each taken once
 * and in order, and posts that are sent until the server answers, over reloads and crashes.
 *
 *     const messages = "/chat/messages";
 *     const sequence = new Sequence({ last: 0, fetchAfter: (last) => request(`${messages}?after=${last}`) });
 *     sequence.addEventListener("message", ({ detail }) => draw(detail));
 *
 *     const socket = new LiveSocket({ url: () => `wss://${location.host}/ws/chat/?after=${sequence.last}` });
 *     socket.addEventListener("message", ({ detail: frame }) => {
 *       if (frame.type === "message") sequence.receive(frame.message);
 *     });
 *     socket.addEventListener("state", ({ detail }) => drawState(detail));
 *     socket.start();
 *
 *     const outbox = new Outbox("chat", {
 *       send: ({ key, body: text }) =>
 *         request(messages, { method: "POST", body: new URLSearchParams({ key, text }) }),
 *     });
 *     outbox.addEventListener("sent", ({ detail }) => sequence.receive(detail.answer.message));
 *     outbox.addEventListener("returned", ({ detail }) => (form.text.value = detail.body));
 *     outbox.start();
 *     form.onsubmit = () => outbox.add(form.text.value);
 *
 * Each part can be used without the others. None of them touches the page.
 */

// Browsers also report 1006 when the handshake itself fails, so a refusal the
// page should explain must be an accepted connection closed with a 44xx code.
const FINAL = new Set([1000, 4401, 4403, 4404]);
const RESTARTING = new Set([1001, 1012]);
// The server asked for room, or disliked what it got: start slower than after a cut line.
const UNWELCOME = new Set([1003, 1007, 1008, 1009, 1013, 4408, 4429]);

const LONGEST_WAIT = 60_000;
const STABLE_AFTER = 10_000;
const LONGEST_RETRY_AFTER = 3_600_000;

/** Says "awake" when the line or the reader is back, "open" when a socket shows that the server is. */
const signs = new EventTarget();
addEventListener("online", () => signs.dispatchEvent(new Event("awake")));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) signs.dispatchEvent(new Event("awake"));
});

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
    signs.addEventListener("awake", () => this.#wake(), { signal: this.#listening.signal });
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
      signs.dispatchEvent(new Event("open"));
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
      emit(this, "message", frame);
    } else if (frame.id === this.#ping.id) {
      emit(this, "roundtrip", Math.round(performance.now() - this.#ping.sentAt));
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
    emit(this, "state", { state, code, retryInMs });
  }
}

/** A request that failed. */
export class RequestError extends Error {
  /**
   * @param {string} message one sentence for the reader: the answer's "error" where it has one
   * @param {number} status of the answer, 0 if there is none
   * @param {number|null} retryAfter the least wait in ms, or null if repeating cannot help
   */
  constructor(message, status, retryAfter) {
    super(message);
    Object.assign(this, { status, retryAfter });
  }
}

/**
 * Fetches JSON, or says in a RequestError whether to try again.
 *
 * @param {string} url
 * @param {RequestInit} [init] as for fetch()
 * @returns {Promise<object>}
 * @throws {RequestError}
 */
export async function request(url, init = {}) {
  let response, answer;
  try {
    response = await fetch(url, {
      cache: "no-store",
      signal: AbortSignal.timeout(15_000),
      ...init,
      headers: { Accept: "application/json", ...init.headers },
    });
    // nginx answers for an absent server in HTML.
    answer = await response.json().catch(() => null);
  } catch {
    throw new RequestError("The server cannot be reached.", 0, 0);
  }
  const { ok, redirected, status, headers } = response;
  if (ok && answer) return answer;
  // An answer cut short comes again in full; a page to log in on does not turn into JSON.
  const temporary = (ok && !redirected) || [408, 429, 502, 503, 504].includes(status);
  const seconds = Number(headers.get("Retry-After")) || 0;
  throw new RequestError(
    answer?.error ?? `The server did not accept this (${status}). Reload the page and try again.`,
    status,
    temporary ? Math.min(seconds * 1000, LONGEST_RETRY_AFTER) : null,
  );
}

/**
 * Repeats a request, with backoff and full jitter, until it is answered for good.
 *
 * A page that comes back, a line or a socket cuts the wait short, but never below the server's Retry-After.
 *
 * @template T
 * @param {() => Promise<T>} send
 * @param {() => void} [onRetry] called before each wait
 * @returns {Promise<T>}
 * @throws {RequestError} when repeating cannot help
 */
export async function insist(send, onRetry = () => {}) {
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

async function pause(least, more) {
  await new Promise((resolve) => setTimeout(resolve, least));
  const over = new AbortController();
  await new Promise((resolve) => {
    setTimeout(resolve, more);
    for (const sign of ["awake", "open"]) signs.addEventListener(sign, resolve, { signal: over.signal });
  });
  over.abort();
}

/**
 * Messages with numbers that have no gaps, taken from anywhere and handed on in order, each once.
 *
 * What is missing is fetched. A number that the server does not know of either is passed over.
 *
 * @fires Sequence#message a message, when all before it were handed on
 * @fires Sequence#error the RequestError that ended a fetch; the next message tries again
 */
export class Sequence extends EventTarget {
  #last;
  #fetchAfter;
  #number;
  #early = new Map();
  #fetching = null;

  /**
   * @template Message
   * @param {object} options
   * @param {number} options.last number of the last message that the page already has, 0 for none
   * @param {(last: number) => Promise<{messages: Message[], more: boolean}>} options.fetchAfter the next
   *   messages in order, and whether there are more; it throws RequestError, as request() does
   * @param {(message: Message) => number} [options.number] where a message has its number
   */
  constructor({ last, fetchAfter, number = ({ seq }) => seq }) {
    super();
    this.#last = last;
    this.#fetchAfter = fetchAfter;
    this.#number = number;
  }

  /** The number of the last message that was handed on. */
  get last() {
    return this.#last;
  }

  /**
   * Takes a message in, from wherever it came.
   *
   * @param {Message} message
   * @returns {Promise<void>} resolved once it was handed on, or cannot be
   * @throws {TypeError} for what has no number
   */
  async receive(message) {
    const number = this.#number(message);
    if (!Number.isInteger(number)) throw new TypeError("A message in a sequence has a number.");
    this.#early.set(number, message);
    this.#handOnInOrder();
    if (this.#early.size) await this.catchUp();
  }

  /**
   * Fetches everything after the last message.
   *
   * @returns {Promise<boolean>} false if the server refuses
   */
  catchUp() {
    this.#fetching ??= this.#fetchMissing();
    return this.#fetching;
  }

  async #fetchMissing() {
    try {
      for (let more = true; more; ) {
        const newest = Math.max(...this.#early.keys());
        const page = await insist(() => this.#fetchAfter(this.#last));
        page.messages.forEach((message) => this.#handOn(message));
        this.#handOnInOrder();
        // What came in after the question may be newer than the answer, and so what is missing before it.
        more = (page.more && page.messages.length > 0) || Math.max(...this.#early.keys()) > newest;
      }
      // The server had its say: what is still missing before these does not exist any more.
      const rest = [...this.#early].sort(([one], [other]) => one - other);
      rest.forEach(([, message]) => this.#handOn(message));
      return true;
    } catch (error) {
      this.#early.clear();
      emit(this, "error", error);
      return false;
    } finally {
      this.#fetching = null;
    }
  }

  #handOnInOrder() {
    for (const number of this.#early.keys()) if (number <= this.#last) this.#early.delete(number);
    while (this.#early.has(this.#last + 1)) this.#handOn(this.#early.get(this.#last + 1));
  }

  #handOn(message) {
    const number = this.#number(message);
    this.#early.delete(number);
    if (number <= this.#last) return;
    this.#last = number;
    emit(this, "message", message);
  }
}

/**
 * Something to send, as the outbox keeps it.
 *
 * @typedef {object} Entry
 * @property {string} key a UUID; the server must take a second post with the same key for the first one
 * @property {*} body what add() was given
 * @property {number} at when that was, in ms since 1970
 */

/**
 * Posts that are sent one after the other, each until the server answers.
 *
 * Entries are in the browser's database from add() to the answer, so the next page takes over what a reload,
 * a closed tab or a killed browser left unsent. An open tab does so too, when its line or its socket comes
 * back. Web Locks keep tabs off each other's entries; where there are none (plain http on another host than
 * localhost), a page takes over whatever it finds when it loads, and two tabs may send the same entry: the
 * key makes that harmless. Where the database is full, off or forbidden, entries last as long as their page.
 *
 * What was not answered within `maxAge` is not sent by surprise any more: it is returned.
 *
 * @fires Outbox#waiting an Entry, when add() or an earlier page put it into the queue
 * @fires Outbox#retry an Entry that has to wait for its next attempt
 * @fires Outbox#sent an Entry with the server's `answer`
 * @fires Outbox#returned an Entry with the `error` that ended it: a sentence in its message, status 0 if it
 *   became too old. The listener is the last to have the body. Who sends it again unchanged gives its key to
 *   add(): it may have been stored although the answer never came
 */
export class Outbox extends EventTarget {
  #name;
  #send;
  #maxAge;
  #store = new Store();
  #writer = uuid();
  #queue = Promise.resolve();
  #newest = 0;

  /**
   * @param {string} name whose entries these are: one for each place and, where people log in, each user
   * @param {object} options
   * @param {(entry: Entry) => Promise<object>} options.send one attempt; it throws RequestError, as
   *   request() does
   * @param {number} [options.maxAge] milliseconds, an hour unless given
   */
  constructor(name, { send, maxAge = 3_600_000 }) {
    super();
    this.#name = name;
    this.#send = send;
    this.#maxAge = maxAge;
  }

  /**
   * Takes over what earlier pages left unsent. Add the listeners first.
   *
   * @returns {Promise<void>} resolved when it knows what they left, and the database is open
   */
  start() {
    if (navigator.locks)
      for (const sign of ["awake", "open"]) signs.addEventListener(sign, () => this.#takeOver());
    return this.#takeOver();
  }

  /**
   * Queues something to send.
   *
   * @param {*} body what structuredClone() can copy
   * @param {string} [key] the one that it was returned with
   */
  add(body, key = uuid()) {
    // Two in the same millisecond still have an order.
    this.#newest = Math.max(Date.now(), this.#newest + 1);
    const entry = { key, body, at: this.#newest };
    this.#store.put({ ...entry, outbox: this.#name, writer: this.#writer });
    const done = this.#enqueue(entry);
    // Shared by all that this page has to send; who wants to take over needs it alone.
    hold(this.#writer, { mode: "shared" }, () => done);
  }

  /** Entries belong to the page that wrote them for as long as it holds its lock. */
  async #takeOver() {
    for (const writer of new Set((await this.#unsent()).map(({ writer }) => writer))) {
      hold(writer, { ifAvailable: true }, async (lock) => {
        // Read anew, now that nobody else sends them.
        const left = lock ? (await this.#unsent()).filter((entry) => entry.writer === writer) : [];
        await Promise.all(left.map(({ key, body, at }) => this.#enqueue({ key, body, at })));
      });
    }
  }

  async #unsent() {
    const entries = await this.#store.all();
    return entries.filter(({ outbox }) => outbox === this.#name).sort((one, other) => one.at - other.at);
  }

  #enqueue(entry) {
    emit(this, "waiting", entry);
    this.#queue = this.#queue.then(() => this.#deliver(entry));
    return this.#queue;
  }

  async #deliver(entry) {
    const outcome = await insist(
      async () => this.#attempt(entry),
      () => emit(this, "retry", entry),
    ).then(
      (answer) => ["sent", { ...entry, answer }],
      (error) => ["returned", { ...entry, error }],
    );
    // Before the listeners: one of them may add the entry again.
    this.#store.delete(entry.key);
    emit(this, ...outcome);
  }

  #attempt(entry) {
    if (Date.now() - entry.at <= this.#maxAge) return this.#send(entry);
    throw new RequestError("This could not be sent in time. Send it again if it still holds.", 0, null);
  }
}

/**
 * Entries in IndexedDB, for all tabs. Nothing waits for it and nothing fails with it.
 *
 * localStorage would be simpler, but Chromium writes it to the disk 5 s late: a killed browser loses that.
 */
class Store {
  #database;

  put(entry) {
    return this.#run("readwrite", (entries) => entries.put(entry));
  }

  delete(key) {
    return this.#run("readwrite", (entries) => entries.delete(key));
  }

  async all() {
    return (await this.#run("readonly", (entries) => entries.getAll())) ?? [];
  }

  async #run(mode, action) {
    try {
      this.#database ??= this.#open();
      // A busy disk must not hold up the second entry until the first is on it: the tab may be closed by then.
      const transaction = (await this.#database).transaction("entries", mode, { durability: "relaxed" });
      const request = action(transaction.objectStore("entries"));
      return await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } catch (error) {
      console.warn("Outbox: unsent entries do not outlive this page:", error?.message);
    }
  }

  #open() {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open("outbox", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("entries", { keyPath: "key" });
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
  }
}

/** Runs `work` with a lock that ends with this page at the latest. */
function hold(writer, options, work) {
  if (!navigator.locks) return void work(true);
  // A browser that forbids locks to this page forbids it the database as well: there is nothing to take over.
  navigator.locks.request(`outbox:${writer}`, options, work).catch(() => {});
}

// crypto.randomUUID exists in secure contexts only; a first try over plain http must work too.
function uuid() {
  return "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );
}

function emit(target, type, detail) {
  target.dispatchEvent(new CustomEvent(type, { detail }));
}
