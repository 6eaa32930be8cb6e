// Checks a whole recording against the store: signatures, genesis, chain, every segment's bytes, the checksum list, and
// that nothing is missing or added. Trusts nothing but the public keys given. Every fault is reported with its place, and
// the check goes on after it.
import { createPublicKey } from "node:crypto";
import type { VerifyFinding, VerifyReport } from "../../shared/api/types.ts";
import { streamOf } from "../../shared/encryption/scheme.ts";
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import { chainLink } from "../../shared/manifest/chain.ts";
import { Manifest, type SegmentMeta } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { eraseDataKeys } from "../encryption/data-keys.ts";
import type { RecordingKeys } from "../encryption/recording-keys.ts";
import type { DataKeys } from "../encryption/segment-cipher.ts";
import {
  checksumsName,
  manifestName,
  manifestSignatureName,
  openName,
  openSignatureName,
  recordingPrefix,
  segmentName,
} from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { sha256, signatureHolds } from "./proof.ts";
import { possiblePrefixes } from "./reader.ts";
import { checkInThisThread, checkNothing, type SegmentChecker, VerifyThread } from "./segment-checker.ts";
import { findUnstatedHoles } from "./verify-sequence.ts";

export interface VerifyProgress {
  checkedSegments: number;
  totalSegments: number;
  checkedBytes: number;
}

export interface RecordingVerifierOptions {
  store: ObjectStore;
  /** Public keys in PEM by key id: the recorder's own and those of its history. */
  trustedKeys(): ReadonlyMap<string, string>;
  /**
   * Whether the recording is one of this installation's, by the recorder that it names or by what else is known. Signed
   * by a key that is not trusted, such a one is TAMPERED; another recorder's in the same store is UNTRUSTED.
   */
  isOwn?(session: string, recorder: string | null): boolean | Promise<boolean>;
  /** True while the recording's object of that name is on its way to the store: missing there, it is not yet lost. */
  isPending?(session: string, name: string): boolean;
  /** Of encrypted recordings: without a key their hashes and their chain are checked, and not what is inside. */
  keys?: Pick<RecordingKeys, "keysOf">;
  /** Contents of segments are checked in a thread of their own, so that nothing else in this one waits for it. */
  thread?: boolean;
  /** False: a segment counts by its bytes' hash alone, which is signed; nothing is decompressed. */
  contents?: boolean;
  /** Reads and hashes segments, where that is done elsewhere, e.g. in threads. */
  segments?: SegmentReading;
}

/** A segment as it was read. Rejects as `ObjectStore.get` does. */
export interface SegmentReading {
  /** @param dataKey of an encrypted one, where it is at hand: without it nothing is said of what is inside. */
  read(
    key: string,
    session: string,
    meta: SegmentMeta,
    signal?: AbortSignal,
    dataKey?: Uint8Array,
  ): Promise<ReadSegment>;
}

export interface ReadSegment {
  bytes: number;
  sha256: string;
  /** What is wrong inside it. */
  faults: string[];
}

export type Severity = Exclude<VerifyReport["verdict"], "VALID">;
export type SevereFinding = VerifyFinding & { severity: Severity };

/** All that a check of one recording found out, for whoever compares it with what others say of it. */
export interface Examined {
  report: VerifyReport;
  findings: SevereFinding[];
  /** Where it lies in the store. */
  prefix: string;
  open: OpenRecord | null;
  manifest: Manifest | null;
  /** SHA-256 (hex) of every object that was read, by its name. */
  hashes: ReadonlyMap<string, string>;
}

// Of what nobody here can vouch for, it matters little that it is not complete yet.
const bySeverity: readonly Severity[] = ["TAMPERED", "MISSING", "UNTRUSTED", "INCOMPLETE"];

const readAhead = 8;

/** Of an object within a recording's prefix; leads nowhere else. */
const namePattern = /^(?:[a-z]+(?:-\d+)?\/)?[\w.]+$/;

export class RecordingVerifier {
  readonly #options: RecordingVerifierOptions;
  readonly #checker: SegmentChecker;

  constructor(options: RecordingVerifierOptions) {
    this.#options = options;
    this.#checker = options.thread === true ? new VerifyThread() : checkInThisThread;
  }

  async verify(session: string, signal?: AbortSignal): Promise<VerifyReport> {
    const run = this.run(session, signal);
    for (;;) {
      const step = await run.next();
      if (step.done === true) return step.value;
    }
  }

  /** Yields after every segment. Rejects only when the store does not answer or the signal aborts. */
  async *run(session: string, signal?: AbortSignal): AsyncGenerator<VerifyProgress, VerifyReport> {
    return (yield* this.examine(session, signal)).report;
  }

