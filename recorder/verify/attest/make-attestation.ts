// Makes the attestation of a period: for every recording that the ledger or the store knows, object by object, what the
// store has, what the ledger says, and what is to be. Stored bytes are not read again: the lists of checksums are, whose
// hashes are in the ledger.
import { createHash } from "node:crypto";
import { AppError } from "../../../shared/errors.ts";
import {
  ATTESTATION_FORMAT,
  type Attestation,
  type AttestationCounts,
  type AttestedObject,
  type AttestedRecording,
  type AttestedState,
  attestedStates,
} from "../../../shared/evidence/attestation.ts";
import { type EvidenceFinding, worstVerdict } from "../../../shared/evidence/verdict.ts";
import { sessionIdPattern } from "../../../shared/ids.ts";
import { findNumberFaults } from "../../catalog/numbers.ts";
import { possiblePrefixes } from "../../catalog/reader.ts";
import { isDue, isOverdue } from "../../retention/terms.ts";
import { checksumsName } from "../../store/keys.ts";
import type { ObjectStore } from "../../store/object-store.ts";
import type { ObjectLock } from "../../store/retention-store.ts";
import { idTime, isBeyond, judge } from "../judge.ts";
import type { KeyTrust } from "../key-trust.ts";
import type { CheckedLedger } from "../ledger-check.ts";
import { hasLocks, isLockedUntil, lockOf } from "../lock-notices.ts";
import { casesHolding, entriesUpTo, type SessionEntries } from "../session-entries.ts";
import { retentionOf, type Survey, type SurveyedRecording, survey, visible } from "../survey.ts";
import { isRecording } from "../verify-evidence.ts";

export interface AttestationSources {
  store: ObjectStore;
  trust: KeyTrust;
  ledgers: ReadonlyMap<string, CheckedLedger>;
  recorder: string;
  version: string;
  storeName: string;
  policy: Attestation["policy"];
  keyId: string | null;
  nowMs: number;
  fromMs: number;
  toMs: number;
  /** Only entries below it count: of a ledger that has grown since. Left out: all. */
  ledgerSize?: number;
  /** False: a plain copy of the objects, which has none. Left out: the store is asked. */
  locks?: false;
  /** Rows of the index, where it is at hand. */
  catalogue?: CatalogueRows | null;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
}

export interface CatalogueRows {
  /** By session. */
  rows: ReadonlyMap<string, { startedAt: string; state: string; retainUntil: string | null; held: boolean }>;
}

const dayMs = 86_400_000;
const uploadSlackMs = 3_600_000;
const atOnce = 16;
/** A longer period is listed as a whole. */
const maxDayPrefixes = 120;

