import { request } from "../realtime/live.js";
import { $ } from "./page.js";

const csrfToken = $("compose").elements.csrfmiddlewaretoken.value;

/**
 * Posts a form and returns the JSON of the answer.
 *
 * @param {string} url
 * @param {Record<string, string>} fields
 * @returns {Promise<object>}
 * @throws {RequestError} see live.js
 */
export function post(url, fields) {
  const body = new URLSearchParams(fields);
  return request(url, { method: "POST", body, headers: { "X-CSRFToken": csrfToken } });
}