  /** As `run`, with all that was found out. */
  async *examine(session: string, signal?: AbortSignal): AsyncGenerator<VerifyProgress, Examined> {
    const { store, trustedKeys, isPending, isOwn, contents = true, keys } = this.#options;
    const checker = contents ? this.#checker : checkNothing;
    const check = new Check({
      store,
      session,
      keys: trustedKeys(),
      contents,
      dataKeys: keys,
      isPending: (name) => isPending?.(session, name) ?? false,
      isOwn: async (recorder) => (await isOwn?.(session, recorder)) ?? true,
      signal,
      segments: this.#options.segments ?? readHere(store, checker),
    });
    return yield* check.run();
  }
}

interface CheckSetting {
  store: ObjectStore;
  session: string;
  keys: ReadonlyMap<string, string>;
  contents: boolean;
  dataKeys: RecordingVerifierOptions["keys"];
  isPending(name: string): boolean;
  isOwn(recorder: string | null): Promise<boolean>;
  signal: AbortSignal | undefined;
  segments: SegmentReading;
}

/** Reads and hashes in this thread, and has the contents checked by `checker`. */
export function readHere(store: ObjectStore, checker: SegmentChecker): SegmentReading {
  return {
    read: async (key, session, meta, signal, dataKey) => {
      const bytes = await store.get(key, signal === undefined ? {} : { signal });
      const hash = sha256(bytes).toString("hex");
      return { bytes: bytes.length, sha256: hash, faults: await checker.check(session, meta, bytes, dataKey) };
    },
  };
}

class Check {
  readonly #setting: CheckSetting;
  readonly #findings: SevereFinding[] = [];
  /** Names in the store that nothing has accounted for yet, and the hash of every object read. */
  readonly #unclaimed = new Set<string>();
  readonly #hashes = new Map<string, string>();
  #prefix = "";
  #bytes = 0;
  #segments = 0;
  /** Whose contents could not be looked at for want of a key. */
  #unopened = 0;
  #dataKeys: Partial<DataKeys> = {};
  #keyId: string | null = null;
  /** Whether anything is there that is written only at the end. */
  #sealedOnce = false;

  constructor(setting: CheckSetting) {
    this.#setting = setting;
  }

  async *run(): AsyncGenerator<VerifyProgress, Examined> {
    await this.#list();
    const openBytes = await this.#read(openName);
    const open = this.#parse(OpenRecord, openBytes, openName);
    await this.#checkSignature(openName, openSignatureName, openBytes, open?.recorder ?? null);
    const manifestBytes = await this.#read(manifestName);
    const manifest = this.#parse(Manifest, manifestBytes, manifestName);
    await this.#checkSignature(manifestName, manifestSignatureName, manifestBytes, manifest?.recorder ?? null);
    this.#keyId = manifest?.recorder.keyId ?? open?.recorder.keyId ?? null;
    if (open !== null && open.session !== this.#setting.session)
      this.#tampered(openName, "INTEGRITY_FORMAT", "is of another session");
    else if (open !== null && recordingPrefix(open.startedAt, open.session) !== this.#prefix)
      this.#tampered(this.#prefix, "INTEGRITY_FORMAT", "is not the place of a recording that began then");
    if (manifest !== null) {
      if (open !== null && this.#setting.contents) this.#dataKeys = await this.#keysOf(open);
      this.#checkAgainstOpen(manifest, open, openBytes);
      this.#checkPlaces(manifest, (open ?? manifest.segments[0])?.encryption !== undefined);
      this.#checkChain(manifest);
      for (const { from, to } of findUnstatedHoles(manifest.segments, manifest.gaps)) {
        const message = `events ${from} to ${to} are in no track, and no gap is stated`;
        this.#tampered(manifestName, "INTEGRITY_FORMAT", message);
      }
      yield* this.#checkSegments(manifest);
    }
    eraseDataKeys(this.#dataKeys);
    await this.#checkSums(manifest);
    // Without a manifest nobody can say which segments belong; it is missing, and that is the finding.
    if (manifest !== null) {
      for (const name of this.#unclaimed)
        this.#tampered(name, "INTEGRITY_FORMAT", "is in the store, but the manifest does not name it");
    }
    const hashes = this.#hashes;
    return { report: this.#report(), findings: this.#findings, prefix: this.#prefix, open, manifest, hashes };
  }

  #report(): VerifyReport {
    const verdict = bySeverity.find((severity) => this.#findings.some((finding) => finding.severity === severity));
    return {
      session: this.#setting.session,
      verdict: verdict ?? "VALID",
      checkedBytes: this.#bytes,
      checkedSegments: this.#segments,
      keyId: this.#keyId,
      ...(this.#unopened === 0 ? {} : { unopenedSegments: this.#unopened }),
      findings: this.#findings.map(({ place, code, message }) => ({ place, code, message })),
    };
  }

  /** A key that cannot be had now leaves contents unchecked; one that is there and wrong is a finding. */
  async #keysOf(open: OpenRecord): Promise<Partial<DataKeys>> {
    try {
      return (await this.#setting.dataKeys?.keysOf(open, ["content", "input"])) ?? {};
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === "INTEGRITY_FORMAT") this.#tampered(openName, error.code, error.message);
      return {};
    }
  }

  #tampered(place: string, code: ErrorCode, message: string): void {
    this.#findings.push({ place, code, message, severity: "TAMPERED" });
  }

  #missing(place: string, pending: boolean): void {
    if (pending) {
      this.#findings.push({
        place,
        code: "STORE_NOT_FOUND",
        message: "is not in the store yet",
        severity: "INCOMPLETE",
      });
      return;
    }
    // A recording without both never came to its end; with the checksum list it did, and the manifest was taken away.
    const neverSealed =
      (place === manifestName || place === manifestSignatureName || place === checksumsName) && !this.#sealedOnce;
    this.#findings.push({
      place,
      code: "STORE_NOT_FOUND",
      message: neverSealed ? "does not exist: the recording was never sealed" : "is not in the store",
      severity: neverSealed ? "INCOMPLETE" : "MISSING",
    });
  }

