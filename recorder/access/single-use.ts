// Questions that were asked and wait for their answer: challenges, the state of a sign-in elsewhere. Invariants: an answer
// is taken once, from whom it was asked, in time; memory is bounded, and what one network asks pushes out its own first.
import { createHash, randomBytes } from "node:crypto";
import { networkOf } from "../../shared/network.ts";

interface Entry<T> {
  owner: string;
  network: string;
  value: T;
  untilMs: number;
}

const maxOpen = 2000;
const maxOfNetwork = 50;

export class SingleUse<T> {
  readonly #lifetimeMs: number;
  readonly #now: () => number;
  /** Oldest first, by the digest of the ticket. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(lifetimeMs: number, now: () => number = Date.now) {
    this.#lifetimeMs = lifetimeMs;
    this.#now = now;
  }

  /** @param owner whom the answer must come from: a sign-in, or the secret of a cookie. */
  keep(value: T, owner: string, address: string): { ticket: string; expiresAt: string } {
    const nowMs = this.#now();
    const network = networkOf(address);
    let own = 0;
    for (const [key, entry] of this.#entries) {
      if (entry.untilMs <= nowMs) this.#entries.delete(key);
      else if (entry.network === network) own++;
    }
    for (const [key, entry] of this.#entries) {
      if (own >= maxOfNetwork ? entry.network === network : this.#entries.size >= maxOpen) {
        this.#entries.delete(key);
        break;
      }
    }
    const ticket = randomBytes(32).toString("base64url");
    const untilMs = nowMs + this.#lifetimeMs;
    this.#entries.set(digest(ticket), { owner: digest(owner), network, value, untilMs });
    return { ticket, expiresAt: new Date(untilMs).toISOString() };
  }

  /** Undefined when there is none, it is too old, or another's, who can go on with it. */
  take(ticket: string, owner: string): T | undefined {
    const key = digest(ticket);
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.owner !== digest(owner)) return undefined;
    this.#entries.delete(key);
    return entry.untilMs <= this.#now() ? undefined : entry.value;
  }

  get size(): number {
    return this.#entries.size;
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
