// Sign-ins between password and code. What continues one is a token in the page and another in a cookie, both new with each
// first step, from the address and the browser that began it: nobody can be brought to finish somebody else's sign-in, and
// a token that leaks from the page opens nothing. Invariants: a sign-in is finished at most once; memory is bounded; one
// that is given up is told to its owner.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { networkOf } from "../../shared/network.ts";
import type { PendingCode } from "../access/sign-in.ts";

export const pendingLifetimeMs = 5 * 60_000;
const maxCodes = 5;
const maxOpen = 2000;
const maxOfNetwork = 50;

export interface Browser {
  address: string;
  userAgent: string;
}

export interface PendingSignIn {
  /** As it was typed. */
  name: string;
  step: PendingCode;
  /** Never rejects. */
  abandoned(): Promise<void>;
}

interface Entry extends PendingSignIn {
  cookie: Buffer;
  browser: Browser;
  network: string;
  codes: number;
  timer: NodeJS.Timeout;
}

export class PendingSignIns {
  /** Oldest first, by the digest of the page's token. */
  readonly #entries = new Map<string, Entry>();

  begin(signIn: PendingSignIn, browser: Browser): { pending: string; cookie: string; expiresAt: string } {
    const network = networkOf(browser.address);
    const own = [...this.#entries].filter(([, entry]) => entry.network === network);
    if (own.length >= maxOfNetwork) void this.#abandon(own[0]?.[0]);
    else if (this.#entries.size >= maxOpen) void this.#abandon(this.#entries.keys().next().value);
    const [pending, cookie] = [randomToken(), randomToken()];
    const key = digest(pending).toString("base64");
    const timer = setTimeout(() => void this.#abandon(key), pendingLifetimeMs);
    timer.unref();
    this.#entries.set(key, { ...signIn, cookie: digest(cookie), browser, network, codes: 0, timer });
    return { pending, cookie, expiresAt: new Date(Date.now() + pendingLifetimeMs).toISOString() };
  }

  /**
   * Takes it out while its code is looked at: two codes at the same moment do not both open it. Undefined when there is
   * none, or it is another browser's, which can go on with it.
   */
  take(pending: string, cookie: string, browser: Browser): TakenSignIn | undefined {
    const key = digest(pending).toString("base64");
    const entry = this.#entries.get(key);
    if (entry === undefined || !timingSafeEqual(entry.cookie, digest(cookie))) return undefined;
    if (entry.browser.address !== browser.address || entry.browser.userAgent !== browser.userAgent) return undefined;
    this.#entries.delete(key);
    clearTimeout(entry.timer);
    return {
      name: entry.name,
      step: entry.step,
      giveBack: () => {
        if (++entry.codes >= maxCodes) return false;
        entry.timer = setTimeout(() => void this.#abandon(key), pendingLifetimeMs);
        entry.timer.unref();
        this.#entries.set(key, entry);
        return true;
      },
    };
  }

  /** Resolves when each that is given up has been told. */
  async close(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((key) => this.#abandon(key)));
  }

  async #abandon(key: string | undefined): Promise<void> {
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (key === undefined || entry === undefined) return;
    this.#entries.delete(key);
    clearTimeout(entry.timer);
    // Who gave a code has been written down already.
    if (entry.codes === 0) await entry.abandoned();
  }
}

export interface TakenSignIn {
  name: string;
  step: PendingCode;
  /** After a wrong code; false when there were too many of them. */
  giveBack(): boolean;
}

function randomToken(): string {
  return randomBytes(32).toString("base64url");
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
