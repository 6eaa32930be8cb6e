// Sends the ledger's entries to one destination, from where it had come to. Fed by the ledger, which it reads in order.
// Invariant: the place moves only past what a connection took that ended in order; after any other end the same entries go
// out again, under the same ids. Nothing of the service waits for it, and it holds one message in memory, not a queue.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { LedgerEntry } from "../../shared/ledger/entry.ts";
import { eventOf } from "./event.ts";
import { type MessageOptions, messageOf } from "./message.ts";
import { SyslogConnection, type SyslogReceiver, type SyslogTimes, syslogTimes } from "./syslog-tls.ts";
import type { SiemPositions } from "./tables.ts";

/** Of the ledger, as a reader of it needs it. */
export interface ForwardedLedger {
  readonly size: number;
  entries(from: number, to: number): AsyncIterable<{ entry: LedgerEntry; line: string }>;
}

export interface ForwarderOptions {
  name: string;
  receiver: SyslogReceiver;
  message: MessageOptions;
  recorder: string;
  ledger: ForwardedLedger;
  positions: Pick<SiemPositions, "get" | "set">;
  /** Where a destination begins that has no place yet. */
  from: "now" | "beginning";
  /** The ledger begins anew there: places beyond are of entries that are lost. */
  lostFrom: number | null;
  backlog: { events: number; seconds: number };
  alarms: { raise(code: string, message: string, facts: Record<string, unknown>): void; clear(code: string): void };
  times?: Partial<ForwarderTimes>;
}

export interface ForwarderTimes extends SyslogTimes {
  /** Between two looks at the ledger. */
  pollMs: number;
  /** So long without an event, a connection is ended, which confirms what it took. */
  lingerMs: number;
  /** So long it lasts at most; files of certificates are read for the next one. */
  connectionMs: number;
  /** Of them, in one connection: what is repeated at most. */
  connectionEvents: number;
  retryMinMs: number;
  retryMaxMs: number;
  backlogLookMs: number;
  /** For the last events, when the service stops. */
  farewellMs: number;
}

const usualTimes: ForwarderTimes = {
  ...syslogTimes,
  pollMs: 200,
  lingerMs: 3000,
  connectionMs: 30_000,
  connectionEvents: 2000,
  retryMinMs: 1000,
  retryMaxMs: 60_000,
  backlogLookMs: 5000,
  farewellMs: 3000,
};

export interface ForwarderState {
  name: string;
  address: string;
  /** The first entry that is not sent for sure; null: the database has not said yet. */
  next: number | null;
  /** Entries that wait. */
  behind: number;
  /** Age of the oldest of them. */
  ageSeconds: number;
  /** Why it cannot be sent to; null: it can, as far as is known. */
  failing: string | null;
}

