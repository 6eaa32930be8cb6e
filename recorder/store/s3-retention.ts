// Locks, holds, versions and lifecycle of an S3 bucket. Fed by the uploader (locks at put), by closing (`secure`) and by
// the sweeper. Invariant: nothing is believed that HEAD or a listing does not show afterwards, since servers answer 200
// to what they ignore; and a rule of the bucket's lifecycle that is not ours is never taken away.
import { randomUUID } from "node:crypto";
import {
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type LifecycleRule,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { AppError } from "../../shared/errors.ts";
import { inTurns } from "./in-turns.ts";
import { probeKey } from "./keys.ts";
import { checkKey, checkListPrefix, isKey } from "./object-key.ts";
import { type Checked, type ProbeActions, probeLocks } from "./probe-locks.ts";
import {
  type BucketPolicy,
  type Drift,
  isAtLeast,
  type LockWish,
  type ObjectLock,
  type ObjectVersion,
  type ProbeResult,
  type StorePromise,
  type StoreRetention,
  type VersionRef,
} from "./retention-store.ts";
import { hasName, isMissing, missingError, type S3Place, statusOf } from "./s3-errors.ts";
import { foreignDrift, isOurs, sameRules, wantedRules } from "./s3-lifecycle.ts";

export const retainTagName = "conduit-retain";
/** A bucket without Object Lock is asked again so often: somebody may have given it. */
const askAgainMs = 5 * 60_000;
const secureConcurrency = 8;

export interface S3Access {
  client: S3Client;
  bucket: string;
  prefix: string;
  place: S3Place;
  pageSize: number;
  ready(signal?: AbortSignal): Promise<void>;
  translated<T>(op: string, key: string, signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T>;
}

export class S3Retention implements StoreRetention {
  readonly #s3: S3Access;
  #locks: { known: boolean; atMs: number } | null = null;

  constructor(s3: S3Access) {
    this.#s3 = s3;
  }

  /** Whether the bucket has Object Lock. A key that may not ask is taken to have it: a put then tells. */
  async locks(signal?: AbortSignal): Promise<boolean> {
    const { known, atMs } = this.#locks ?? { known: false, atMs: Number.NEGATIVE_INFINITY };
    if (known || Math.abs(Date.now() - atMs) < askAgainMs) return known;
    const found = await this.#asksLocks(signal);
    this.#locks = { known: found, atMs: Date.now() };
    return found;
  }

  /** A put with a lock was refused as such: ask the bucket again before the next. */
  forgetLocks(): void {
    this.#locks = null;
  }

  async #asksLocks(signal: AbortSignal | undefined): Promise<boolean> {
    const { client, bucket } = this.#s3;
    try {
      const output = await client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }), sendOptions(signal));
      return output.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled";
    } catch (error) {
      if (hasName(error, "ObjectLockConfigurationNotFoundError") || statusOf(error) === 501) return false;
      if (hasName(error, "AccessDenied")) return true;
      throw error;
    }
  }

  async promise(): Promise<StorePromise> {
    return this.#s3.translated("store.promise", "", undefined, async () => {
      const locks = await this.locks();
      const versions = locks || (await this.#isVersioned().catch(unlessDenied)) === true;
      const limits = locks
        ? [
            "Whoever is root on the storage host can delete what is locked: keep it under other administrators than the recorder's, and watch the checkpoints that leave the recorder.",
          ]
        : [
            `Bucket ${this.#s3.bucket} has no Object Lock: whoever holds the recorder's keys can delete and overwrite recordings. Make a bucket with Object Lock and move to it.`,
          ];
      return { enforcedBy: locks ? "server" : "nobody", locks, holds: locks, versions, lifecycle: true, limits };
    });
  }

  async ensure(wanted: BucketPolicy, mode: "repair" | "report"): Promise<Drift[]> {
    return this.#s3.translated("store.ensure", "", undefined, async () => {
      await this.#s3.ready();
      return [
        ...(await this.#ensureVersioning(mode)),
        ...(await this.#ensureLock(mode)),
        ...(await this.#ensureLifecycle(wanted, mode)),
      ];
    });
  }

  async #isVersioned(): Promise<boolean> {
    const { client, bucket } = this.#s3;
    const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket: bucket }));
    return Status === "Enabled";
  }

  async #ensureVersioning(mode: "repair" | "report"): Promise<Drift[]> {
    const { client, bucket } = this.#s3;
    const versioned = await this.#isVersioned().catch(unlessDenied);
    if (versioned === true) return [];
    if (versioned === null) return [notAllowed("versioning", bucket, "s3:GetBucketVersioning")];
    const set = () =>
      client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }));
    return [await this.#mended("versioning", `bucket ${bucket} keeps no versions`, mode, set)];
  }

  async #ensureLock(mode: "repair" | "report"): Promise<Drift[]> {
    const { client, bucket } = this.#s3;
    this.#locks = null;
    let days = 0;
    try {
      const output = await client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }));
      const retention = output.ObjectLockConfiguration?.Rule?.DefaultRetention;
      days = (retention?.Days ?? 0) + 365 * (retention?.Years ?? 0);
      if (output.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled") {
        if (days === 0) return [];
        const message = `bucket ${bucket} locks every new object for ${days} days by a default of its own: probes stay as long, and what is due earlier stays until then`;
        return [{ what: "default-retention", message, repaired: false }];
      }
    } catch (error) {
      if (hasName(error, "AccessDenied"))
        return [notAllowed("object-lock", bucket, "s3:GetBucketObjectLockConfiguration")];
      if (!hasName(error, "ObjectLockConfigurationNotFoundError") && statusOf(error) !== 501) throw error;
    }
    const set = () =>
      client.send(
        new PutObjectLockConfigurationCommand({
          Bucket: bucket,
          ObjectLockConfiguration: { ObjectLockEnabled: "Enabled" },
        }),
      );
    const what = `bucket ${bucket} has no Object Lock: nothing in it is beyond the reach of the recorder's own keys`;
    const drift = await this.#mended("object-lock", what, mode, set);
    this.#locks = null;
    return [drift];
  }

  async #ensureLifecycle(wanted: BucketPolicy, mode: "repair" | "report"): Promise<Drift[]> {
    const { client, bucket, prefix } = this.#s3;
    const found = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket })).then(
      ({ Rules }): LifecycleRule[] | null => Rules ?? [],
      (error: unknown) => {
        if (hasName(error, "NoSuchLifecycleConfiguration") || statusOf(error) === 404) return [];
        return unlessDenied(error);
      },
    );
    if (found === null) return [notAllowed("lifecycle", bucket, "s3:GetLifecycleConfiguration")];
    const foreign = found.filter((rule) => !isOurs(rule, prefix));
    const drifts = foreignDrift(foreign, prefix, bucket);
    const rules = wantedRules(wanted, prefix, retainTagName);
    if (
      sameRules(
        found.filter((rule) => isOurs(rule, prefix)),
        rules,
      )
    )
      return drifts;
    const set = async () => {
      const all = [...foreign, ...rules];
      await client.send(
        new PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration: { Rules: all } }),
      );
      const after = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
      const kept = (after.Rules ?? []).filter((rule) => isOurs(rule, prefix));
      // A rule without its filter would hide what must be kept: then rather none of ours.
      if (sameRules(kept, rules)) return;
      await client.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: bucket,
          LifecycleConfiguration: { Rules: [...foreign, ...rules.filter((rule) => rule.Filter?.And === undefined)] },
        }),
      );
      throw new Error("the server took the rules and keeps them otherwise, so they were taken away again");
    };
    const what = `the lifecycle of bucket ${bucket} is not the one that retention wants`;
    return [...drifts, await this.#mended("lifecycle", what, mode, set)];
  }

  async #mended(
    what: Drift["what"],
    text: string,
    mode: "repair" | "report",
    set: () => Promise<unknown>,
  ): Promise<Drift> {
    if (mode === "report")
      return { what, message: `${text}; the configuration says to report it only`, repaired: false };
    try {
      await set();
      return { what, message: `${text}; it was set`, repaired: true };
    } catch (error) {
      const { name, message } = error as Error;
      return { what, message: `${text}, and it could not be set (${name}: ${message})`, repaired: false };
    }
  }

  async *versions(prefix: string, options: { signal?: AbortSignal } = {}): AsyncIterable<ObjectVersion> {
    const op = "store.versions";
    checkListPrefix(prefix, op);
    const { client, bucket, prefix: own, pageSize } = this.#s3;
    let marker: { KeyMarker?: string; VersionIdMarker?: string } | null = {};
    while (marker !== null) {
      options.signal?.throwIfAborted();
      const at: { KeyMarker?: string; VersionIdMarker?: string } = marker;
      const page: ListObjectVersionsCommandOutput = await this.#s3.translated(op, prefix, options.signal, () =>
        client.send(
          new ListObjectVersionsCommand({
            Bucket: bucket,
            Prefix: own + prefix,
            MaxKeys: pageSize,
            EncodingType: "url",
            ...at,
          }),
          sendOptions(options.signal),
        ),
      );
      const encoded = page.EncodingType === "url";
      yield* versionsOf(page, own, encoded);
      marker = page.IsTruncated
        ? {
            KeyMarker: encoded ? decodeUrl(page.NextKeyMarker ?? "") : (page.NextKeyMarker ?? ""),
            ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
          }
        : null;
    }
  }

  async lock(key: string, versionId: string | null): Promise<ObjectLock> {
    const op = "store.lock";
    checkKey(key, op, this.#s3.prefix);
    return this.#s3.translated(op, key, undefined, async () => lockOf(await this.#found({ key, versionId }, op)));
  }

  async extend(key: string, versionId: string | null, until: string): Promise<void> {
    await this.secure([{ key, versionId }], { retainUntil: until });
  }

  async hold(key: string, versionId: string | null, on: boolean): Promise<void> {
    await this.secure([{ key, versionId }], { hold: on });
  }

  async secure(versions: readonly VersionRef[], wish: LockWish, options: { signal?: AbortSignal } = {}): Promise<void> {
    for (const { key } of versions) checkKey(key, "store.secure", this.#s3.prefix);
    const locks = await this.#s3.translated("store.secure", "", options.signal, () => this.locks(options.signal));
    await inTurns(versions, secureConcurrency, (version) =>
      this.#s3.translated("store.secure", version.key, options.signal, () =>
        this.#secureOne(version, wish, locks, options.signal),
      ),
    );
  }

  async #secureOne(
    version: VersionRef,
    wish: LockWish,
    locks: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const head = await this.#found(version, "store.secure", signal);
    const ref = { Bucket: this.#s3.bucket, Key: this.#s3.prefix + version.key, ...versionOf(version, head) };
    const send = sendOptions(signal);
    const { client } = this.#s3;
    if (wish.retainTag !== undefined) {
      const TagSet = [{ Key: retainTagName, Value: wish.retainTag }];
      // Of a server without tags the lifecycle is not ours either.
      await client.send(new PutObjectTaggingCommand({ ...ref, Tagging: { TagSet } }), send).catch(unlessNotImplemented);
    }
    if (!locks) return;
    const missing = lacking(lockOf(head), wish);
    if (missing.retainUntil !== undefined) {
      const Retention = { Mode: "COMPLIANCE" as const, RetainUntilDate: new Date(missing.retainUntil) };
      await client.send(new PutObjectRetentionCommand({ ...ref, Retention }), send);
    }
    if (missing.hold !== undefined) {
      const LegalHold = { Status: missing.hold ? ("ON" as const) : ("OFF" as const) };
      await client.send(new PutObjectLegalHoldCommand({ ...ref, LegalHold }), send);
    }
    if (missing.retainUntil === undefined && missing.hold === undefined) return;
    const shown = lockOf(await this.#head({ key: version.key, versionId: ref.VersionId ?? null }, signal));
    const still = lacking(shown, wish);
    if (still.retainUntil !== undefined || still.hold !== undefined)
      throw notLocked(version.key, wish, shown, this.#s3);
  }

  async deleteVersion(key: string, versionId: string | null): Promise<void> {
    const op = "store.delete-version";
    checkKey(key, op, this.#s3.prefix);
    await this.#s3.translated(op, key, undefined, async () => {
      // Without a version id it would be hidden, not deleted.
      const head = versionId === null ? await this.#head({ key, versionId }).catch(nullIfMissing) : null;
      if (versionId === null && head === null) return;
      const version = versionId ?? head?.VersionId;
      await this.#s3.client
        .send(
          new DeleteObjectCommand({
            Bucket: this.#s3.bucket,
            Key: this.#s3.prefix + key,
            ...(version === undefined ? {} : { VersionId: version }),
          }),
        )
        .catch((error: unknown) => {
          if (statusOf(error) !== 404) throw error;
        });
    });
  }

  async probe(): Promise<ProbeResult> {
    const { client, bucket, prefix } = this.#s3;
    const locks = await this.#s3.translated("store.probe", "", undefined, () => this.locks());
    const put = async (key: string, lock: { retainUntil?: string; hold?: boolean }, body: string) => {
      const output = await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: prefix + key,
          Body: body,
          IfNoneMatch: "*",
          ...lockHeaders(lock, locks),
        }),
      );
      return output.VersionId ?? null;
    };
    const actions: ProbeActions = {
      key: (name) => probeKey(`${name}-${randomUUID()}`),
      locks,
      put,
      lock: (key, versionId) => this.lock(key, versionId),
      refused: (action) => action.then(() => "done" as const, refusal),
      // Past the refusal of this class: what the server itself says to the holder of our keys is the question.
      deleteVersion: async (key, versionId) => {
        const version = versionId === null ? {} : { VersionId: versionId };
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: prefix + key, ...version }));
      },
      shorten: async (key, versionId, until) => {
        const Retention = { Mode: "COMPLIANCE" as const, RetainUntilDate: new Date(until) };
        const version = versionId === null ? {} : { VersionId: versionId };
        const ref = { Bucket: bucket, Key: prefix + key, ...version, BypassGovernanceRetention: true };
        await client.send(new PutObjectRetentionCommand({ ...ref, Retention }));
      },
      hold: (key, versionId, on) => this.hold(key, versionId, on),
      versioned: true,
    };
    return this.#s3.translated("store.probe", "", undefined, () => probeLocks(actions));
  }

  async #found(version: VersionRef, op: string, signal?: AbortSignal): Promise<HeadObjectCommandOutput> {
    try {
      return await this.#head(version, signal);
    } catch (error) {
      throw isMissing(error) ? missingError(version.key, op, this.#s3.place, "NoSuchKey") : error;
    }
  }

  #head({ key, versionId }: VersionRef, signal?: AbortSignal): Promise<HeadObjectCommandOutput> {
    return this.#s3.client.send(
      new HeadObjectCommand({
        Bucket: this.#s3.bucket,
        Key: this.#s3.prefix + key,
        ...(versionId === null ? {} : { VersionId: versionId }),
      }),
      sendOptions(signal),
    );
  }
}

