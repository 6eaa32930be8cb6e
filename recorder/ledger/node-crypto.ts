// SHA-256 and Ed25519 of Node for the environment-free code of shared/ledger.
import { createHash, verify } from "node:crypto";
import type { NoteCrypto } from "../../shared/ledger/checkpoint.ts";

const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export const nodeNoteCrypto: NoteCrypto = {
  sha256,
  verifyEd25519: (publicKey, message, signature) => {
    try {
      const key = Buffer.concat([spkiPrefix, publicKey]);
      return verify(null, message, { key, format: "der", type: "spki" }, signature);
    } catch {
      return false;
    }
  },
};
