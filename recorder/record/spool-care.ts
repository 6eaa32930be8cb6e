// Looks after the spool's files for the uploader: gives them out, lets them go when the store has them, sets damaged
// ones aside as evidence, and watches the disk's floor. Invariant: nothing is removed that the store did not confirm.
import { mkdir, readFile, rename, rm, statfs, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Manifest, type SegmentMeta } from "../../shared/manifest/manifest.ts";
import { manifestName, openSignatureName, publicKeyKey } from "../store/keys.ts";
import { syncDirectory } from "./durable-file.ts";
import type { RecorderLogger, RecorderRetention } from "./options.ts";
import type { RecorderEvents } from "./recorder.ts";
import type { Recording } from "./sessions.ts";
import type { Signer } from "./signing.ts";
import { sha256Hex } from "./spool-files.ts";
import { damagedDirectory, sessionDirectory } from "./spool-layout.ts";
import { openSignatureOf, restoreSealed } from "./spool-seal.ts";
import type { PutRetention, UploadObject, UploadSource } from "./uploader.ts";

export interface CareParts {
  recordings: Map<string, Recording>;
  events: RecorderEvents;
  logger: RecorderLogger;
  /** Durable knowledge that must outlive the removal of a recording's folder. */
  beforeRemoval(): Promise<void>;
  /** The uploads' name for the public key, which belongs to no session. */
  publicKeyId: string;
  signer: Signer;
  retention?: RecorderRetention | undefined;
}

const floorCheckMs = 5000;
const isSegment = (name: string): boolean => name.includes("/");
const trackOf = (name: string): string => name.slice(0, name.indexOf("/"));

export class SpoolCare implements UploadSource {
  readonly #spool: string;
  readonly #parts: CareParts;
  #floorCheckedMs = 0;
  #belowFloor = false;

  constructor(spool: string, parts: CareParts) {
    this.#spool = spool;
    this.#parts = parts;
  }

  publicKeyObject(): UploadObject {
    const { keyId, publicKeyPem } = this.#parts.signer;
    const bytes = Buffer.byteLength(publicKeyPem);
    return { name: `${keyId}.pub.pem`, key: publicKeyKey(keyId), sha256: null, bytes, endUs: 0 };
  }

