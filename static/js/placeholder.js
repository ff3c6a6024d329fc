/** What stands where a picture will be: its ThumbHash, which came with the list, drawn as a small picture. */

import { thumbHashToDataURL } from "../vendor/thumbhash/thumbhash.js";

/**
 * @param {string | null} hash base64
 * @returns {string | null} a data URL; null where there is none, or what there is cannot be read
 */
export function drawn(hash) {
  if (!hash) return null;
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(hash), (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}
