// Keeps the index in step with the recordings: each that is sealed is read once, one at a time, in a thread and with a
// bounded part of one core; each that expires leaves. Invariant: nothing waits for it, and no recording stops it. What
// cannot be read is in the index as damaged; a store that is away is asked again.
import type { SearchCoverage } from "../../shared/api/search.ts";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { SegmentSource } from "../export/segment-source.ts";
import { type Extraction, type ExtractJob, extract } from "./extract.ts";
import { extractInThread } from "./extract-thread.ts";
import { type ReadScreens, ScreenQueue } from "./screens/screen-queue.ts";
import { hasScreens, type ScreenTexts } from "./screens/screen-texts.ts";
import {
  extractorVersion,
  type FoundPage,
  type SearchDocument,
  type SearchIndex,
  type SearchQuery,
  withoutScreensVersion,
} from "./search-index.ts";

export interface IndexedRecordings extends SegmentSource {
  open(session: string): Promise<OpenRecord>;
  index(session: string): Promise<RecordingIndex>;
}

export interface IndexerOptions {
  index: SearchIndex;
  recordings: IndexedRecordings;
  /** Sealed and not expired, as the catalogue has them. */
  sealed(): Promise<string[]>;
  /** `session`: of encrypted recordings only what is not encrypted goes into the index, which is in clear. */
  encrypted: "session" | "index";
  /** Of one core. */
  share: number;
  /** Left out: recordings are read in this thread. */
  thread?: boolean;
  /** Left out: text on screens is not read. */
  screens?: ReadScreens;
  logger: {
    info(facts: object, message: string): void;
    warn(facts: object, message: string): void;
    error(facts: object, message: string): void;
  };
  /** After a store that did not answer. */
  retryMs?: number;
  /** How often the catalogue is compared with the index. */
  lookMs?: number;
}

const damageCodes = new Set(["INTEGRITY_FORMAT", "INTEGRITY_HASH", "INTEGRITY_SIGNATURE", "REQUEST_NOT_FOUND"]);

export class SearchIndexer {
  readonly #options: IndexerOptions;
  readonly #queue = new Set<string>();
  /** They left while they were being read. */
  readonly #removed = new Set<string>();
  /** Of these not even the OPEN record can be read. */
  readonly #unreadable = new Set<string>();
  #reading: string | null = null;
  #running: Promise<void> | null = null;
  #isClosed = false;
  readonly #stop = new AbortController();
  /** It was damaged, and not all that it had is in it again. */
  #isRemade = false;
  #isCompared = false;
  #retry: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #failure: string | null = null;
  readonly #screens: ScreenQueue | null;
  /** Their keys were destroyed. */
  readonly #shredded = new Set<string>();

