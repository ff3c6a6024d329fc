/** The account's small panel: who, with which key, and how much space is used. */

import { byId } from "./dom.js";
import { bytes, counted } from "./format.js";

export class Account {
  #api;

  /** @param {import("./api.js").Api} api @param {() => void} onSignOut */
  constructor(api, onSignOut) {
    this.#api = api;
    const panel = byId("account");
    panel.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") void this.refresh();
    });
    byId("sign-out").addEventListener("click", () => {
      panel.hidePopover();
      onSignOut();
    });
  }

  /** Best effort: the panel keeps what it showed when the question fails. */
  async refresh() {
    const me = await this.#api.me().catch(() => null);
    if (me) this.show(me);
  }

  /** @param {import("./api.js").Me} me */
  show({ username, uid, usage, quota, api_key }) {
    const share = quota.bytes > 0 ? Math.min(1, usage.bytes / quota.bytes) : 0;
    byId("account-name").textContent = username || uid;
    byId("account-key").textContent = api_key ? `Signed in with the key “${api_key.name}”` : "";
    byId("meter-fill").style.width = `${Math.max(usage.bytes > 0 ? 1 : 0, share * 100)}%`;
    byId("meter").setAttribute("aria-label", `${Math.round(share * 100)} % of your space is used`);
    const space = `${bytes(usage.bytes)} of ${bytes(quota.bytes)}`;
    byId("account-usage").textContent = `${space} · ${counted(usage.images, "image")}`;
  }
}
