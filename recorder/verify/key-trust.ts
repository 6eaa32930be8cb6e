// Which keys may have signed here: the history of keys in the store, from its first version to its last, under the root's
// public key that the verifier brought along. Every fault is a finding; what the root proves counts all the same.
import { createHash, createPublicKey, type KeyObject, verify as verifySignature } from "node:crypto";
import { AppError } from "../../shared/errors.ts";
import type { EvidenceFinding, KeysEvidence } from "../../shared/evidence/verdict.ts";
import { worstVerdict } from "../../shared/evidence/verdict.ts";
import type { NoteKey } from "../../shared/ledger/checkpoint.ts";
import { ledgerOrigin } from "../../shared/ledger/checkpoint.ts";
import { ed25519KeyOf, type HistoryKey, KeyHistory, keyIdOf } from "../../shared/ledger/key-history.ts";
import { keyHistoryPrefix, publicKeyKey } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";

export interface TrustedKey extends HistoryKey {
  /** The recorder whose history names it; null: given by whoever verifies. */
  recorder: string | null;
}

export interface KeyTrust {
  evidence: KeysEvidence;
  keys: ReadonlyMap<string, TrustedKey>;
  /** In PEM by key id. */
  pems: ReadonlyMap<string, string>;
}

export interface KeyTrustOptions {
  store: ObjectStore;
  /** Null: the history is read, and proves nothing. */
  root: KeyObject | null;
  /** Keys in PEM by id that are trusted without the root. */
  given: ReadonlyMap<string, string>;
  signal?: AbortSignal | undefined;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const keysPrefix = "keys/";

export function publicKeyId(key: KeyObject): string {
  return keyIdOf(key.export({ type: "spki", format: "der" }), sha256);
}

export async function readKeyTrust(options: KeyTrustOptions): Promise<KeyTrust> {
  const run = new HistoryCheck(options);
  await run.run();
  return run.trust();
}

interface Version {
  number: number;
  history: KeyHistory;
}

class HistoryCheck {
  readonly #options: KeyTrustOptions;
  readonly #findings: EvidenceFinding[] = [];
  readonly #keys = new Map<string, TrustedKey>();
  #last: Version | null = null;

  constructor(options: KeyTrustOptions) {
    this.#options = options;
    for (const [keyId, publicKeyPem] of options.given)
      this.#keys.set(keyId, { keyId, publicKeyPem, use: "recorder", state: "active", from: "", recorder: null });
  }

