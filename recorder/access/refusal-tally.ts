// Refused sign-ins on their way into the audit: the first of a network at once, those of the next minute as one entry with
// their number. Invariant: a stranger who tries for ever makes one entry a minute, and none of the tries goes uncounted.
import { networkOf } from "../../shared/network.ts";

export interface RefusedSignIn {
  /** A person that exists, or `unknown`. */
  actor: string;
  address: string;
  details: Record<string, unknown>;
}

export interface RefusalTallyOptions {
  /** Durable when it resolves. */
  append(refused: RefusedSignIn): Promise<void>;
  failed(error: unknown): void;
  periodMs?: number;
  /** Networks that are told apart at most; the others share one entry. */
  maxNetworks?: number;
}

interface Period {
  timer: NodeJS.Timeout;
  count: number;
  address: string;
  actors: Set<string>;
  ways: Set<string>;
}

const maxActors = 20;
const others = "several";

export class RefusalTally {
  readonly #options: Required<RefusalTallyOptions>;
  readonly #periods = new Map<string, Period>();

  constructor(options: RefusalTallyOptions) {
    this.#options = { periodMs: 60_000, maxNetworks: 1000, ...options };
  }

  /** `by` is the way that was tried: `password`, `ticket`. */
  async refused(actor: string, address: string, by: string): Promise<void> {
    const network = networkOf(address);
    const isKnown = this.#periods.has(network) || this.#periods.size < this.#options.maxNetworks;
    const key = isKnown ? network : others;
    const period = this.#periods.get(key);
    if (period === undefined) {
      this.#begin(key);
      await this.#options.append({ actor, address, details: { by } });
      return;
    }
    period.count++;
    period.address = key === others ? others : address;
    period.ways.add(by);
    if (period.actors.size < maxActors) period.actors.add(actor);
  }

  /** What was counted and has no entry yet gets it. */
  async close(): Promise<void> {
    const open = [...this.#periods.values()];
    this.#periods.clear();
    for (const period of open) {
      clearTimeout(period.timer);
      if (period.count > 0) await this.#write(period);
    }
  }

  #begin(key: string): void {
    const timer = setTimeout(() => this.#end(key), this.#options.periodMs);
    timer.unref();
    this.#periods.set(key, { timer, count: 0, address: "", actors: new Set(), ways: new Set() });
  }

  #end(key: string): void {
    const period = this.#periods.get(key);
    this.#periods.delete(key);
    if (period === undefined || period.count === 0) return;
    this.#begin(key);
    this.#write(period).catch((error: unknown) => this.#options.failed(error));
  }

  #write({ count, address, actors, ways }: Period): Promise<void> {
    const known = [...actors].filter((actor) => actor !== "unknown");
    const [actor = "unknown"] = actors.size === 1 ? actors : [];
    return this.#options.append({
      actor,
      address,
      details: {
        by: [...ways].join(", "),
        count,
        seconds: this.#options.periodMs / 1000,
        ...(known.length > 0 && actors.size > 1 ? { people: known } : {}),
      },
    });
  }
}