  async read(session: string, name: string): Promise<Uint8Array> {
    const { publicKeyId, signer } = this.#parts;
    if (session === publicKeyId) return Buffer.from(signer.publicKeyPem);
    return readFile(join(sessionDirectory(this.#spool, session), name));
  }

  /** A signature by the same key over the same bytes is the same (Ed25519): rot in the file is told by that. */
  async hashOf(session: string, name: string): Promise<string | null> {
    const recording = this.#parts.recordings.get(session);
    if (!recording || name !== openSignatureName) return null;
    const { open, openSha256 } = recording;
    const directory = sessionDirectory(this.#spool, session);
    const signature = await openSignatureOf(directory, open.recorder.keyId, openSha256, this.#parts.signer);
    return signature === null ? null : sha256Hex(signature);
  }

  /** A segment was closed: the one before it on its track has served recovery. */
  newest(recording: Recording, meta: SegmentMeta): void {
    const before = recording.newest.get(meta.track);
    recording.newest.set(meta.track, { name: meta.name, confirmed: false });
    if (before?.confirmed) void this.#letGo(recording.open.session, before.name);
  }

  async confirmed(session: string, object: UploadObject): Promise<void> {
    const recording = this.#parts.recordings.get(session);
    if (!recording || !isSegment(object.name)) return;
    const newest = recording.newest.get(trackOf(object.name));
    if (newest?.name === object.name && !recording.sealed) newest.confirmed = true;
    else await this.#letGo(session, object.name);
  }

  async #letGo(session: string, name: string): Promise<void> {
    try {
      await unlink(join(sessionDirectory(this.#spool, session), name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      this.#parts.logger.warn({ session, name, err: error }, "an uploaded spool file could not be removed");
    }
  }

  retention(session: string): PutRetention {
    const recording = this.#parts.recordings.get(session);
    if (!recording && session !== this.#parts.publicKeyId) return {};
    return this.#parts.retention?.atPut(recording?.open ?? null) ?? {};
  }

  async stored(session: string): Promise<void> {
    const recording = this.#parts.recordings.get(session);
    if (!recording) return;
    await this.#parts.beforeRemoval();
    const directory = sessionDirectory(this.#spool, session);
    if (!recording.broken) await this.#keepLocked(recording, directory);
    if (recording.broken) {
      await rename(directory, join(damagedDirectory(this.#spool), `${session}-${Date.now()}`));
      await syncDirectory(this.#spool);
      this.#parts.recordings.delete(session);
      return;
    }
    // Renamed first: half a folder must never look like a recording that a crash left. By an attempt that failed after it,
    // it may have been renamed already.
    await rename(directory, `${directory}.gone`).catch(ignoreMissing);
    await syncDirectory(this.#spool);
    this.#parts.recordings.delete(session);
    await rm(`${directory}.gone`, { recursive: true, force: true });
    this.#parts.events.stored(session);
  }

  /** Not of one that left the spool in an attempt that failed after it. */
  async #keepLocked({ open }: Recording, directory: string): Promise<void> {
    const { retention } = this.#parts;
    if (!retention) return;
    const bytes = await readFile(join(directory, manifestName)).catch(ignoreMissing);
    if (bytes) await retention.stored(open, Manifest.parse(JSON.parse(bytes.toString("utf8"))), bytes);
  }

  async damaged(session: string, object: UploadObject, bytes: Uint8Array | null): Promise<void> {
    const flat = `${session}.${object.name.replaceAll("/", "_")}`;
    const aside = damagedDirectory(this.#spool);
    await mkdir(aside, { recursive: true, mode: 0o700 });
    const what = bytes ? "does not have the hash it was recorded with" : "is missing";
    const note = `${object.name} of recording ${session} ${what}.\nExpected SHA-256: ${object.sha256 ?? "unknown"}\nFound at: ${new Date().toISOString()}\n`;
    if (bytes) await rename(join(sessionDirectory(this.#spool, session), object.name), join(aside, flat));
    await writeFile(join(aside, `${flat}.note.txt`), note, { mode: 0o600 });
    await syncDirectory(aside);
    const facts = { session, name: object.name, expectedSha256: object.sha256 };
    this.#parts.events.alarm(
      "RECORD_DAMAGED",
      `${object.name} of recording ${session} ${what}; it was set aside in ${aside}`,
      facts,
    );
    const recording = this.#parts.recordings.get(session);
    const segment = recording?.segments.find((meta) => meta.name === object.name);
    // Without a manifest it is no whole recording: what the spool has of it is not removed.
    if (recording && object.name === manifestName) recording.broken = true;
    const range = segment ? { fromUs: segment.startUs, toUs: segment.endUs } : null;
    if (range) recording?.writer?.addGap({ ...range, reason: "spool-file-damaged" });
  }

  async restore(session: string, object: UploadObject): Promise<Uint8Array | null> {
    const directory = sessionDirectory(this.#spool, session);
    try {
      return await restoreSealed(directory, object.name, object.sha256, this.#parts.signer);
    } catch (error) {
      this.#parts.logger.warn({ session, name: object.name, err: error }, "a damaged spool file cannot be made again");
      return null;
    }
  }

  alarm(code: string, message: string, facts: Record<string, unknown>): void {
    this.#parts.events.alarm(code, message, facts);
  }

  clear(code: string): void {
    this.#parts.events.clear(code);
  }

  /** Raises and clears the alarm of the floor; looks at the disk now and then only. */
  async watchFloor(floorBytes: number): Promise<void> {
    const now = Date.now();
    if (now - this.#floorCheckedMs < floorCheckMs) return;
    this.#floorCheckedMs = now;
    const { bavail, bsize } = await statfs(this.#spool).catch(() => ({ bavail: 0, bsize: 0 }));
    const below = bavail * bsize < floorBytes;
    if (below === this.#belowFloor) return;
    this.#belowFloor = below;
    const facts = { freeBytes: bavail * bsize, floorBytes };
    if (below)
      this.alarm(
        "RECORD_SPOOL_FULL",
        `the spool's disk is below its floor of ${floorBytes} bytes: new sessions are refused`,
        facts,
      );
    else this.clear("RECORD_SPOOL_FULL");
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
