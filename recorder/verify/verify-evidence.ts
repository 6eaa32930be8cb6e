// `conduit verify`: keys, ledgers and recordings of a store, against each other and against the root key that the verifier
// brought along. Reads nothing but the store. Invariant: one fault never hides another; only a store that does not answer,
// or the caller, ends the run early.
import type { KeyObject } from "node:crypto";
import { AppError } from "../../shared/errors.ts";
import {
  type EvidenceFinding,
  type EvidenceReport,
  type EvidenceVerdict,
  type RecordingEvidence,
  worstVerdict,
} from "../../shared/evidence/verdict.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { LedgerEntry } from "../../shared/ledger/entry.ts";
import { findNumberFaults, type Numbered } from "../catalog/numbers.ts";
import { possiblePrefixes } from "../catalog/reader.ts";
import type { Examined } from "../catalog/verify.ts";
import type { StoreConfig } from "../store/create-store.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { keysWithLedgers, laterThanKeys, ledgersGone } from "./cross-check.ts";
import { type Examiner, ExaminerHere, type ExaminerOptions, ExaminerThreads } from "./examiner.ts";
import { idTime, judge } from "./judge.ts";
import { type KeyTrust, noteKeysOf, readKeyTrust } from "./key-trust.ts";
import { type CheckedLedger, checkLedger, recordersIn, type StampAuthorities } from "./ledger-check.ts";
import type { StoreLink } from "./links.ts";
import { lockNotices } from "./lock-notices.ts";
import { compareWithOwn, type OwnCheckpoints } from "./own-ledger.ts";
import type { SessionEntries } from "./session-entries.ts";
import { type Survey, type SurveyedRecording, survey } from "./survey.ts";

export type EvidenceScope =
  | { kind: "all" }
  | { kind: "sessions"; sessions: readonly string[] }
  /** Recordings that began in [from, to). */
  | { kind: "period"; fromMs: number; toMs: number };

export interface EvidenceProgress {
  phase: "keys" | "ledger" | "store" | "recordings";
  done: number;
  total: number | null;
  bytes: number;
}

export interface EvidenceOptions {
  store: ObjectStore;
  /** How other threads open the same store; null: everything is done in this one. */
  threads: { config: StoreConfig; count: number } | null;
  /** Where the ledgers and the history of keys are, when not in `store`. */
  ledgerStore?: ObjectStore;
  root: KeyObject | null;
  /** Further keys in PEM by id that are trusted. */
  given: ReadonlyMap<string, string>;
  scope: EvidenceScope;
  /** Checkpoints that stand outside; null: none to compare with. */
  anchors: readonly string[] | null;
  /** Whose time stamps are believed; without it, what they are over is looked at alone. */
  authorities?: StampAuthorities | undefined;
  /** Looks into segments too; without it their signed hashes count alone. */
  contents: boolean;
  /** Compares locks and holds of every recording, where the store has them. */
  locks: boolean;
  checkpointSeconds?: number;
  /** What the recorder itself has of its ledger, where this is its machine. */
  own?: OwnCheckpoints | null | undefined;
  /** Symbolic links in the folder that the store is. */
  links?: (() => Promise<StoreLink[]>) | undefined;
  uploadSlackMs?: number;
  now?: () => number;
  signal?: AbortSignal | undefined;
  onProgress?: (progress: EvidenceProgress) => void;
  onRecording?: (evidence: RecordingEvidence) => void | Promise<void>;
  /** Of the store, in the report. */
  name: string;
}

export interface EvidenceRun {
  report: EvidenceReport;
  ledgers: ReadonlyMap<string, CheckedLedger>;
  trust: KeyTrust;
}

const hourMs = 3_600_000;