  async #list(): Promise<void> {
    for (const prefix of possiblePrefixes(this.#setting.session)) {
      const first = this.#unclaimed.size === 0;
      if (first) this.#prefix = prefix;
      for await (const { key } of this.#setting.store.list(prefix, this.#abort())) {
        if (!first) {
          this.#tampered(prefix, "INTEGRITY_FORMAT", "has objects of the same recording in a second place");
          break;
        }
        this.#unclaimed.add(key.slice(prefix.length));
      }
    }
    this.#sealedOnce = [manifestName, manifestSignatureName, checksumsName].some((name) => this.#unclaimed.has(name));
  }

  #abort(): { signal?: AbortSignal } {
    return this.#setting.signal === undefined ? {} : { signal: this.#setting.signal };
  }

  async #read(name: string): Promise<Uint8Array | null> {
    const bytes = await this.#obtain(name, (key) => this.#setting.store.get(key, this.#abort()));
    if (bytes === null) return null;
    this.#bytes += bytes.length;
    this.#hashes.set(name, sha256(bytes).toString("hex"));
    return bytes;
  }

  async #readSegment(meta: SegmentMeta): Promise<ReadSegment | null> {
    const { segments, session, signal, contents } = this.#setting;
    const dataKey = meta.encryption && this.#dataKeys[meta.encryption];
    const read = await this.#obtain(meta.name, (key) => segments.read(key, session, meta, signal, dataKey));
    if (read === null) return null;
    if (contents && meta.encryption !== undefined && dataKey === undefined) this.#unopened++;
    this.#bytes += read.bytes;
    this.#hashes.set(meta.name, read.sha256);
    return read;
  }

  /** Null where it is not there, which then is a finding. */
  async #obtain<T>(name: string, get: (key: string) => Promise<T>): Promise<T | null> {
    this.#setting.signal?.throwIfAborted();
    this.#unclaimed.delete(name);
    const pending = this.#setting.isPending(name);
    let got = await this.#get(name, get);
    // On its way before, and no longer: it may have arrived in between.
    const stillPending = got === null && this.#setting.isPending(name);
    if (got === null && pending && !stillPending) got = await this.#get(name, get);
    if (got !== null) return got;
    if (!this.#findings.some(({ place, code }) => place === name && code === "STORE_REFUSED"))
      this.#missing(name, stillPending);
    return null;
  }

  async #get<T>(name: string, get: (key: string) => Promise<T>): Promise<T | null> {
    try {
      return await get(this.#prefix + name);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === "STORE_NOT_FOUND") return null;
      if (!isOfOneObject(error)) throw error;
      this.#tampered(name, "STORE_REFUSED", `cannot be read as an object: ${error.message}`);
      return null;
    }
  }

  #parse<T>(schema: { parse(value: unknown): T }, bytes: Uint8Array | null, name: string): T | null {
    if (bytes === null) return null;
    try {
      return schema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    } catch {
      this.#tampered(
        name,
        "INTEGRITY_FORMAT",
        "is not in a format that this version reads; its contents were not checked",
      );
      return null;
    }
  }

  async #checkSignature(
    name: string,
    signatureName: string,
    bytes: Uint8Array | null,
    recorder: { id: string; keyId: string } | null,
  ): Promise<void> {
    const signature = await this.#read(signatureName);
    if (bytes === null || signature === null) return;
    const pems =
      recorder === null
        ? [...this.#setting.keys.values()]
        : [this.#setting.keys.get(recorder.keyId)].filter((pem) => pem !== undefined);
    if (pems.length === 0) {
      await this.#untrusted(signatureName, recorder);
      return;
    }
    if (!pems.some((pem) => signatureHolds(bytes, signature, createPublicKey(pem)))) {
      this.#tampered(name, "INTEGRITY_SIGNATURE", `does not match its signature ${signatureName}`);
    }
  }

  async #untrusted(signatureName: string, recorder: { id: string; keyId: string } | null): Promise<void> {
    const own = await this.#setting.isOwn(recorder?.id ?? null);
    const by = `is signed by a key that is not trusted here, ${JSON.stringify(recorder?.keyId ?? "?")}`;
    const message = own
      ? `${by}, although the recording is this recorder's own`
      : `${by}, of the recorder ${JSON.stringify(recorder?.id ?? "?")}: give that recorder's public key to have it checked`;
    const severity = own ? "TAMPERED" : "UNTRUSTED";
    this.#findings.push({ place: signatureName, code: "INTEGRITY_SIGNATURE", message, severity });
  }

  #checkAgainstOpen(manifest: Manifest, open: OpenRecord | null, openBytes: Uint8Array | null): void {
    if (manifest.session !== this.#setting.session)
      this.#tampered(manifestName, "INTEGRITY_FORMAT", "is of another session");
    if (openBytes !== null && this.#hashes.get(openName) !== manifest.openSha256) {
      this.#tampered(
        openName,
        "INTEGRITY_HASH",
        "is not the OPEN record that the manifest names as the chain's beginning",
      );
    }
    if (open === null) return;
    const same =
      open.startedAt === manifest.startedAt &&
      open.recorder.id === manifest.recorder.id &&
      open.recorder.sequence === manifest.recorder.sequence;
    if (!same)
      this.#tampered(manifestName, "INTEGRITY_FORMAT", "names another recorder, sequence or start than open.json");
  }

  /** Numbers without a gap, names that follow from track and index. */
  #checkPlaces(manifest: Manifest, encrypted: boolean): void {
    const tracks = new Set(manifest.tracks.map((track) => track.name));
    const nextIndex = new Map<string, number>();
    for (const [n, segment] of manifest.segments.entries()) {
      if (segment.n !== n)
        this.#tampered(manifestName, "INTEGRITY_FORMAT", `segment ${n} of the list calls itself ${segment.n}`);
      if (!tracks.has(segment.track)) {
        this.#tampered(
          manifestName,
          "INTEGRITY_FORMAT",
          `segment ${n} is of the track ${segment.track}, which is not listed`,
        );
      }
      const index = nextIndex.get(segment.track) ?? 0;
      if (segment.index !== index) {
        this.#tampered(
          manifestName,
          "INTEGRITY_FORMAT",
          `segment ${n} is number ${segment.index} of ${segment.track}; ${index} was due`,
        );
      }
      nextIndex.set(segment.track, segment.index + 1);
      const wanted = segmentNamePattern(segment.track, segment.index, segment.encryption !== undefined);
      if (!wanted.test(segment.name))
        this.#tampered(manifestName, "INTEGRITY_FORMAT", `segment ${n} has the name ${JSON.stringify(segment.name)}`);
      const stream = encrypted ? streamOf(segment.track) : undefined;
      if (segment.encryption !== stream) {
        const message = `segment ${n} says that its encryption is ${segment.encryption ?? "none"}; after open.json it is ${stream ?? "none"}`;
        this.#tampered(manifestName, "INTEGRITY_FORMAT", message);
      }
    }
  }

  #checkChain(manifest: Manifest): void {
    let link = manifest.openSha256;
    for (const segment of manifest.segments) {
      if (chainLink(link, segment.sha256, sha256) !== segment.link) {
        this.#tampered(manifestName, "INTEGRITY_HASH", `the chain breaks at segment ${segment.n} (${segment.name})`);
      }
      // From the link as written: one broken link is one finding, not one for each that follows.
      link = segment.link;
    }
  }

  /** Byte for byte: tools differ in what they make of a line that is doubled, blank or marked. */
  #checkSumsBytes(manifest: Manifest, bytes: Uint8Array, listed: ReadonlyMap<string, string>): void {
    if (this.#findings.some((finding) => finding.place === checksumsName)) return;
    const names = [
      openName,
      openSignatureName,
      ...manifest.segments.map((segment) => segment.name),
      manifestName,
      manifestSignatureName,
    ];
    const line = (name: string) => `${this.#hashes.get(name) ?? listed.get(name) ?? ""}  ${name}\n`;
    if (!Buffer.from(names.map(line).join("")).equals(bytes)) {
      this.#tampered(
        checksumsName,
        "INTEGRITY_FORMAT",
        "is not, byte for byte, the list that follows from the manifest",
      );
    }
  }

  async *#checkSegments(manifest: Manifest): AsyncGenerator<VerifyProgress> {
    const started = new Map<number, Promise<ReadSegment | null>>();
    const { segments } = manifest;
    const start = (n: number) => {
      const segment = segments[n];
      if (segment === undefined) return;
      const reading = this.#readSegment(segment);
      // Awaited in its turn below; a failure before that must not count as unhandled.
      reading.catch(() => {});
      started.set(n, reading);
    };
    for (let n = 0; n < Math.min(readAhead, segments.length); n++) start(n);
    for (const [n, segment] of segments.entries()) {
      const read = await started.get(n);
      started.delete(n);
      start(n + readAhead);
      if (read !== null && read !== undefined) this.#checkSegment(segment, read);
      yield { checkedSegments: this.#segments, totalSegments: segments.length, checkedBytes: this.#bytes };
    }
  }

  #checkSegment(
    { name, sha256: wanted, bytes: stated }: SegmentMeta,
    { bytes, sha256: found, faults }: ReadSegment,
  ): void {
    this.#segments++;
    if (found !== wanted)
      this.#tampered(name, "INTEGRITY_HASH", `its ${bytes} bytes do not have the hash that the manifest names`);
    else if (bytes !== stated)
      this.#tampered(name, "INTEGRITY_HASH", `has ${bytes} bytes, the manifest says ${stated}`);
    for (const fault of faults) this.#tampered(name, "INTEGRITY_FORMAT", fault);
  }

  async #checkSums(manifest: Manifest | null): Promise<void> {
    const bytes = await this.#read(checksumsName);
    if (bytes === null) return;
    const listed = new Map<string, string>();
    for (const [i, line] of Buffer.from(bytes).toString("utf8").split("\n").entries()) {
      if (line === "") continue;
      const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line);
      if (match === null) this.#tampered(checksumsName, "INTEGRITY_FORMAT", `line ${i + 1} is not a hash and a name`);
      else listed.set(match[2] ?? "", match[1] ?? "");
    }
    for (const [name, hash] of listed) {
      // What nothing has asked for yet: without a manifest, this list is all that says what there was.
      if (manifest === null && !this.#hashes.has(name) && namePattern.test(name)) await this.#read(name);
      const actual = this.#hashes.get(name);
      if (actual !== undefined && actual !== hash) {
        this.#tampered(checksumsName, "INTEGRITY_HASH", `names another hash for ${name} than its bytes have`);
      } else if (actual === undefined && !this.#findings.some((finding) => finding.place === name)) {
        this.#tampered(
          checksumsName,
          "INTEGRITY_FORMAT",
          `names ${JSON.stringify(name.slice(0, 100))}, which is no object of the recording`,
        );
      }
    }
    for (const name of this.#hashes.keys()) {
      if (name !== checksumsName && !listed.has(name))
        this.#tampered(checksumsName, "INTEGRITY_FORMAT", `does not name ${name}`);
    }
    if (manifest !== null) this.#checkSumsBytes(manifest, bytes, listed);
  }
}

/** A symbolic link or a folder in the object's place; what concerns the whole store is no finding of one recording. */
function isOfOneObject({ code, details }: AppError): boolean {
  const { errno, real } = details;
  return code === "STORE_REFUSED" && (real !== undefined || ["ELOOP", "ENOTDIR", "EISDIR"].includes(String(errno)));
}

function segmentNamePattern(track: string, index: number, encrypted: boolean): RegExp {
  const safe = /^(?:(?:terminal|screen|frames|raw)-\d+|input|files|events)$/.test(track) ? track : "(?!)";
  const names = (["zstd", "gzip"] as const).map((codec) =>
    segmentName(safe, index, codec, encrypted).replaceAll(".", "\\."),
  );
  return new RegExp(`^(?:${names.join("|")})$`);
}
