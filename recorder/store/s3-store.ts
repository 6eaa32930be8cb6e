// The S3 store, for any server that speaks S3. Fed by the uploader. Invariant: an object is one PutObject (lock headers
// of a multipart upload are ignored by some servers), and `put` resolves only after a HEAD has shown the whole object.
//
// `If-None-Match: *` alone does not keep an object from being overwritten: Ceph ignores it on versioned buckets, and
// `x-amz-checksum-*` is neither stored nor checked there. So a put asks first (HEAD), sends the condition, Content-MD5
// and SHA-256 (each server checks at least one), keeps the SHA-256 in the user metadata, and asks again afterwards.
//
//   s3://<bucket>/<prefix>recordings/2026/11/23/<session>/…   objects; x-amz-meta-sha256 is the body's hash
import { createHash, getFips } from "node:crypto";
import { Readable } from "node:stream";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { AppError } from "../../shared/errors.ts";
import {
  checkBody,
  checkKey,
  checkListPrefix,
  checkRange,
  existsError,
  isKey,
  lockedError,
  rangeRefusal,
  sha256Hex,
} from "./object-key.ts";
import type { ObjectInfo, ObjectStore, PutOptions } from "./object-store.ts";
import { whyLocked } from "./retention-store.ts";
import { clientConfig, keyPrefix, type S3StoreConfig } from "./s3-config.ts";
import { hasName, isMissing, missingError, type S3Place, s3StoreError, statusOf } from "./s3-errors.ts";
import { lacking, lockHeaders, lockOf, S3Retention } from "./s3-retention.ts";

const maxPutBytes = 5 * 1024 ** 3;
const streamChunkBytes = 4 * 1024 * 1024;

export class S3Store implements ObjectStore {
  readonly kind = "s3";
  readonly retention: S3Retention;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #place: S3Place;
  readonly #config: Pick<S3StoreConfig, "createBucket" | "objectLock" | "region" | "listPageSize">;
  /** Puts of one key wait for each other here, because the server's own condition may be ignored. */
  readonly #putting = new Map<string, Promise<unknown>>();
  #bucketKnown = false;
  #conditional = true;
  #tags = true;

