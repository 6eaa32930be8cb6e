// Reads one recording back: OPEN record, index, segments, manifest; first from the recorder's spool, then from the
// store. In that order nothing is missed: the spool lets an object go only after the store confirmed it.
import { createHash } from "node:crypto";
import type { z } from "zod";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { parseSessionId } from "../../shared/ids.ts";
import { type Gap, Manifest, type SegmentMeta, type TrackMeta } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { manifestName, manifestSignatureName, openName, openSignatureName, recordingPrefix } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { findProofFaults } from "./proof.ts";

/** What the recorder knows of recordings that are not wholly in the store. */
export interface LiveSource {
  live(session: string):
    | {
        open: OpenRecord;
        openSha256: string;
        durationUs: number;
        tracks: TrackMeta[];
        segments: SegmentMeta[];
        gaps: Gap[];
      }
    | undefined;
  spooled(session: string, name: string): Promise<Uint8Array | null>;
  /** Somebody follows the recording while it is made. */
  watched?(session: string): void;
}

type Live = NonNullable<ReturnType<LiveSource["live"]>>;

export interface RecordingReaderOptions {
  store: ObjectStore;
  live: LiveSource;
  /** Public keys in PEM by key id: only what they signed is proof. */
  trustedKeys(): ReadonlyMap<string, string>;
  /** Manifests kept in memory, and the segments that they list altogether. */
  maxCachedManifests?: number;
  maxCachedSegments?: number;
}

/** A manifest and what was found about it, from the same bytes. */
interface Sealed {
  manifest: Manifest;
  open: OpenRecord | null;
  /** Why it is no proof; empty when it is. */
  faults: string[];
}

/** What there is of a recording: its manifest, or what the recorder knew at one and the same moment. */
type Found = { sealed: Sealed; live: null } | { sealed: null; live: Live };

const dayMs = 86_400_000;

export class RecordingReader {
  readonly #store: ObjectStore;
  readonly #live: LiveSource;
  readonly #maxManifests: number;
  readonly #maxSegments: number;
  readonly #trustedKeys: () => ReadonlyMap<string, string>;
  readonly #manifests = new Map<string, Sealed>();
  #cachedSegments = 0;

  constructor(options: RecordingReaderOptions) {
    this.#store = options.store;
    this.#live = options.live;
    this.#trustedKeys = () => options.trustedKeys();
    this.#maxManifests = options.maxCachedManifests ?? 200;
    this.#maxSegments = options.maxCachedSegments ?? 200_000;
  }

  async open(session: string): Promise<OpenRecord> {
    // The one that was checked along with the manifest: what is shown is what was proven.
    const checked = this.#manifests.get(session)?.open ?? this.#live.live(session)?.open;
    return checked ?? parse(OpenRecord, await this.object(session, openName), session, openName);
  }

  /** Of an ended recording that is no proof of what it shows, with the `faults` that say why. */
  async index(session: string): Promise<RecordingIndex> {
    const { sealed, live } = await this.#find(session);
    if (sealed !== null) {
      const { durationUs, startedAt, openSha256, tracks, segments, gaps } = sealed.manifest;
      const index = { session, live: false, durationUs, startedAt, openSha256, tracks, segments, gaps };
      return sealed.faults.length === 0 ? index : { ...index, faults: sealed.faults };
    }
    this.#live.watched?.(session);
    const { durationUs, openSha256, tracks, segments, gaps } = live;
    return { session, live: true, durationUs, startedAt: live.open.startedAt, openSha256, tracks, segments, gaps };
  }

