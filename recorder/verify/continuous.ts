// The service's own verification: reads the store again and again in the background, at a bounded rate, each recording
// every so many days, and ledger and keys once a day. What there is to read the ledger says, not the index alone: daily the
// names in the store are compared with it. Invariant: what it finds is in the ledger before it is anywhere else,
// and a fault is an alarm until the same recording is found in order.
import type { KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { VerificationState, Verified } from "../../shared/api/verification.ts";
import { isInOrder } from "../../shared/evidence/verdict.ts";
import type { NewLedgerEntry } from "../../shared/ledger/entry.ts";
import { parseEntry } from "../../shared/ledger/entry.ts";
import { possiblePrefixes } from "../catalog/reader.ts";
import { RecordingVerifier } from "../catalog/verify.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { judge } from "./judge.ts";
import { type KeyTrust, noteKeysOf, readKeyTrust } from "./key-trust.ts";
import type { CheckedLedger } from "./ledger-check.ts";
import { lockNotices } from "./lock-notices.ts";
import { compareWithOwn, type OwnCheckpoints } from "./own-ledger.ts";
import { pacedStore } from "./paced-store.ts";
import { EntriesBySession } from "./session-entries.ts";
import { storedSessions } from "./stored-sessions.ts";
import { survey } from "./survey.ts";
import { isAlarming, type Verifications } from "./verifications.ts";
import { readWitnesses } from "./verify-evidence.ts";

/** The ledger as this service has it: complete, where the store's copy is some minutes behind. */
export interface OwnLedger {
  append(entry: NewLedgerEntry): Promise<unknown>;
  entriesOf(session: string): Promise<ReadonlyArray<{ line: string }>>;
  readonly lastCheckpoint: { size: number; note: string } | null;
  /** The first one over entry `n`. */
  checkpointOver(n: number): Promise<{ size: number; note: string } | null>;
}

export interface ContinuousOptions {
  store: ObjectStore;
  recorder: string;
  bytesPerSecond: number;
  everyDays: number;
  checkpointSeconds: number;
  verifications: Verifications;
  ledger: OwnLedger;
  /** Null: nobody has signed a history of keys yet. */
  root(): KeyObject | null;
  /** In PEM by key id. */
  trustedKeys(): ReadonlyMap<string, string>;
  isPending(session: string): boolean;
  alarms: { raise(code: string, message: string, facts: Record<string, unknown>): void; clear(code: string): void };
  logger: { warn(facts: object, message: string): void; error(facts: object, message: string): void };
  now?: () => number;
  /** How long it waits when nothing is due. */
  idleMs?: number;
  /** After the start, when there is more urgent work. */
  beginMs?: number;
}

const recordingCode = "verification-recording";
const ledgerCode = "verification-ledger";
const dayMs = 86_400_000;
const shown = 50;
/** Of those that are gone so many are read at once: one is enough for an alarm. */
const goneAtOnce = 100;
const uploadSlackMs = 3_600_000;
/** After a store that did not answer. */
const retryMs = 60_000;

export class ContinuousVerifier {
  readonly #options: ContinuousOptions;
  readonly #abort = new AbortController();
  readonly #store: ObjectStore;
  readonly #verifier: RecordingVerifier;
  readonly #now: () => number;
  #running: Promise<void> | null = null;
  #ledger: VerificationState["ledger"] = null;
  #trust: KeyTrust | null = null;
  /** Recordings of the ledger that the index does not send here. */
  #beside: string[] = [];

  constructor(options: ContinuousOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#store = pacedStore(options.store, Math.max(1, options.bytesPerSecond), this.#abort.signal);
    this.#verifier = new RecordingVerifier({
      store: this.#store,
      trustedKeys: () => options.trustedKeys(),
      isOwn: () => true,
      isPending: (session) => options.isPending(session),
      thread: true,
    });
  }

  get #isOn(): boolean {
    return this.#options.bytesPerSecond > 0;
  }

  start(): void {
    if (this.#isOn) this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async state(): Promise<VerificationState> {
    const { verifications, bytesPerSecond, everyDays } = this.#options;
    const [counts, latest, faults] = await Promise.all([
      verifications.counts(this.#dueBefore()),
      verifications.latest(shown),
      verifications.faults(shown),
    ]);
    return { on: this.#isOn, bytesPerSecond, everyDays, ...counts, latest, faults, ledger: this.#ledger };
  }

  of(session: string): Promise<Verified | null> {
    return this.#options.verifications.of(session);
  }

  async health(): Promise<Array<{ name: string; ok: boolean; message: string }>> {
    if (!this.#isOn) return [];
    const { recordings, upToDate, faults, ledger } = await this.state();
    const isLedgerFine = ledger === null || isInOrder(ledger.verdict);
    const message =
      faults.length > 0
        ? `${faults.length} recordings are not in order, the last found is ${faults[0]?.session} (${faults[0]?.verdict})`
        : `${upToDate} of ${recordings} recordings in the store were read within ${this.#options.everyDays} days, all in order`;
    const of = ledger === null ? "" : `; ledger and keys in the store ${ledger.verdict} at ${ledger.at}`;
    return [{ name: "verification", ok: faults.length === 0 && isLedgerFine, message: message + of }];
  }

  #dueBefore(): string {
    return new Date(this.#now() - this.#options.everyDays * dayMs).toISOString();
  }

  /** What has ended since may not be under a checkpoint yet. */
  #settledBefore(): string {
    return new Date(this.#now() - 3 * this.#options.checkpointSeconds * 1000).toISOString();
  }

  async #run(): Promise<void> {
    const { logger, verifications, idleMs = 5 * 60_000, beginMs = 60_000 } = this.#options;
    const signal = this.#abort.signal;
    const wait = (ms: number) => sleep(ms, undefined, { signal, ref: false }).catch(() => {});
    await wait(beginMs);
    await this.#raiseKnown().catch(() => {});
    while (!signal.aborted) {
      try {
        if (this.#ledger === null || Date.parse(this.#ledger.at) < this.#now() - dayMs) await this.checkLedger();
        const next = await verifications.next(this.#dueBefore(), this.#settledBefore());
        const session = next ?? (await this.#nextBeside());
        if (session === null) await wait(idleMs);
        else await this.verify(session);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ err: error }, "verification in the background has to wait for the store");
        await wait(retryMs);
      }
    }
  }

  /** What an earlier run of the service found is as wrong as it was. */
  async #raiseKnown(): Promise<void> {
    const [worst] = await this.#options.verifications.faults(1);
    if (worst !== undefined) this.#raise(worst);
  }

  /** One recording, now. */
  async verify(session: string): Promise<Verified> {
    const { ledger, verifications, isPending } = this.#options;
    const before = await verifications.of(session);
    const run = this.#verifier.examine(session, this.#abort.signal);
    let step = await run.next();
    while (step.done !== true) step = await run.next();
    const surveyed = (await survey(this.#store, possiblePrefixes(session), this.#abort.signal)).recordings.get(session);
    const own = await this.#ownLedger(session);
    const entries = own.entries.sessions.get(session) ?? null;
    const evidence = judge({
      session,
      surveyed: surveyed ?? null,
      examined: step.value,
      ledger: own,
      entries,
      keys: this.#trust?.keys ?? new Map(),
      nowMs: this.#now(),
      uploadSlackMs,
    });
    const locks =
      surveyed === undefined
        ? []
        : await lockNotices(this.#options.store, surveyed, evidence.retainUntil, entries, this.#now());
    const verdict = isPending(session) && evidence.verdict !== "TAMPERED" ? "INCOMPLETE" : evidence.verdict;
    const findings = [...evidence.findings, ...locks];
    const verified: Verified = { session, at: new Date(this.#now()).toISOString(), verdict, findings };
    await ledger.append({
      type: "verify",
      actor: "recorder",
      subject: session,
      facts: {
        verdict,
        findings: findings.length,
        places: findings.slice(0, 20).map(({ place, code, weight }) => ({ place, code, weight })),
        bytes: evidence.checkedBytes,
        by: "continuous",
      },
    });
    await verifications.save(verified);
    if (isAlarming(verdict)) this.#raise(verified);
    else if (before !== null && isAlarming(before.verdict)) await this.#clearIfNone();
    return verified;
  }

  /** Keys and ledger as the store has them, under the root. */
  async checkLedger(): Promise<void> {
    const { recorder, checkpointSeconds, alarms, ledger } = this.#options;
    const root = this.#options.root();
    const given = root === null ? this.#options.trustedKeys() : new Map<string, string>();
    const store = this.#store;
    const [nowMs, ownCheckpoints] = [this.#now(), this.#ownCheckpoints()];
    this.#trust = await readKeyTrust({ store, root, given, signal: this.#abort.signal });
    const { ledgers } = await readWitnesses({
      store,
      root,
      given,
      anchors: null,
      checkpointSeconds,
      own: ownCheckpoints,
      nowMs,
      signal: this.#abort.signal,
    });
    const checked = ledgers.get(recorder);
    const own = checked?.evidence;
    if (checked !== undefined) await this.#compare(checked);
    const keys = noteKeysOf(this.#trust, recorder);
    const none = { own: ownCheckpoints, storedSize: 0, rootAt: () => null, keys, nowMs };
    const findings = [...this.#trust.evidence.findings, ...(own?.findings ?? (await compareWithOwn(none)))];
    const bad = findings.filter(
      ({ weight }) => weight === "TAMPERED" || weight === "MISSING" || weight === "UNTRUSTED",
    );
    const verdict =
      bad[0] === undefined ? "VALID" : bad.some(({ weight }) => weight === "TAMPERED") ? "TAMPERED" : bad[0].weight;
    // Of a ledger that has no checkpoint in the store yet nothing is said; it is looked at again soon.
    if (bad[0] === undefined && own?.checkpoint == null) return;
    const at = new Date(this.#now()).toISOString();
    this.#ledger = { at, verdict: verdict === "NOTICE" ? "VALID" : verdict, findings: findings.slice(0, shown) };
    const size = own?.checkpoint?.size ?? 0;
    await ledger.append({
      type: "verify",
      actor: "recorder",
      subject: `ledger/${recorder}`,
      facts: { verdict: this.#ledger.verdict, findings: findings.length, size, by: "continuous" },
    });
    if (bad[0] === undefined) alarms.clear(ledgerCode);
    else {
      const { place, message } = bad[0];
      const text = `the ledger or the keys in the store are ${this.#ledger.verdict}: ${place}: ${message}. conduit verify --all shows all of it; keep the store as it is`;
      alarms.raise(ledgerCode, text, { verdict: this.#ledger.verdict, findings: bad.length });
    }
  }

  #ownCheckpoints(): OwnCheckpoints {
    const { ledger, recorder } = this.#options;
    const newest = async () => ledger.lastCheckpoint?.note ?? null;
    return {
      recorder,
      place: "this recorder's own ledger",
      beyond: async (size) => (await ledger.checkpointOver(size))?.note ?? null,
      upTo: async (size) =>
        (ledger.lastCheckpoint?.size ?? Number.POSITIVE_INFINITY) <= size
          ? newest()
          : ((await ledger.checkpointOver(size - 1))?.note ?? null),
      newest,
    };
  }

  /** Whoever deletes a recording can delete its row in the index as well: then nothing but the ledger asks for it. */
  async #compare({ entries }: CheckedLedger): Promise<void> {
    const { verifications, isPending } = this.#options;
    const settled = Date.parse(this.#settledBefore());
    const kept = [...entries.sessions.values()].filter(
      ({ session, closes, expired, stored }) =>
        expired.length === 0 &&
        closes[0] !== undefined &&
        Date.parse(closes[0].at) < (stored === null ? settled - uploadSlackMs : settled) &&
        !isPending(session),
    );
    const [there, indexed] = [await storedSessions(this.#store, this.#abort.signal), await verifications.indexed()];
    const gone = kept.filter(({ session }) => !there.has(session)).map(({ session }) => session);
    for (const session of gone.slice(0, goneAtOnce)) await this.verify(session);
    // What was missing and is back is in order when it has been read again.
    for (const { session } of await verifications.faults(goneAtOnce))
      if (!gone.includes(session) && !indexed.has(session) && there.has(session)) await this.verify(session);
    this.#beside = kept.flatMap(({ session }) => (there.has(session) && !indexed.has(session) ? [session] : []));
  }

  async #nextBeside(): Promise<string | null> {
    for (let session = this.#beside.shift(); session !== undefined; session = this.#beside.shift()) {
      const before = await this.#options.verifications.of(session);
      if (before === null || before.at < this.#dueBefore()) return session;
    }
    return null;
  }

  #raise({ session, verdict, findings }: Verified): void {
    const [first] = findings.filter(({ weight }) => weight !== "NOTICE");
    const what = first === undefined ? "" : `: ${first.place}: ${first.message}`;
    const text = `the recording ${session} is ${verdict}${what}. conduit verify ${session} shows all of it; keep the store as it is`;
    this.#options.alarms.raise(recordingCode, text, { session, verdict, findings: findings.length });
  }

  async #clearIfNone(): Promise<void> {
    const [left] = await this.#options.verifications.faults(1);
    if (left === undefined) this.#options.alarms.clear(recordingCode);
    else this.#raise(left);
  }

  /** What this service's own ledger says of the session, as the verdict needs it. */
  async #ownLedger(session: string): Promise<CheckedLedger> {
    const { recorder, ledger } = this.#options;
    const entries = new EntriesBySession(recorder);
    for (const { line } of await ledger.entriesOf(session)) {
      const entry = parseEntry(line);
      if (entry !== null) entries.take(entry);
    }
    const size = ledger.lastCheckpoint?.size ?? 0;
    const at = /^at (.+)$/m.exec(ledger.lastCheckpoint?.note ?? "")?.[1] ?? null;
    const evidence = {
      recorder,
      verdict: "VALID" as const,
      entries: size,
      from: null,
      to: null,
      checkpoints: 1,
      checkpoint: null,
      anchored: null,
      findings: [],
    };
    return {
      recorder,
      evidence,
      entries,
      signedSize: size,
      signedAt: at,
      anchoredSize: null,
      from: null,
      starts: [],
      rootAt: () => null,
    };
  }
}
