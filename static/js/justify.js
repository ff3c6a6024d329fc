/** Rows that fill the width exactly, from the pictures' proportions alone; so nothing moves when they load. */

/** Panoramas and towers are cropped in the grid: whole, they would rule their row. */
const NARROWEST = 0.55;
const WIDEST = 2.6;

/** @typedef {{width: number, height: number}} Box  in whole CSS pixels */

/** @param {{width: number, height: number}} image */
export function ratioOf({ width, height }) {
  return Math.min(WIDEST, Math.max(NARROWEST, width > 0 && height > 0 ? width / height : 1));
}

/** A row height that suits the width. @param {number} width_px */
export function rowHeight(width_px) {
  if (width_px < 560) return 138;
  if (width_px < 1000) return 190;
  return width_px < 1800 ? 232 : 264;
}

/** How far from the wished height a row may be to fill the width. */
const LOWEST = 0.66;
const HIGHEST = 1.3;

/**
 * Greedy, so a longer list leaves all rows but the last as they were. When nothing follows, the last two are divided so
 * that no picture stands alone below a full row, where that can be helped.
 *
 * @param {number[]} ratios
 * @param {{width: number, height: number, gap: number, open?: boolean}} area
 *     width to fill, wished row height, gap between boxes; open: more will follow
 * @returns {Box[]}
 */
export function justify(ratios, { width, height, gap, open = false }) {
  /** @type {number[][]} */
  const rows = [[]];
  for (const ratio of ratios) {
    const row = /** @type {number[]} */ (rows.at(-1));
    const without = heightOf(row, width, gap);
    const within = heightOf([...row, ratio], width, gap);
    // One more would shrink the row further below the wish than leaving it out lifts it above.
    if (row.length > 0 && within < height && height / within > without / height) rows.push([ratio]);
    else row.push(ratio);
  }
  if (!open) rows.push(...divided(rows.splice(-2).flat(), width, height, gap));
  return rows.flatMap((row) => {
    const natural = heightOf(row, width, gap);
    if (natural <= height * HIGHEST) return filled(row, width, gap);
    return row.map((ratio) => ({ width: Math.round(ratio * height), height }));
  });
}

/**
 * The best of one row and all ways to make two.
 *
 * @param {number[]} some
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 */
function divided(some, width, height, gap) {
  const cost = (/** @type {number[]} */ row) => {
    const natural = heightOf(row, width, gap) / height;
    if (natural < LOWEST) return 9;
    // Not filled: the worse, the more of the width is empty.
    return natural > HIGHEST ? 0.6 + 0.6 * (1 - 1 / natural) : Math.abs(Math.log(natural));
  };
  let best = [some];
  let least = cost(some);
  for (let cut = 1; cut < some.length; cut += 1) {
    const pair = [some.slice(0, cut), some.slice(cut)];
    // Only the last row may stay open.
    const price = (heightOf(pair[0], width, gap) > height * HIGHEST ? 9 : 0) + cost(pair[0]) + cost(pair[1]);
    if (price < least) [best, least] = [pair, price];
  }
  return best;
}

/** @param {number[]} row @param {number} width @param {number} gap */
function heightOf(row, width, gap) {
  const sum = row.reduce((total, ratio) => total + ratio, 0);
  return sum === 0 ? Infinity : (width - gap * (row.length - 1)) / sum;
}

/**
 * Whole pixels whose sum is exactly the width.
 *
 * @param {number[]} row
 * @param {number} width
 * @param {number} gap
 * @returns {Box[]}
 */
function filled(row, width, gap) {
  const exact = heightOf(row, width, gap);
  let edge = 0;
  let done = 0;
  return row.map((ratio) => {
    edge += ratio * exact;
    const box = { width: Math.round(edge) - done, height: Math.round(exact) };
    done += box.width;
    return box;
  });
}
