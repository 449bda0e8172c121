import { reconnectDelay } from "../realtime/socket.js";
import { $ } from "./page.js";

const csrfToken = $("compose").elements.csrfmiddlewaretoken.value;
const waits = new EventTarget();

/** A request that failed. `retryAfter` is the least wait in ms, or null if repeating cannot help. */
export class RequestError extends Error {
  /**
   * @param {string} message
   * @param {number|null} retryAfter
   */
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
export async function request(url, fields) {
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

/**
 * Repeats a request until it is answered for good.
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

/** Says that the server is back, so that nobody waits longer than the server asked for. */
export function retryNow() {
  waits.dispatchEvent(new Event("over"));
}
addEventListener("online", retryNow);

/** Waits `least` ms and then up to `more`, which a returning connection cuts short. */
async function pause(least, more) {
  await new Promise((resolve) => setTimeout(resolve, least));
  await new Promise((resolve) => {
    setTimeout(resolve, more);
    waits.addEventListener("over", resolve, { once: true });
  });
}