  trust(): KeyTrust {
    const { root } = this.#options;
    const keys = [...this.#keys.values()];
    const evidence: KeysEvidence = {
      verdict: worstVerdict(this.#findings.map(({ weight }) => weight)),
      root: root === null ? null : publicKeyId(root),
      keys: keys.map(({ keyId, state, from, to }) => ({ keyId, state, from, to: to ?? null })),
      findings: this.#findings,
    };
    return { evidence, keys: this.#keys, pems: new Map(keys.map((key) => [key.keyId, key.publicKeyPem])) };
  }

  async run(): Promise<void> {
    const { store, signal } = this.#options;
    const names = new Set<string>();
    for await (const { key } of store.list(keysPrefix, signal === undefined ? {} : { signal })) names.add(key);
    const numbers = [...names].flatMap((key) => {
      const number = /^keys\/history\/(\d{6})\.json(?:\.sig)?$/.exec(key)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
    let previous: string | null = null;
    const last = Math.max(0, ...numbers);
    for (let number = 1; number <= last; number++) {
      const key = versionKey(number);
      const bytes = await this.#get(key);
      const signature = await this.#get(`${key}.sig`);
      names.delete(key);
      names.delete(`${key}.sig`);
      if (bytes !== null) this.#version(number, key, bytes, signature, previous);
      previous = bytes === null ? null : sha256(bytes).toString("hex");
    }
    for (const keyId of this.#last?.history.keys.map((key) => key.keyId) ?? []) {
      if (!names.has(publicKeyKey(keyId)))
        this.#found(publicKeyKey(keyId), "STORE_NOT_FOUND", "the copy of a key of the history is not there", "MISSING");
    }
    for (const key of names) await this.#other(key);
    if (last === 0 && this.#options.root !== null)
      this.#found(keyHistoryPrefix, "STORE_NOT_FOUND", "the store has no history of keys", "MISSING");
  }

  #version(
    number: number,
    key: string,
    bytes: Uint8Array,
    signature: Uint8Array | null,
    previous: string | null,
  ): void {
    let history: KeyHistory;
    try {
      history = KeyHistory.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    } catch {
      this.#found(key, "INTEGRITY_FORMAT", "is not in a format that this version reads");
      return;
    }
    if (!this.#isSigned(key, history, bytes, signature)) return;
    if (history.number !== number) this.#found(key, "INTEGRITY_FORMAT", `calls itself number ${history.number}`);
    if (history.previousSha256 !== previous)
      this.#found(key, "INTEGRITY_HASH", "does not go on from the version before it, as it is stored");
    this.#compare(key, history);
    this.#take(key, history);
    this.#last = { number, history };
  }

  /** By the root that was brought along; the root that a file names says nothing. */
  #isSigned(key: string, history: KeyHistory, bytes: Uint8Array, signature: Uint8Array | null): boolean {
    const { root } = this.#options;
    if (root === null) return false;
    if (signature === null) return false;
    if (root.asymmetricKeyType === "ed25519" && verifySignature(null, bytes, root, signature)) {
      if (history.root.keyId === publicKeyId(root)) return true;
      this.#found(key, "INTEGRITY_FORMAT", "names another root key than the one that signed it");
      return true;
    }
    const own = rootOf(history);
    const foreign = own !== null && verifySignature(null, bytes, own, signature);
    const why = foreign
      ? `is signed by another root key, ${history.root.keyId}, than the one given, ${publicKeyId(root)}`
      : `does not match its signature ${key}.sig`;
    this.#found(key, "INTEGRITY_SIGNATURE", why, foreign ? "UNTRUSTED" : "TAMPERED");
    return false;
  }

  /** Keys are added and end; they never vanish, change, or come back to life. */
  #compare(key: string, { keys, recorder }: KeyHistory): void {
    const before = this.#last?.history;
    if (before === undefined) return;
    if (before.recorder !== recorder)
      this.#found(key, "INTEGRITY_FORMAT", `is of the recorder ${recorder}, the version before of ${before.recorder}`);
    for (const old of before.keys) {
      const now = keys.find(({ keyId }) => keyId === old.keyId);
      if (now === undefined) this.#found(key, "INTEGRITY_FORMAT", `no longer names the key ${old.keyId}`);
      else if (now.publicKeyPem !== old.publicKeyPem)
        this.#found(key, "INTEGRITY_FORMAT", `has another public key under the id ${old.keyId}`);
      else if (old.state !== "active" && now.state === "active")
        this.#found(key, "INTEGRITY_FORMAT", `calls the key ${old.keyId} active again`);
    }
  }

  #take(key: string, history: KeyHistory): void {
    for (const one of history.keys) {
      const parsed = ed25519KeyOf(one.publicKeyPem);
      if (parsed === null || keyIdOf(parsed.spki, sha256) !== one.keyId) {
        this.#found(key, "INTEGRITY_FORMAT", `the public key of ${one.keyId} is not the one of that id`);
        continue;
      }
      this.#keys.set(one.keyId, { ...one, recorder: history.recorder });
    }
  }

  /** The public keys beside the history are copies of what it says. */
  async #other(key: string): Promise<void> {
    const keyId = /^keys\/([0-9a-f]{16})\.pub\.pem$/.exec(key)?.[1];
    if (keyId === undefined) {
      this.#found(key, "INTEGRITY_FORMAT", "is no key and no version of the history", "NOTICE");
      return;
    }
    const bytes = await this.#get(key);
    if (bytes === null) return;
    const text = Buffer.from(bytes).toString("utf8");
    const parsed = ed25519KeyOf(text);
    const named = this.#keys.get(keyId);
    if (parsed === null || keyIdOf(parsed.spki, sha256) !== keyId)
      this.#found(key, "INTEGRITY_FORMAT", "is not the public key of that id");
    else if (this.#options.root !== null && named === undefined)
      this.#found(key, "INTEGRITY_SIGNATURE", "is a key that the history does not name: nothing trusts it", "NOTICE");
    else if (named !== undefined && named.publicKeyPem !== text)
      this.#found(key, "INTEGRITY_HASH", "is not, byte for byte, the key of that id in the history");
  }

  async #get(key: string): Promise<Uint8Array | null> {
    const { store, signal } = this.#options;
    try {
      return await store.get(key, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!(error instanceof AppError) || !["STORE_NOT_FOUND", "STORE_REFUSED"].includes(error.code)) throw error;
      const gone = error.code === "STORE_NOT_FOUND";
      this.#found(key, error.code, gone ? "is not in the store" : error.message, gone ? "MISSING" : "TAMPERED");
      return null;
    }
  }

  #found(place: string, code: string, message: string, weight: EvidenceFinding["weight"] = "TAMPERED"): void {
    this.#findings.push({ place, code, message, weight });
  }
}

function versionKey(number: number): string {
  return `${keyHistoryPrefix}${String(number).padStart(6, "0")}.json`;
}

function rootOf(history: KeyHistory): KeyObject | null {
  try {
    return createPublicKey(history.root.publicKeyPem);
  } catch {
    return null;
  }
}

/** The keys as those that sign the checkpoints of a recorder's ledger. */
export function noteKeysOf(trust: KeyTrust, recorder: string): Array<NoteKey & { keyId: string }> {
  return [...trust.keys.values()].flatMap(({ keyId, publicKeyPem, recorder: owner }) => {
    const parsed = ed25519KeyOf(publicKeyPem);
    if (parsed === null || (owner !== null && owner !== recorder)) return [];
    return [{ keyId, name: ledgerOrigin(recorder), publicKey: parsed.publicKey }];
  });
}
