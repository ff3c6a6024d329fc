/** What a person does to one image, from the grid and from the large view alike: each ends in a message. */

import { confirmDelete, offerLink } from "./confirm.js";
import { el } from "./dom.js";
import { wordsFor } from "./problems.js";

/** @typedef {import("./api.js").Image} Image */

export class Actions {
  #api;
  #gallery;
  #toasts;
  /** Images with a change under way: a second press waits for the first to be answered. */
  #busy = new Set();

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./gallery.js").Gallery} gallery
   * @param {import("./toast.js").Toasts} toasts
   */
  constructor(api, gallery, toasts) {
    this.#api = api;
    this.#gallery = gallery;
    this.#toasts = toasts;
  }

  /** @param {Image} image */
  async copyLink(image) {
    try {
      // Undefined outside secure contexts; that is an exception as well.
      await navigator.clipboard.writeText(image.url);
    } catch {
      offerLink(image.url);
      return;
    }
    const hidden = " It shows nothing to others while the image is private.";
    this.#toasts.good(image.private ? `Link copied.${hidden}` : "Link copied");
  }

  /** Shown at once, taken back when the server refuses. @param {Image} image @param {boolean} wanted */
  async setPrivate(image, wanted) {
    await this.#edit(image, { private: wanted }, { private: image.private },
      wanted ? "Private: only you can see it" : "Public: anyone with the link can see it");
  }

  /** @param {Image} image @param {string} title */
  async setTitle(image, title) {
    const wanted = title.trim() || null;
    if (wanted === (image.title || null)) return;
    await this.#edit(image, { title: wanted }, { title: image.title }, wanted ? "Title saved" : "Title removed");
  }

  /**
   * @param {Image} image
   * @param {Partial<Pick<Image, "private" | "title">>} changes
   * @param {Partial<Image>} before
   * @param {string} words
   */
  async #edit(image, changes, before, words) {
    if (this.#busy.has(image.id)) return;
    this.#busy.add(image.id);
    this.#gallery.change(image.id, changes);
    try {
      const answer = await this.#api.patch(image.id, changes);
      if (this.#gallery.get(image.id)) this.#gallery.put(answer);
      this.#toasts.good(words);
    } catch (error) {
      this.#gallery.change(image.id, before);
      this.#toasts.bad(`Not changed. ${wordsFor(error)}`);
    } finally {
      this.#busy.delete(image.id);
    }
  }

  /** @param {Image} image */
  async remove(image) {
    if (this.#busy.has(image.id) || !(await confirmDelete(image))) return;
    this.#busy.add(image.id);
    try {
      await this.#api.remove(image.id);
      this.#gallery.remove(image.id);
      this.#toasts.good("Image deleted");
    } catch (error) {
      this.#toasts.bad(`Not deleted. ${wordsFor(error)}`);
    } finally {
      this.#busy.delete(image.id);
    }
  }

  /** @param {Image} image @param {boolean} elsewhere in a new tab, so that leaving this one is not asked about */
  async download(image, elsewhere) {
    try {
      const href = await this.#api.downloadUrl(image.id);
      const target = elsewhere ? "_blank" : null;
      el("a", { href, download: image.filename, rel: "noreferrer noopener", target }).click();
    } catch (error) {
      this.#toasts.bad(`Not downloaded. ${wordsFor(error)}`);
    }
  }
}