/** One hiccup is no alarm. */
const alarmAfterFailures = 2;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #times: ForwarderTimes;
  readonly #abort = new AbortController();
  /** Of waits that a stop cuts short, so that the last events still go. */
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;
  #watch: NodeJS.Timeout | null = null;
  #next: number | null = null;
  #failures = 0;
  #failing: string | null = null;
  #isBehind = false;
  #ageSeconds = 0;
  /** The entry that was the oldest at the last look, and when it was written. */
  #oldest: { n: number; atMs: number } | null = null;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#times = { ...usualTimes, ...options.times };
  }

  start(): void {
    this.#running ??= this.#run();
    this.#watch ??= setInterval(() => void this.look(), this.#times.backlogLookMs).unref();
  }

  get state(): ForwarderState {
    const { name, receiver } = this.#options;
    return {
      name,
      address: `${receiver.host}:${receiver.port}`,
      next: this.#next,
      behind: this.#behind,
      ageSeconds: this.#behind === 0 ? 0 : this.#ageSeconds,
      failing: this.#failing,
    };
  }

  get #behind(): number {
    return this.#next === null ? 0 : Math.max(0, this.#options.ledger.size - this.#next);
  }

  /** What is there goes out, as far as that takes no longer than the farewell. */
  async close(): Promise<void> {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#stopping.abort();
    const timer = setTimeout(() => this.#abort.abort(), this.#times.farewellMs);
    await this.#running;
    clearTimeout(timer);
    this.#abort.abort();
  }

  /** Whether too many wait, or one waits too long. Never rejects. */
  async look(): Promise<void> {
    const { name, backlog, alarms, ledger } = this.#options;
    const next = this.#next;
    if (next === null) return;
    try {
      if (this.#oldest?.n !== next && next < ledger.size) {
        for await (const { entry } of ledger.entries(next, next + 1)) {
          this.#oldest = { n: next, atMs: Date.parse(entry.at) };
        }
      }
    } catch {
      // The ledger says itself that it cannot be read; how many wait is known without.
    }
    const isOldest = this.#oldest?.n === next && this.#behind > 0;
    this.#ageSeconds = isOldest ? Math.max(0, (Date.now() - (this.#oldest?.atMs ?? 0)) / 1000) : 0;
    const isBehind = this.#behind > backlog.events || this.#ageSeconds > backlog.seconds;
    if (isBehind && !this.#isBehind) {
      // Without the numbers of the moment: a message that changes is a new alarm, and that one more event to send.
      const text = `events wait for the SIEM ${name}: more than ${backlog.events}, or one for longer than ${backlog.seconds} s; none is lost while the ledger is kept. conduit siem status says how many and why`;
      alarms.raise(this.#code("SIEM_BACKLOG"), text, {
        behind: this.#behind,
        ageSeconds: Math.round(this.#ageSeconds),
      });
    } else if (!isBehind && this.#isBehind) alarms.clear(this.#code("SIEM_BACKLOG"));
    this.#isBehind = isBehind;
  }

  #code(code: "SIEM_BACKLOG" | "SIEM_DESTINATION"): string {
    return `${code} ${this.#options.name}`;
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        this.#next ??= await this.#place();
        if (this.#next < this.#options.ledger.size) await this.#connectAndSend(this.#next);
        this.#succeeded();
        if (this.#stopping.signal.aborted && this.#next >= this.#options.ledger.size) return;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        await this.#failed(error);
        continue;
      }
      await this.#pause(this.#times.pollMs);
    }
  }

  async #place(): Promise<number> {
    const { name, positions, ledger, from, lostFrom } = this.#options;
    const kept = await positions.get(name);
    if (kept === null) {
      const first = from === "now" ? ledger.size : 0;
      await positions.set(name, first);
      return first;
    }
    return Math.min(kept, ledger.size, lostFrom ?? Number.POSITIVE_INFINITY);
  }

  async #connectAndSend(first: number): Promise<void> {
    const { receiver, name, positions } = this.#options;
    const { signal } = this.#abort;
    const connection = await SyslogConnection.open(receiver, signal, this.#times);
    try {
      const next = await this.#sendWhileThereIs(connection, first);
      await connection.finish(signal);
      await positions.set(name, next);
      this.#next = next;
    } finally {
      connection.destroy();
    }
  }

  /** Up to where. */
  async #sendWhileThereIs(connection: SyslogConnection, first: number): Promise<number> {
    const { ledger, recorder, message } = this.#options;
    const { pollMs, lingerMs, connectionMs, connectionEvents } = this.#times;
    const { signal } = this.#abort;
    const beganMs = performance.now();
    let quietSinceMs = beganMs;
    let next = first;
    for (;;) {
      const to = Math.min(ledger.size, first + connectionEvents);
      for await (const { entry, line } of ledger.entries(next, to)) {
        const sha256 = createHash("sha256").update(line).digest("hex");
        await connection.send(messageOf(eventOf(recorder, entry, sha256), message), signal);
        next = entry.n + 1;
        quietSinceMs = performance.now();
      }
      const nowMs = performance.now();
      const isOver =
        next - first >= connectionEvents || nowMs - quietSinceMs >= lingerMs || nowMs - beganMs >= connectionMs;
      if (isOver || (this.#stopping.signal.aborted && next >= ledger.size)) return next;
      await connection.stay(pollMs, signal);
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    if (this.#failing !== null) this.#options.alarms.clear(this.#code("SIEM_DESTINATION"));
    this.#failing = null;
  }

  async #failed(error: unknown): Promise<void> {
    const { name, alarms } = this.#options;
    const why = error instanceof Error ? error.message : String(error);
    this.#failures++;
    if (this.#failures === alarmAfterFailures) {
      const text = `events cannot be sent to the SIEM ${name}: ${why}; it is tried again, from the last event that was sent for sure`;
      alarms.raise(this.#code("SIEM_DESTINATION"), text, { next: this.#next ?? 0 });
    }
    if (this.#failures >= alarmAfterFailures) this.#failing = why;
    const { retryMinMs, retryMaxMs } = this.#times;
    const mostMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#failures - 1, 20));
    // Several recorders that lost one receiver do not come back to it all at once.
    await this.#pause(mostMs * (0.5 + Math.random() / 2));
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
  }
}
