/** One image in the grid: its thumbnail in a box of known size, what it is, and what can be done with it. */

import { el, icon, setIcon } from "./dom.js";
import { kindOf } from "./format.js";
import { drawn } from "./placeholder.js";

/** @typedef {import("./api.js").Image} Image */
/**
 * @typedef {object} TileParts
 * @property {(image: Image) => void} open
 * @property {(image: Image) => Promise<Image | null>} renew   null when the image is gone
 * @property {import("./actions.js").Actions} actions
 */

/** How often a thumbnail that fails is asked for anew, between two that load. */
const RENEWALS = 2;

export class Tile {
  /** @type {Image} */
  image;
  element;
  #parts;
  #picture;
  #open;
  #privacy;
  #marks;
  #loaded = false;
  #renewals = 0;

  /** @param {Image} image @param {TileParts} parts */
  constructor(image, parts) {
    this.image = image;
    this.#parts = parts;
    this.#picture = /** @type {HTMLImageElement} */ (el("img", {
      loading: "lazy", decoding: "async", draggable: "false",
      load: () => this.#onLoad(), error: () => void this.#onError(),
    }));
    const open = () => parts.open(this.image);
    this.#open = el("button", { class: "tile-open", type: "button", click: open }, this.#picture);
    const placeholder = drawn(image.placeholder);
    if (placeholder) this.#open.style.setProperty("--placeholder", `url("${placeholder}")`);
    this.#marks = el("div", { class: "tile-marks", "aria-hidden": "true" });
    const act = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {() => void} */ run) =>
      el("button", { class: "glass small", type: "button", "aria-label": label, title: label, click: run }, icon(sign));
    this.#privacy = act("lock", "Make private", () => void parts.actions.setPrivate(this.image, !this.image.private));
    this.element = el("li", { class: "tile", "data-id": image.id }, this.#open, this.#marks,
      el("div", { class: "tile-actions" },
        act("link", "Copy link", () => void parts.actions.copyLink(this.image)),
        this.#privacy,
        act("trash", "Delete", () => void parts.actions.remove(this.image))));
    this.update(image, true);
  }

  /** @param {Image} image @param {boolean} [first] */
  update(image, first = false) {
    if (image === this.image && !first) return;
    this.image = image;
    const name = image.title || image.filename;
    const animated = image.frames > 1;
    this.#picture.alt = name;
    const [hidden, moving] = [image.private ? ", private" : "", animated ? ", animated" : ""];
    this.#open.setAttribute("aria-label", `Open ${name}${hidden}${moving}`);
    this.#open.title = name;
    const word = image.mime === "image/gif" ? "GIF" : `${kindOf(image.mime)} · animated`;
    this.#marks.replaceChildren(
      ...(animated ? [el("span", { class: "mark-word" }, word)] : []),
      ...(image.private ? [el("span", { class: "mark-sign" }, icon("lock"))] : []));
    const label = image.private ? "Make public" : "Make private";
    this.#privacy.setAttribute("aria-label", label);
    this.#privacy.title = label;
    setIcon(this.#privacy, image.private ? "unlock" : "lock");
    const source = image.thumb ?? image.preview ?? image.src;
    // Every answer brings freshly signed URLs; a picture that is already there is not fetched again.
    if (!this.#loaded && this.#picture.getAttribute("src") !== source) this.#picture.src = source;
  }

  /** @param {import("./justify.js").Box} box */
  place({ width, height }) {
    this.element.style.width = `${width}px`;
    this.element.style.height = `${height}px`;
    this.#picture.width = width;
    this.#picture.height = height;
    // Cut off like the thumbnail, where the box has other proportions; the placeholder itself knows them roughly.
    const wider = (this.image.width * height) / (this.image.height * width) || 1;
    this.#open.style.setProperty("--cover", `${Math.max(1, wider) * 100}% ${Math.max(1, 1 / wider) * 100}%`);
  }

  focus() {
    this.#open.focus();
  }

  /** Tries anew what failed, however often it did: the network is back. */
  again() {
    if (this.#loaded || this.#renewals === 0) return;
    this.#renewals = 0;
    this.element.classList.remove("broken");
    const { src } = this.#picture;
    this.#picture.src = src;
  }

  #onLoad() {
    this.#loaded = true;
    this.#renewals = 0;
    this.element.classList.remove("broken");
    this.element.classList.add("loaded");
  }

  async #onError() {
    if (this.#renewals >= RENEWALS) {
      this.element.classList.add("broken");
      return;
    }
    this.#renewals += 1;
    const before = this.#picture.src;
    const image = await this.#parts.renew(this.image).catch(() => this.image);
    if (image === null) return;
    this.update(image);
    // Within its time window a URL stays the same: setting it again is what makes the browser ask again.
    if (this.#picture.src === before) this.#picture.src = before;
  }
}