export async function verifyEvidence(options: EvidenceOptions): Promise<EvidenceRun> {
  const run = new Run(options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

/** Keys and ledgers alone: what everything else stands on. */
export async function readWitnesses(
  options: Pick<
    EvidenceOptions,
    "store" | "ledgerStore" | "root" | "given" | "anchors" | "authorities" | "checkpointSeconds" | "own" | "signal"
  > & { /** As of when the ledgers' ends are looked at. */ nowMs?: number },
  onLedger: (recorder: string) => void = () => {},
  onEntry?: (recorder: string, entry: LedgerEntry) => void,
): Promise<{ trust: KeyTrust; ledgers: Map<string, CheckedLedger> }> {
  const { root, given, anchors, authorities, checkpointSeconds = 300, own, nowMs, signal } = options;
  const store = options.ledgerStore ?? options.store;
  const trust = await readKeyTrust({ store, root, given, signal });
  const ledgers = new Map<string, CheckedLedger>();
  for (const recorder of await recordersIn(store, signal)) {
    onLedger(recorder);
    const keys = noteKeysOf(trust, recorder).map((key) => {
      const to = trust.keys.get(key.keyId)?.to;
      return { ...key, ...(to === undefined ? {} : { to }) };
    });
    const told = onEntry === undefined ? {} : { onEntry: (entry: LedgerEntry) => onEntry(recorder, entry) };
    const by = { anchors, authorities, checkpointSeconds, own, nowMs };
    ledgers.set(recorder, await checkLedger({ store, recorder, keys, ...by, signal, ...told }));
  }
  return { trust, ledgers };
}

class Run {
  readonly #options: EvidenceOptions;
  readonly #nowMs: number;
  readonly #uploadSlackMs: number;
  #examiner: Examiner | null = null;
  #bytes = 0;
  readonly #numbers: Numbered[] = [];

  constructor(options: EvidenceOptions) {
    this.#options = options;
    this.#nowMs = (options.now ?? Date.now)();
    this.#uploadSlackMs = options.uploadSlackMs ?? hourMs;
  }

  async close(): Promise<void> {
    await this.#examiner?.close();
  }

  async run(): Promise<EvidenceRun> {
    this.#progress("keys", 0, null);
    // Before the recordings: what is in the ledger by now has its objects by then, or is on its way.
    const { trust, ledgers } = await readWitnesses({ ...this.#options, nowMs: this.#nowMs }, () =>
      this.#progress("ledger", 0, null),
    );
    const found = await this.#survey();
    const sessions = this.#sessions(found, ledgers);
    this.#examiner = this.#makeExaminer(trust, ledgers, sessions, found);
    const recordings = await this.#recordings(sessions, found, trust, ledgers);
    const findings = this.#unknown(found);
    if (this.#options.scope.kind === "all")
      findings.push(...this.#numberFaults(ledgers), ...laterThanKeys(trust, ledgers));
    findings.push(...(await ledgersGone(trust, ledgers, this.#options.anchors, this.#options.scope.kind === "all")));
    findings.push(...(await this.#ownGone(trust, ledgers)));
    findings.push(...(await this.#links([...findings, ...recordings.flatMap((one) => one.findings)])));
    const keys = keysWithLedgers(trust, ledgers, this.#nowMs - this.#uploadSlackMs);
    const evidence = [...ledgers.values()].map((ledger) => this.#withTail(ledger, recordings));
    const all: EvidenceVerdict[] = [
      keys.verdict,
      ...evidence.map(({ verdict }) => verdict),
      ...recordings.map(({ verdict }) => (verdict === "EXPIRED-ON-TIME" ? "VALID" : verdict)),
    ];
    const report: EvidenceReport = {
      format: "conduit-verify/1",
      at: new Date(this.#nowMs).toISOString(),
      store: this.#options.name,
      verdict: worstVerdict([...all, ...findings.map(({ weight }) => weight)]),
      keys,
      ledgers: evidence,
      recordings,
      findings,
    };
    return { report, ledgers, trust };
  }

  /** The recorder has a ledger, and the store has nothing of it. */
  async #ownGone(trust: KeyTrust, ledgers: ReadonlyMap<string, CheckedLedger>): Promise<EvidenceFinding[]> {
    const { own } = this.#options;
    if (own == null || ledgers.has(own.recorder)) return [];
    const keys = noteKeysOf(trust, own.recorder);
    return compareWithOwn({ own, storedSize: 0, rootAt: () => null, keys, nowMs: this.#nowMs });
  }

  /** What they lead to is missing: that they are there is worth knowing then. */
  async #links(found: readonly EvidenceFinding[]): Promise<EvidenceFinding[]> {
    const { links, scope } = this.#options;
    if (links === undefined || found.every(({ code }) => code !== "STORE_NOT_FOUND")) return [];
    const places = scope.kind === "sessions" ? scope.sessions.flatMap(possiblePrefixes) : null;
    const isAbout = (key: string) =>
      places === null || places.some((place) => key.startsWith(place) || place.startsWith(`${key}/`));
    return (await links()).flatMap(({ key, to }) =>
      isAbout(key)
        ? [
            {
              place: key,
              code: "STORE_NOT_FOUND",
              message: `is a symbolic link to ${to}, which is never followed: put a copy in its place`,
              weight: "NOTICE" as const,
            },
          ]
        : [],
    );
  }

  async #survey(): Promise<Survey> {
    const { store, scope, signal } = this.#options;
    const prefixes = scope.kind === "sessions" ? scope.sessions.flatMap(possiblePrefixes) : [""];
    return survey(store, prefixes, signal, (count) => {
      if (count % 1000 === 0) this.#progress("store", count, null);
    });
  }

  /** In order of time, by their ids. */
  #sessions({ recordings }: Survey, ledgers: ReadonlyMap<string, CheckedLedger>): string[] {
    const { scope } = this.#options;
    if (scope.kind === "sessions") return [...new Set(scope.sessions)];
    const all = new Set(recordings.keys());
    for (const { entries } of ledgers.values())
      for (const session of entries.sessions.keys()) if (isRecording(entries.sessions.get(session))) all.add(session);
    const within = (session: string) => {
      if (scope.kind === "all") return true;
      const opened = [...ledgers.values()].map(
        (ledger) => ledger.entries.sessions.get(session)?.opens[0]?.facts.startedAt,
      );
      const startedAt = opened.find((at) => at !== undefined);
      const startedMs = startedAt === undefined ? Date.parse(idTime(session)) : Date.parse(startedAt);
      return startedMs >= scope.fromMs && startedMs < scope.toMs;
    };
    return [...all].filter((session) => sessionIdPattern.test(session) && within(session)).sort();
  }

  #makeExaminer(
    trust: KeyTrust,
    ledgers: ReadonlyMap<string, CheckedLedger>,
    sessions: readonly string[],
    found: Survey,
  ): Examiner {
    const { store, contents, signal, threads } = this.#options;
    const owners = new Set([...trust.keys.values()].flatMap(({ recorder }) => (recorder === null ? [] : [recorder])));
    // With no key at all nothing is known to be this recorder's own: the wrong root was given, or the keys are missing.
    if (trust.keys.size > 0) for (const recorder of ledgers.keys()) owners.add(recorder);
    const bytes = sessions.reduce((sum, session) => sum + bytesOf(found.recordings.get(session)), 0);
    const options: ExaminerOptions = {
      store,
      keys: trust.pems,
      owners: [...owners],
      contents,
      signal,
      onBytes: (more) => {
        this.#bytes += more;
      },
    };
    // A thread takes longer to start than a few small recordings to read.
    if (threads === null || (sessions.length < 50 && bytes < 16 * 1024 * 1024)) return new ExaminerHere(options);
    return new ExaminerThreads(
      options,
      { ...options, store: threads.config, onBytes: undefined, signal: undefined } as never,
      threads.count,
    );
  }

  async #recordings(
    sessions: readonly string[],
    found: Survey,
    trust: KeyTrust,
    ledgers: ReadonlyMap<string, CheckedLedger>,
  ): Promise<RecordingEvidence[]> {
    const recordings: RecordingEvidence[] = [];
    let next = 0;
    let done = 0;
    const work = async () => {
      for (let at = next++; at < sessions.length; at = next++) {
        this.#options.signal?.throwIfAborted();
        const evidence = await this.#recording(sessions[at] ?? "", found, trust, ledgers);
        recordings[at] = evidence;
        this.#progress("recordings", ++done, sessions.length);
        await this.#options.onRecording?.(evidence);
      }
    };
    this.#progress("recordings", 0, sessions.length);
    await Promise.all(Array.from({ length: this.#examiner?.atOnce ?? 1 }, work));
    return recordings;
  }

  async #recording(
    session: string,
    found: Survey,
    trust: KeyTrust,
    ledgers: ReadonlyMap<string, CheckedLedger>,
  ): Promise<RecordingEvidence> {
    const surveyed = found.recordings.get(session) ?? null;
    const holder = [...ledgers.values()].find(({ entries }) => isRecording(entries.sessions.get(session)));
    const { examined, fault } =
      surveyed === null
        ? { examined: null, fault: null }
        : await this.#examine(surveyed, holder !== undefined && trust.keys.size > 0);
    if (examined?.open) {
      const { id, sequence } = examined.open.recorder;
      if (examined.findings.every(({ code }) => code !== "INTEGRITY_SIGNATURE"))
        this.#numbers.push({ session, recorder: id, sequence });
    }
    const owner = examined?.open?.recorder.id ?? examined?.manifest?.recorder.id;
    // Of a store with one ledger, a recording that names nobody is that recorder's.
    const only = ledgers.size === 1 && owner === undefined ? [...ledgers.values()][0] : undefined;
    const ledger = holder ?? (owner === undefined ? only : ledgers.get(owner)) ?? null;
    const entries = holder?.entries.sessions.get(session) ?? null;
    const { keys } = trust;
    const evidence = judge({
      session,
      surveyed,
      examined,
      ledger,
      entries,
      keys,
      nowMs: this.#nowMs,
      uploadSlackMs: this.#uploadSlackMs,
    });
    const extra: EvidenceFinding[] = fault === null ? [] : [fault];
    if (this.#options.locks && surveyed !== null)
      extra.push(...(await lockNotices(this.#options.store, surveyed, evidence.retainUntil, entries, this.#nowMs)));
    if (surveyed === null && entries === null)
      extra.push({
        place: session,
        code: "STORE_NOT_FOUND",
        message: "neither the store nor a ledger knows this recording",
        weight: "MISSING",
      });
    if (extra.length === 0) return evidence;
    const findings = [...evidence.findings, ...extra];
    return {
      ...evidence,
      findings,
      verdict: worstVerdict(
        extra.map(({ weight }) => weight),
        evidence.verdict,
      ),
    };
  }

  /** A recording that the store refuses to give is one finding; the others are checked all the same. */
  async #examine(
    surveyed: SurveyedRecording,
    own: boolean,
  ): Promise<{ examined: Examined | null; fault: EvidenceFinding | null }> {
    try {
      const examined = (await this.#examiner?.examine(surveyed.session, own, bytesOf(surveyed))) ?? null;
      return { examined, fault: null };
    } catch (error) {
      if (!(error instanceof AppError && error.code === "STORE_REFUSED")) throw error;
      const place = surveyed.prefixes[0] ?? surveyed.session;
      return { examined: null, fault: { place, code: error.code, message: error.message, weight: "INCOMPLETE" } };
    }
  }

  #unknown({ unknown }: Survey): EvidenceFinding[] {
    return unknown.map((place) => ({
      place,
      code: "INTEGRITY_FORMAT",
      message: "is in the store and belongs to no recording, ledger or key",
      weight: "NOTICE",
    }));
  }

  /** A number that neither the ledger nor a signed OPEN record has is a session that is gone. */
  #numberFaults(ledgers: ReadonlyMap<string, CheckedLedger>): EvidenceFinding[] {
    const known = new Set(this.#numbers.map(({ session }) => session));
    const numbers = [...this.#numbers];
    for (const { recorder, entries } of ledgers.values())
      for (const { session, opens } of entries.sessions.values())
        for (const { facts } of opens.slice(0, 1))
          if (!known.has(session)) numbers.push({ session, recorder, sequence: facts.sequence });
    return findNumberFaults(numbers, new Map()).map(({ recorder, from, to, message }) => {
      const doubled = message.includes("have the same number");
      const weight = doubled ? "TAMPERED" : "MISSING";
      const place = from === to ? `${recorder}/${from}` : `${recorder}/${from}-${to}`;
      return { place, code: doubled ? "INTEGRITY_LEDGER" : "STORE_NOT_FOUND", message, weight };
    });
  }

  /** Recordings that go on after the ledger ends show that its tail was cut off, or never arrived. */
  #withTail(ledger: CheckedLedger, recordings: readonly RecordingEvidence[]): CheckedLedger["evidence"] {
    const { evidence, recorder } = ledger;
    const reachedMs = Date.parse(ledger.signedAt ?? evidence.to ?? "");
    const later = recordings.flatMap((one) => {
      const startedMs = Date.parse(one.startedAt ?? "");
      const unknown = one.recorder === recorder && one.entries.open === null;
      // The ledger would have had a checkpoint within minutes after it began.
      return unknown && startedMs > reachedMs && this.#nowMs > startedMs + this.#uploadSlackMs ? [one] : [];
    });
    const last = later.at(-1);
    if (last === undefined) return evidence;
    const message = `ends at ${new Date(reachedMs).toISOString()}; ${later.length} recordings in the store began later, the last (${last.session}) at ${last.startedAt}: the ledger's tail is missing`;
    const findings: EvidenceFinding[] = [
      ...evidence.findings,
      { place: `ledger/${recorder}`, code: "INTEGRITY_LEDGER", message, weight: "MISSING" },
    ];
    return { ...evidence, findings, verdict: worstVerdict(findings.map(({ weight }) => weight)) };
  }

  #progress(phase: EvidenceProgress["phase"], done: number, total: number | null): void {
    this.#options.onProgress?.({ phase, done, total, bytes: this.#bytes });
  }
}

/** Not every subject with entries is one: people view recordings that a ledger knows nothing else of. */
export function isRecording(entries: SessionEntries | undefined): boolean {
  return entries !== undefined && entries.opens.length + entries.closes.length + entries.expired.length > 0;
}

export function bytesOf(surveyed: SurveyedRecording | undefined): number {
  return surveyed?.objects.reduce((sum, { versions }) => sum + (versions[0]?.bytes ?? 0), 0) ?? 0;
}
