// The ledger as a running service: opened and compared with the store, checkpoints in time, their upload and anchors. Fed
// by everybody who appends. Invariant: a service whose ledger is not the store's does not start; one that runs signs a
// checkpoint every few minutes, also when nothing happened.
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import type { NoteKey } from "../../shared/ledger/checkpoint.ts";
import { LedgerEntry, type NewLedgerEntry } from "../../shared/ledger/entry.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { type Anchor, Anchoring } from "./anchor.ts";
import type { Appended, LedgerWriter } from "./contract.ts";
import { Ledger, type LedgerSigner } from "./ledger.ts";
import { LedgerUploader } from "./ledger-uploader.ts";
import { RecordingWitness } from "./recording-witness.ts";
import { bringTogether, lookAtStore, type StoredLedger } from "./store-copy.ts";
import { Timestamps } from "./timestamps.ts";

export interface LedgerAlarms {
  raise(code: string, message: string, facts: Record<string, unknown>): void;
  clear(code: string): void;
}

export interface LedgerServiceOptions {
  /** Of the ledgers of this machine: `<data directory>/ledger`. */
  directory: string;
  recorderId: string;
  version: string;
  signer: LedgerSigner;
  /** Of this recorder, also earlier ones: what its checkpoints in the store may be signed by. */
  keys: readonly NoteKey[];
  store: ObjectStore;
  /** The signing key was made at this start: the store can have no ledger of this recorder. */
  isNew: boolean;
  /** What tells, beside the two, that this recorder had a ledger; null: nothing does. */
  earlier?: EarlierLedger | null;
  checkpointSeconds: number;
  /** `keep`: time stamps go beside their checkpoints. */
  anchors(keep: Timestamps["keep"]): readonly Anchor[];
  alarms: LedgerAlarms;
  logger: { info(facts: object, message: string): void; warn(facts: object, message: string): void };
  retryMinMs?: number;
  /** So long a start waits for the store's answer. */
  storeTimeoutMs?: number;
}

export interface EarlierLedger {
  /** It had so many at least; null: some. */
  entries: number | null;
  /** Where that is known from, in words. */
  told: string;
}

export interface LedgerStatus {
  size: number;
  /** SHA-256 of the last line. */
  head: string;
  root: string;
  checkpoint: { size: number; note: string } | null;
  uploadedSize: number;
  anchors: Array<{ name: string; size: number; failing: string | null }>;
}

/** What is gathered from entries that a start does not read. */
const Gathered = z.object({
  begunAnew: LedgerEntry.nullable(),
  anchors: z.array(z.object({ name: z.string(), size: z.int().nonnegative() })),
});
type Gathered = z.infer<typeof Gathered>;

/** So many entries without a checkpoint are enough: the object that holds them stays small. */
const maxUnsigned = 5000;
const lostCode = "LEDGER_LOST";
const changedCode = "LEDGER_CHANGED";
/** So long after it began anew each start says so again: as long as the least that a recording is kept. */
const lostShownMs = 90 * 86_400_000;

export class LedgerService implements LedgerWriter {
  readonly ledger: Ledger;
  readonly witness: RecordingWitness;
  readonly #options: LedgerServiceOptions;
  readonly #uploader: LedgerUploader;
  readonly #anchoring: Anchoring;
  readonly #timestamps: Timestamps;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  /** From which entry on it begins anew at this start, because what had been there is lost; null: nothing is. */
  readonly lostFrom: number | null;
  #isSigning = false;
  #isFailing = false;
  #stopped = false;

