// The keys that this installation signs with and signed with: every `signing*.pem` of its key directory, and what the
// history names that its root key signed. A part of the composition root. Recordings outlive a key; whoever verifies them
// trusts these, never what lies beside a recording.
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../shared/errors.ts";
import type { Config } from "./config.ts";
import {
  type HistoryVersion,
  readHistory,
  readStoredHistory,
  uploadHistory,
  writeVersion,
} from "./keys/history-files.ts";
import { InstallationKeys } from "./keys/installation-keys.ts";
import type { KeyChange } from "./keys/key-life.ts";
import { type PublicKey, readRootPublicKey } from "./keys/root-key.ts";
import { loadOrCreateSigningKey, type SigningKey } from "./record/signing.ts";
import type { ObjectStore } from "./store/object-store.ts";

export interface PublicSigningKey {
  /** First 16 hex digits of the SHA-256 of the public key (SPKI DER), as in manifests. */
  keyId: string;
  publicKeyPem: string;
}

/** CONFIG_UNREADABLE when one of the files is no key. */
export function signingKeyHistory(keyDirectory: string): PublicSigningKey[] {
  const names = existsSync(keyDirectory) ? readdirSync(keyDirectory).sort() : [];
  return names.filter((name) => /^signing.*\.pem$/.test(name)).map((name) => readPublicKey(join(keyDirectory, name)));
}

/** Of a private or a public key in PEM form. */
export function readPublicKey(path: string): PublicSigningKey {
  let key: KeyObject;
  try {
    key = createPublicKey(readFileSync(path));
  } catch (cause) {
    throw new AppError("CONFIG_UNREADABLE", `${path}: this is not a readable key in PEM form`, {
      op: "signing-keys.read",
      cause,
    });
  }
  const der = key.export({ type: "spki", format: "der" });
  return {
    keyId: createHash("sha256").update(der).digest("hex").slice(0, 16),
    publicKeyPem: key.export({ type: "spki", format: "pem" }).toString(),
  };
}

export interface SigningKeysParts {
  store: ObjectStore;
  alarms: { raise(code: string, message: string, facts: Record<string, unknown>): void; clear(code: string): void };
  logger: { warn(facts: object, message: string): void };
}

const storeTimeoutMs = 20_000;
const lookEveryMs = 60_000;
const unsignedCode = "KEY_HISTORY_UNSIGNED";
const foreignCode = "KEY_HISTORY_FOREIGN";

/** The recorder's key and the history of all, as the running service has them. */
export class SigningKeys {
  readonly signing: SigningKey;
  /** What this start changed in the history. */
  readonly changes: readonly KeyChange[];
  readonly #config: Config["recorder"];
  readonly #parts: SigningKeysParts;
  #history: { root: PublicKey; versions: HistoryVersion[] } | null;
  #trusted: PublicSigningKey[] = [];
  #pems: ReadonlyMap<string, string> = new Map();
  /** Versions that the store has. */
  #stored = 0;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();

  private constructor(
    config: Config["recorder"],
    parts: SigningKeysParts,
    found: { signing: SigningKey; changes: readonly KeyChange[] },
    history: { root: PublicKey; versions: HistoryVersion[] } | null,
  ) {
    this.#config = config;
    this.#parts = parts;
    this.signing = found.signing;
    this.changes = found.changes;
    this.#history = history;
    this.#trust();
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
    this.look();
  }

  static async open(config: Config["recorder"], parts: SigningKeysParts): Promise<SigningKeys> {
    const { keyDirectory, id } = config;
    const keys = new InstallationKeys({ keyDirectory, recorderId: id });
    await keys.promote();
    const signing = await loadOrCreateSigningKey(join(keyDirectory, "signing.pem"));
    await restoreHistory(keyDirectory, parts);
    const found = await keys.bringUpToDate();
    if (found?.namesActive !== true) {
      const message = `the signing key ${signing.keyId} is not in the history that the root key signed: conduit keys sign --root FILE`;
      parts.alarms.raise(unsignedCode, message, { keyId: signing.keyId });
    }
    const changes = found?.changes ?? [];
    return new SigningKeys(config, parts, { signing, changes }, found?.state ?? null);
  }

  /** Those of the key directory first, then what the history names beside them. */
  trusted(): readonly PublicSigningKey[] {
    return this.#trusted;
  }

  /** In PEM by key id. */
  trustedPems(): ReadonlyMap<string, string> {
    return this.#pems;
  }

  #trust(): void {
    const here = signingKeyHistory(this.#config.keyDirectory);
    const named = this.#history?.versions.at(-1)?.history.keys ?? [];
    const further = named.filter(({ keyId }) => !here.some((key) => key.keyId === keyId));
    this.#trusted = [...here, ...further.map(({ keyId, publicKeyPem }) => ({ keyId, publicKeyPem }))];
    this.#pems = new Map(this.#trusted.map(({ keyId, publicKeyPem }) => [keyId, publicKeyPem]));
  }

  /** Versions of the signed history, and the root's public key; null: nobody has signed one. */
  history(): { root: PublicKey; versions: readonly HistoryVersion[] } | null {
    return this.#history;
  }

  /** A command may have changed the history; what the store has not got goes there. */
  look(): void {
    this.#looking = this.#looking.then(() => this.#look()).catch(() => {});
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { alarms, store, logger } = this.#parts;
    const root = await readRootPublicKey(this.#config.keyDirectory);
    if (root === null) return;
    try {
      const versions = await readHistory(this.#config.keyDirectory, root);
      this.#history = { root, versions };
      this.#trust();
      const { keyId } = this.signing;
      if (versions.at(-1)?.history.keys.some((key) => key.keyId === keyId) === true) alarms.clear(unsignedCode);
      await uploadHistory(store, versions.slice(this.#stored));
      this.#stored = versions.length;
      alarms.clear(foreignCode);
    } catch (error) {
      if (error instanceof AppError && (error.code === "STORE_EXISTS" || error.code.startsWith("INTEGRITY_"))) {
        const text = `the history of keys is not what this installation signed: ${error.message}`;
        alarms.raise(foreignCode, text, { code: error.code });
      } else logger.warn({ err: error }, "the history of keys could not be brought into the store; it is tried again");
    }
  }
}

/** Versions that only the store has any more. */
async function restoreHistory(keyDirectory: string, { store, alarms, logger }: SigningKeysParts): Promise<void> {
  const root = await readRootPublicKey(keyDirectory);
  if (root === null) return;
  const here = await readHistory(keyDirectory, root);
  try {
    const stored = await readStoredHistory(store, root, AbortSignal.timeout(storeTimeoutMs));
    const isBeginning = here.every((version, i) => stored[i] === undefined || stored[i].sha256 === version.sha256);
    if (isBeginning) for (const version of stored.slice(here.length)) await writeVersion(keyDirectory, version);
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith("INTEGRITY_"))
      alarms.raise(foreignCode, `the store has another history of keys: ${error.message}`, { code: error.code });
    else logger.warn({ err: error }, "the history of keys could not be compared with the store");
  }
}
