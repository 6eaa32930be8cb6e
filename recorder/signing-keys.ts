// The public halves of the keys that this installation signs with and signed with: every `signing*.pem` of its key
// directory. Recordings outlive a key; whoever verifies them trusts these, never what lies beside a recording.
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../shared/errors.ts";

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
