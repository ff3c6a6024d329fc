/** The API token: where it comes from (the address's fragment or the form), where it is kept, how it is forgotten. */

const NAME = "imagehost.token";

/** Fires `change` when the token appears, changes or goes, in this tab or another; `reason` says why it went. */
export class Session extends EventTarget {
  /** @type {string | null} */
  #token = null;

  /** Words for the signed-out page, for example that the token was refused. */
  reason = "";

  constructor() {
    super();
    this.#token = stored();
    window.addEventListener("storage", (event) => {
      if (event.key === NAME || event.key === null) this.#become(event.key === null ? null : event.newValue, "");
    });
    window.addEventListener("hashchange", () => this.takeFragment());
  }

  get token() {
    return this.#token;
  }

  /** Takes `#token=…` from the address, and removes it there at once, so that no history or screenshot keeps it. */
  takeFragment() {
    const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
    if (token === null) return;
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
    if (token.trim()) this.signIn(token);
  }

  /** @param {string} token */
  signIn(token) {
    const clean = token.trim();
    keep(clean);
    this.#become(clean, "");
  }

  /** @param {string} [reason] */
  signOut(reason = "") {
    keep(null);
    this.#become(null, reason);
  }

  /**
   * @param {string | null} token
   * @param {string} reason
   */
  #become(token, reason) {
    if (token === this.#token) return;
    this.#token = token;
    this.reason = reason;
    this.dispatchEvent(new Event("change"));
  }
}

/** Storage may be switched off; the token then lives as long as the tab. */
function stored() {
  try {
    return window.localStorage.getItem(NAME);
  } catch {
    return null;
  }
}

/** @param {string | null} token */
function keep(token) {
  try {
    if (token === null) window.localStorage.removeItem(NAME);
    else window.localStorage.setItem(NAME, token);
  } catch {
    // Without storage the page still works until it is closed.
  }
}
