/** What the server tells the page, read once from the body's data attributes. */

/**
 * @typedef {object} Config
 * @property {string} version
 * @property {number} maxBytes    the largest file that is accepted
 * @property {string[]} accept    MIME types
 * @property {string} s3Origin
 * @property {boolean} dev
 */

/**
 * @param {HTMLElement} element
 * @returns {Config}
 */
export function readConfig(element) {
  const { version = "", maxBytes = "0", accept = "", s3Origin = "", dev = "false" } = element.dataset;
  return {
    version,
    maxBytes: Number(maxBytes),
    accept: accept.split(",").map((type) => type.trim()).filter(Boolean),
    s3Origin,
    dev: dev === "true",
  };
}
