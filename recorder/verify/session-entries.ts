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

  constructor(recorder: string) {
    this.recorder = recorder;
  }

  take(entry: LedgerEntry): void {
    const { type, subject, n, at, facts } = entry;
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
      case "hold-release": {
        const kind = type === "hold" ? "placed" : "released";
        // Holds are lines of the audit log: what they are stands in its details.
        const of = { ...facts, ...(facts["details"] as Record<string, unknown> | undefined) };
        const id = text(of["hold"]);
        if (id !== null) this.of(subject).holds.push({ n, at, id, kind, caseId: text(of["caseId"]), by: entry.actor });
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
    else active.delete(hold.id);
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
  for (const { id, kind, caseId } of holds) {
    if (kind === "placed") active.set(id, caseId ?? id);
    else active.delete(id);
  }
  return [...active.values()];
}
