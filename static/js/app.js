/** The gallery page: makes the parts and ties them together. The only module that knows all others. */

import { typeNames } from "./accept.js";
import { Account } from "./account.js";
import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { readConfig } from "./config.js";
import { closeByBackdrop } from "./confirm.js";
import { byId } from "./dom.js";
import { bytes } from "./format.js";
import { Gallery } from "./gallery.js";
import { Grid } from "./grid.js";
import { watchIntake } from "./intake.js";
import { Lightbox } from "./lightbox.js";
import { Pager } from "./pager.js";
import { Problem, wordsFor } from "./problems.js";
import { Session } from "./session.js";
import { SignIn } from "./signin.js";
import { Toasts } from "./toast.js";
import { UploadsPanel } from "./uploads-panel.js";
import { Uploads } from "./uploads.js";
import { show, shown, showLibrary, showTrouble } from "./views.js";

const config = readConfig(document.body);
const session = new Session();
// First of all, before anything could record the address.
session.takeFragment();

const toasts = new Toasts();
const api = new Api(session);
const gallery = new Gallery(api);
const uploads = new Uploads(api, config);
const actions = new Actions(api, gallery, toasts);
const account = new Account(api, () => session.signOut());
const signIn = new SignIn(session, api);
const lightbox = new Lightbox(gallery, actions, {
  onClose: (id) => grid.focus(id),
  busy: () => uploads.active.length > 0,
});
const grid = new Grid(byId("groups"), {
  open: (image) => lightbox.open(image),
  renew: (image) => gallery.renew(image.id),
  actions,
});
new Pager(gallery);
new UploadsPanel(uploads);
closeByBackdrop();

byId("empty-limits").textContent = `${typeNames(config.accept)}, up to ${bytes(config.maxBytes)} each`;

/** The view first: rows can only be fitted to a width, and what is hidden has none. */
function draw() {
  const inside = byId("view-library").contains(document.activeElement);
  showLibrary(gallery.total);
  grid.render(gallery.images, !gallery.ended);
  // The last image is gone, and with it what had the focus.
  if (inside && shown() === "empty") byId("empty-pick").focus();
}

/** What another tab or program did meanwhile, for a page that is looked at again. Best effort. */
function catchUp() {
  if (document.visibilityState !== "visible") return;
  grid.again();
  const settled = (shown() === "library" || shown() === "empty") && uploads.active.length === 0;
  if (settled) void gallery.catchUp().catch(() => undefined);
}

/** Shows what the token gives access to, or asks for a token. */
async function start() {
  gallery.clear();
  if (!session.token) {
    lightbox.close();
    uploads.stop();
    show("signed-out");
    signIn.open(session.reason);
    return;
  }
  show("loading");
  try {
    await gallery.reload();
    draw();
    void account.refresh();
  } catch (error) {
    // A 401 has signed out and started anew by now.
    if (!session.token) return;
    const away = error instanceof Problem && error.status === 0;
    if (away) showTrouble("imagehost cannot be reached", "Check the connection, and whether the server runs.");
    else showTrouble("That did not work", wordsFor(error));
  }
}

session.addEventListener("change", () => void start());
gallery.addEventListener("change", () => {
  if (shown() === "library" || shown() === "empty") draw();
});
uploads.addEventListener("uploaded", (event) => gallery.put(/** @type {CustomEvent} */ (event).detail));
byId("trouble-retry").addEventListener("click", () => void start());
window.addEventListener("online", () => {
  if (shown() === "trouble") void start();
  else catchUp();
});
document.addEventListener("visibilitychange", catchUp);
window.addEventListener("beforeunload", (event) => {
  if (uploads.active.length > 0) event.preventDefault();
});
watchIntake((files) => {
  if (!session.token) toasts.bad("Sign in first, then your images can be uploaded.");
  else if (files.length > 0) uploads.add(files);
});

void start();
