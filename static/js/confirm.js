/** The two small dialogs: a question before something is lost, and a link to copy where no clipboard is in reach. */

import { byId, el, icon } from "./dom.js";

/**
 * @param {import("./api.js").Image} image
 * @returns {Promise<boolean>}
 */
export function confirmDelete(image) {
  const name = image.title || image.filename;
  const picture = image.thumb ?? image.src;
  byId("confirm-title").textContent = "Delete this image?";
  byId("confirm-words").textContent = `“${name}” and its link will be gone for good. This cannot be undone.`;
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

/** @param {string} link */
export function offerLink(link) {
  const field = byId("link-field", HTMLInputElement);
  field.value = link;
  byId("link-box", HTMLDialogElement).showModal();
  field.focus();
  field.select();
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
