/** The large view's side: title, private switch, facts and link of the image that is shown. */

import { byId, el, setIcon } from "./dom.js";
import { bytes, counted, dateTime, kindOf, number } from "./format.js";

/** @typedef {import("./api.js").Image} Image */

export class Details {
  #panel = byId("lb-details");
  #button = byId("lb-info");
  #title = byId("lb-title", HTMLInputElement);
  #switch = byId("lb-private");
  #link = byId("lb-link", HTMLInputElement);
  #original = byId("lb-original", HTMLAnchorElement);
  #facts = byId("lb-facts");
  /** @type {Image | null} */
  #image = null;

  /** @param {import("./actions.js").Actions} actions */
  constructor(actions) {
    const image = () => /** @type {Image} */ (this.#image);
    this.#button.addEventListener("click", () => this.toggle());
    byId("lb-details-close").addEventListener("click", () => {
      this.toggle(false);
      this.#button.focus();
    });
    this.#switch.addEventListener("click", () => void actions.setPrivate(image(), !image().private));
    byId("lb-link-copy").addEventListener("click", () => void actions.copyLink(image()));
    this.#link.addEventListener("focus", () => this.#link.select());
    for (const kind of ["click", "auxclick"]) {
      this.#original.addEventListener(kind, (event) => {
        // The right button only opens a menu.
        if (/** @type {MouseEvent} */ (event).button < 2) void actions.openOriginal(image(), event);
      });
    }
    byId("lb-title-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#title.blur();
    });
    this.#title.addEventListener("change", () => void actions.setTitle(image(), this.#title.value));
    this.#title.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      // Escape takes the typing back; the next one closes the large view.
      event.preventDefault();
      this.#title.value = image().title ?? "";
      this.#title.blur();
    });
  }

  /** @param {boolean} [open] */
  toggle(open = Boolean(this.#panel.hidden)) {
    this.#panel.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
  }

  /** @param {Image} image */
  show(image) {
    const other = this.#image?.id !== image.id;
    this.#image = image;
    if (other || document.activeElement !== this.#title) this.#title.value = image.title ?? "";
    this.#switch.setAttribute("aria-checked", String(image.private));
    byId("lb-private-words").textContent = image.private ? "Only you" : "Anyone with the link";
    setIcon(this.#panel.querySelector(".switch-row"), image.private ? "lock" : "unlock");
    this.#link.value = image.url;
    this.#original.href = image.src;
    /** @type {[string, string][]} */
    const facts = [
      ["File", image.filename],
      ["Added", dateTime(image.created_at)],
      ...(image.image_expires_at ? [["Deletes itself", dateTime(image.image_expires_at)]] : []),
      ["Dimensions", `${number(image.width)} × ${number(image.height)}`],
      ["Size", bytes(image.size)],
      ["Type", image.frames > 1 ? `${kindOf(image.mime)}, ${counted(image.frames, "frame")}` : kindOf(image.mime)],
      ["Views", number(image.views)],
    ];
    const row = (/** @type {string} */ name, /** @type {string} */ value) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, value));
    this.#facts.replaceChildren(...facts.map(([name, value]) => row(name, value)));
  }
}
