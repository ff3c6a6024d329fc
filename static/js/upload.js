/** One file's way: hash, reserve, PUT straight to S3, complete. Steps may be repeated; a memo says how far it came. */

import { sha256 } from "./hash.js";
import { Problem } from "./problems.js";
import { put } from "./put.js";
import { retrying } from "./retry.js";

/** @typedef {"waiting" | "hashing" | "uploading" | "checking" | "offline" | "done" | "refused" | "failed"} State */
/** @typedef {{id: string | null, sent: boolean}} Memo  the reserved image; whether S3 has its bytes */

/** How often the bytes are sent at most, whatever S3 or complete say about them. */
const ROUNDS = 3;

/**
 * @param {File} file
 * @param {string} mime   the claimed type
 * @param {Memo} memo     changed in place, so that a later call goes on where this one stopped
 * @param {object} parts
 * @param {import("./api.js").Api} parts.api
 * @param {AbortSignal} parts.signal
 * @param {(state: State, share?: number) => void} parts.report
 * @returns {Promise<import("./api.js").Image>}
 * @throws {Problem} and what reading the file throws
 */
export async function uploadFile(file, mime, memo, { api, signal, report }) {
  /** @type {import("./api.js").Ticket | null} */
  let ticket = null;
  const offline = () => report("offline");
  if (memo.id === null) {
    report("hashing");
    const hash = await sha256(file);
    const body = { filename: file.name, mime, size: file.size, ...(hash ? { sha256: hash } : {}) };
    ticket = await retrying(() => api.requestUpload(body, signal), { signal, offline, tries: 8 });
    memo.id = ticket.id;
  }
  const id = memo.id;
  for (let round = 1; ; round += 1) {
    try {
      if (!memo.sent) {
        report("uploading", 0);
        ticket ??= await retrying(() => api.requestUpload({ id }, signal), { signal, offline });
        await send(ticket, file, { signal, offline, report });
        memo.sent = true;
      }
      const complete = () => {
        report("checking");
        return api.complete(id, signal);
      };
      return await retrying(complete, { signal, offline, tries: 8, when: worthAsking });
    } catch (error) {
      if (round >= ROUNDS || !(error instanceof Problem) || !sendAgain(error)) throw error;
      memo.sent = false;
      ticket = null;
    }
  }
}

/**
 * @param {import("./api.js").Ticket} ticket
 * @param {File} file
 * @param {{signal: AbortSignal, offline: () => void, report: (state: State, share?: number) => void}} parts
 */
async function send(ticket, file, { signal, offline, report }) {
  const onProgress = (/** @type {number} */ share) => report("uploading", share);
  // 403 is an expired signature: another round signs anew, the same URL would never do.
  const once = () => put(ticket.upload, file, { signal, onProgress });
  await retrying(once, { signal, offline, tries: 4 });
}

/** Busy, unavailable, unheard: ask again. But what did not arrive does not come by asking. @param {Problem} problem */
function worthAsking(problem) {
  return problem.passing && problem.code !== "upload-not-received";
}

/** @param {Problem} problem */
function sendAgain(problem) {
  return (problem.code === "put-refused" && problem.status === 403) || problem.code === "upload-not-received";
}
