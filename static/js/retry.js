/** Asking again after a failure that passes: bounded, spread at random, and never earlier than the server wishes. */

import { Problem } from "./problems.js";

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @param {boolean} [lost]  waits for the network: its coming back ends the pause
 * @returns {Promise<void>} rejects with the signal's reason when it is aborted
 */
export function pause(ms, signal, lost = false) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const over = new AbortController();
    const end = (/** @type {() => void} */ settle) => () => {
      clearTimeout(timer);
      over.abort();
      settle();
    };
    const timer = setTimeout(end(resolve), ms);
    signal?.addEventListener("abort", end(() => reject(signal?.reason)), { signal: over.signal });
    if (lost) window.addEventListener("online", end(resolve), { signal: over.signal });
  });
}

/**
 * How long to wait before try `n` (counted from 1): doubling, half of it at random, at least what the server asked for.
 *
 * @param {number} n
 * @param {number | null} retryAfter_s
 * @param {{base_ms?: number, cap_ms?: number, random?: () => number}} [options]
 */
export function delay_ms(n, retryAfter_s, { base_ms = 500, cap_ms = 15_000, random = Math.random } = {}) {
  const step = Math.min(cap_ms, base_ms * 2 ** (n - 1));
  const spread = step / 2 + (random() * step) / 2;
  return retryAfter_s === null ? spread : Math.max(retryAfter_s * 1000 + random() * base_ms, spread);
}

/**
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {object} [options]
 * @param {number} [options.tries]        how often `attempt` is called at most
 * @param {number} [options.patience_s]   a longer Retry-After is not waited for
 * @param {AbortSignal} [options.signal]
 * @param {(problem: Problem) => boolean} [options.when]   whether to go on after this problem
 * @param {() => void} [options.offline]  told when the browser has no network; tries made without one do not count
 * @returns {Promise<T>}
 */
export async function retrying(attempt, options = {}) {
  const { tries = 5, patience_s = 60, signal, when = (problem) => problem.passing, offline } = options;
  let left = tries;
  for (let n = 1; ; n += 1) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Problem) || !when(error)) throw error;
      const lost = error.status === 0;
      const held = lost && !navigator.onLine && offline !== undefined;
      if (!held) left -= 1;
      if (left <= 0) throw error;
      if ((error.retryAfter_s ?? 0) > patience_s) throw error;
      if (held) offline();
      await pause(delay_ms(n, error.retryAfter_s), signal, lost);
    }
  }
}
