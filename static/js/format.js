/** Numbers, dates and sizes as people read them: in English, as the page is, in the reader's own kind of it. */

const LOCALE = navigator.languages?.find((language) => language.startsWith("en")) ?? "en-GB";
const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

const NUMBER = new Intl.NumberFormat(LOCALE);
const DATE_TIME = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const MONTH = new Intl.DateTimeFormat(LOCALE, { month: "long", year: "numeric" });

/** Steps of 1,024. @param {number} count */
export function bytes(count) {
  const step = count < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** step;
  const digits = step === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[step]}`;
}

/** @param {number} count */
export function number(count) {
  return NUMBER.format(count);
}

/** "1 image", "1,204 images" @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** @param {string} instant RFC 3339 */
export function dateTime(instant) {
  return DATE_TIME.format(new Date(instant));
}

/**
 * The heading under which a time is filed.
 *
 * @param {string} instant RFC 3339
 * @param {Date} [now]
 */
export function period(instant, now = new Date()) {
  const date = new Date(instant);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  if (date >= midnight) return "Today";
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  return date >= yesterday ? "Yesterday" : MONTH.format(date);
}

/** "JPEG" of "image/jpeg" @param {string} mime */
export function kindOf(mime) {
  const name = mime.replace("image/", "");
  return name === "webp" ? "WebP" : name.toUpperCase();
}
