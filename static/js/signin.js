/** The signed-out page: takes a pasted token, and keeps it only when the server knows it. */

import { byId } from "./dom.js";
import { Problem, wordsFor } from "./problems.js";

export class SignIn {
  #session;
  #api;
  #field = byId("token", HTMLInputElement);
  #notice = byId("signin-notice");
  #submit = byId("signin-submit", HTMLButtonElement);

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./api.js").Api} api
   */
  constructor(session, api) {
    this.#session = session;
    this.#api = api;
    byId("signin").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try();
    });
    this.#field.addEventListener("input", () => this.#say(""));
  }

  /** @param {string} reason why the person is here, or nothing */
  open(reason) {
    this.#field.value = "";
    this.#say(reason);
    this.#field.focus({ preventScroll: true });
  }

  async #try() {
    const token = this.#field.value.trim();
    if (!token) {
      this.#say("Paste an API token first.");
      this.#field.focus();
      return;
    }
    this.#submit.disabled = true;
    this.#submit.classList.add("busy");
    try {
      // Anything that no header can carry is no token of ours, and fetch would fail for another reason.
      if (/[^\x21-\x7e]/.test(token)) throw new Problem(401, "token-invalid", "");
      await this.#api.me(token);
      this.#field.value = "";
      this.#session.signIn(token);
    } catch (error) {
      const refused = error instanceof Problem && error.status === 401;
      const advice = "This token is not accepted. Check that it was copied completely, or make a new one.";
      this.#say(refused ? advice : wordsFor(error));
      this.#field.select();
    } finally {
      this.#submit.disabled = false;
      this.#submit.classList.remove("busy");
    }
  }

  /** @param {string} words */
  #say(words) {
    this.#notice.textContent = words;
    this.#notice.hidden = words === "";
    this.#field.toggleAttribute("aria-invalid", words !== "");
  }
}