  /** Null while the recording is in progress. */
  async manifest(session: string): Promise<Manifest | null> {
    return (await this.#find(session)).sealed?.manifest ?? null;
  }

  /** The stored bytes of segment `n` and whether they are the ones the index names. */
  async segment(session: string, n: number): Promise<{ meta: SegmentMeta; bytes: Uint8Array; intact: boolean }> {
    const { sealed, live } = await this.#find(session, { again: false });
    const { segments } = sealed === null ? live : sealed.manifest;
    const meta = segments[n];
    if (meta === undefined || meta.n !== n) throw notFound(session, `segment ${n}`);
    const bytes = await this.object(session, meta.name);
    return { meta, bytes, intact: createHash("sha256").update(bytes).digest("hex") === meta.sha256 };
  }

  /** An object's stored bytes; `name` is within the recording's prefix. REQUEST_NOT_FOUND when there is none. */
  async object(session: string, name: string): Promise<Uint8Array> {
    checkSession(session);
    const spooled = await this.#live.spooled(session, name);
    if (spooled !== null) return spooled;
    for (const prefix of possiblePrefixes(session)) {
      try {
        return await this.#store.get(prefix + name);
      } catch (error) {
        if (!(error instanceof AppError && error.code === "STORE_NOT_FOUND")) throw error;
      }
    }
    throw notFound(session, name);
  }

  /** `again`: one that was no proof when it was read last is read anew, for it may have been put right since. */
  async #find(session: string, { again } = { again: true }): Promise<Found> {
    const cached = this.#manifests.get(session);
    if (cached !== undefined && (cached.faults.length === 0 || !again)) {
      this.#manifests.delete(session);
      this.#manifests.set(session, cached);
      return { sealed: cached, live: null };
    }
    checkSession(session);
    const spooled = this.#live.live(session) && (await this.#live.spooled(session, manifestName));
    if (spooled) return { sealed: await this.#check(session, spooled), live: null };
    // While the recorder knows it, a manifest that is not in the spool does not exist yet: the store is not asked. Asked
    // again, because the recording may have been sealed and gone over to the store meanwhile.
    const live = this.#live.live(session);
    if (live !== undefined) return { sealed: null, live };
    return { sealed: await this.#check(session, await this.object(session, manifestName)), live: null };
  }

  async #check(session: string, bytes: Uint8Array): Promise<Sealed> {
    const manifest = parse(Manifest, bytes, session, manifestName);
    const [open, openSignature, manifestSignature] = await Promise.all(
      [openName, openSignatureName, manifestSignatureName].map((name) =>
        this.object(session, name).catch(unlessNotFound),
      ),
    );
    const signed = {
      open: open ?? null,
      openSignature: openSignature ?? null,
      manifest: bytes,
      manifestSignature: manifestSignature ?? null,
    };
    const faults = findProofFaults(session, signed, this.#trustedKeys());
    const parsed = signed.open === null ? null : OpenRecord.safeParse(json(signed.open)).data;
    const sealed = { manifest, open: parsed ?? null, faults };
    this.#remember(session, sealed);
    return sealed;
  }

  #remember(session: string, sealed: Sealed): void {
    this.#forget(session);
    this.#manifests.set(session, sealed);
    this.#cachedSegments += sealed.manifest.segments.length;
    for (const oldest of this.#manifests.keys()) {
      const fits = this.#manifests.size <= this.#maxManifests && this.#cachedSegments <= this.#maxSegments;
      if (fits || oldest === session) break;
      this.#forget(oldest);
    }
  }

  #forget(session: string): void {
    this.#cachedSegments -= this.#manifests.get(session)?.manifest.segments.length ?? 0;
    this.#manifests.delete(session);
  }
}

function checkSession(session: string): void {
  try {
    parseSessionId(session);
  } catch (cause) {
    throw new AppError("REQUEST_NOT_FOUND", "there is no recording of that id", { op: "catalog.read", cause });
  }
}

/** The prefix has the session's start; the id has the same time to the millisecond, which can lie across midnight. */
export function possiblePrefixes(session: string): string[] {
  const ms = Number.parseInt(session.slice(0, 8) + session.slice(9, 13), 16);
  const days = [ms, ms - dayMs / 24, ms + dayMs / 24].map((at) => new Date(at).toISOString());
  return [...new Set(days.map((startedAt) => recordingPrefix(startedAt, session)))];
}

function unlessNotFound(error: unknown): null {
  if (error instanceof AppError && error.code === "REQUEST_NOT_FOUND") return null;
  throw error;
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

function notFound(session: string, what: string): AppError {
  return new AppError("REQUEST_NOT_FOUND", `the recording ${session} has no ${what}`, { op: "catalog.read" });
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array, session: string, name: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (cause) {
    throw new AppError(
      "INTEGRITY_FORMAT",
      `${name} of the recording ${session} is not in a format this version can read`,
      {
        op: "catalog.read",
        cause,
      },
    );
  }
}
