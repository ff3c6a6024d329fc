/** The two small dialogs: a question before something is lost, and a link to copy where no clipboard is in reach. */

import { byId, el, icon } from "./dom.js";

/**
 * @param {import("./api.js").Image} image
 * @returns {Promise<boolean>}
 */
export function confirmDelete(image) {
  // Isolated, so that a name written from right to left does not turn the sentence around.
  const name = image.title || image.filename;
  const picture = image.thumb ?? image.src;
  byId("confirm-title").textContent = "Delete this image?";
  const lost = `“\u2068${name}\u2069” and its link will be gone for good.`;
  byId("confirm-words").textContent = `${lost} This cannot be undone.`;
  const shown = el("img", { src: picture, alt: "", error: () => shown.replaceWith(icon("image")) });
  byId("confirm-picture").replaceChildren(shown);
  return ask(byId("confirm", HTMLDialogElement));
}

/** @param {HTMLDialogElement} dialog @returns {Promise<boolean>} */
function ask(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

/**
 * Copies as pages did before there was a clipboard for them; where that is refused too, leaves it to the person.
 *
 * @param {string} link
 * @returns {boolean} whether it was copied; if not, the dialog stays open
 */
export function offerLink(link) {
  const field = byId("link-field", HTMLInputElement);
  const dialog = byId("link-box", HTMLDialogElement);
  const why = window.isSecureContext ? "The browser" : "This page has no HTTPS, so the browser";
  byId("link-words").textContent = `${why} lets only you copy: press Ctrl+C or ⌘C.`;
  field.value = link;
  dialog.showModal();
  field.focus();
  field.select();
  const copied = document.execCommand("copy");
  if (copied) dialog.close();
  else field.scrollLeft = 0;
  return copied;
}

/** A press beside a small dialog closes it, as people expect; on the large one Escape and its buttons do. */
export function closeByBackdrop() {
  for (const id of ["confirm", "link-box"]) {
    const dialog = byId(id, HTMLDialogElement);
    dialog.addEventListener("pointerdown", (event) => {
      if (event.target !== dialog) return;
      const { left, right, top, bottom } = dialog.getBoundingClientRect();
      const inside = event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
      if (!inside) dialog.close("no");
    });
  }
}
