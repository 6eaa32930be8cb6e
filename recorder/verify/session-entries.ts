// What the ledger says of each session, gathered while its lines are read. Bounded by what a session can have: an entry of
// a kind that nothing here asks for is not kept.
import { sessionIdPattern } from "../../shared/ids.ts";
import type { LedgerEntry } from "../../shared/ledger/entry.ts";
import { ExpiredFacts, RecordingCloseFacts, RecordingOpenFacts } from "../../shared/ledger/facts.ts";

/** An entry's facts, and where and when they were stated. */
export interface Stated<T> {
  n: number;
  at: string;
  facts: T;
}

export interface StatedHold {
  n: number;
  at: string;
  /** Which hold, where the entry names one. */
  id: string;
  kind: "placed" | "released";
  caseId: string | null;
  by: string;
  /** A release that nobody else had asked for: it takes two people, and does not count. */
  alone: boolean;
}

/** What the ledger last said of a signing key. */
export interface StatedKey {
  n: number;
  at: string;
  /** False: it was made, and nothing was said since. */
  ended: boolean;
  compromised: boolean;
}

export interface SessionEntries {
  session: string;
  recorder: string;
  /** More than one is a fault. */
  opens: Stated<RecordingOpenFacts>[];
  closes: Stated<RecordingCloseFacts>[];
  expired: Stated<ExpiredFacts>[];
  /** The number of the entry that says that all of it is in the store. */
  stored: number | null;
  holds: StatedHold[];
  /** The latest that an extension says; null without one. */
  extendedTo: string | null;
  overdue: number | null;
  /** The last time that somebody checked it, and what came of it. */
  verified: { n: number; at: string; verdict: string } | null;
  /** Entries whose type is known and whose facts are not. */
  unreadable: number[];
}

export class EntriesBySession {
  readonly recorder: string;
  readonly sessions = new Map<string, SessionEntries>();
  /** By key id. */
  readonly keys = new Map<string, StatedKey>();
  /** Who asked last for the release of a hold, by session and hold. */
  readonly #asked = new Map<string, string>();
  #lastAtMs = Number.NEGATIVE_INFINITY;
  /** Entries that are earlier than one before them, times ascending. */
  readonly #earlier: Array<{ n: number; atMs: number }> = [];
  /** Sizes and times ascending. */
  readonly #thereBy: Array<{ size: number; atMs: number }> = [];

  constructor(recorder: string) {
    this.recorder = recorder;
  }

  take(entry: LedgerEntry): void {
    const { type, subject, n, at, facts } = entry;
    this.#time(n, Date.parse(at));
    switch (type) {
      case "recording-open":
        this.#parsed(RecordingOpenFacts, entry, (of, stated) => of.opens.push(stated));
        return;
      case "recording-close":
        this.#parsed(RecordingCloseFacts, entry, (of, stated) => of.closes.push(stated));
        return;
      case "expired":
        this.#parsed(ExpiredFacts, entry, (of, stated) => of.expired.push(stated));
        return;
      case "recording-stored":
        this.of(subject).stored ??= n;
        return;
      case "verify": {
        const details = facts["details"];
        const told = text(facts["verdict"]) ?? text((details as Record<string, unknown> | undefined)?.["verdict"]);
        if (told !== null && sessionIdPattern.test(subject)) this.of(subject).verified = { n, at, verdict: told };
        return;
      }
      case "overdue":
        this.of(subject).overdue ??= n;
        return;
      case "hold":
      case "hold-release-asked":
      case "audit:hold.release-refuse":
      case "hold-release":
        this.#hold(entry);
        return;
      case "key-created":
      case "key-rotated":
      case "key-retired":
      case "key-lost": {
        const told = { ...facts, ...(facts["details"] as Record<string, unknown> | undefined) };
        const ended = type === "key-retired" || type === "key-lost" || (text(told["state"]) ?? "active") !== "active";
        this.keys.set(subject, { n, at, ended, compromised: told["state"] === "compromised" });
        return;
      }
      case "retention-extended": {
        const until = text(facts["retainUntil"]) ?? text(facts["until"]);
        const of = this.of(subject);
        if (until !== null && (of.extendedTo === null || Date.parse(until) > Date.parse(of.extendedTo)))
          of.extendedTo = until;
        return;
      }
    }
  }

