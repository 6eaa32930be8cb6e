// The root key of an installation: Ed25519, it signs the history of the recorder's keys and nothing else. `root.pem` may be
// taken away once the history is signed; `root.pub.pem` stays, and is what an outsider is given.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdir, open, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { ed25519KeyOf, keyIdOf } from "../../shared/ledger/key-history.ts";
import { syncDirectory, writeDurable } from "../record/durable-file.ts";
import { sha256 } from "./sha256.ts";

export const rootName = "root.pem";
export const rootPublicName = "root.pub.pem";

export interface PublicKey {
  keyId: string;
  publicKeyPem: string;
}

export class RootKey {
  readonly public: PublicKey;
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
    this.public = publicKeyOf(createPublicKey(key).export({ type: "spki", format: "pem" }).toString());
  }

  sign(bytes: Uint8Array): Uint8Array {
    return sign(null, bytes, this.#key);
  }
}

/** The id of a public key in PEM form. CONFIG_INVALID where it is no Ed25519 key. */
export function publicKeyOf(publicKeyPem: string, place = "the key"): PublicKey {
  const parsed = ed25519KeyOf(publicKeyPem);
  if (parsed === null) throw unusable(place, "is no public Ed25519 key in PEM form");
  return { keyId: keyIdOf(parsed.spki, sha256), publicKeyPem };
}

/** Null: it is not there. CONFIG_INVALID when it is no such key, or others may read it. */
export async function readRootKey(path: string): Promise<RootKey | null> {
  let pem: string;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) throw unusable(path, "can be read by others: run chmod 600 on it");
    pem = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw unusable(path, "is no private key in PEM form");
  }
  if (key.asymmetricKeyType !== "ed25519") throw unusable(path, "is no Ed25519 key");
  return new RootKey(key);
}

/** The public half that stands in the key directory; null: there is none. */
export async function readRootPublicKey(keyDirectory: string): Promise<PublicKey | null> {
  const path = join(keyDirectory, rootPublicName);
  try {
    return publicKeyOf(await readFile(path, "utf8"), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

export async function writeRootPublicKey(keyDirectory: string, { publicKeyPem }: PublicKey): Promise<void> {
  await mkdir(keyDirectory, { recursive: true, mode: 0o700 });
  await writeDurable(join(keyDirectory, rootPublicName), Buffer.from(publicKeyPem));
}

/** A new one under that path, durable and readable to its owner alone. REQUEST_CONFLICT where a file is there. */
export async function generateRootKey(path: string): Promise<RootKey> {
  const { privateKey } = generateKeyPairSync("ed25519");
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  try {
    const handle = await open(path, "wx", 0o600);
    try {
      await handle.writeFile(pem);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new AppError("REQUEST_CONFLICT", `${path} exists already: a root key is never overwritten`, {
      op: "keys.generate-root",
      cause,
    });
  }
  await syncDirectory(dirname(path));
  return new RootKey(privateKey);
}

function unusable(place: string, why: string): AppError {
  return new AppError("CONFIG_INVALID", `${place} ${why}`, { op: "keys.root" });
}
