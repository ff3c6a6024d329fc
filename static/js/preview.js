/** Small pictures of files that are still on their way, drawn once and small: no object URL has to be given back. */

import { Queue } from "./queue.js";

/** Decoding takes memory by the picture's full size, so few at once. */
const decoding = new Queue(2);

/**
 * Fills the canvas with the picture's middle. A file that the browser cannot read leaves it empty.
 *
 * @param {Blob} file
 * @param {HTMLCanvasElement} canvas
 * @param {AbortSignal} signal  aborted when the canvas is no longer wanted
 * @returns {Promise<boolean>} whether there is a picture
 */
export async function drawPreview(file, canvas, signal) {
  try {
    return await decoding.run(() => draw(file, canvas), signal);
  } catch {
    return false;
  }
}

/** @param {Blob} file @param {HTMLCanvasElement} canvas */
async function draw(file, canvas) {
  const picture = await createImageBitmap(file, { resizeWidth: canvas.width * 2, resizeQuality: "medium" });
  const scale = Math.max(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  const context = canvas.getContext("2d");
  context?.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  picture.close();
  return context !== null;
}
