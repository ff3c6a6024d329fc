/** What can go wrong in asking the server, as one kind of error with words for the person. */

import { bytes, number } from "./format.js";

/** Answers that may turn out otherwise when the same is asked again. */
const PASSING = new Set([0, 408, 409, 425, 429, 500, 502, 503, 504]);

export class Problem extends Error {
  /**
   * @param {number} status            HTTP status; 0 when no answer came
   * @param {string} code              the problem document's stable code
   * @param {string} words             for the person
   * @param {number | null} [retryAfter_s]
   */
  constructor(status, code, words, retryAfter_s = null) {
    super(words);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.retryAfter_s = retryAfter_s;
  }

  /** Whether asking again, later, makes sense. */
  get passing() {
    return PASSING.has(this.status);
  }

  /** Whether what was asked for is not there, or no longer. */
  get gone() {
    return [404, 410].includes(this.status);
  }
}

/** No answer: the network, the server or the time limit. */
export function unreachable() {
  return new Problem(0, "unreachable", "The server cannot be reached.");
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
export async function problemOf(response) {
  const retryAfter_s = seconds(response.headers.get("Retry-After"));
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.includes("json")) {
    return new Problem(response.status, "unknown", wordsOf({}, response.status), retryAfter_s);
  }
  const document = await response.json().catch(() => ({}));
  return new Problem(response.status, document.code ?? "unknown", wordsOf(document, response.status), retryAfter_s);
}

/**
 * @param {Record<string, any>} document
 * @param {number} status
 */
function wordsOf(document, status) {
  if (document.code === "quota-exceeded" && document.used && document.allowed) {
    const { used, allowed } = document;
    const full = used.images >= allowed.images;
    const stock = full
      ? `you have ${number(used.images)} of ${number(allowed.images)} images`
      : `${bytes(used.bytes)} of ${bytes(allowed.bytes)} are used`;
    return `There is no space for it: ${stock}. Delete something first.`;
  }
  const fields = (document.errors ?? []).map((/** @type {{detail: string}} */ error) => error.detail).filter(Boolean);
  const plain = `The server answered with an error (${status})`;
  const words = document.detail || fields.join(" ") || document.title || plain;
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

/**
 * Retry-After in seconds; RFC 9110 also allows a date.
 *
 * @param {string | null} value
 */
function seconds(value) {
  if (!value) return null;
  const number = Number(value);
  if (Number.isFinite(number)) return Math.max(0, number);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, (date - Date.now()) / 1000);
}

/**
 * Words for anything that was thrown.
 *
 * @param {unknown} error
 */
export function wordsFor(error) {
  if (error instanceof Problem) return error.message;
  if (error instanceof DOMException && error.name === "NotReadableError") return "The file can no longer be read.";
  return "Something unexpected went wrong.";
}
