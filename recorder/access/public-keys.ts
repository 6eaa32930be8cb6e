// OpenSSH public key lines (sshd(8) AUTHORIZED_KEYS FORMAT without options; blobs of RFC 4253 §6.6, RFC 5656, RFC 8709).
import { createHash } from "node:crypto";
import { AppError } from "../../shared/errors.ts";

export interface PublicKey {
  algorithm: string;
  blob: Uint8Array;
  comment: string;
  /** `SHA256:…` as ssh-keygen prints it. */
  fingerprint: string;
}

const minRsaBits = 2048;

const ecdsaCurves: Record<string, { curve: string; pointBytes: number }> = {
  "ecdsa-sha2-nistp256": { curve: "nistp256", pointBytes: 65 },
  "ecdsa-sha2-nistp384": { curve: "nistp384", pointBytes: 97 },
  "ecdsa-sha2-nistp521": { curve: "nistp521", pointBytes: 133 },
};

function refused(why: string): AppError {
  return new AppError(
    "REQUEST_INVALID",
    `this is not a usable SSH public key: ${why}; give one line of a .pub file, such as ~/.ssh/id_ed25519.pub`,
    { op: "access.publicKey" },
  );
}

export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

export function parsePublicKeyLine(line: string): PublicKey {
  const text = line.trim();
  if (text.length > 16_384 || /[\r\n]/.test(text)) throw refused("it is not one line");
  if (/PRIVATE KEY/.test(text)) throw refused("it is a private key, which must never leave its owner");
  const [algorithm = "", encoded = "", ...rest] = text.split(/[ \t]+/);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded))
    throw refused("its second word is not base64 (options before the key are not supported)");
  const blob = new Uint8Array(Buffer.from(encoded, "base64"));
  checkBlob(algorithm, blob);
  const comment = rest
    .join(" ")
    .replace(/\p{Cc}/gu, "")
    .slice(0, 200);
  return { algorithm, blob, comment, fingerprint: fingerprintOf(blob) };
}

function checkBlob(algorithm: string, blob: Uint8Array): void {
  const fields = readFields(blob);
  const inner = Buffer.from(fields[0] ?? new Uint8Array()).toString("latin1");
  if (inner !== algorithm) throw refused(`it says ${JSON.stringify(algorithm.slice(0, 40))} and holds another kind`);
  if (algorithm === "ssh-ed25519") {
    if (fields.length !== 2 || fields[1]?.length !== 32) throw refused("the Ed25519 key has not 32 bytes");
    return;
  }
  if (algorithm === "ssh-rsa") {
    const modulus = fields[2];
    if (fields.length !== 3 || modulus === undefined) throw refused("the RSA key is damaged");
    const bits = bitLength(modulus);
    if (bits < minRsaBits) throw refused(`the RSA key has ${bits} bits; at least ${minRsaBits} are needed`);
    return;
  }
  const ecdsa = Object.hasOwn(ecdsaCurves, algorithm) ? ecdsaCurves[algorithm] : undefined;
  if (ecdsa === undefined) throw refused(`the algorithm ${JSON.stringify(algorithm.slice(0, 40))} is not supported`);
  const curve = Buffer.from(fields[1] ?? new Uint8Array()).toString("latin1");
  if (fields.length !== 3 || curve !== ecdsa.curve || fields[2]?.length !== ecdsa.pointBytes) {
    throw refused("the ECDSA key is damaged");
  }
}

function readFields(blob: Uint8Array): Uint8Array[] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const fields: Uint8Array[] = [];
  let at = 0;
  while (at < blob.length) {
    if (at + 4 > blob.length) throw refused("it is cut short");
    const length = view.getUint32(at);
    at += 4;
    if (length > blob.length - at) throw refused("it is cut short");
    fields.push(blob.subarray(at, at + length));
    at += length;
  }
  return fields;
}

function bitLength(mpint: Uint8Array): number {
  const first = mpint.findIndex((byte) => byte !== 0);
  if (first < 0) return 0;
  return (mpint.length - first - 1) * 8 + (32 - Math.clz32(mpint[first] ?? 0));
}
