/** What a person does to one image, from the grid and from the large view alike: each ends in a message. */

import { confirmDelete, offerLink } from "./confirm.js";
import { el } from "./dom.js";
import { Problem, wordsFor } from "./problems.js";

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
      if (!offerLink(image.url)) return;
    }
    const hidden = " It shows nothing to others while the image is private.";
    this.#toasts.good(image.private ? `Link copied.${hidden}` : "Link copied");
  }

  /** Shown at once, taken back when the server refuses. @param {Image} image @param {boolean} wanted */
  async setPrivate(image, wanted) {
    const closed = "Private. Who opened it lately may still see it for a while.";
    await this.#edit(image, { private: wanted }, { private: image.private },
      wanted ? closed : "Public: anyone with the link can see it");
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
      this.#failed(image, "Not changed.", error);
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
      this.#failed(image, "Not deleted.", error);
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
      this.#failed(image, "Not downloaded.", error);
    }
  }

  /**
   * Follows a link to the original whose URL has expired meanwhile. The tab is opened at once, as only a press may.
   *
   * @param {Image} image
   * @param {Event} press  of the link; left alone while the link's own URL is good
   */
  async openOriginal(image, press) {
    if (!this.#gallery.stale(image)) return;
    press.preventDefault();
    const tab = window.open("", "_blank");
    if (tab) tab.opener = null;
    try {
      const fresh = await this.#gallery.renew(image.id);
      if (!fresh) throw new Problem(410, "image-deleted", "The image was deleted.");
      if (tab) tab.location.replace(fresh.src);
      else this.#toasts.bad("Not opened. The browser lets this page open no tab: press again.");
    } catch (error) {
      tab?.close();
      this.#failed(image, "Not opened.", error);
    }
  }

  /**
   * An image that is gone, because another tab deleted it say, leaves this page as well.
   *
   * @param {Image} image
   * @param {string} what
   * @param {unknown} error
   */
  #failed(image, what, error) {
    if (error instanceof Problem && error.gone) this.#gallery.remove(image.id);
    this.#toasts.bad(`${what} ${wordsFor(error)}`);
  }
}
