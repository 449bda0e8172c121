import { post } from "./api.js";
import { $, announce, nicknameUrl } from "./page.js";

// The field's default value is the name the server knows, its value what the reader typed.
const box = $("nickname");
let saved = Promise.resolve();

/** @returns {string} the name the server knows, "" if there is none yet */
export const knownName = () => box.defaultValue;

/** @returns {string} the name in the field, saved or not */
export const typedName = () => box.value.trim();

/** @returns {Promise<void>} settled once the last change was accepted or refused; never rejects */
export const nicknameSaved = () => saved;

/**
 * Takes over the name that came with a message: who did not choose one was given one.
 *
 * @param {string} name
 */
export function adoptName(name) {
  box.defaultValue ||= name;
}

$("nickname-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = typedName() || knownName();
  box.value = value;
  if (value === knownName()) return;
  saved = post(nicknameUrl, { nickname: value }).then(
    (answer) => {
      box.value = box.defaultValue = answer.nickname;
      $("nickname-error").textContent = "";
      announce("Nickname saved.");
    },
    (error) => void ($("nickname-error").textContent = error.message),
  );
});
box.addEventListener("change", () => $("nickname-form").requestSubmit());
