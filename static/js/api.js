/** The HTTP API as functions. Adds the token, turns every failure into a Problem; knows nothing of the page. */

import { Problem, problemOf, unreachable } from "./problems.js";

/**
 * @typedef {object} Image
 * @property {string} id
 * @property {string} url          the public link
 * @property {string} src          presigned, good until `expires_at`
 * @property {string | null} thumb
 * @property {string} preview      fits 1600 px; good until `expires_at`, and may be made only when asked for
 * @property {string} expires_at
 * @property {string} filename
 * @property {string | null} title
 * @property {string} mime
 * @property {number} size         bytes
 * @property {number} width
 * @property {number} height
 * @property {number} frames
 * @property {string | null} placeholder  a ThumbHash, base64
 * @property {boolean} private
 * @property {number} views
 * @property {string} created_at
 * @property {string | null} image_expires_at
 * @property {number} rev
 */

/** @typedef {{images: Image[], total: number, next_cursor: string | null}} Page */
/** @typedef {{method: string, url: string, headers: Record<string, string>, expires_at: string}} Signed */
/** @typedef {{id: string, upload: Signed, complete_url: string}} Ticket */
/** @typedef {{bytes: number, images: number, reserved_bytes: number, pending: number}} Usage */
/** @typedef {{bytes: number, images: number}} Quota */
/** @typedef {{uid: string, username: string | null, usage: Usage, quota: Quota, api_key: {name: string} | null}} Me */

/** Long enough for a large image to be verified. */
const LIMIT_MS = 60_000;

export class Api {
  #session;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{body?: unknown, signal?: AbortSignal, token?: string | null, keepalive?: boolean}} [options]
   * @returns {Promise<any>} the JSON of the answer, null when it has none
   * @throws {Problem} and signs out on 401, but for a token that is only being tried
   */
  async ask(method, path, { body, signal, token, keepalive = false } = {}) {
    const used = token ?? this.#session.token;
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (used) headers.Authorization = `Bearer ${used}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const limit = AbortSignal.timeout(LIMIT_MS);
    let response;
    try {
      response = await fetch(path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        credentials: "same-origin",
        cache: "no-store",
        keepalive,
      });
      if (response.ok) return response.status === 204 ? null : await response.json();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw unreachable();
    }
    const problem = await problemOf(response);
    if (response.status === 401 && token === undefined && used === this.#session.token) {
      this.#session.signOut("Your token is no longer accepted. Sign in again.");
    }
    throw problem;
  }

  /**
   * @param {string} [token] a token to try instead of the session's
   * @returns {Promise<Me>}
   */
  me(token) {
    return this.ask("GET", "/api/v1/me", { token });
  }

  /**
   * @param {string | null} cursor
   * @param {number} limit
   * @returns {Promise<Page>}
   */
  images(cursor, limit = 50) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (cursor) query.set("cursor", cursor);
    return this.ask("GET", `/api/v1/me/images?${query}`);
  }

  /** @param {string} id @returns {Promise<Image>} */
  image(id) {
    return this.ask("GET", `/api/v1/image/${encodeURIComponent(id)}/meta`);
  }

  /**
   * @param {{filename: string, mime: string, size: number, sha256?: string} | {id: string}} body
   * @param {AbortSignal} [signal]
   * @returns {Promise<Ticket>}
   */
  requestUpload(body, signal) {
    return this.ask("POST", "/api/v1/upload/request", { body, signal });
  }

  /** @param {string} id @param {AbortSignal} [signal] @returns {Promise<Image>} */
  complete(id, signal) {
    return this.ask("POST", "/api/v1/upload/complete", { body: { id }, signal });
  }

  /** @param {string} id @param {{private?: boolean, title?: string | null}} changes @returns {Promise<Image>} */
  patch(id, changes) {
    return this.ask("PATCH", `/api/v1/image/${encodeURIComponent(id)}`, { body: changes });
  }

  /**
   * Deletes an image, or cancels an upload. One that is gone already is what was wanted.
   *
   * @param {string} id
   */
  async remove(id) {
    try {
      await this.ask("DELETE", `/api/v1/image/${encodeURIComponent(id)}`, { keepalive: true });
    } catch (error) {
      if (!(error instanceof Problem) || !error.gone) throw error;
    }
  }

  /** A URL that makes the browser save the original under its name. @param {string} id */
  async downloadUrl(id) {
    const body = { purpose: "download", url_expires_in_s: 300 };
    const answer = await this.ask("POST", `/api/v1/image/${encodeURIComponent(id)}/presign`, { body });
    return /** @type {string} */ (answer.url);
  }
}
