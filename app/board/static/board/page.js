/**
 * Finds one of the page's elements by its id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export const $ = (id) => document.getElementById(id);

/** What the server wrote into the page: the room, its last message and the addresses. */
export const { room, lastSeq, messagesUrl, nicknameUrl, socketPath } = $("board").dataset;

/**
 * Shows above the message box what went wrong.
 *
 * @param {string} sentence empty to clear it
 */
export function showError(sentence) {
  $("error").textContent = sentence;
  $("text").setAttribute("aria-invalid", Boolean(sentence));
}

/**
 * Tells screen readers what others see at a glance.
 *
 * @param {string} sentence
 */
export function announce(sentence) {
  $("announcer").textContent = sentence;
}

/**
 * Keeps a value for the next load of this page in this tab.
 *
 * @param {string} name
 * @param {*} value what JSON can express
 * @returns {boolean} false where the browser forbids it
 */
export function remember(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds what remember() kept.
 *
 * @param {string} name
 * @returns {*} null if there is nothing
 */
export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}
