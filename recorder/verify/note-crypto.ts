// SHA-256 and Ed25519 of Node, for the environment-free code of shared/ledger.
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import type { NoteCrypto } from "../../shared/ledger/checkpoint.ts";

const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

export const noteCrypto: NoteCrypto = {
  sha256: (bytes) => createHash("sha256").update(bytes).digest(),
  verifyEd25519: (publicKey, message, signature) => {
    const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: "der", type: "spki" });
    return verifySignature(null, message, key, signature);
  },
};
