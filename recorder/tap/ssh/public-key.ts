// Does this person hold the private key? The signature of a publickey log-in (RFC 4252 §7, RFC 8332, and OpenSSH's
// PROTOCOL.u2f for security keys), verified before anybody is asked whether the key is known.
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import ssh2 from "ssh2";
import { certificateType, plainSignature, readCertificate } from "./certificate.ts";
import { encodePart, WireReader } from "./wire.ts";

export interface SignedLogin {
  /** The key's type, e.g. `ssh-ed25519`, `ssh-rsa`. */
  keyType: string;
  blob: Buffer;
  /** `sha256` or `sha512` for RSA; undefined where the key type says it. */
  hash: string | undefined;
  /** As ssh2 hands it over: without its algorithm name, ECDSA already in DER. */
  signature: Buffer;
  /** What was signed. */
  signed: Buffer;
}

const plainTypes = new Set([
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
]);
const securityKeyEd25519 = "sk-ssh-ed25519@openssh.com";
const securityKeyEcdsa = "sk-ecdsa-sha2-nistp256@openssh.com";
const minRsaBits = 2048;

/** For EXT_INFO `server-sig-algs`: SHA-1 and DSA are not in it. */
export const signatureAlgorithms = [
  "ssh-ed25519",
  certificateType,
  securityKeyEd25519,
  securityKeyEcdsa,
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Whether a key of this kind may log in at all. Says nothing about anybody. */
export function isAcceptableKey(keyType: string, blob: Buffer): boolean {
  try {
    const reader = new WireReader(blob);
    if (reader.text() !== keyType) return false;
    if (keyType === securityKeyEd25519 || keyType === securityKeyEcdsa) return true;
    if (keyType === certificateType) return readCertificate(blob) !== null;
    if (!plainTypes.has(keyType) || ssh2.utils.parseKey(blob) instanceof Error) return false;
    if (keyType !== "ssh-rsa") return true;
    reader.string();
    return (reader.string().length - 1) * 8 >= minRsaBits;
  } catch {
    return false;
  }
}

export function signatureIsValid(login: SignedLogin): boolean {
  if (!isAcceptableKey(login.keyType, login.blob)) return false;
  try {
    if (login.keyType === securityKeyEd25519 || login.keyType === securityKeyEcdsa) return securityKeyIsValid(login);
    if (login.keyType === certificateType) {
      const key = ssh2.utils.parseKey(readCertificate(login.blob)?.key ?? Buffer.alloc(0));
      return !(key instanceof Error) && key.verify(login.signed, plainSignature(login.signature)) === true;
    }
    if (login.keyType === "ssh-rsa" && login.hash !== "sha256" && login.hash !== "sha512") return false;
    const key = ssh2.utils.parseKey(login.blob);
    return !(key instanceof Error) && key.verify(login.signed, login.signature, login.hash) === true;
  } catch {
    return false;
  }
}

/** The token signs SHA-256(application) ‖ flags ‖ counter ‖ SHA-256(what was to be signed). */
function securityKeyIsValid(login: SignedLogin): boolean {
  const key = new WireReader(login.blob);
  const keyType = key.text();
  if (keyType === securityKeyEcdsa) key.string();
  const point = key.string();
  const application = key.string();
  const tail = login.signature.subarray(-5);
  const touched = ((tail[0] ?? 0) & 1) === 1;
  if (tail.length !== 5 || !touched) return false;
  const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();
  const message = Buffer.concat([sha256(application), tail, sha256(login.signed)]);
  const signature = login.signature.subarray(0, -5);
  if (keyType === securityKeyEd25519) {
    const publicKey = createPublicKey({
      key: { kty: "OKP", crv: "Ed25519", x: point.toString("base64url") },
      format: "jwk",
    });
    return verifySignature(null, message, publicKey, signature);
  }
  const publicKey = createPublicKey({
    key: {
      kty: "EC",
      crv: "P-256",
      x: point.subarray(1, 33).toString("base64url"),
      y: point.subarray(33, 65).toString("base64url"),
    },
    format: "jwk",
  });
  return verifySignature("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, fixedWidth(signature));
}

/** Two mpints to 64 bytes. */
function fixedWidth(signature: Buffer): Buffer {
  const reader = new WireReader(signature);
  const pad = (mpint: Buffer): Buffer => Buffer.concat([Buffer.alloc(32), mpint]).subarray(-32);
  return Buffer.concat([pad(reader.string()), pad(reader.string())]);
}

/** SSH_MSG_EXT_INFO's body: one extension. */
export function extInfoBody(): Buffer {
  return Buffer.concat([1, "server-sig-algs", signatureAlgorithms.join(",")].map(encodePart));
}
