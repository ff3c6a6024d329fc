/** All uploads of this page: admits files, runs four at a time, retries and cancels. No elements here: views listen. */

import { claimedType, refusal } from "./accept.js";
import { Problem, wordsFor } from "./problems.js";
import { Queue } from "./queue.js";
import { uploadFile } from "./upload.js";

/** @typedef {import("./upload.js").State} State */

/**
 * @typedef {object} Item
 * @property {File} file
 * @property {string} mime
 * @property {State} state
 * @property {number} share          of the bytes sent, 0 to 1
 * @property {string} words          why it was refused or failed
 * @property {import("./upload.js").Memo} memo
 * @property {AbortController} control
 */

const AT_ONCE = 4;
/** No verdict on the file: after something is deleted, or with a new reservation, the same file may well pass. */
const MENDABLE = new Set(["quota-exceeded", "put-refused", "upload-not-received"]);
/** @type {State[]} */
const ENDED = ["done", "refused", "failed"];

/** Fires `change` (detail: Item, or null for the list), `uploaded` (detail: Image) and `idle` when all have ended. */
export class Uploads extends EventTarget {
  /** @type {Item[]} */
  items = [];
  #api;
  #limits;
  #queue = new Queue(AT_ONCE);

  /** @param {import("./api.js").Api} api @param {{accept: string[], maxBytes: number}} limits */
  constructor(api, limits) {
    super();
    this.#api = api;
    this.#limits = limits;
  }

  /** Those not ended yet. */
  get active() {
    return this.items.filter(({ state }) => !ENDED.includes(state));
  }

  /** @param {File[]} files */
  add(files) {
    const items = files.map((file) => this.#item(file));
    this.items.push(...items);
    this.#fire("change", null);
    for (const item of items) {
      if (item.state === "waiting") void this.#run(item);
    }
    if (this.active.length === 0) this.#fire("idle", null);
  }

  /** @param {Item} item */
  retry(item) {
    // Bytes that did not arrive may never fit this reservation (the file changed, say): start over with a new one.
    if (!item.memo.sent) this.#abandon(item);
    item.control = new AbortController();
    this.#set(item, { state: "waiting", share: 0, words: "" });
    void this.#run(item);
  }

  /** Ends it if need be, and takes it off the list. @param {Item} item */
  dismiss(item) {
    const ended = ENDED.includes(item.state);
    this.items = this.items.filter((other) => other !== item);
    if (!ended) item.control.abort();
    // When only the last answer is missing, the image may well be there: dismissing the row must not delete it.
    if (!ended || (item.state === "failed" && !item.memo.sent)) this.#abandon(item);
    this.#fire("change", null);
    if (!ended && this.active.length === 0) this.#fire("idle", null);
  }

  /** Takes all that have ended off the list. */
  sweep() {
    for (const item of this.items.filter(({ state }) => ENDED.includes(state))) this.dismiss(item);
  }

  /** Signed out: nothing may go on, and nothing can be undone without a token. */
  stop() {
    const items = this.items;
    this.items = [];
    for (const { control } of items) control.abort();
    this.#fire("change", null);
  }

  /** @param {File} file @returns {Item} */
  #item(file) {
    const words = refusal(file, this.#limits) ?? "";
    return {
      file, mime: claimedType(file), state: words ? "refused" : "waiting", share: 0, words,
      memo: { id: null, sent: false }, control: new AbortController(),
    };
  }

  /** @param {Item} item */
  async #run(item) {
    const { signal } = item.control;
    try {
      const image = await this.#queue.run(() => uploadFile(item.file, item.mime, item.memo, {
        api: this.#api, signal, report: (state, share = 0) => this.#set(item, { state, share }),
      }), signal);
      this.#set(item, { state: "done", share: 1 });
      this.#fire("uploaded", image);
    } catch (error) {
      if (signal.aborted) return;
      this.#set(item, { state: isFinal(error) ? "refused" : "failed", words: wordsFor(error) });
    }
    if (this.active.length === 0) this.#fire("idle", null);
  }

  /** Gives the reservation back; if that fails, the server does so by itself in time. @param {Item} item */
  #abandon(item) {
    if (item.memo.id !== null) void this.#api.remove(item.memo.id).catch(() => undefined);
    item.memo = { id: null, sent: false };
  }

  /** @param {Item} item @param {Partial<Item>} changes */
  #set(item, changes) {
    Object.assign(item, changes);
    this.#fire("change", item);
  }

  /** @param {string} name @param {unknown} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Whether trying the same file again cannot help. @param {unknown} error */
function isFinal(error) {
  return error instanceof Problem && !error.passing && error.status !== 401 && !MENDABLE.has(error.code);
}
