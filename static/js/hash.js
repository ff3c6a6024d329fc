/** SHA-256 of a file, where the browser offers it: only pages from HTTPS or loopback have `crypto.subtle`. */

/**
 * @param {Blob} file
 * @returns {Promise<string | null>} 64 lower-case hex digits, null where the browser cannot
 */
export async function sha256(file) {
  if (!window.isSecureContext || !window.crypto?.subtle) return null;
  const digest = await window.crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