  constructor(config: S3StoreConfig) {
    this.#prefix = keyPrefix(config);
    this.#client = new S3Client(clientConfig(config));
    this.#bucket = config.bucket;
    const { createBucket = false, objectLock = false, region, listPageSize = 1000 } = config;
    this.#config = { createBucket, objectLock, region, listPageSize };
    this.#place = { endpoint: config.endpoint ?? `AWS ${region}`, bucket: config.bucket };
    this.retention = new S3Retention({
      client: this.#client,
      bucket: this.#bucket,
      prefix: this.#prefix,
      place: this.#place,
      pageSize: listPageSize,
      ready: (signal) => this.#bucketReady(signal),
      translated: (...how) => this.#translated(...how),
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    const op = "store.put";
    checkKey(key, op, this.#prefix);
    if (body.byteLength > maxPutBytes) throw tooLarge(key, body.byteLength, op);
    checkBody(key, body, options.sha256, op);
    options.signal?.throwIfAborted();
    return this.#oneAtATime(key, () =>
      this.#translated(op, key, options.signal, async () => {
        options.signal?.throwIfAborted();
        await this.#bucketReady(options.signal);
        const before = await this.#head(key, options.signal);
        if (before !== null) {
          const same = await this.#sameOrRefuse(key, before, body, options);
          return this.#lockedToo(key, same, options);
        }
        const locks = (options.retainUntil ?? options.hold) === undefined ? false : await this.retention.locks();
        const written = await this.#write(key, body, options, locks);
        const after = await this.#head(key, options.signal);
        if (after === null) throw notShown(key, this.#place, op);
        await this.#sameOrRefuse(key, after, body, options);
        return written.versionId === undefined ? after : { ...after, versionId: written.versionId };
      }),
    );
  }

  /** What was there already may have been put without its lock. */
  async #lockedToo(key: string, found: ObjectInfo, options: PutOptions): Promise<ObjectInfo> {
    const { retainUntil, hold, signal } = options;
    const wish = { ...(retainUntil !== undefined && { retainUntil }), ...(hold === true && { hold }) };
    const missing = lacking(found.lock ?? { mode: null, retainUntil: null, hold: false }, wish);
    if (Object.keys(missing).length === 0) return found;
    await this.retention.secure([{ key, versionId: null }], wish, sendSignal(signal));
    return (await this.#head(key, signal)) ?? found;
  }

  async #write(key: string, body: Uint8Array, options: PutOptions, locks: boolean): Promise<{ versionId?: string }> {
    const { retainTag, ...untagged } = options;
    const send = (conditional: boolean) =>
      this.#client.send(
        new PutObjectCommand({
          Bucket: this.#bucket,
          Key: this.#prefix + key,
          Body: body,
          ContentLength: body.byteLength,
          // Not allowed on a FIPS host; the server then has the SHA-256 alone.
          ...(getFips() === 0 && { ContentMD5: createHash("md5").update(body).digest("base64") }),
          ChecksumSHA256: Buffer.from(options.sha256, "hex").toString("base64"),
          ContentType: options.contentType ?? "application/octet-stream",
          Metadata: { sha256: options.sha256 },
          ...lockHeaders(this.#tags ? options : untagged, locks),
          ...(conditional && { IfNoneMatch: "*" }),
        }),
        sendOptions(options.signal),
      );
    try {
      const output = await send(this.#conditional);
      this.#bucketKnown = true;
      return output.VersionId === undefined ? {} : { versionId: output.VersionId };
    } catch (error) {
      // 412: it is there by now, perhaps by our own first attempt whose answer was lost; the caller's HEAD tells.
      if (statusOf(error) === 412) return {};
      // The bucket has no Object Lock after all: the object is stored without, and whoever asks for its lock is told.
      if (locks && statusOf(error) === 400 && hasName(error, "InvalidRequest")) {
        this.retention.forgetLocks();
        if (!(await this.retention.locks(options.signal))) return this.#write(key, body, options, false);
      }
      if (!(statusOf(error) === 501 || hasName(error, "NotImplemented"))) throw error;
      if (this.#conditional) this.#conditional = false;
      else if (this.#tags && retainTag !== undefined) this.#tags = false;
      else throw error;
      return this.#write(key, body, options, locks);
    }
  }

  async #sameOrRefuse(key: string, found: ObjectInfo, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    const op = "store.put";
    const facts = { bytes: found.bytes, sha256: found.sha256, versionId: found.versionId };
    if (found.bytes !== body.byteLength) throw existsError(key, op, facts);
    // Written by someone else, or by a server that drops user metadata: only the bytes themselves tell.
    const sha256 = found.sha256 ?? sha256Hex(await this.#read(key, undefined, options.signal));
    if (sha256 !== options.sha256) throw existsError(key, op, { ...facts, sha256 });
    return { ...found, sha256 };
  }

  async get(
    key: string,
    options: { range?: { start: number; end: number }; signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const op = "store.get";
    checkKey(key, op, this.#prefix);
    if (options.range) checkRange(key, options.range, op);
    options.signal?.throwIfAborted();
    return this.#translated(op, key, options.signal, () => this.#read(key, options.range, options.signal));
  }

  async stream(key: string, options: { signal?: AbortSignal } = {}): Promise<Readable> {
    const op = "store.stream";
    checkKey(key, op, this.#prefix);
    options.signal?.throwIfAborted();
    const found = await this.#translated(op, key, options.signal, async () => {
      const output = await this.#headOutput(key, options.signal);
      if (output === null) throw await this.#missing(key, op, options.signal);
      return { bytes: output.ContentLength ?? 0, etag: output.ETag };
    });
    return Readable.from(this.#chunks(key, found.bytes, found.etag, options.signal), {
      objectMode: false,
      ...(options.signal && { signal: options.signal }),
    });
  }

  /** By ranges, so that a reader may be as slow as it likes without the connection's idle timeout cutting it off. */
  async *#chunks(key: string, bytes: number, etag: string | undefined, signal: AbortSignal | undefined) {
    for (let start = 0; start < bytes; start += streamChunkBytes) {
      const range = { start, end: Math.min(start + streamChunkBytes, bytes) - 1 };
      yield await this.#translated("store.stream", key, signal, () => this.#read(key, range, signal, etag));
    }
  }

  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    const op = "store.head";
    checkKey(key, op, this.#prefix);
    options.signal?.throwIfAborted();
    return this.#translated(op, key, options.signal, async () => {
      const found = await this.#head(key, options.signal);
      if (found === null && !this.#bucketKnown) {
        const missing = await this.#missing(key, op, options.signal);
        if (missing.code !== "STORE_NOT_FOUND") throw missing;
      }
      return found;
    });
  }

