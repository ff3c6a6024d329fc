/** Runs tasks in order, at most so many at once. A task's failure is its caller's business and stops nothing. */

export class Queue {
  #limit;
  #running = 0;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit;
  }

  /**
   * @template T
   * @param {() => Promise<T>} task
   * @param {AbortSignal} [signal]  aborted while waiting: the task never starts, and its place is given on
   * @returns {Promise<T>}
   */
  async run(task, signal) {
    await this.#turn(signal);
    try {
      return await task();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  /** @param {AbortSignal} [signal] */
  #turn(signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const start = () => {
        signal?.removeEventListener("abort", leave);
        resolve(undefined);
      };
      const leave = () => {
        this.#waiting = this.#waiting.filter((one) => one !== start);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(start);
      this.#next();
    });
  }

  #next() {
    while (this.#running < this.#limit) {
      const start = this.#waiting.shift();
      if (!start) return;
      this.#running += 1;
      start();
    }
  }
}