  private constructor(
    options: LedgerServiceOptions,
    ledger: Ledger,
    { anchoring, timestamps, lostFrom }: { anchoring: Anchoring; timestamps: Timestamps; lostFrom: number | null },
  ) {
    this.#options = options;
    this.#timestamps = timestamps;
    this.lostFrom = lostFrom;
    this.ledger = ledger;
    this.witness = new RecordingWitness({
      append: (entry) => this.append(entry),
      entriesOf: (session) => ledger.entriesOf(session),
    });
    this.#anchoring = anchoring;
    const { alarms, store, recorderId, retryMinMs, logger } = options;
    this.#uploader = new LedgerUploader({
      ledger,
      timestamps,
      store,
      recorderId,
      ...(retryMinMs === undefined ? {} : { retryMinMs }),
      failed: (error) => alarms.raise(uploadCode, error.message, { code: error.code }),
      recovered: () => alarms.clear(uploadCode),
      stored: (size) => logger.info({ size }, "the store has the ledger's checkpoint"),
    });
    this.#timer = setInterval(() => this.#sign(), options.checkpointSeconds * 1000).unref();
  }

  /** INTEGRITY_LEDGER where the ledger here is damaged, or not the one in the store. */
  static async open(options: LedgerServiceOptions): Promise<LedgerService> {
    const { recorderId, signer, anchors, alarms, version, logger } = options;
    const directory = join(options.directory, recorderId);
    const timestamps = new Timestamps(directory);
    const anchoring = new Anchoring({
      anchors: anchors(async (size, answer) => {
        await timestamps.keep(size, answer);
        service.#uploader.wake();
      }),
      alarms,
      append: (entry) => ledger.append(entry),
      ...(options.retryMinMs === undefined ? {} : { retryMinMs: options.retryMinMs }),
    });
    let begunAnew: LedgerEntry | null = null;
    const gathered = {
      get: (): Gathered => ({ begunAnew, anchors: anchoring.state.map(({ name, size }) => ({ name, size })) }),
      restore: (value: unknown) => {
        const before = Gathered.safeParse(value).data;
        begunAnew = before?.begunAnew ?? null;
        for (const { name, size } of before?.anchors ?? []) anchoring.took(name, size);
      },
    };
    const noticed = (entry: LedgerEntry) => {
      const { type, subject, facts } = entry;
      if (type === "anchor" && typeof facts["size"] === "number") anchoring.took(subject, facts["size"]);
      if (type === "ledger-start" && facts["lost"] === true) begunAnew = entry;
    };
    const { keys } = options;
    const ledger = await Ledger.open({ directory, recorderId, signer, keys, gathered, onEntry: noticed });
    let checkpoints: readonly number[] | null;
    let lostFrom: number | null = null;
    try {
      const compared = await compare(ledger, options);
      const { restored } = compared;
      checkpoints = compared.checkpoints;
      if (restored > 0) logger.warn({ restored }, "entries of the ledger that were lost here are taken from the store");
      const { setAside } = ledger;
      if (setAside !== null) logger.warn({ setAside }, "a half-written end of the ledger was set aside");
      const lost = lostOf(ledger, options);
      if (lost !== null) lostFrom = ledger.size;
      if (ledger.size === 0 || restored > 0 || setAside !== null || lost !== null) {
        const facts = { recorder: recorderId, version, restored, tornBytes: setAside?.bytes ?? 0, ...lost };
        await ledger.append({ type: "ledger-start", actor: "recorder", subject: recorderId, facts });
      }
    } catch (error) {
      await ledger.close();
      throw error;
    }
    if (begunAnew !== null) raiseLost(begunAnew, options);
    if (ledger.unread > 0) logger.info({ entries: ledger.unread }, "the ledger is read again beside the service");
    const service = new LedgerService(options, ledger, { anchoring, timestamps, lostFrom });
    const storeLostFrom = await service.#uploader.start(checkpoints);
    if (storeLostFrom !== null) {
      logger.warn({ lostFrom: storeLostFrom }, "the store has lost a part of the ledger; it is put there again");
      const facts = { what: "ledger-lost", from: storeLostFrom };
      await service.append({ type: "store-failure", actor: "recorder", subject: recorderId, facts });
    }
    service.#readAgain();
    return service;
  }

  status(): LedgerStatus {
    const { size, head, lastCheckpoint } = this.ledger;
    const { uploadedSize } = this.#uploader;
    return {
      size,
      head,
      root: this.ledger.root(),
      checkpoint: lastCheckpoint,
      uploadedSize,
      anchors: this.#anchoring.state,
    };
  }

  /** Of the checkpoint of that size, as the authority answered; null: it has none. */
  timestamp(size: number): Promise<Uint8Array | null> {
    return this.#timestamps.of(size);
  }

  /** Of the checkpoints that have one, ascending. */
  stampedSizes(): Promise<number[]> {
    return this.#timestamps.sizes();
  }

  /** Signed, and on its way to store and anchors. */
  async checkpoint(): Promise<{ size: number; note: string }> {
    const checkpoint = await this.ledger.checkpoint();
    this.#uploader.wake();
    this.#anchoring.offer(checkpoint);
    return checkpoint;
  }

  /** Durable when it resolves. While the ledger takes nothing, an alarm says so. */
  async append(entry: NewLedgerEntry): Promise<Appended> {
    const { alarms } = this.#options;
    try {
      const answer = await this.ledger.append(entry);
      if (this.#isFailing) alarms.clear(writeCode);
      this.#isFailing = false;
      if (answer.n + 1 - (this.ledger.lastCheckpoint?.size ?? 0) >= maxUnsigned) this.#sign();
      return answer;
    } catch (error) {
      this.#isFailing = true;
      alarms.raise(writeCode, (error as Error).message, {});
      throw error;
    }
  }

  /** A last checkpoint over all that was appended, and what of it the store takes at once. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#abort.abort();
    await this.#reading;
    try {
      await this.checkpoint();
    } catch (error) {
      this.#options.logger.warn({ err: error }, "no last checkpoint of the ledger could be signed");
    }
    await this.#anchoring.stop();
    await this.#uploader.stop();
    await this.ledger.close();
  }

  /** What a start took from what is stored of the tree, compared with every line. */
  #readAgain(): void {
    const { ledger } = this;
    if (ledger.unread === 0) return;
    this.#reading = ledger.readAgain(this.#abort.signal).then(
      () => this.#options.logger.info({ entries: ledger.unread }, "the ledger is what it was when it was signed"),
      (error: unknown) => {
        if (this.#abort.signal.aborted) return;
        const text = `the ledger in ${ledger.directory} is not what it was when it was signed (${(error as Error).message}): somebody changed it. Keep it as it is, and stop the service: its next start says where`;
        this.#options.alarms.raise(changedCode, text, { entries: ledger.unread });
      },
    );
  }

  #sign(): void {
    if (this.#isSigning || this.#stopped) return;
    this.#isSigning = true;
    this.checkpoint()
      .catch((error: Error) => {
        this.#isFailing = true;
        this.#options.alarms.raise(writeCode, error.message, {});
      })
      .finally(() => {
        this.#isSigning = false;
      });
  }
}

