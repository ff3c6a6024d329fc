/** Loads the next page when the end of the list comes near; by a button where that fails. */

import { byId } from "./dom.js";
import { wordsFor } from "./problems.js";

export class Pager {
  #gallery;
  #box = byId("more-box");
  #words = byId("more-words");
  #button = byId("more", HTMLButtonElement);
  #near = false;
  #failed = false;

  /** @param {import("./gallery.js").Gallery} gallery */
  constructor(gallery) {
    this.#gallery = gallery;
    const watch = new IntersectionObserver((entries) => {
      this.#near = entries.at(-1)?.isIntersecting ?? false;
      if (this.#near && !this.#failed) void this.#more();
    }, { rootMargin: "0px 0px 2000px" });
    watch.observe(this.#box);
    this.#button.addEventListener("click", () => void this.#more());
    gallery.addEventListener("change", () => this.#show());
    this.#show();
  }

  async #more() {
    if (this.#gallery.ended) return;
    this.#failed = false;
    this.#words.textContent = "";
    this.#button.disabled = true;
    try {
      await this.#gallery.more();
    } catch (error) {
      this.#failed = true;
      this.#words.textContent = `More could not be loaded. ${wordsFor(error)}`;
    } finally {
      this.#button.disabled = false;
      this.#show();
    }
    // A page may be shorter than the screen: the observer reports changes only, and there was none.
    if (this.#near && !this.#failed) requestAnimationFrame(() => this.#near && void this.#more());
  }

  #show() {
    this.#button.hidden = this.#gallery.ended;
    this.#box.hidden = this.#gallery.ended;
  }
}
