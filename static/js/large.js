/** The picture in the large view: the thumbnail at once, the preview over it; by a renewed URL when one fails. */

import { byId } from "./dom.js";

/** @typedef {import("./api.js").Image} Image */

export class Large {
  #gallery;
  #frame = byId("lb-frame");
  #thumb = byId("lb-thumb", HTMLImageElement);
  #large = byId("lb-large", HTMLImageElement);
  #trouble = byId("lb-trouble");
  #spinner = byId("lb-spinner");
  /** What is wanted now; whatever comes for an earlier wish is ignored. */
  #wish = 0;
  /** @type {Image | null} */
  #image = null;

  /** @param {import("./gallery.js").Gallery} gallery */
  constructor(gallery) {
    this.#gallery = gallery;
    const again = () => this.#image && void this.show(this.#image);
    byId("lb-again").addEventListener("click", again);
    window.addEventListener("online", () => this.#trouble.hidden || again());
  }

  /**
   * @param {Image} image
   * @returns {Promise<boolean>} whether the preview is shown; false when it failed or another was wished meanwhile
   */
  async show(image) {
    this.#wish += 1;
    const wish = this.#wish;
    this.#image = image;
    this.#prepare(image);
    const slow = setTimeout(() => {
      if (wish === this.#wish) this.#spinner.hidden = false;
    }, 600);
    try {
      // A URL that expired, or expires while it is used, is renewed before; one that fails all the same, once after.
      const fresh = this.#gallery.stale(image) ? await this.#gallery.renew(image.id) : image;
      if (!fresh || wish !== this.#wish) return false;
      if (await this.#load(fresh.preview, wish)) return true;
      if (wish !== this.#wish) return false;
      const again = await this.#gallery.renew(image.id);
      if (!again || wish !== this.#wish) return false;
      // A preview that cannot be had now is no reason to show nothing.
      for (const url of new Set([again.preview, again.src])) {
        if (await this.#load(url, wish)) return true;
        if (wish !== this.#wish) return false;
      }
      this.#fail("This image could not be loaded.");
    } catch (error) {
      if (wish === this.#wish) this.#fail(error instanceof Error ? error.message : "This image could not be loaded.");
    } finally {
      clearTimeout(slow);
      if (wish === this.#wish) this.#spinner.hidden = true;
    }
    return false;
  }

  clear() {
    this.#wish += 1;
    this.#image = null;
    this.#trouble.hidden = true;
    this.#spinner.hidden = true;
    this.#thumb.removeAttribute("src");
    this.#large.removeAttribute("src");
  }

  /** @param {Image} image */
  #prepare(image) {
    const [width, height] = [image.width || 1, image.height || 1];
    this.#trouble.hidden = true;
    this.#spinner.hidden = true;
    this.#frame.hidden = false;
    this.#frame.classList.remove("loaded");
    this.#frame.style.setProperty("--ratio", String(width / height));
    this.#frame.style.setProperty("--natural", `${width}px`);
    this.#large.removeAttribute("src");
    this.#large.width = width;
    this.#large.height = height;
    this.#large.alt = image.title || image.filename;
    if (image.thumb) this.#thumb.src = image.thumb;
    else this.#thumb.removeAttribute("src");
  }

  /** @param {string} url @param {number} wish @returns {Promise<boolean>} */
  async #load(url, wish) {
    const probe = new Image();
    probe.src = url;
    try {
      await probe.decode();
    } catch {
      return false;
    }
    if (wish !== this.#wish) return false;
    this.#large.src = url;
    // Decoded once already, so this is at once; without it the fade would show an empty box.
    await this.#large.decode().catch(() => undefined);
    if (wish === this.#wish) this.#frame.classList.add("loaded");
    return wish === this.#wish;
  }

  /** @param {string} words */
  #fail(words) {
    // The thumbnail is better than nothing.
    const seen = this.#thumb.complete && this.#thumb.naturalWidth > 0;
    this.#frame.hidden = !seen;
    this.#trouble.classList.toggle("over", seen);
    this.#trouble.hidden = false;
    byId("lb-trouble-words").textContent = words;
  }
}
