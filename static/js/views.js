/** Which of the page's states is seen: loading, signed out, in trouble, empty or the library. Exactly one at a time. */

import { byId } from "./dom.js";
import { counted } from "./format.js";

/** @typedef {"loading" | "signed-out" | "trouble" | "empty" | "library"} View */

/** @type {View[]} */
const VIEWS = ["loading", "signed-out", "trouble", "empty", "library"];

/** @param {View} name */
export function show(name) {
  for (const view of VIEWS) byId(`view-${view}`).hidden = view !== name;
  byId("tools").hidden = name === "signed-out";
  document.body.dataset.view = name;
}

/** @returns {View} */
export function shown() {
  return /** @type {View} */ (document.body.dataset.view ?? "loading");
}

/** @param {string} title @param {string} words */
export function showTrouble(title, words) {
  byId("trouble-title").textContent = title;
  byId("trouble-words").textContent = words;
  show("trouble");
}

/** The library, or the invitation when there is nothing in it. @param {number} total */
export function showLibrary(total) {
  byId("count").textContent = counted(total, "image");
  show(total === 0 ? "empty" : "library");
}
