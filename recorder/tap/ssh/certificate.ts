// User certificates as OpenSSH makes them (PROTOCOL.certkeys): what stands in one, and that the authority it names has signed
// it. Whether that authority is trusted, for whom and until when, is the host's to decide. Ed25519 keys alone are taken.
import ssh2 from "ssh2";
import type { UserCertificate } from "../tap.ts";
import { encodePart, WireReader } from "./wire.ts";

export const certificateType = "ssh-ed25519-cert-v01@openssh.com";
const userType = 1;
const maxPrincipals = 256;

export interface ReadCertificate {
  /** As the plain key would be sent (RFC 8709). */
  key: Buffer;
  certificate: UserCertificate;
}

/** Null for what is no whole user certificate, or not signed by the key that it names as its authority's. */
export function readCertificate(blob: Buffer): ReadCertificate | null {
  try {
    const reader = new WireReader(blob);
    if (reader.text() !== certificateType) return null;
    reader.string(); // nonce
    const point = reader.string();
    const serial = uint64(reader);
    const type = reader.uint32();
    const keyId = reader.text();
    const principals = texts(reader.string());
    const [validAfter, validBefore] = [uint64(reader), uint64(reader)];
    const critical = options(reader.string());
    reader.string(); // extensions: permissions that this gateway's policy gives, and no certificate
    reader.string(); // reserved
    const authority = reader.string();
    const signature = reader.string();
    const signed = blob.subarray(0, blob.length - 4 - signature.length);
    if (type !== userType || point.length !== 32 || reader.left > 0) return null;
    if (!isSignedBy(authority, signed, signature)) return null;
    return {
      key: Buffer.concat(["ssh-ed25519", point].map(encodePart)),
      certificate: { authority, keyId, serial: String(serial), principals, validAfter, validBefore, critical },
    };
  } catch {
    return null;
  }
}

/** The client's own signature: ssh2 leaves its algorithm before it, which is the plain key's. */
export function plainSignature(signature: Buffer): Buffer {
  const reader = new WireReader(signature);
  if (reader.text() !== "ssh-ed25519") throw new Error("a certificate's signature is its key's");
  return reader.string();
}

const hashes: Record<string, string | undefined> = { "rsa-sha2-256": "sha256", "rsa-sha2-512": "sha512" };

function isSignedBy(authority: Buffer, signed: Buffer, signature: Buffer): boolean {
  const keyType = new WireReader(authority).text();
  const key = ssh2.utils.parseKey(authority);
  if (key instanceof Error) return false;
  const reader = new WireReader(signature);
  const algorithm = reader.text();
  const bytes = reader.string();
  if (keyType === "ssh-ed25519" && algorithm === keyType) return key.verify(signed, bytes) === true;
  // SHA-1 is not among them.
  const hash = hashes[algorithm];
  return keyType === "ssh-rsa" && hash !== undefined && key.verify(signed, bytes, hash) === true;
}

function uint64(reader: WireReader): bigint {
  return (BigInt(reader.uint32()) << 32n) | BigInt(reader.uint32());
}

function texts(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const found: string[] = [];
  while (reader.left > 0) {
    if (found.length >= maxPrincipals) throw new Error("too many principals");
    found.push(reader.text());
  }
  return found;
}

function options(bytes: Buffer): Map<string, string> {
  const reader = new WireReader(bytes);
  const found = new Map<string, string>();
  while (reader.left > 0) {
    const name = reader.text();
    const data = reader.string();
    if (found.has(name)) throw new Error("an option stands there twice");
    found.set(name, data.length === 0 ? "" : new WireReader(data).text());
  }
  return found;
}