  /**
   * No entry is later than one that follows it, or than a proven time stamp over it: when entry `n` was written at the
   * latest, whatever clock it had.
   */
  latestMs(n: number, at: string): number {
    const after = this.#earlier.find((one) => one.n > n);
    const there = this.#thereBy.find(({ size }) => size > n);
    return Math.min(Date.parse(at), after?.atMs ?? Number.POSITIVE_INFINITY, there?.atMs ?? Number.POSITIVE_INFINITY);
  }

  /** The first `size` entries were there by then, as a witness outside says; in order of size. */
  thereBy(size: number, atMs: number): void {
    while ((this.#thereBy.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= atMs) this.#thereBy.pop();
    this.#thereBy.push({ size, atMs });
  }

  #time(n: number, atMs: number): void {
    if (Number.isNaN(atMs)) return;
    if (atMs < this.#lastAtMs) {
      while ((this.#earlier.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= atMs) this.#earlier.pop();
      this.#earlier.push({ n, atMs });
    }
    this.#lastAtMs = atMs;
  }

  /** Holds are lines of the audit log: what they are stands in its details. */
  #hold({ type, subject, n, at, actor, facts }: LedgerEntry): void {
    const of = { ...facts, ...(facts["details"] as Record<string, unknown> | undefined) };
    const id = text(of["hold"]);
    if (id === null) return;
    const key = `${subject} ${id}`;
    if (type === "hold-release-asked") this.#asked.set(key, actor);
    else if (type === "audit:hold.release-refuse") this.#asked.delete(key);
    else {
      const asked = this.#asked.get(key);
      const kind = type === "hold" ? "placed" : "released";
      const alone = kind === "released" && (asked === undefined || asked.toLowerCase() === actor.toLowerCase());
      this.of(subject).holds.push({ n, at, id, kind, caseId: text(of["caseId"]), by: actor, alone });
    }
  }

  of(session: string): SessionEntries {
    let of = this.sessions.get(session);
    if (of === undefined) {
      of = {
        session,
        recorder: this.recorder,
        opens: [],
        closes: [],
        expired: [],
        stored: null,
        holds: [],
        extendedTo: null,
        overdue: null,
        verified: null,
        unreadable: [],
      };
      this.sessions.set(session, of);
    }
    return of;
  }

  #parsed<T>(
    schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
    { subject, n, at, facts }: LedgerEntry,
    add: (of: SessionEntries, stated: Stated<T>) => void,
  ): void {
    const parsed = schema.safeParse(facts);
    const of = this.of(subject);
    if (parsed.success) add(of, { n, at, facts: parsed.data });
    else of.unreadable.push(n);
  }
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** Until when it is kept, as the ledger has it; null before it was closed. */
export function retainUntilOf({ closes, extendedTo }: SessionEntries): string | null {
  const closed = closes[0]?.facts.retainUntil ?? null;
  if (closed === null || extendedTo === null) return closed ?? extendedTo;
  return Date.parse(extendedTo) > Date.parse(closed) ? extendedTo : closed;
}

/** Whether it was under a legal hold at that moment: after the entry `n`. */
export function heldAt({ holds }: SessionEntries, n: number): boolean {
  const active = new Set<string>();
  for (const hold of holds) {
    if (hold.n > n) break;
    if (hold.kind === "placed") active.add(hold.id);
    else if (!hold.alone) active.delete(hold.id);
  }
  return active.size > 0;
}

/** What it said when the ledger had so many entries. */
export function entriesUpTo(entries: SessionEntries, size: number): SessionEntries {
  const before = <T extends { n: number }>(all: T[]) => all.filter(({ n }) => n < size);
  const known = (n: number | null) => (n !== null && n < size ? n : null);
  return {
    ...entries,
    opens: before(entries.opens),
    closes: before(entries.closes),
    expired: before(entries.expired),
    holds: before(entries.holds),
    stored: known(entries.stored),
    overdue: known(entries.overdue),
    unreadable: entries.unreadable.filter((n) => n < size),
  };
}

/** Cases that hold it now. */
export function casesHolding({ holds }: SessionEntries): string[] {
  const active = new Map<string, string>();
  for (const { id, kind, caseId, alone } of holds) {
    if (kind === "placed") active.set(id, caseId ?? id);
    else if (!alone) active.delete(id);
  }
  return [...active.values()];
}
