// Carries what the recorder says into the index. The recorder does not wait for it: the index follows, in order, and a
// write that fails is reported and mended by `reconcile` at the next start, because the recording itself holds it all.
import type { Manifest, SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { Recordings } from "./recordings.ts";

export interface CatalogFeedOptions {
  recordings: Recordings;
  /** OPEN record and manifest of a recording, from spool or store; the manifest is null while there is none. */
  reader: { open(session: string): Promise<OpenRecord>; manifest(session: string): Promise<Manifest | null> };
  onError(error: unknown, session: string): void;
  /** Progress of live recordings is gathered for so long: many sessions make few writes. */
  progressEveryMs?: number;
}

/** Has the shape of the recorder's events that concern the index. */
export class CatalogFeed {
  readonly #options: CatalogFeedOptions;
  readonly #progress = new Map<string, { bytes: number; durationUs: number }>();
  #queue: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CatalogFeedOptions) {
    this.#options = options;
  }

  opened(open: OpenRecord): void {
    this.#enqueue(open.session, () => this.#options.recordings.opened(open));
  }

  segment(session: string, meta: SegmentMeta): void {
    const progress = this.#progress.get(session) ?? { bytes: 0, durationUs: 0 };
    progress.bytes += meta.bytes;
    progress.durationUs = Math.max(progress.durationUs, meta.endUs);
    this.#progress.set(session, progress);
    this.#timer ??= setTimeout(() => this.#writeProgress(), this.#options.progressEveryMs ?? 1_000).unref();
  }

  sealed(manifest: Manifest): void {
    // The manifest has the totals; what was still gathered for this session would count twice.
    this.#progress.delete(manifest.session);
    this.#enqueue(manifest.session, () => this.#seal(manifest));
  }

  escorted(session: string, by: string): void {
    this.#enqueue(session, () => this.#options.recordings.escorted(session, by));
  }

  ended(session: string, end: { by: string; sentence: string }): void {
    this.#enqueue(session, () => this.#options.recordings.ended(session, end));
  }

  stored(session: string): void {
    this.#enqueue(session, () => this.#options.recordings.stored(session));
  }

  /** Resolves when everything said so far is written. */
  async settled(): Promise<void> {
    this.#writeProgress();
    await this.#queue;
  }

  /**
   * At start-up, after the recorder's recovery: closes what the index believes to be open and is not. A recording whose
   * manifest is nowhere is `failed`; what of it exists can still be read.
   */
  async reconcile(isLive: (session: string) => boolean): Promise<void> {
    await this.settled();
    const { recordings, reader, onError } = this.#options;
    for (const session of await recordings.unfinished()) {
      if (isLive(session)) continue;
      try {
        const manifest = await reader.manifest(session).catch(unlessNotFound);
        if (manifest === null) await recordings.setState(session, "failed");
        else await recordings.sealed(manifest);
      } catch (error) {
        onError(error, session);
      }
    }
  }

  async #seal(manifest: Manifest): Promise<void> {
    const { recordings, reader } = this.#options;
    if (await recordings.sealed(manifest)) return;
    await recordings.opened(await reader.open(manifest.session));
    await recordings.sealed(manifest);
  }

  #writeProgress(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#progress.size === 0) return;
    const all = new Map(this.#progress);
    this.#progress.clear();
    this.#enqueue([...all.keys()].join(", "), () => this.#options.recordings.progressed(all));
  }

  #enqueue(session: string, work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => this.#options.onError(error, session));
  }
}

function unlessNotFound(error: unknown): null {
  if ((error as { code?: unknown } | null)?.code === "REQUEST_NOT_FOUND") return null;
  throw error;
}
