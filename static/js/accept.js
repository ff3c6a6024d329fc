/** Which files are worth asking the server about. The server decides; this spares the way for what is hopeless. */

import { bytes } from "./format.js";

/** Some systems give a file no type; the server's decoder has the last word anyway. */
const BY_EXTENSION = new Map([
  ["png", "image/png"], ["jpg", "image/jpeg"], ["jpeg", "image/jpeg"], ["gif", "image/gif"],
  ["webp", "image/webp"], ["avif", "image/avif"],
]);

const NAMES = new Map([
  ["image/png", "PNG"], ["image/jpeg", "JPEG"], ["image/gif", "GIF"], ["image/webp", "WebP"], ["image/avif", "AVIF"],
]);

/** @param {File} file */
export function claimedType(file) {
  const extension = file.name.slice(file.name.lastIndexOf(".") + 1).toLowerCase();
  return file.type || BY_EXTENSION.get(extension) || "";
}

/** "PNG, JPEG, GIF, WebP and AVIF" @param {string[]} types @param {"and" | "or"} [word] */
export function typeNames(types, word = "and") {
  const names = types.map((type) => NAMES.get(type) ?? type.replace("image/", "").toUpperCase());
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${word} ${names.at(-1)}`;
}

/**
 * @param {File} file
 * @param {{accept: string[], maxBytes: number}} limits
 * @returns {string | null} why the file is refused
 */
export function refusal(file, { accept, maxBytes }) {
  if (file.size === 0) return "The file is empty.";
  if (!accept.includes(claimedType(file))) return `Not an accepted type. Send ${typeNames(accept, "or")}.`;
  if (file.size > maxBytes) return `Too large: ${bytes(file.size)}, and at most ${bytes(maxBytes)} are accepted.`;
  return null;
}
