/** The tiles in justified rows below headings of time. Reuses elements: nothing flickers, and the focus stays. */

import { el } from "./dom.js";
import { period } from "./format.js";
import { justify, ratioOf, rowHeight } from "./justify.js";
import { Tile } from "./tile.js";

/** @typedef {import("./api.js").Image} Image */
/** @typedef {{name: string, tiles: Tile[]}} Group */

export class Grid {
  #container;
  #parts;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Map<string, HTMLElement>} */
  #sections = new Map();
  /** @type {Group[]} */
  #groups = [];
  #width = 0;
  #open = false;

  /** @param {HTMLElement} container @param {import("./tile.js").TileParts} parts */
  constructor(container, parts) {
    this.#container = container;
    this.#parts = parts;
    new ResizeObserver(() => this.#layout(false)).observe(container);
    container.addEventListener("keydown", (event) => this.#walk(event));
  }

  /** @param {Image[]} images newest first @param {boolean} open whether older ones will follow */
  render(images, open) {
    const hold = this.#grip();
    this.#open = open;
    this.#groups = this.#grouped(images);
    const kept = new Set(images.map(({ id }) => id));
    for (const [id, tile] of this.#tiles) {
      if (kept.has(id)) continue;
      this.#leave(tile);
      this.#tiles.delete(id);
    }
    const names = new Set(this.#groups.map(({ name }) => name));
    for (const [name, section] of this.#sections) {
      if (names.has(name)) continue;
      section.remove();
      this.#sections.delete(name);
    }
    this.#groups.forEach(({ name, tiles }, index) => {
      const section = this.#section(name);
      settle(this.#container, section, index);
      const list = /** @type {HTMLElement} */ (section.lastElementChild);
      tiles.forEach((tile, place) => settle(list, tile.element, place));
    });
    this.#layout(true);
    hold();
  }

  /** Holds the topmost tile that is seen; the answer puts it back where it was. Browsers do not in such rows. */
  #grip() {
    const all = [...this.#container.querySelectorAll(".tile")];
    const anchor = window.scrollY > 0 ? all.find((tile) => tile.getBoundingClientRect().top > 0) : undefined;
    const top = anchor?.getBoundingClientRect().top ?? 0;
    return () => {
      if (anchor?.isConnected) window.scrollBy({ top: anchor.getBoundingClientRect().top - top, behavior: "instant" });
    };
  }

  /** @param {string} id */
  focus(id) {
    this.#tiles.get(id)?.focus();
  }

  /** Asks anew for the thumbnails that failed. */
  again() {
    for (const tile of this.#tiles.values()) tile.again();
  }

  /** @param {Image[]} images @returns {Group[]} */
  #grouped(images) {
    /** @type {Group[]} */
    const groups = [];
    const now = new Date();
    for (const image of images) {
      const name = period(image.created_at, now);
      if (groups.at(-1)?.name !== name) groups.push({ name, tiles: [] });
      const tile = this.#tiles.get(image.id) ?? new Tile(image, this.#parts);
      tile.update(image);
      this.#tiles.set(image.id, tile);
      groups.at(-1)?.tiles.push(tile);
    }
    return groups;
  }

  /** @param {string} name */
  #section(name) {
    let section = this.#sections.get(name);
    if (!section) {
      section = el("section", { class: "group", "aria-label": name }, el("h2", {}, name), el("ul", { class: "rows" }));
      this.#sections.set(name, section);
    }
    return section;
  }

  /** @param {boolean} always also when the width is the same */
  #layout(always) {
    const width = Math.floor(this.#container.getBoundingClientRect().width);
    // The opened large view takes the scroll bar away: behind it nothing may move for these few pixels.
    const covered = document.querySelector("dialog.lightbox:modal") !== null;
    if (width === 0 || (!always && (width === this.#width || covered))) return;
    this.#width = width;
    const gap = width < 560 ? 4 : 6;
    for (const { tiles } of this.#groups) {
      const open = this.#open && tiles === this.#groups.at(-1)?.tiles;
      const boxes = justify(tiles.map(({ image }) => ratioOf(image)), { width, height: rowHeight(width), gap, open });
      tiles.forEach((tile, index) => tile.place(boxes[index]));
    }
  }

  /** The focus does not fall to the page's start when its tile goes. @param {Tile} tile */
  #leave(tile) {
    if (tile.element.contains(document.activeElement)) {
      const all = [...this.#container.querySelectorAll(".tile")];
      const here = all.indexOf(tile.element);
      const next = all[here + 1] ?? all[here - 1];
      if (next instanceof HTMLElement) this.focus(next.dataset.id ?? "");
    }
    tile.element.remove();
  }

  /** Arrow keys, Home and End move between the images. @param {KeyboardEvent} event */
  #walk(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const order = this.#groups.flatMap(({ tiles }) => tiles);
    const here = order.findIndex(({ element }) => element.contains(document.activeElement));
    if (here < 0) return;
    const there = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: order.length - 1,
      ArrowUp: vertical(order, here, -1), ArrowDown: vertical(order, here, 1) }[event.key];
    if (there === undefined || !order[there]) return;
    event.preventDefault();
    order[there].focus();
  }
}

/** The tile whose middle is nearest in the next row. @param {Tile[]} order @param {number} here @param {1 | -1} way */
function vertical(order, here, way) {
  const middle = (/** @type {Tile} */ { element }) => element.offsetLeft + element.offsetWidth / 2;
  const away = (/** @type {number} */ at) => Math.abs(middle(order[at]) - middle(order[here]));
  const top = (/** @type {Tile} */ { element }) => element.getBoundingClientRect().top;
  let best = here;
  let row = NaN;
  for (let at = here + way; order[at]; at += way) {
    if (top(order[at]) === top(order[here])) continue;
    if (Number.isNaN(row)) row = top(order[at]);
    if (top(order[at]) !== row) break;
    if (best === here || away(at) < away(best)) best = at;
  }
  return best;
}

/**
 * Puts a child at its place unless it is there.
 *
 * @param {HTMLElement} parent
 * @param {HTMLElement} child
 * @param {number} place
 */
function settle(parent, child, place) {
  const there = parent.children[place] ?? null;
  if (there !== child) parent.insertBefore(child, there);
}
