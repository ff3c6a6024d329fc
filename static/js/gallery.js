/** The images that the page knows, newest first, and the way to more. No elements here: views listen for `change`. */

import { Problem } from "./problems.js";
import { Queue } from "./queue.js";
import { retrying } from "./retry.js";

/** @typedef {import("./api.js").Image} Image */

/** A URL about to expire is as good as expired: the reader may look for a while. */
const MARGIN_MS = 30_000;

export class Gallery extends EventTarget {
  /** @type {Image[]} */
  images = [];
  total = 0;
  /** @type {string | null} */
  #cursor = null;
  /** @type {Promise<void> | null} */
  #loading = null;
  #api;
  #renewing = new Queue(4);
  /** Answers to questions of an earlier life (another token) are dropped. */
  #life = 0;

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  get ended() {
    return this.#cursor === null;
  }

  clear() {
    this.#life += 1;
    this.images = [];
    this.total = 0;
    this.#cursor = null;
    this.#loading = null;
    this.#changed();
  }

  /** Starts anew with the first page. @throws {Problem} */
  async reload() {
    this.#life += 1;
    this.#loading = null;
    await this.#load(null);
  }

  /** The next page; calls while it is under way share it. @throws {Problem} */
  more() {
    if (this.ended) return Promise.resolve();
    this.#loading ??= this.#load(this.#cursor).finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** @param {string | null} cursor */
  async #load(cursor) {
    const life = this.#life;
    const page = await retrying(() => this.#api.images(cursor), { tries: 3, patience_s: 5 });
    if (life !== this.#life) return;
    const known = new Set(cursor === null ? [] : this.images.map(({ id }) => id));
    const fresh = page.images.filter(({ id }) => !known.has(id));
    this.images = cursor === null ? fresh : [...this.images, ...fresh];
    this.#cursor = page.next_cursor;
    this.total = page.total;
    this.#changed();
  }

  /**
   * Learns what changed elsewhere since, as far as the newest page tells it; older images stay as they are.
   *
   * @throws {Problem}
   */
  async catchUp() {
    const life = this.#life;
    const before = new Set(this.images.map(({ id }) => id));
    const page = await this.#api.images(null);
    if (life !== this.#life) return;
    const last = page.next_cursor === null ? null : /** @type {Image} */ (page.images.at(-1));
    if (last && !before.has(last.id)) {
      // More is new than a page holds: between it and what is known there would be a gap.
      this.#life += 1;
      this.#loading = null;
      this.images = page.images;
      this.#cursor = page.next_cursor;
    } else {
      const listed = new Set(page.images.map(({ id }) => id));
      const end = last ? this.indexOf(last.id) : this.images.length - 1;
      // What came here while the question was under way is not missing in the answer.
      const kept = this.images.filter(({ id }, at) => !listed.has(id) && (at > end || !before.has(id)));
      const newestFirst = (/** @type {Image} */ a, /** @type {Image} */ b) => b.created_at.localeCompare(a.created_at);
      this.images = [...page.images, ...kept].sort(newestFirst);
      if (!last) this.#cursor = null;
    }
    this.total = Math.max(this.images.length, page.total);
    this.#changed();
  }

  /** @param {string} id */
  get(id) {
    return this.images.find((image) => image.id === id);
  }

  /** @param {string} id */
  indexOf(id) {
    return this.images.findIndex((image) => image.id === id);
  }

  /** A new image, or a new state of a known one. @param {Image} image */
  put(image) {
    const index = this.indexOf(image.id);
    if (index >= 0) {
      this.images[index] = image;
    } else {
      const place = this.images.findIndex(({ created_at }) => created_at <= image.created_at);
      this.images.splice(place < 0 ? this.images.length : place, 0, image);
      this.total += 1;
    }
    this.#changed();
  }

  /** Changes a known image on the page only. @param {string} id @param {Partial<Image>} changes */
  change(id, changes) {
    const image = this.get(id);
    if (image) this.put({ ...image, ...changes });
  }

  /** @param {string} id */
  remove(id) {
    const index = this.indexOf(id);
    if (index < 0) return;
    this.images.splice(index, 1);
    this.total = Math.max(this.images.length, this.total - 1);
    this.#changed();
  }

  /** @param {Image} image */
  stale(image) {
    return Date.parse(image.expires_at) - Date.now() < MARGIN_MS;
  }

  /**
   * Asks for an image anew, for URLs that have not expired. One that is gone leaves the gallery.
   *
   * @param {string} id
   * @returns {Promise<Image | null>} null when it is gone
   * @throws {Problem}
   */
  async renew(id) {
    const life = this.#life;
    try {
      const image = await this.#renewing.run(() => this.#api.image(id));
      if (life === this.#life && this.get(id)) this.put(image);
      return image;
    } catch (error) {
      if (!(error instanceof Problem) || !error.gone) throw error;
      this.remove(id);
      return null;
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
