// What auditors ask of the ledger: its state, pages of entries, proofs. Invariant: a question costs a bounded piece of the
// ledger, whatever its filter.
import type { LedgerPage, LedgerProof, LedgerQuery, LedgerState } from "../../shared/api/ledger.ts";
import { AppError } from "../../shared/errors.ts";
import { parseCheckpoint } from "../../shared/ledger/checkpoint.ts";
import type { LedgerEntry } from "../../shared/ledger/entry.ts";
import type { KeyHistory } from "../../shared/ledger/key-history.ts";
import type { LedgerService } from "./ledger-service.ts";

export interface LedgerDeskOptions {
  service: Pick<LedgerService, "status" | "ledger">;
  recorder: string;
  /** The newest version; null: nobody signed one. */
  keyHistory(): KeyHistory | null;
}

/** Entries that one question looks at. */
const maxLooked = 20_000;
const chunk = 500;

export class LedgerDesk {
  readonly #options: LedgerDeskOptions;

  constructor(options: LedgerDeskOptions) {
    this.#options = options;
  }

  state(): LedgerState {
    const { service, recorder, keyHistory } = this.#options;
    const { size, head, root, checkpoint, uploadedSize, anchors } = service.status();
    const history = keyHistory();
    return {
      recorder,
      size,
      head,
      root,
      checkpoint: checkpoint === null ? null : { ...checkpoint, at: parseCheckpoint(checkpoint.note)?.at ?? null },
      storedSize: uploadedSize,
      anchoredSize: anchors.length === 0 ? null : Math.max(...anchors.map((anchor) => anchor.size)),
      anchors,
      rootKeyId: history?.root.keyId ?? null,
      keys: (history?.keys ?? []).map(({ keyId, state, from, to }) => ({
        keyId,
        state,
        from,
        ...(to === undefined ? {} : { to }),
      })),
    };
  }

  /** Newest first. */
  async entries(query: LedgerQuery): Promise<LedgerPage> {
    const { ledger } = this.#options.service;
    const from = timeIn("from", query.from);
    const to = timeIn("to", query.to);
    const items: LedgerEntry[] = [];
    let below = Math.min(query.cursor ?? ledger.size, ledger.size);
    const stopAt = Math.max(0, below - maxLooked);
    while (below > stopAt) {
      const begin = Math.max(stopAt, below - chunk);
      const some: LedgerEntry[] = [];
      for await (const { entry } of ledger.entries(begin, below)) some.push(entry);
      for (const entry of some.reverse()) {
        below = entry.n;
        const at = Date.parse(entry.at);
        if ((from !== null && at < from) || (to !== null && at >= to) || !fits(entry, query)) continue;
        items.push(entry);
        if (items.length >= query.limit) return { items, next: below === 0 ? null : below };
      }
    }
    return { items, next: below === 0 ? null : below };
  }

  /** REQUEST_NOT_FOUND where there is no such entry, or no checkpoint over it yet. */
  async proof(n: number): Promise<LedgerProof> {
    const { ledger } = this.#options.service;
    const checkpoint = n < ledger.size ? await ledger.checkpointOver(n) : null;
    if (checkpoint === null) {
      const text =
        n < ledger.size ? `no checkpoint covers entry ${n} yet; one follows within minutes` : `there is no entry ${n}`;
      throw new AppError("REQUEST_NOT_FOUND", text, { op: "ledger.proof" });
    }
    for await (const { line } of ledger.entries(n, n + 1)) {
      return { ...ledger.proof(n, checkpoint.size), line, checkpoint: checkpoint.note };
    }
    throw new AppError("REQUEST_NOT_FOUND", `there is no entry ${n}`, { op: "ledger.proof" });
  }
}

function fits({ type, subject, actor, facts }: LedgerEntry, wanted: LedgerQuery): boolean {
  if (wanted.type !== undefined && type !== wanted.type && !(wanted.type === "audit" && type.startsWith("audit:")))
    return false;
  if (wanted.subject !== undefined && subject !== wanted.subject && facts["session"] !== wanted.subject) return false;
  return wanted.actor === undefined || actor.toLowerCase() === wanted.actor.toLowerCase();
}

function timeIn(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new AppError("REQUEST_INVALID", `\`${name}\` is a time such as 2026-11-23T08:00:00Z`, { op: "ledger.entries" });
}
