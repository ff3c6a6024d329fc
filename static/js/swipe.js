/** Sideways swipes by finger or pen: the element follows, and lets go in one direction or springs back. */

const FAR_PX = 60;
const FAST_PX_PER_MS = 0.45;

/**
 * @param {HTMLElement} area      where the finger moves
 * @param {HTMLElement} follower  what moves with it
 * @param {(way: 1 | -1) => void} turn  1: to the next
 */
export function watchSwipe(area, follower, turn) {
  /** @type {{id: number, x: number, y: number, at: number, sure: boolean} | null} */
  let start = null;
  const release = () => {
    start = null;
    follower.style.removeProperty("translate");
    follower.classList.remove("held");
  };
  area.addEventListener("pointerdown", (event) => {
    // A second finger zooms, and a zoomed page is moved about, not turned.
    const zoomed = (window.visualViewport?.scale ?? 1) > 1.01;
    if (start || event.pointerType === "mouse" || zoomed || !event.isPrimary) {
      release();
      return;
    }
    start = { id: event.pointerId, x: event.clientX, y: event.clientY, at: event.timeStamp, sure: false };
  });
  area.addEventListener("pointermove", (event) => {
    if (!start || event.pointerId !== start.id) return;
    const [x, y] = [event.clientX - start.x, event.clientY - start.y];
    if (!start.sure && Math.abs(x) > 8 && Math.abs(x) > Math.abs(y)) {
      start.sure = true;
      area.setPointerCapture(event.pointerId);
      follower.classList.add("held");
    }
    if (start.sure) follower.style.setProperty("translate", `${x}px`);
  });
  area.addEventListener("pointerup", (event) => {
    if (!start || event.pointerId !== start.id) return;
    const x = event.clientX - start.x;
    const speed = Math.abs(x) / Math.max(1, event.timeStamp - start.at);
    const turned = start.sure && (Math.abs(x) > FAR_PX || (speed > FAST_PX_PER_MS && Math.abs(x) > 20));
    release();
    if (turned) turn(x < 0 ? 1 : -1);
  });
  area.addEventListener("pointercancel", release);
}