  async *list(prefix: string, options: { signal?: AbortSignal } = {}): AsyncIterable<ObjectInfo> {
    const op = "store.list";
    checkListPrefix(prefix, op);
    let token: string | undefined;
    do {
      options.signal?.throwIfAborted();
      const page = await this.#translated(op, prefix, options.signal, () =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#prefix + prefix,
            MaxKeys: this.#config.listPageSize,
            EncodingType: "url",
            ContinuationToken: token,
          }),
          sendOptions(options.signal),
        ),
      );
      this.#bucketKnown = true;
      for (const entry of page.Contents ?? []) {
        const name = entry.Key ?? "";
        const key = (page.EncodingType === "url" ? decodeUrl(name) : name).slice(this.#prefix.length);
        // Folder markers and the like, made by consoles.
        if (!isKey(key)) continue;
        const info: ObjectInfo = { key, bytes: entry.Size ?? 0 };
        if (entry.LastModified) info.modifiedAt = entry.LastModified.toISOString();
        yield info;
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const op = "store.delete";
    checkKey(key, op, this.#prefix);
    options.signal?.throwIfAborted();
    await this.#translated(op, key, options.signal, async () => {
      const found = await this.#head(key, options.signal);
      // A versioned bucket would not refuse: it would hide the object.
      const why = found?.lock === undefined ? null : whyLocked(found.lock, Date.now());
      if (why !== null) throw lockedError(key, why, op);
      await this.#client.send(
        new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }),
        sendOptions(options.signal),
      );
    });
  }

  async check(): Promise<void> {
    await this.#translated("store.check", "", undefined, async () => {
      await this.#bucketReady(undefined);
      // A listing, unlike HEAD, says in words what is wrong with the credentials.
      await this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix, MaxKeys: 1 }));
    });
  }

  /** Makes the bucket when it is missing, with Object Lock when so configured: that cannot be added to most servers' buckets later. */
  async ensureBucket(signal?: AbortSignal): Promise<void> {
    await this.#translated("store.create-bucket", "", signal, async () => {
      if (await this.#bucketExists(signal)) return;
      const { region, objectLock } = this.#config;
      await this.#client
        .send(
          new CreateBucketCommand({
            Bucket: this.#bucket,
            ...(objectLock && { ObjectLockEnabledForBucket: true }),
            // AWS refuses its first region as a constraint; other servers take no other.
            ...(this.#place.endpoint.startsWith("AWS ") &&
              region !== "us-east-1" && { CreateBucketConfiguration: { LocationConstraint: region as never } }),
          }),
          sendOptions(signal),
        )
        .catch((error: unknown) => {
          if (!hasName(error, "BucketAlreadyOwnedByYou")) throw error;
        });
      this.#bucketKnown = true;
    });
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #bucketReady(signal: AbortSignal | undefined): Promise<void> {
    if (this.#config.createBucket && !this.#bucketKnown) await this.ensureBucket(signal);
  }

  async #bucketExists(signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), sendOptions(signal));
      this.#bucketKnown = true;
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** The answer to HEAD has no body: a missing object and a missing bucket look the same. */
  async #missing(key: string, op: string, signal: AbortSignal | undefined): Promise<AppError> {
    const known = this.#bucketKnown || (await this.#bucketExists(signal));
    return missingError(key, op, this.#place, known ? "NoSuchKey" : "NoSuchBucket");
  }

  async #head(key: string, signal: AbortSignal | undefined): Promise<ObjectInfo | null> {
    const output = await this.#headOutput(key, signal);
    if (output === null) return null;
    const info: ObjectInfo = { key, bytes: output.ContentLength ?? 0 };
    if (output.VersionId !== undefined) info.versionId = output.VersionId;
    if (output.Metadata?.["sha256"] !== undefined) info.sha256 = output.Metadata["sha256"];
    if (output.LastModified) info.modifiedAt = output.LastModified.toISOString();
    const lock = lockOf(output);
    if (lock.mode !== null || lock.hold) info.lock = lock;
    return info;
  }

  async #headOutput(key: string, signal: AbortSignal | undefined): Promise<HeadObjectCommandOutput | null> {
    try {
      const output = await this.#client.send(
        new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }),
        sendOptions(signal),
      );
      this.#bucketKnown = true;
      return output;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async #read(
    key: string,
    range: { start: number; end: number } | undefined,
    signal: AbortSignal | undefined,
    etag?: string,
  ): Promise<Uint8Array> {
    const output = await this.#client
      .send(
        new GetObjectCommand({
          Bucket: this.#bucket,
          Key: this.#prefix + key,
          ...(range && { Range: `bytes=${range.start}-${range.end}` }),
          ...(etag !== undefined && { IfMatch: etag }),
        }),
        sendOptions(signal),
      )
      .catch((error: unknown) => {
        if (range && statusOf(error) === 416) throw rangeRefusal(key, range, "store.get", "the object ends before it");
        throw error;
      });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of output.Body as Readable) {
      chunks.push(chunk as Uint8Array);
      bytes += (chunk as Uint8Array).byteLength;
    }
    if (output.ContentLength !== undefined && bytes !== output.ContentLength) {
      throw Object.assign(new Error(`${bytes} of ${output.ContentLength} bytes came`), { code: "ECONNRESET" });
    }
    return Buffer.concat(chunks, bytes);
  }

  async #oneAtATime<T>(key: string, action: () => Promise<T>): Promise<T> {
    const turn = (this.#putting.get(key) ?? Promise.resolve()).then(action, action);
    this.#putting.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#putting.get(key) === turn) this.#putting.delete(key);
    }
  }

  async #translated<T>(op: string, key: string, signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw s3StoreError(error, op, key, this.#place, signal);
    }
  }
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

function sendSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function decodeUrl(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

function tooLarge(key: string, bytes: number, op: string): AppError {
  return new AppError("STORE_REFUSED", `${key} has ${bytes} bytes; S3 takes at most ${maxPutBytes} in one object.`, {
    op,
    details: { key, bytes },
  });
}

function notShown(key: string, place: S3Place, op: string): AppError {
  return new AppError(
    "STORE_UNAVAILABLE",
    `The object store took ${key} into bucket ${place.bucket} at ${place.endpoint} but does not show it; look at the server and at what else deletes there.`,
    { op, retryable: true, details: { key, ...place } },
  );
}
