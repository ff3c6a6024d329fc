/** One PUT straight to S3. XMLHttpRequest, because fetch reports no progress of what is sent. */

import { Problem } from "./problems.js";

/** No byte moved for so long: the connection is dead, whatever the system thinks. */
const STALL_MS = 60_000;

/** The browser sets these itself and refuses to be told. */
const BROWSERS_OWN = new Set(["content-length", "host"]);

/**
 * @param {import("./api.js").Signed} signed
 * @param {Blob} file
 * @param {{signal?: AbortSignal, onProgress?: (share: number) => void}} [options]  share of the bytes sent, 0 to 1
 * @returns {Promise<void>}
 * @throws {Problem} with S3's status; 0 when the connection broke
 */
export function put(signed, file, { signal, onProgress } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let stall;
    const stir = () => {
      clearTimeout(stall);
      stall = setTimeout(() => request.abort(), STALL_MS);
    };
    const stop = () => request.abort();

    request.open(signed.method, signed.url);
    for (const [name, value] of Object.entries(signed.headers)) {
      if (!BROWSERS_OWN.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      stir();
      if (event.lengthComputable && event.total > 0) onProgress?.(event.loaded / event.total);
    };
    request.onload = () => {
      // 412: a condition says the object is there already, from a try whose answer was lost.
      if ((request.status >= 200 && request.status < 300) || request.status === 412) resolve();
      else reject(new Problem(request.status, "put-refused", `The store refused the file (${request.status}).`));
    };
    request.onerror = () => reject(new Problem(0, "put-lost", "The connection broke while uploading."));
    request.onabort = () => {
      reject(signal?.aborted ? signal.reason : new Problem(0, "put-stalled", "The upload came to a halt."));
    };
    request.onloadend = () => {
      clearTimeout(stall);
      signal?.removeEventListener("abort", stop);
    };
    signal?.addEventListener("abort", stop, { once: true });
    stir();
    request.send(file);
  });
}