/** Of a put. */
export function lockHeaders(wish: { retainUntil?: string; hold?: boolean; retainTag?: string }, locks: boolean) {
  return {
    ...(locks &&
      wish.retainUntil !== undefined && {
        ObjectLockMode: "COMPLIANCE" as const,
        ObjectLockRetainUntilDate: new Date(wish.retainUntil),
      }),
    ...(locks && wish.hold === true && { ObjectLockLegalHoldStatus: "ON" as const }),
    ...(wish.retainTag !== undefined && { Tagging: `${retainTagName}=${encodeURIComponent(wish.retainTag)}` }),
  };
}

export function lockOf(head: HeadObjectCommandOutput): ObjectLock {
  const mode = head.ObjectLockMode?.toLowerCase();
  return {
    mode: mode === "compliance" || mode === "governance" ? mode : null,
    retainUntil: head.ObjectLockRetainUntilDate?.toISOString() ?? null,
    hold: head.ObjectLockLegalHoldStatus === "ON",
  };
}

/** What of the wish does not hold yet. */
export function lacking(lock: ObjectLock, wish: LockWish): LockWish {
  const locked = lock.mode === "compliance" && isAtLeast(lock.retainUntil, wish.retainUntil ?? "1970-01-01");
  return {
    ...(wish.retainUntil !== undefined && !locked && { retainUntil: wish.retainUntil }),
    ...(wish.hold !== undefined && wish.hold !== lock.hold && { hold: wish.hold }),
  };
}

