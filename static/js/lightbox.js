/** The large view: a modal dialog over the gallery, one image at a time, with its neighbours a key or a swipe away. */

import { Details } from "./details.js";
import { byId } from "./dom.js";
import { number } from "./format.js";
import { Large } from "./large.js";
import { watchSwipe } from "./swipe.js";

/** @typedef {import("./api.js").Image} Image */

/** So close to the end of what is loaded, the next page is asked for. */
const NEAR_END = 5;
/** From this width on the details stand beside the picture from the start. */
const WIDE_PX = 1180;

export class Lightbox {
  #gallery;
  #dialog = byId("lightbox", HTMLDialogElement);
  #large;
  #details;
  /** @type {string | null} */
  #id = null;
  #index = 0;

  /**
   * @param {import("./gallery.js").Gallery} gallery
   * @param {import("./actions.js").Actions} actions
   * @param {{onClose: (id: string) => void, busy: () => boolean}} parts  busy: leaving the page would lose something
   */
  constructor(gallery, actions, { onClose, busy }) {
    this.#gallery = gallery;
    this.#large = new Large(gallery);
    this.#details = new Details(actions);
    const act = (/** @type {string} */ id, /** @type {(image: Image) => unknown} */ run) =>
      byId(id).addEventListener("click", () => {
        const image = this.#id === null ? undefined : gallery.get(this.#id);
        if (image) run(image);
      });
    act("lb-copy", (image) => actions.copyLink(image));
    act("lb-download", (image) => actions.download(image, busy()));
    act("lb-delete", (image) => actions.remove(image));
    act("lb-previous", () => this.#step(-1));
    act("lb-next", () => this.#step(1));
    byId("lb-close").addEventListener("click", () => this.close());
    byId("lb-stage").addEventListener("click", (event) => {
      if (event.target === event.currentTarget) this.close();
    });
    watchSwipe(byId("lb-stage"), byId("lb-frame"), (way) => this.#step(way));
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("close", () => {
      const id = this.#id;
      this.#id = null;
      this.#large.clear();
      if (id !== null) onClose(id);
    });
    gallery.addEventListener("change", () => this.#follow());
  }

  /** @param {Image} image */
  open(image) {
    if (!this.#dialog.open) {
      this.#details.toggle(window.innerWidth >= WIDE_PX);
      this.#dialog.showModal();
      byId("lb-close").focus({ preventScroll: true });
    }
    this.#show(image);
  }

  close() {
    if (this.#dialog.open) this.#dialog.close();
  }

  /** @param {Image} image */
  #show(image) {
    this.#id = image.id;
    this.#index = this.#gallery.indexOf(image.id);
    this.#label(image);
    void this.#large.show(image).then((shown) => {
      if (shown) this.#preload();
    });
    if (this.#index >= this.#gallery.images.length - NEAR_END) void this.#gallery.more().catch(() => undefined);
  }

  /** @param {Image} image */
  #label(image) {
    byId("lb-place").textContent = `${number(this.#index + 1)} of ${number(this.#gallery.total)}`;
    byId("lb-previous").hidden = this.#index <= 0;
    byId("lb-next").hidden = this.#index >= this.#gallery.images.length - 1;
    this.#dialog.setAttribute("aria-label", image.title || image.filename);
    this.#details.show(image);
  }

  /** @param {number} way */
  #step(way) {
    const image = this.#gallery.images[this.#index + way];
    if (!image) return;
    this.#show(image);
    // A button that has just been hidden must not take the focus with it, and the keys with the focus.
    const focused = document.activeElement;
    if (!this.#dialog.contains(focused) || focused?.matches("[hidden]")) byId("lb-close").focus();
  }

  /** The gallery changed below: the image may have new facts, another place, or be gone. */
  #follow() {
    if (this.#id === null || !this.#dialog.open) return;
    const image = this.#gallery.get(this.#id);
    if (image) {
      this.#index = this.#gallery.indexOf(image.id);
      this.#label(image);
      return;
    }
    const next = this.#gallery.images[Math.min(this.#index, this.#gallery.images.length - 1)];
    if (next) this.#show(next);
    else this.close();
  }

  #preload() {
    for (const way of [1, -1]) {
      const image = this.#gallery.images[this.#index + way];
      if (image && !this.#gallery.stale(image)) new Image().src = image.preview;
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.target instanceof HTMLInputElement || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") this.#step(-1);
    else if (event.key === "ArrowRight") this.#step(1);
    else if (event.key === "i" || event.key === "I") this.#details.toggle();
    else if (event.key === "Delete") byId("lb-delete").click();
    else return;
    event.preventDefault();
  }
}
