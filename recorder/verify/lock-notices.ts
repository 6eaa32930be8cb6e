// Whether what is to be kept is locked for as long, and what is held is held, as the store itself says. A lock that is
// missing is no fault of the evidence: it is a promise that the store does not bear out, and is told as such.
import { AppError } from "../../shared/errors.ts";
import type { EvidenceFinding } from "../../shared/evidence/verdict.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ObjectLock } from "../store/retention-store.ts";
import { heldAt, type SessionEntries } from "./session-entries.ts";
import { retentionOf, type SurveyedRecording, visible } from "./survey.ts";

export async function lockNotices(
  store: ObjectStore,
  surveyed: SurveyedRecording,
  retainUntil: string | null,
  entries: SessionEntries | null,
  nowMs: number,
): Promise<EvidenceFinding[]> {
  if (!(await hasLocks(store))) return [];
  const held = entries !== null && heldAt(entries, Number.MAX_SAFE_INTEGER);
  const kept = retainUntil !== null && Date.parse(retainUntil) > nowMs;
  if (!held && !kept) return [];
  const found: EvidenceFinding[] = [];
  const notice = (place: string, message: string) =>
    found.push({ place, code: "STORE_REFUSED", message, weight: "NOTICE" });
  // On a file system one record covers the whole recording.
  const objects = store.kind === "fs" ? surveyed.objects.slice(0, 1) : surveyed.objects;
  for (const object of objects) {
    const version = visible(object);
    if (version === undefined) continue;
    const lock = await lockOf(store, object.key, version.versionId);
    if (lock === null) continue;
    const place = store.kind === "fs" ? (surveyed.prefixes[0] ?? object.key) : object.key;
    if (held && !lock.hold) notice(place, "is under legal hold in the ledger, and not held in the store");
    if (kept && !isLockedUntil(lock, retainUntil)) {
      const until =
        lock.retainUntil === null ? "not locked" : `locked until ${lock.retainUntil} (${lock.mode ?? "no mode"})`;
      notice(place, `is ${until}, although it is to be kept until ${retainUntil}`);
    }
  }
  return found;
}

const known = new WeakMap<ObjectStore, Promise<boolean>>();

/** Whether it claims to have any; asked once. */
export function hasLocks(store: ObjectStore): Promise<boolean> {
  let asked = known.get(store);
  if (asked === undefined) {
    asked =
      retentionOf(store)
        ?.promise()
        .then(({ locks }) => locks) ?? Promise.resolve(false);
    known.set(store, asked);
    // A store that did not answer is asked again.
    asked.catch(() => known.delete(store));
  }
  return asked;
}

export async function lockOf(store: ObjectStore, key: string, versionId: string | null): Promise<ObjectLock | null> {
  try {
    return (await retentionOf(store)?.lock(key, versionId)) ?? null;
  } catch (error) {
    if (error instanceof AppError && error.code === "STORE_NOT_FOUND") return null;
    // A record of a lock that nobody can read promises nothing.
    if (error instanceof AppError && error.code === "INTEGRITY_FORMAT")
      return { mode: null, retainUntil: null, hold: false };
    throw error;
  }
}

export function isLockedUntil({ mode, retainUntil }: ObjectLock, until: string): boolean {
  return mode === "compliance" && retainUntil !== null && Date.parse(retainUntil) >= Date.parse(until);
}