function* versionsOf(page: ListObjectVersionsCommandOutput, own: string, encoded: boolean): Generator<ObjectVersion> {
  const all = [
    ...(page.Versions ?? []).map((entry) => ({ entry, deleteMarker: false, bytes: entry.Size ?? 0 })),
    ...(page.DeleteMarkers ?? []).map((entry) => ({ entry, deleteMarker: true, bytes: 0 })),
  ].map(({ entry, deleteMarker, bytes }) => ({
    key: (encoded ? decodeUrl(entry.Key ?? "") : (entry.Key ?? "")).slice(own.length),
    versionId: entry.VersionId ?? null,
    latest: entry.IsLatest ?? false,
    deleteMarker,
    bytes,
    modifiedAt: entry.LastModified?.toISOString() ?? new Date(0).toISOString(),
  }));
  for (const version of all.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)))
    if (isKey(version.key)) yield version;
}

function versionOf(version: VersionRef, head: HeadObjectCommandOutput): { VersionId?: string } {
  const id = version.versionId ?? head.VersionId;
  return id === undefined || id === "null" ? {} : { VersionId: id };
}

function notLocked(key: string, wish: LockWish, shown: ObjectLock, { bucket, place }: S3Access): AppError {
  const wanted = wish.retainUntil === undefined ? `hold ${String(wish.hold)}` : `locked until ${wish.retainUntil}`;
  return new AppError(
    "STORE_REFUSED",
    `${key} in bucket ${bucket} at ${place.endpoint} should be ${wanted}, and the server shows ${JSON.stringify(shown)}: it took the lock and does not keep it, or the recorder's keys may not read it (s3:GetObjectRetention, s3:GetObjectLegalHold).`,
    { op: "store.secure", details: { key, wanted, shown } },
  );
}

function notAllowed(what: Drift["what"], bucket: string, right: string): Drift {
  return {
    what,
    message: `the recorder's keys may not look at it (${right}), so nobody knows whether bucket ${bucket} is set as it should be`,
    repaired: false,
  };
}

/** Of a call that must be refused: a refusal, or why it is none. */
function refusal(error: unknown): Checked {
  const status = statusOf(error);
  if (status !== undefined && status >= 400 && status < 500) return "refused";
  throw error;
}

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}

function unlessDenied(error: unknown): null {
  if (hasName(error, "AccessDenied")) return null;
  throw error;
}

function unlessNotImplemented(error: unknown): void {
  if (statusOf(error) !== 501) throw error;
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

function decodeUrl(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