  constructor(options: IndexerOptions) {
    this.#options = options;
    const { screens, logger } = options;
    this.#screens =
      screens === undefined
        ? null
        : new ScreenQueue({ read: screens, logger, done: (session) => this.sealed(session) });
    options.index.whenRemade?.(() => this.#remade());
  }

  /** What was sealed while the service was away, or read by an older version, is read; what is gone leaves. */
  async start(): Promise<void> {
    const { lookMs = 60_000 } = this.#options;
    await this.#compare();
    this.#look ??= setInterval(() => void this.#compare(), lookMs).unref();
  }

  sealed(session: string): void {
    if (this.#isClosed) return;
    this.#queue.add(session);
    this.#run();
  }

  async expired(session: string): Promise<void> {
    this.#queue.delete(session);
    this.#screens?.drop(session);
    if (this.#reading === session) this.#removed.add(session);
    await this.#options.index.remove(session);
  }

  /** The service's key of that month is gone. */
  async shredded(month: string): Promise<void> {
    this.#shredded.add(month);
    this.#screens?.dropMonth(month);
    await this.#options.index.removeMonth(month);
  }

  search(query: SearchQuery): Promise<FoundPage> {
    return this.#options.index.search(query);
  }

  async coverage(): Promise<SearchCoverage> {
    const waiting = this.#queue.size + (this.#reading === null ? 0 : 1);
    return { ...(await this.#options.index.coverage()), waiting };
  }

  async health(): Promise<Array<{ name: string; ok: boolean; message: string }>> {
    try {
      const { sessions, waiting, damaged, shortened } = await this.coverage();
      const parts = [`${sessions} recordings are in the index`];
      if (waiting > 0) parts.push(`${waiting} wait to be read`);
      const { size: screens } = this.#screens ?? { size: 0 };
      if (screens > 0) parts.push(`of ${screens} the text on their screens waits to be read`);
      if (this.#unreadable.size > 0) parts.push(`${this.#unreadable.size} cannot be read at all`);
      if (shortened > 0) parts.push(`of ${shortened} something was left out, since there was too much of it`);
      if (damaged > 0) parts.push(`of ${damaged} a part could not be read, as their verdicts say`);
      if (this.#failure !== null) parts.push(this.#failure);
      if (waiting === 0 && this.#isCompared) this.#isRemade = false;
      if (this.#isRemade) parts.push("the index was damaged, and is being made again");
      return [{ name: "search", ok: this.#failure === null && !this.#isRemade, message: parts.join("; ") }];
    } catch (error) {
      return [{ name: "search", ok: false, message: (error as Error).message }];
    }
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    while (this.#running !== null || (this.#screens?.size ?? 0) > 0) {
      await this.#running;
      await this.#screens?.settled();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#look);
    clearTimeout(this.#retry);
    this.#queue.clear();
    this.#stop.abort();
    this.#options.index.stopPutting?.();
    await Promise.all([this.#running, this.#screens?.close()]);
    await this.#options.index.close();
  }

  #remade(): void {
    if (this.#isClosed) return;
    this.#options.logger.warn(
      {},
      "the search index was damaged: it is removed, and is being made again from the store",
    );
    this.#isRemade = true;
    this.#isCompared = false;
    this.#failure = null;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    void this.#compare();
  }

  async #compare(): Promise<void> {
    const { index, sealed, logger } = this.#options;
    try {
      const [known, there] = await Promise.all([index.sessions(), sealed()]);
      const wanted = new Set(there);
      for (const session of known.keys()) if (!wanted.has(session)) await this.expired(session);
      for (const session of there) {
        const version = known.get(session);
        if (version === extractorVersion || this.#unreadable.has(session)) continue;
        // Its screens are being read, or nobody wants them read.
        const isAtWork = this.#screens?.has(session) !== false || this.#reading === session;
        if (version === withoutScreensVersion && isAtWork) continue;
        this.sealed(session);
      }
      this.#isCompared = true;
    } catch (error) {
      logger.error({ err: error }, "the search index cannot be compared with the recordings; it is tried again");
    }
  }

  #run(): void {
    if (this.#running !== null || this.#retry !== undefined) return;
    this.#running = this.#work().finally(() => {
      this.#running = null;
      if (this.#queue.size > 0 && !this.#isClosed) this.#run();
    });
  }

  async #work(): Promise<void> {
    for (const session of this.#queue) {
      if (this.#isClosed) return;
      this.#queue.delete(session);
      this.#reading = session;
      try {
        await this.#read(session);
        this.#failure = null;
      } catch (error) {
        if (this.#isClosed) return;
        this.#queue.add(session);
        this.#wait(error);
        return;
      } finally {
        this.#reading = null;
        this.#removed.delete(session);
      }
    }
  }

  #wait(error: unknown): void {
    const { logger, retryMs = 60_000 } = this.#options;
    this.#failure = `reading has to wait: ${(error as Error).message}`;
    logger.warn({ err: error }, "recordings for the search cannot be read now; it is tried again");
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#run();
    }, retryMs).unref();
  }

  async #read(session: string): Promise<void> {
    const { index, recordings, logger } = this.#options;
    let open: OpenRecord | null = null;
    let found: RecordingIndex | null = null;
    try {
      open = await recordings.open(session);
      found = await recordings.index(session);
      if (found.live) return;
      await this.#put(open, found, { screens: this.#screens?.take(session) ?? null });
    } catch (error) {
      if (!(error instanceof AppError && damageCodes.has(error.code))) throw error;
      if (open === null) {
        // Not even who it was of is known: there is nothing to be found by. Its verdict says what is wrong.
        this.#unreadable.add(session);
        logger.warn({ session, err: error }, "a recording cannot be read for the search");
        return;
      }
      await this.#put(open, { ...(found ?? emptyIndex(open)), faults: [(error as Error).message] }, { isBare: true });
    }
    const isShredded = this.#shredded.has(open.encryption?.serviceKey ?? "");
    if (this.#removed.has(session) || isShredded) await index.remove(session);
  }

  async #put(
    open: OpenRecord,
    found: RecordingIndex,
    { screens = null, isBare = false }: { screens?: ScreenTexts | null; isBare?: boolean },
  ): Promise<void> {
    const { index, recordings, encrypted, share, thread } = this.#options;
    const isClosed = open.encryption !== undefined && encrypted === "session";
    const contents = isClosed || isBare ? "session" : "all";
    const job: ExtractJob = { open, index: found, contents, share, ...(screens === null ? {} : { screens }) };
    const inThread = thread === true && contents === "all";
    const { documents, about } = inThread
      ? extractInThread(recordings, job, this.#stop.signal)
      : extract(recordings, job);
    await index.put(open.session, this.#flat(documents), about);
    const isLeaving = this.#removed.has(open.session) || this.#shredded.has(open.encryption?.serviceKey ?? "");
    if (contents === "all" && screens === null && !isLeaving && hasScreens(found)) this.#screens?.add(open, found);
  }

  async *#flat(batches: Extraction["documents"]): AsyncGenerator<SearchDocument> {
    for await (const batch of batches) {
      if (this.#isClosed) throw new AppError("INTERNAL", "the service stops", { op: "search.index", retryable: true });
      yield* batch;
    }
  }
}

function emptyIndex({ session, startedAt }: OpenRecord): RecordingIndex {
  return { session, live: false, durationUs: 0, startedAt, openSha256: "", tracks: [], segments: [], gaps: [] };
}
