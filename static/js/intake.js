/** The ways files come to the page: dropped anywhere, picked, pasted. Hands them on; judges nothing. */

import { byId } from "./dom.js";

/** @param {(files: File[]) => void} take */
export function watchIntake(take) {
  const field = byId("files", HTMLInputElement);
  for (const id of ["pick", "empty-pick"]) byId(id).addEventListener("click", () => field.click());
  field.addEventListener("change", () => {
    take(Array.from(field.files ?? []));
    field.value = "";
  });
  document.addEventListener("paste", (event) => {
    const files = Array.from(event.clipboardData?.files ?? []);
    if (files.length === 0) return;
    event.preventDefault();
    take(files.map(named));
  });
  watchDrop(take);
}

/** @param {(files: File[]) => void} take */
function watchDrop(take) {
  const overlay = byId("drop");
  // Every element below the pointer fires its own enter and leave: the overlay goes with the last leave.
  let depth = 0;
  const hide = () => {
    depth = 0;
    if (overlay.matches(":popover-open")) overlay.hidePopover();
  };
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  window.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    if (!overlay.matches(":popover-open")) overlay.showPopover();
  });
  window.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  window.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth -= 1;
    if (depth <= 0) hide();
  });
  window.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    hide();
    void dropped(/** @type {DataTransfer} */ (event.dataTransfer)).then(take);
  });
}

/** Files, and those inside dropped folders. @param {DataTransfer} transfer @returns {Promise<File[]>} */
async function dropped(transfer) {
  const plain = Array.from(transfer.files);
  // Entries must be taken before the event is over.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const lists = await Promise.all(entries.map((entry) => (entry ? walk(entry) : [])));
  return lists.flat().filter(({ name }) => !name.startsWith("."));
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function walk(entry) {
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    const file = await new Promise((resolve) => one.file(resolve, () => resolve(null)));
    return file ? [file] : [];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return files;
    for (const one of some) files.push(...(await walk(one)));
  }
}

/** Pasted pictures are all called image.png: the time tells them apart. @param {File} file */
function named(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const time = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return new File([file], `Pasted ${time}${file.name.slice(5)}`, { type: file.type });
}
