// The catalogue anew from the store alone: recordings from their own records, what is gone and what is held from the ledger
// in the store. A part of the composition root. What is there already is brought up to date; nothing is taken away.
import type { KeyObject } from "node:crypto";
import type { LedgerEntry } from "../shared/ledger/entry.ts";
import { type RebuildResult, rebuildRecordings } from "./catalog/rebuild.ts";
import { Recordings } from "./catalog/recordings.ts";
import { toStoredTime } from "./catalog/time.ts";
import type { ServiceDatabase } from "./database.ts";
import { RetainedRecordings } from "./retention/retained.ts";
import { storedRecordings } from "./retention/stored-recordings.ts";
import { retainTag } from "./retention/terms.ts";
import { recordingPrefix } from "./store/keys.ts";
import type { ObjectStore } from "./store/object-store.ts";
import type { CheckedLedger } from "./verify/ledger-check.ts";
import type { SessionEntries } from "./verify/session-entries.ts";
import { readWitnesses } from "./verify/verify-evidence.ts";

export interface CatalogueRebuilt extends RebuildResult {
  /** Recordings that are gone, as the ledger tells. */
  expired: number;
  retained: number;
  holds: number;
  /** Why the ledger in the store is no proof; empty: it holds. */
  ledgerFaults: string[];
}

export interface RebuildSources {
  store: ObjectStore;
  database: ServiceDatabase;
  recorder: string;
  root: KeyObject | null;
  /** In PEM by key id, where there is no root. */
  given: ReadonlyMap<string, string>;
  checkpointSeconds: number;
  rebuild?: Parameters<typeof rebuildRecordings>[3];
}

export async function rebuildCatalogue(
  { store, database, recorder, root, given, checkpointSeconds, rebuild }: RebuildSources,
  onProgress: (done: number) => void = () => {},
): Promise<CatalogueRebuilt> {
  const recordings = new Recordings(database.catalog);
  const retained = new RetainedRecordings(database.retention);
  const holds = new HeldRows();
  const how = { store, root, given, anchors: null, checkpointSeconds };
  const { ledgers } = await readWitnesses(how, undefined, (of, entry) => of === recorder && holds.take(entry));
  const ledger = ledgers.get(recorder);
  const result = await rebuildRecordings(store, recordings, onProgress, rebuild);
  let kept = 0;
  for await (const one of storedRecordings(store)) {
    const found = await one.read();
    // Of one that is not sealed yet the service learns when it is.
    if (found === null || found.recording.manifestSha256 === null) continue;
    // Another recorder's is not this one's to take away.
    if (found.recorder !== recorder && ledger?.entries.sessions.get(found.recording.session) === undefined) continue;
    await retained.keep(found.recording);
    kept++;
  }
  let expired = 0;
  for (const entries of ledger?.entries.sessions.values() ?? [])
    if (await expire(database, recordings, retained, recorder, entries)) expired++;
  await holds.save(database);
  return { ...result, expired, retained: kept, holds: holds.size, ledgerFaults: faultsOf(ledger) };
}

/** One that is gone, from what the ledger keeps of it. */
async function expire(
  { catalog }: ServiceDatabase,
  recordings: Recordings,
  retained: RetainedRecordings,
  recorder: string,
  { session, opens, closes, expired }: SessionEntries,
): Promise<boolean> {
  const [opened, closed, gone] = [opens[0]?.facts, closes[0]?.facts, expired[0]];
  if (opened === undefined || gone === undefined) return false;
  await catalog
    .insertInto("recordings")
    .values({
      session,
      recorder,
      sequence: opened.sequence,
      person: opened.person,
      person_key: opened.person.toLowerCase(),
      target: opened.target,
      target_key: opened.target.toLowerCase(),
      // What the ledger does not keep of a recording went with it.
      conduit: "",
      client_address: "",
      protocol: opened.protocol,
      started_at: toStoredTime(opened.startedAt),
      ended_at: closed === undefined ? null : toStoredTime(closed.endedAt),
      duration_us: closed === undefined ? 0 : (Date.parse(closed.endedAt) - Date.parse(opened.startedAt)) * 1000,
      state: "expired",
      end_reason: closed?.endReason ?? null,
      keystrokes: 0,
      files: 0,
      bytes: closed?.bytes ?? 0,
      gaps: closed?.gaps ?? 0,
      redactions: 0,
      stored: 1,
      recording_mode: opened.recorded,
    })
    .onConflict((conflict) => conflict.column("session").doNothing())
    .execute();
  await recordings.setState(session, "expired");
  const { facts, at } = gone;
  await retained.keep({
    session,
    prefix: recordingPrefix(opened.startedAt, session),
    startedAt: opened.startedAt,
    retainUntil: facts.retainUntil,
    retainTag: retainTag(opened.retentionDays),
    manifestSha256: facts.manifestSha256,
    objects: facts.objects,
    bytes: facts.bytes,
  });
  await retained.setExpired(session, new Date(at).toISOString(), facts.by === "lifecycle" ? "lifecycle" : "sweeper");
  return true;
}

interface HeldRow {
  id: string;
  session: string;
  case_id: string;
  reason: string;
  placed_by: string;
  placed_at: string;
  state: string;
  enforced: number;
  asked_by: string | null;
  asked_at: string | null;
  asked_reason: string | null;
  released_by: string | null;
  released_at: string | null;
}

/** Legal holds as the ledger tells of them, step by step. */
class HeldRows {
  readonly #rows = new Map<string, HeldRow>();

  get size(): number {
    return this.#rows.size;
  }

  take({ type, actor, subject, at: written, facts }: LedgerEntry): void {
    const at = new Date(written).toISOString();
    const details = { ...facts, ...(facts["details"] as Record<string, unknown> | undefined) };
    const text = (name: string) => (typeof details[name] === "string" ? (details[name] as string) : "");
    const id = text("hold");
    const known = this.#rows.get(id);
    if (id === "") return;
    if (type === "hold") {
      const placed = { case_id: text("caseId"), reason: text("reason"), placed_by: actor, placed_at: at };
      const open = { asked_by: null, asked_at: null, asked_reason: null, released_by: null, released_at: null };
      // The next look at what is not enforced brings the store to it.
      this.#rows.set(id, { id, session: subject, ...placed, state: "active", enforced: 0, ...open });
    } else if (known === undefined) return;
    else if (type === "hold-release-asked")
      Object.assign(known, { state: "release-asked", asked_by: actor, asked_at: at, asked_reason: text("reason") });
    else if (type === "audit:hold.release-refuse")
      Object.assign(known, { state: "active", asked_by: null, asked_at: null, asked_reason: null });
    else if (type === "hold-release") Object.assign(known, { state: "released", released_by: actor, released_at: at });
  }

  async save({ retention }: ServiceDatabase): Promise<void> {
    for (const row of this.#rows.values()) {
      const { state, asked_by, asked_at, asked_reason, released_by, released_at } = row;
      const changed = { state, asked_by, asked_at, asked_reason, released_by, released_at };
      await retention
        .insertInto("holds")
        .values(row)
        .onConflict((conflict) => conflict.column("id").doUpdateSet(changed))
        .execute();
    }
  }
}

function faultsOf(ledger: CheckedLedger | undefined): string[] {
  if (ledger === undefined) return ["the store has no ledger of this recorder: what is gone or held cannot be told"];
  return ledger.evidence.findings
    .filter(({ weight }) => weight === "TAMPERED" || weight === "MISSING")
    .map(({ place, message }) => `${place}: ${message}`);
}
