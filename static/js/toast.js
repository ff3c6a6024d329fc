/** Short messages at the edge of the page, read out by screen readers. */

import { byId, el, icon } from "./dom.js";

const STAY_MS = 5000;
/** More would hide the picture on which they comment. */
const AT_ONCE = 2;

export class Toasts {
  #region = byId("toasts");

  constructor() {
    // What lies outside an open dialog is inert, so the messages live in the topmost one.
    document.addEventListener("close", () => this.#settle(), { capture: true });
  }

  /** @param {string} words */
  good(words) {
    this.#show(words, "check", STAY_MS);
  }

  /** @param {string} words */
  bad(words) {
    this.#show(words, "alert", STAY_MS * 1.6);
  }

  /**
   * @param {string} words
   * @param {string} sign
   * @param {number} stay_ms
   */
  #show(words, sign, stay_ms) {
    this.#settle();
    const toast = el("p", { class: `toast ${sign}` }, icon(sign), el("span", {}, words));
    for (const other of this.#region.querySelectorAll("span")) {
      if (other.textContent === words) other.parentElement?.remove();
    }
    while (this.#region.childElementCount >= AT_ONCE) this.#region.firstElementChild?.remove();
    this.#region.append(toast);
    let timer = setTimeout(() => toast.remove(), stay_ms);
    toast.addEventListener("pointerenter", () => clearTimeout(timer));
    toast.addEventListener("pointerleave", () => {
      timer = setTimeout(() => toast.remove(), STAY_MS / 2);
    });
    toast.addEventListener("click", () => toast.remove());
  }

  #settle() {
    const dialogs = document.querySelectorAll("dialog:modal");
    const host = dialogs[dialogs.length - 1] ?? document.body;
    if (this.#region.parentElement !== host) host.append(this.#region);
  }
}