const uploadCode = "LEDGER_UPLOAD";
export const writeCode = "RECORD_LEDGER";

/** What the first entry says of a ledger that is neither here nor in the store any more; null: none is known to be lost. */
function lostOf({ size }: Ledger, { earlier }: LedgerServiceOptions): Record<string, unknown> | null {
  if (earlier == null || size >= (earlier.entries ?? 1)) return null;
  const known = earlier.entries === null ? {} : { knownEntries: earlier.entries };
  return { lost: true, ...known, told: earlier.told };
}

function raiseLost({ n, at, facts }: LedgerEntry, { alarms, recorderId }: LedgerServiceOptions): void {
  if (Date.now() - Date.parse(at) > lostShownMs) return;
  const { knownEntries: known, told } = facts;
  const had = typeof known === "number" ? `had ${known} entries at least` : "had begun";
  const text = `the ledger of ${recorderId} ${had} (${String(told)}), and what is missing is neither here nor in the store: it went on anew with entry ${n} at ${at}. Somebody removed it, or disk and store were both set back: keep both as they are, look for copies and for the anchors, and compare`;
  alarms.raise(lostCode, text, { entry: n });
}

interface Compared {
  /** How many entries came from the store. */
  restored: number;
  /** Sizes of the checkpoints that it has; null: it did not answer. */
  checkpoints: readonly number[] | null;
}

async function compare(ledger: Ledger, options: LedgerServiceOptions): Promise<Compared> {
  const { store, recorderId, keys, isNew, logger, storeTimeoutMs = 20_000 } = options;
  let stored: StoredLedger | null;
  try {
    stored = await lookAtStore(store, recorderId, keys, AbortSignal.timeout(storeTimeoutMs));
  } catch (error) {
    if (error instanceof AppError && error.code === "INTEGRITY_LEDGER") throw error;
    if (ledger.size === 0 && !isNew) {
      const text = `there is no ledger in ${ledger.directory}, and the store does not say whether it has one (${(error as Error).message}): mend the store, and start the service again`;
      throw new AppError("STORE_UNAVAILABLE", text, { op: "ledger.open", retryable: true, cause: error });
    }
    logger.warn({ err: error }, "the ledger could not be compared with the store; it is at the next start");
    return { restored: 0, checkpoints: null };
  }
  if (stored === null) return { restored: 0, checkpoints: [] };
  const restored = await bringTogether(ledger, store, recorderId, keys, stored);
  return { restored, checkpoints: stored.checkpoints };
}
