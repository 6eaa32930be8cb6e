// What a store can do to keep objects beyond anybody's reach for a time, and then let them go. A store that cannot lock
// says so (`promise`), and `probe` finds out whether one that claims to can. Invariant: a lock is never shortened, and
// nothing that is locked or held is deleted, whoever asks.

export interface StorePromise {
  /**
   * Who refuses to delete what is locked: a server, also to the holder of our keys; the file system, until the service's
   * account takes its mark away; or nobody but this software.
   */
  enforcedBy: "server" | "file-system" | "service" | "nobody";
  locks: boolean;
  holds: boolean;
  versions: boolean;
  /** The store expires by itself what is due; else the sweeper does. */
  lifecycle: boolean;
  /** What this store cannot do or defend against, each a whole sentence for people. */
  limits: string[];
}

export interface ObjectVersion {
  key: string;
  /** Null where the store has no versions. */
  versionId: string | null;
  latest: boolean;
  deleteMarker: boolean;
  bytes: number;
  /** RFC 3339. */
  modifiedAt: string;
}

export interface ObjectLock {
  /** `governance` is a lock that some keys may undo: it does not count here. */
  mode: "compliance" | "governance" | null;
  /** RFC 3339. */
  retainUntil: string | null;
  hold: boolean;
}

export interface VersionRef {
  key: string;
  /** Null: the newest version. */
  versionId: string | null;
}

/** What the store is to expire by itself: the days count from an object's upload. */
export interface LifecycleClass {
  /** Of `PutOptions.retainTag`. */
  tag: string;
  expireAfterDays: number;
}

export interface BucketPolicy {
  /** Empty: the store expires nothing by itself. */
  classes: readonly LifecycleClass[];
}

export interface Drift {
  what: "versioning" | "object-lock" | "lifecycle" | "foreign-rule" | "default-retention" | "immutable";
  message: string;
  repaired: boolean;
}

/** What is to hold of some versions. Retention only grows; what is left out stays as it is. */
export interface LockWish {
  retainUntil?: string;
  hold?: boolean;
  retainTag?: string;
}

export interface ProbeCheck {
  name: "put" | "lock" | "delete-refused" | "shorten-refused" | "overwrite-refused" | "hold-enforced" | "versions";
  ok: boolean;
  message: string;
}

export interface ProbeResult {
  at: string;
  /** Every check that the store's promise rests on is met. */
  ok: boolean;
  checks: ProbeCheck[];
}

export interface StoreRetention {
  promise(): Promise<StorePromise>;
  /** Compares what the store is set to with what is wanted; `repair` sets what can be set. Answers what was found. */
  ensure(wanted: BucketPolicy, mode: "repair" | "report"): Promise<Drift[]>;
  /** Every version and delete marker, in key order. */
  versions(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<ObjectVersion>;
  /** STORE_NOT_FOUND when there is none. */
  lock(key: string, versionId: string | null): Promise<ObjectLock>;
  /** Never shortens: an earlier time is a no-op. */
  extend(key: string, versionId: string | null, until: string): Promise<void>;
  hold(key: string, versionId: string | null, on: boolean): Promise<void>;
  /** All of it, asked for again and confirmed by what the store then shows; rejects with the first that is not so. */
  secure(versions: readonly VersionRef[], wish: LockWish, options?: { signal?: AbortSignal }): Promise<void>;
  /** STORE_REFUSED while it is locked or held. A delete marker goes the same way. */
  deleteVersion(key: string, versionId: string | null): Promise<void>;
  /** With a short-lived locked object under `probes/`: are locks real here? */
  probe(): Promise<ProbeResult>;
}

/** The time is not before the other. */
export function isAtLeast(time: string | null, other: string): boolean {
  return time !== null && Date.parse(time) >= Date.parse(other);
}

/** By the clock of this machine. */
export function whyLocked({ hold, retainUntil }: ObjectLock, nowMs: number): string | null {
  if (hold) return "under legal hold";
  return retainUntil !== null && Date.parse(retainUntil) > nowMs ? `locked until ${retainUntil}` : null;
}
