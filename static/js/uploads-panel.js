/** The list of uploads at the page's lower edge: one row a file, drawn at most once a frame. */

import { byId, el, icon } from "./dom.js";
import { counted } from "./format.js";
import { drawPreview } from "./preview.js";

/** @typedef {import("./uploads.js").Item} Item */
/**
 * @typedef {object} Row
 * @property {HTMLElement} element
 * @property {HTMLElement} words
 * @property {HTMLProgressElement} bar
 * @property {HTMLElement} again
 * @property {HTMLElement} end       cancels or dismisses
 * @property {HTMLElement} sign
 * @property {AbortController} gone  aborted when the row is taken away
 */

/** A panel in which all went well leaves by itself. */
const STAY_MS = 6000;

export class UploadsPanel {
  #uploads;
  #panel = byId("uploads");
  #list = byId("uploads-list");
  #title = byId("uploads-title");
  #total = byId("uploads-total", HTMLProgressElement);
  #fold = byId("uploads-fold");
  #close = byId("uploads-close");
  /** @type {Map<Item, Row>} */
  #rows = new Map();
  #planned = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #leaving;

  /** @param {import("./uploads.js").Uploads} uploads */
  constructor(uploads) {
    this.#uploads = uploads;
    uploads.addEventListener("change", () => this.#plan());
    uploads.addEventListener("idle", () => this.#leaveSoon());
    this.#panel.addEventListener("pointerleave", () => this.#leaveSoon());
    this.#fold.addEventListener("click", () => this.#foldTo(!this.#panel.classList.contains("folded")));
    this.#close.addEventListener("click", () => uploads.sweep());
  }

  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      this.#draw();
    });
  }

  #draw() {
    const { items, active } = this.#uploads;
    for (const [item, row] of this.#rows) {
      if (items.includes(item)) continue;
      if (row.element.contains(document.activeElement)) this.#list.focus();
      row.gone.abort();
      row.element.remove();
      this.#rows.delete(item);
    }
    for (const item of items) {
      if (!this.#rows.has(item)) this.#rows.set(item, this.#row(item));
      this.#update(item, /** @type {Row} */ (this.#rows.get(item)));
    }
    if (items.length === 0) this.#foldTo(false);
    if (active.length > 0) clearTimeout(this.#leaving);
    this.#panel.hidden = items.length === 0;
    this.#close.hidden = active.length > 0;
    this.#total.hidden = active.length === 0;
    const shares = items.map((item) => (active.includes(item) ? item.share : 1));
    this.#total.value = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
    const title = titleOf(items, active.length);
    if (this.#title.textContent !== title) this.#title.textContent = title;
  }

  /** @param {Item} item @returns {Row} */
  #row(item) {
    const { name } = item.file;
    const [again, end] = [() => this.#uploads.retry(item), () => this.#uploads.dismiss(item)];
    const label = `Progress of ${name}`;
    const canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { width: 88, height: 88, hidden: true }));
    const gone = new AbortController();
    if (item.state !== "refused") {
      void drawPreview(item.file, canvas, gone.signal).then((drawn) => {
        canvas.hidden = !drawn;
      });
    }
    const row = {
      element: el("li", { class: "upload" }),
      words: el("p", { class: "upload-words" }),
      bar: /** @type {HTMLProgressElement} */ (el("progress", { max: 1, value: 0, "aria-label": label })),
      again: el("button", { class: "button small", type: "button", click: again }, el("span", {}, "Retry")),
      end: el("button", { class: "button round small", type: "button", click: end }, icon("close")),
      sign: el("span", { class: "upload-sign" }, icon("check")),
      gone,
    };
    row.element.append(
      el("div", { class: "upload-picture" }, icon("image"), canvas),
      el("div", { class: "upload-text" }, el("p", { class: "upload-name", title: name }, name), row.words, row.bar),
      row.again, row.sign, row.end);
    this.#list.append(row.element);
    return row;
  }

  /** @param {Item} item @param {Row} row */
  #update(item, { element, words, bar, again, end, sign }) {
    element.dataset.state = item.state;
    const text = wordsOf(item);
    if (words.textContent !== text) words.textContent = text;
    bar.hidden = !["uploading", "checking", "hashing"].includes(item.state);
    if (item.state === "uploading") bar.value = item.share;
    else bar.removeAttribute("value");
    again.hidden = item.state !== "failed";
    sign.hidden = item.state !== "done";
    end.hidden = item.state === "done";
    const over = ["refused", "failed"].includes(item.state);
    end.setAttribute("aria-label", `${over ? "Dismiss" : "Cancel"} ${item.file.name}`);
  }

  /** @param {boolean} folded */
  #foldTo(folded) {
    this.#panel.classList.toggle("folded", folded);
    this.#fold.setAttribute("aria-expanded", String(!folded));
    this.#fold.setAttribute("aria-label", folded ? "Unfold the list of uploads" : "Fold the list of uploads");
  }

  #leaveSoon() {
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => {
      const { items } = this.#uploads;
      const held = this.#panel.matches(":hover, :focus-within");
      if (!held && items.every(({ state }) => state === "done")) this.#uploads.sweep();
    }, STAY_MS);
  }
}

/** @param {Item} item */
function wordsOf({ state, share, words }) {
  switch (state) {
    case "waiting": return "Waiting";
    case "hashing": return "Preparing";
    case "uploading": return `Uploading ${Math.round(share * 100)} %`;
    case "checking": return "Checking";
    case "offline": return "Waiting for the network";
    case "done": return "Done";
    default: return words;
  }
}

/** @param {Item[]} items @param {number} active */
function titleOf(items, active) {
  const done = items.filter(({ state }) => state === "done").length;
  const lost = items.length - done - active;
  if (active > 0) return `Uploading ${Math.min(items.length, items.length - active + 1)} of ${items.length}`;
  if (lost === 0) return `${counted(done, "image")} uploaded`;
  return done > 0 ? `${counted(done, "image")} uploaded, ${lost} not` : `${counted(lost, "file")} not uploaded`;
}
