// The ledger as a running service: opened and compared with the store, checkpoints in time, their upload and anchors. Fed
// by everybody who appends. Invariant: a service whose ledger is not the store's does not start; one that runs signs a
// checkpoint every few minutes, also when nothing happened.
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import type { NoteKey } from "../../shared/ledger/checkpoint.ts";
import type { LedgerEntry, NewLedgerEntry } from "../../shared/ledger/entry.ts";
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
  checkpointSeconds: number;
  /** `keep`: time stamps go beside their checkpoints. */
  anchors(keep: Timestamps["keep"]): readonly Anchor[];
  alarms: LedgerAlarms;
  logger: { info(facts: object, message: string): void; warn(facts: object, message: string): void };
  retryMinMs?: number;
  /** So long a start waits for the store's answer. */
  storeTimeoutMs?: number;
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

/** So many entries without a checkpoint are enough: the object that holds them stays small. */
const maxUnsigned = 5000;

export class LedgerService implements LedgerWriter {
  readonly ledger: Ledger;
  readonly witness: RecordingWitness;
  readonly #options: LedgerServiceOptions;
  readonly #uploader: LedgerUploader;
  readonly #anchoring: Anchoring;
  readonly #timestamps: Timestamps;
  readonly #timer: NodeJS.Timeout;
  #isSigning = false;
  #isFailing = false;
  #stopped = false;

  private constructor(
    options: LedgerServiceOptions,
    ledger: Ledger,
    { anchoring, timestamps }: { anchoring: Anchoring; timestamps: Timestamps },
  ) {
    this.#options = options;
    this.#timestamps = timestamps;
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
    const anchored = ({ type, subject, facts }: LedgerEntry) => {
      if (type === "anchor" && typeof facts["size"] === "number") anchoring.took(subject, facts["size"]);
    };
    const ledger = await Ledger.open({ directory, recorderId, signer, onEntry: anchored });
    let checkpoints: readonly number[] | null;
    try {
      const compared = await compare(ledger, options);
      const { restored } = compared;
      checkpoints = compared.checkpoints;
      if (restored > 0) logger.warn({ restored }, "entries of the ledger that were lost here are taken from the store");
      const { setAside } = ledger;
      if (setAside !== null) logger.warn({ setAside }, "a half-written end of the ledger was set aside");
      if (ledger.size === 0 || restored > 0 || setAside !== null) {
        const facts = { recorder: recorderId, version, restored, tornBytes: setAside?.bytes ?? 0 };
        await ledger.append({ type: "ledger-start", actor: "recorder", subject: recorderId, facts });
      }
    } catch (error) {
      await ledger.close();
      throw error;
    }
    const service = new LedgerService(options, ledger, { anchoring, timestamps });
    const lostFrom = await service.#uploader.start(checkpoints);
    if (lostFrom !== null) {
      logger.warn({ lostFrom }, "the store has lost a part of the ledger; it is put there again");
      const facts = { what: "ledger-lost", from: lostFrom };
      await service.append({ type: "store-failure", actor: "recorder", subject: recorderId, facts });
    }
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
    try {
      await this.checkpoint();
    } catch (error) {
      this.#options.logger.warn({ err: error }, "no last checkpoint of the ledger could be signed");
    }
    await this.#anchoring.stop();
    await this.#uploader.stop();
    await this.ledger.close();
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
