// Locks of recordings: what the uploader puts objects with, and what holds of all of them once a recording is sealed and
// stored. Fed by the recorder. Invariant: nobody is told that a recording is stored before every version of it is locked
// until its `retainUntil` and a day, as the store itself shows.
import { createHash } from "node:crypto";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { recordingPrefix } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { VersionRef } from "../store/retention-store.ts";
import type { RetainedRecordings } from "./retained.ts";
import { heldTag, lockAtPut, lockForYears, lockUntil, retainTag } from "./terms.ts";

const dayMs = 86_400_000;

export interface RecordingLocksParts {
  store: Pick<ObjectStore, "retention">;
  retained: Pick<RetainedRecordings, "keep">;
  isHeld(session: string): boolean;
  /** Of what belongs to no recording: public keys, the ledger. */
  ledgerYears: number;
  now(): number;
}

export class RecordingLocks {
  readonly #parts: RecordingLocksParts;

  constructor(parts: RecordingLocksParts) {
    this.#parts = parts;
  }

  /** @param open null: it belongs to no recording. */
  atPut(open: OpenRecord | null): { retainUntil: string; hold?: boolean; retainTag?: string } {
    if (open === null) return { retainUntil: lockForYears(this.#parts.ledgerYears, this.#parts.now()) };
    const held = this.#parts.isHeld(open.session);
    return {
      retainUntil: this.#notPast(lockAtPut(open)),
      ...(held && { hold: true }),
      retainTag: held ? heldTag : retainTag(open.retentionDays),
    };
  }

  async stored(open: OpenRecord, manifest: Manifest, manifestBytes: Uint8Array): Promise<void> {
    const { session } = open;
    const prefix = recordingPrefix(open.startedAt, session);
    const { store, retained } = this.#parts;
    const versions: VersionRef[] = [];
    let bytes = 0;
    for await (const version of store.retention.versions(prefix)) {
      if (version.deleteMarker) await store.retention.deleteVersion(version.key, version.versionId);
      else {
        versions.push({ key: version.key, versionId: version.versionId });
        bytes += version.bytes;
      }
    }
    const held = this.#parts.isHeld(session);
    const retainUntil = this.#notPast(lockUntil(manifest.retainUntil));
    await store.retention.secure(versions, { retainUntil, ...(held && { hold: true, retainTag: heldTag }) });
    await retained.keep({
      session,
      prefix,
      startedAt: open.startedAt,
      retainUntil: manifest.retainUntil,
      retainTag: retainTag(open.retentionDays),
      manifestSha256: createHash("sha256").update(manifestBytes).digest("hex"),
      objects: versions.length,
      bytes,
    });
  }

  /** The store was away for so long that the time is over: it takes no lock that has ended. */
  #notPast(until: string): string {
    const least = this.#parts.now() + dayMs;
    return Date.parse(until) >= least ? until : new Date(least).toISOString();
  }
}
