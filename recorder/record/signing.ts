// The recorder's Ed25519 signing key: a PKCS#8 PEM file, mode 0600. It signs OPEN records and manifests as stored; it
// decrypts nothing.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { syncDirectory } from "./durable-file.ts";

export interface SigningKey {
  /** First 16 hex digits of the SHA-256 of the public key (SPKI DER). */
  keyId: string;
  privateKeyPem: string;
}

function keyIdOf(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, 16);
}

function parseKey(pem: string, path: string): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new AppError(
      "CONFIG_INVALID",
      `${path} is no private key in PEM form: restore the signing key, or move the file away to make a new one`,
      {
        op: "signing.load",
        cause,
      },
    );
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new AppError(
      "CONFIG_INVALID",
      `${path} holds a ${key.asymmetricKeyType ?? "foreign"} key, recordings are signed with Ed25519: move it away to make a new one`,
      {
        op: "signing.load",
      },
    );
  }
  return { keyId: keyIdOf(key), privateKeyPem: pem };
}

/** Reads the key, or makes one, durable before it signs anything. Refuses a key file that others may read. */
export async function loadOrCreateSigningKey(path: string): Promise<SigningKey> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new AppError("CONFIG_INVALID", `${path} can be read by others: run chmod 600 on it`, {
        op: "signing.load",
      });
    }
    return parseKey(await readFile(path, "utf8"), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const temporary = `${path}.new`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(pem);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
  return parseKey(pem, path);
}

export class Signer {
  readonly keyId: string;
  readonly publicKeyPem: string;
  readonly #key: KeyObject;

  constructor(signing: SigningKey) {
    this.#key = createPrivateKey(signing.privateKeyPem);
    this.keyId = signing.keyId;
    this.publicKeyPem = createPublicKey(this.#key).export({ type: "spki", format: "pem" }).toString();
  }

  /** Raw 64 bytes over the bytes as stored: no canonical form. */
  sign(bytes: Uint8Array): Uint8Array {
    return sign(null, bytes, this.#key);
  }

  /** The signature is this key's over these bytes. */
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean {
    return verify(null, bytes, createPublicKey(this.#key), signature);
  }
}