export async function makeAttestation(sources: AttestationSources): Promise<Attestation> {
  const ledger = sources.ledgers.get(sources.recorder) ?? null;
  const found = await surveyOf(sources, ledger);
  const sessions = sessionsOf(sources, found, ledger);
  const recordings: AttestedRecording[] = [];
  let next = 0;
  let done = 0;
  const isLocking = sources.locks ?? (await hasLocks(sources.store));
  const work = async () => {
    for (let at = next++; at < sessions.length; at = next++) {
      sources.signal?.throwIfAborted();
      const session = sessions[at] ?? "";
      recordings[at] = await attested(sources, session, found.recordings.get(session) ?? null, ledger, isLocking);
      sources.onProgress?.(++done, sessions.length);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return assembled(sources, recordings, found, ledger);
}

/** The days of the period, and wherever a recording that went in it would lie. */
async function surveyOf(sources: AttestationSources, ledger: CheckedLedger | null): Promise<Survey> {
  const { store, fromMs, toMs, signal } = sources;
  const days = Math.ceil((toMs - fromMs) / dayMs) + 2;
  if (days > maxDayPrefixes) return survey(store, ["recordings/"], signal);
  const prefixes = Array.from({ length: days }, (_, i) => {
    const day = new Date(Math.floor(fromMs / dayMs) * dayMs + (i - 1) * dayMs + dayMs).toISOString().slice(0, 10);
    return `recordings/${day.replaceAll("-", "/")}/`;
  });
  const found = await survey(store, prefixes, signal);
  for (const [session, entries] of ledger?.entries.sessions ?? []) {
    if (found.recordings.has(session) || !isInScope(sources, session, entries)) continue;
    const others = possiblePrefixes(session).filter((prefix) => !prefixes.some((day) => prefix.startsWith(day)));
    if (others.length === 0) continue;
    for (const [, one] of (await survey(store, others, signal)).recordings) found.recordings.set(session, one);
  }
  return found;
}

function isInScope(
  { fromMs, toMs, ledgerSize }: AttestationSources,
  session: string,
  entries: SessionEntries | null,
): boolean {
  const upTo = entries === null || ledgerSize === undefined ? entries : entriesUpTo(entries, ledgerSize);
  const startedMs = Date.parse(upTo?.opens[0]?.facts.startedAt ?? idTime(session));
  const goneMs = Date.parse(upTo?.expired[0]?.at ?? "");
  return (startedMs >= fromMs && startedMs < toMs) || (goneMs >= fromMs && goneMs < toMs);
}

function sessionsOf(sources: AttestationSources, found: Survey, ledger: CheckedLedger | null): string[] {
  const all = new Set(found.recordings.keys());
  for (const [session, entries] of ledger?.entries.sessions ?? []) {
    const upTo = sources.ledgerSize === undefined ? entries : entriesUpTo(entries, sources.ledgerSize);
    if (isRecording(upTo)) all.add(session);
  }
  return [...all]
    .filter((session) => {
      const entries = ledger?.entries.sessions.get(session) ?? null;
      const isLater = sources.ledgerSize !== undefined && (entries?.opens[0]?.n ?? -1) >= sources.ledgerSize;
      return sessionIdPattern.test(session) && !isLater && isInScope(sources, session, entries);
    })
    .sort();
}

async function attested(
  sources: AttestationSources,
  session: string,
  surveyed: SurveyedRecording | null,
  ledger: CheckedLedger | null,
  isLocking: boolean,
): Promise<AttestedRecording> {
  const { trust, nowMs, ledgerSize } = sources;
  const known = ledger?.entries.sessions.get(session) ?? null;
  const upTo = known === null || ledgerSize === undefined ? known : entriesUpTo(known, ledgerSize);
  const own = isRecording(upTo ?? undefined) ? upTo : null;
  const other = own === null ? otherLedger(sources, session) : null;
  const entries = own ?? other?.entries.sessions.get(session) ?? null;
  const evidence = judge({
    session,
    surveyed,
    examined: null,
    ledger: other ?? ledger,
    entries,
    keys: trust.keys,
    nowMs,
    uploadSlackMs,
  });
  const opened = entries?.opens[0];
  const closed = entries?.closes[0];
  const expired = entries?.expired[0];
  const { retainUntil } = evidence;
  const holds = entries === null ? [] : casesHolding(entries);
  const findings: EvidenceFinding[] = [...evidence.findings];
  const sums = await readSums(sources.store, surveyed, closed?.facts.sumsSha256 ?? null, findings);
  const keep = holds.length > 0 || (retainUntil !== null && Date.parse(retainUntil) > nowMs);
  const wanted = { sums, retainUntil, keep, isHeld: holds.length > 0, isLocking };
  const objects = await objectsOf(sources.store, surveyed, wanted, findings);
  const verdict = worstVerdict(
    findings.map(({ weight }) => weight),
    evidence.verdict,
  );
  const isNew = ledger !== null && isBeyond(ledger, Date.parse(idTime(session)));
  const isThere = objects.some(({ state }) => state !== "missing");
  return {
    session,
    recorder: evidence.recorder,
    sequence: opened?.facts.sequence ?? null,
    person: opened?.facts.person ?? null,
    target: opened?.facts.target ?? null,
    startedAt: opened?.facts.startedAt ?? idTime(session),
    endedAt: closed?.facts.endedAt ?? null,
    retentionDays: opened?.facts.retentionDays ?? null,
    retainUntil,
    state: stateOf({
      isForeign: other !== null,
      wasRestarted: restartedSince(ledger, entries, ledgerSize),
      entries,
      isThere,
      isHeld: holds.length > 0,
      retainUntil,
      nowMs,
      early: verdict === "DELETED-EARLY",
      isNew,
    }),
    holds,
    verdict,
    entries: evidence.entries,
    gone:
      expired === undefined
        ? null
        : { at: expired.at, proof: expired.facts.proof, objects: expired.facts.objects, by: expired.facts.by ?? null },
    verified:
      known?.verified == null || known.verified.n >= (ledgerSize ?? Infinity)
        ? null
        : { at: known.verified.at, verdict: known.verified.verdict },
    objects,
    findings,
  };
}

/** Of another recorder, which writes to the same store, where its ledger is here and has the session. */
function otherLedger({ ledgers, recorder }: AttestationSources, session: string): CheckedLedger | null {
  const others = [...ledgers.values()].filter((one) => one.recorder !== recorder);
  return others.find(({ entries }) => isRecording(entries.sessions.get(session))) ?? null;
}

/** The service began again after it: what had been going on was sealed by then, or never is. */
function restartedSince(
  ledger: CheckedLedger | null,
  entries: SessionEntries | null,
  ledgerSize = Number.POSITIVE_INFINITY,
): boolean {
  const opened = entries?.opens[0]?.n ?? Number.POSITIVE_INFINITY;
  return ledger?.starts.some((n) => n > opened && n < ledgerSize) === true;
}

function stateOf(of: {
  isForeign: boolean;
  wasRestarted: boolean;
  entries: SessionEntries | null;
  isThere: boolean;
  isHeld: boolean;
  retainUntil: string | null;
  nowMs: number;
  early: boolean;
  /** It began after the last signed checkpoint: the ledger's word on it is still to come. */
  isNew: boolean;
}): AttestedState {
  const { entries, isThere, isHeld, retainUntil, nowMs, early } = of;
  if (of.isForeign) return "foreign";
  if (entries === null) return of.isNew ? "live" : "unknown";
  if (early && !isThere) return "gone-early";
  if (entries.expired.length > 0 && !isThere) return early ? "gone-early" : "gone";
  if (entries.closes.length === 0) return of.wasRestarted ? "unsealed" : "live";
  if (!isThere) return "missing";
  if (isHeld) return "held";
  if (retainUntil !== null && isOverdue(retainUntil, nowMs)) return "overdue";
  return retainUntil !== null && isDue(retainUntil, nowMs) ? "due" : "kept";
}

/** Null where there is none; the names and hashes that the recording was sealed with. */
async function readSums(
  store: ObjectStore,
  surveyed: SurveyedRecording | null,
  stated: string | null,
  findings: EvidenceFinding[],
): Promise<Map<string, string> | null> {
  const prefix = surveyed?.prefixes[0];
  if (prefix === undefined || surveyed?.objects.every(({ key }) => key !== prefix + checksumsName) === true)
    return null;
  const key = prefix + checksumsName;
  let bytes: Uint8Array;
  try {
    bytes = await store.get(key);
  } catch (error) {
    if (error instanceof AppError && ["STORE_NOT_FOUND", "STORE_REFUSED"].includes(error.code)) return null;
    throw error;
  }
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (stated !== null && hash !== stated)
    findings.push({
      place: key,
      code: "INTEGRITY_LEDGER",
      message: "is not the list that the ledger names",
      weight: "TAMPERED",
    });
  const sums = new Map([[checksumsName, hash]]);
  for (const line of Buffer.from(bytes).toString("utf8").split("\n")) {
    const [, sha256 = "", name = ""] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (name !== "") sums.set(name, sha256);
  }
  return sums;
}

interface Wanted {
  sums: ReadonlyMap<string, string> | null;
  retainUntil: string | null;
  keep: boolean;
  isHeld: boolean;
  isLocking: boolean;
}

async function objectsOf(
  store: ObjectStore,
  surveyed: SurveyedRecording | null,
  wanted: Wanted,
  findings: EvidenceFinding[],
): Promise<AttestedObject[]> {
  const prefix = surveyed?.prefixes[0] ?? "";
  const objects: AttestedObject[] = [];
  // On a file system one record covers the whole recording.
  let shared: ObjectLock | null | undefined;
  for (const object of surveyed?.objects ?? []) {
    const { key } = object;
    const version = visible(object) ?? object.versions.find(({ deleteMarker }) => !deleteMarker);
    let lock: ObjectLock | null = null;
    if (wanted.isLocking && version !== undefined) {
      lock = shared === undefined ? await lockOf(store, key, version.versionId) : shared;
      if (store.kind === "fs") shared = lock;
    }
    const sha256 = wanted.sums?.get(key.slice(prefix.length)) ?? null;
    const isLocked =
      (!wanted.isHeld || lock?.hold === true) &&
      (wanted.retainUntil === null ||
        lock === null ||
        isLockedUntil(lock, wanted.retainUntil) ||
        !wanted.keep ||
        wanted.isHeld);
    const state =
      visible(object) === undefined
        ? "hidden"
        : wanted.sums !== null && sha256 === null
          ? "unknown"
          : wanted.keep && wanted.isLocking && !isLocked
            ? "unlocked"
            : "kept";
    if (state === "unknown")
      findings.push({
        place: key,
        code: "INTEGRITY_FORMAT",
        message: "is in the store, and not on the recording's list",
        weight: "TAMPERED",
      });
    objects.push({
      key,
      versionId: version?.versionId ?? null,
      bytes: version?.bytes ?? 0,
      sha256,
      lockedUntil: lock?.mode === "compliance" ? lock.retainUntil : null,
      hold: lock?.hold ?? false,
      state,
    });
  }
  const there = new Set(objects.map(({ key }) => key));
  for (const [name, sha256] of wanted.sums ?? []) {
    if (there.has(prefix + name)) continue;
    objects.push({
      key: prefix + name,
      versionId: null,
      bytes: 0,
      sha256,
      lockedUntil: null,
      hold: false,
      state: "missing",
    });
    findings.push({
      place: prefix + name,
      code: "STORE_NOT_FOUND",
      message: "is on the recording's list and not in the store",
      weight: wanted.keep ? "MISSING" : "INCOMPLETE",
    });
  }
  return objects;
}

async function assembled(
  sources: AttestationSources,
  recordings: AttestedRecording[],
  found: Survey,
  ledger: CheckedLedger | null,
): Promise<Attestation> {
  const { trust, fromMs, toMs, nowMs, recorder, version, ledgerSize } = sources;
  const promise = (await retentionOf(sources.store)?.promise()) ?? null;
  const size = ledgerSize ?? ledger?.signedSize ?? 0;
  const root = size === 0 ? null : (ledger?.rootAt(size) ?? null);
  const attestation: Omit<Attestation, "inOrder"> = {
    format: ATTESTATION_FORMAT,
    generatedAt: new Date(nowMs).toISOString(),
    recorder,
    version,
    period: { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() },
    store: {
      name: sources.storeName,
      enforcedBy: promise?.enforcedBy ?? null,
      locks: sources.locks ?? promise?.locks ?? false,
      limits: promise?.limits ?? [],
    },
    policy: sources.policy,
    keyId: sources.keyId,
    root: trust.evidence.root,
    ledger: {
      verdict: ledger?.evidence.verdict ?? "UNANCHORED",
      checkpoint: root === null ? null : { size, root, at: ledger?.signedSize === size ? ledger.signedAt : null },
      anchored: ledger?.anchoredSize ?? null,
      findings: ledger?.evidence.findings ?? [],
    },
    keys: { verdict: trust.evidence.verdict, findings: trust.evidence.findings },
    counts: countsOf(recordings),
    recordings,
    unknown: found.unknown,
    missingNumbers: numbersMissing(sources, ledger),
    catalogue: sources.catalogue == null ? null : compared(sources, sources.catalogue, recordings),
  };
  return { ...attestation, inOrder: inOrderBy(attestation) };
}

/** Whether what it lists is in order, all of it. */
export function inOrderBy(of: Omit<Attestation, "inOrder">): boolean {
  const { counts, recordings, ledger, keys, missingNumbers, unknown } = of;
  const bad: AttestedState[] = ["unsealed", "overdue", "gone-early", "missing", "foreign", "unknown"];
  const isFine = (verdict: string) => ["VALID", "EXPIRED-ON-TIME", "INCOMPLETE"].includes(verdict);
  return (
    bad.every((state) => (counts.states[state] ?? 0) === 0) &&
    counts.unlockedObjects + counts.missingObjects + counts.unknownObjects === 0 &&
    missingNumbers.length + unknown.length === 0 &&
    recordings.every((one) => isFine(one.verdict) || (one.state === "live" && one.verdict === "UNANCHORED")) &&
    ledger.verdict === "VALID" &&
    keys.verdict === "VALID"
  );
}

export function countsOf(recordings: readonly AttestedRecording[]): AttestationCounts {
  const states = Object.fromEntries(attestedStates.map((state) => [state, 0])) as AttestationCounts["states"];
  const counts = { objects: 0, bytes: 0, unlockedObjects: 0, missingObjects: 0, unknownObjects: 0 };
  for (const { state, objects } of recordings) {
    states[state] = (states[state] ?? 0) + 1;
    for (const object of objects) {
      if (object.state === "missing") counts.missingObjects++;
      else {
        counts.objects++;
        counts.bytes += object.bytes;
      }
      if (object.state === "unlocked") counts.unlockedObjects++;
      if (object.state === "unknown") counts.unknownObjects++;
    }
  }
  return { recordings: recordings.length, states, ...counts };
}

/** Of all that the ledger ever had: a hole anywhere is a session that nobody can account for. */
function numbersMissing({ ledgerSize }: AttestationSources, ledger: CheckedLedger | null): EvidenceFinding[] {
  if (ledger === null) return [];
  const { recorder, entries } = ledger;
  const numbers = [...entries.sessions.values()].flatMap(({ session, opens }) =>
    opens
      .slice(0, 1)
      .flatMap(({ n, facts }) =>
        ledgerSize !== undefined && n >= ledgerSize ? [] : [{ session, recorder, sequence: facts.sequence }],
      ),
  );
  // A ledger that began later than the recorder says nothing of what was before.
  const lowest = numbers.reduce((least, { sequence }) => Math.min(least, sequence), Infinity);
  return findNumberFaults(numbers, new Map())
    .filter(({ to }) => to >= lowest)
    .map(({ from, to, message }) => ({
      place: from === to ? `${recorder}/${from}` : `${recorder}/${from}-${to}`,
      code: "STORE_NOT_FOUND",
      message,
      weight: "MISSING",
    }));
}

/** The index against what ledger and store say: it is their cache. */
function compared(
  { fromMs, toMs }: AttestationSources,
  { rows }: CatalogueRows,
  recordings: readonly AttestedRecording[],
): NonNullable<Attestation["catalogue"]> {
  const differences: Array<{ session: string; message: string }> = [];
  const differs = (session: string, message: string) => differences.push({ session, message });
  for (const { session, state, retainUntil, holds } of recordings) {
    const row = rows.get(session);
    if (row === undefined) {
      if (state !== "gone" && state !== "foreign") differs(session, `the index does not know it; it is ${state}`);
      continue;
    }
    const isGone = state === "gone" || state === "gone-early";
    if (isGone !== (row.state === "expired")) differs(session, `the index calls it ${row.state}; it is ${state}`);
    if (row.held !== holds.length > 0)
      differs(
        session,
        row.held ? "the index calls it held; the ledger does not" : "the ledger has it held; the index does not",
      );
    if (row.retainUntil !== null && retainUntil !== null && Date.parse(row.retainUntil) !== Date.parse(retainUntil))
      differs(session, `the index keeps it until ${row.retainUntil}, the ledger until ${retainUntil}`);
  }
  const known = new Set(recordings.map(({ session }) => session));
  let inPeriod = 0;
  for (const [session, { startedAt }] of rows) {
    const startedMs = Date.parse(startedAt);
    if (startedMs < fromMs || startedMs >= toMs) continue;
    inPeriod++;
    if (!known.has(session)) differs(session, "the index has it; neither the ledger nor the store knows it");
  }
  return { rows: inPeriod, differences };
}
