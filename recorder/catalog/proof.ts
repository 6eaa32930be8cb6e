// What a sealed recording proves by itself: both signatures by a trusted key, and the chain from the OPEN record on.
// Whoever shows a recording asks this first; without it, hashes in a manifest are only what the store says.
import { createHash, createPublicKey, type KeyObject, verify as verifySignature } from "node:crypto";
import { chainLink } from "../../shared/manifest/chain.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { manifestName, manifestSignatureName, openName, openSignatureName } from "../store/keys.ts";

/** Stored bytes; null is what is not there. */
export interface SignedBytes {
  open: Uint8Array | null;
  openSignature: Uint8Array | null;
  manifest: Uint8Array | null;
  manifestSignature: Uint8Array | null;
}

const notTrusted = "which is not trusted here";

/** Of a fault that `findProofFaults` found: nothing is known to be wrong, but who signed is unknown. */
export function isOfUntrustedKey(fault: string): boolean {
  return fault.endsWith(notTrusted);
}

/** What is wrong, in words that begin with the object's name; empty when the recording proves what it shows. */
export function findProofFaults(
  session: string,
  { open, openSignature, manifest, manifestSignature }: SignedBytes,
  keys: ReadonlyMap<string, string>,
): string[] {
  const faults: string[] = [];
  const read = <T>(schema: { parse(value: unknown): T }, bytes: Uint8Array, name: string): T | null => {
    try {
      return schema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    } catch {
      faults.push(`${name} is not in a format that this version reads`);
      return null;
    }
  };
  const signed = <T extends OpenRecord | Manifest>(
    schema: { parse(value: unknown): T },
    name: string,
    bytes: Uint8Array | null,
    signatureName: string,
    signature: Uint8Array | null,
  ): T | null => {
    if (signature === null) faults.push(`${signatureName} does not exist`);
    if (bytes === null) {
      faults.push(`${name} does not exist`);
      return null;
    }
    const record = read(schema, bytes, name);
    if (record === null || signature === null) return record;
    const { keyId } = record.recorder;
    const pem = keys.get(keyId);
    if (pem === undefined) faults.push(`${signatureName} is by the key ${JSON.stringify(keyId)}, ${notTrusted}`);
    else if (!signatureHolds(bytes, signature, createPublicKey(pem)))
      faults.push(`${name} does not match its signature ${signatureName}`);
    if (record.session !== session) faults.push(`${name} is of another session`);
    return record;
  };
  signed(OpenRecord, openName, open, openSignatureName, openSignature);
  const sealed = signed(Manifest, manifestName, manifest, manifestSignatureName, manifestSignature);
  if (sealed === null) return faults;
  if (open !== null && sha256(open).toString("hex") !== sealed.openSha256)
    faults.push(`${openName} is not the OPEN record that ${manifestName} names as the chain's beginning`);
  let link = sealed.openSha256;
  const broken = sealed.segments.find((segment, n) => {
    link = chainLink(link, segment.sha256, sha256);
    return segment.link !== link || segment.n !== n;
  });
  if (broken !== undefined) faults.push(`${manifestName}: the chain breaks at segment ${broken.n} (${broken.name})`);
  return faults;
}

/** Whether that is the OPEN record of the session, signed by a trusted key. */
export function openRecordProves(
  session: string,
  open: Uint8Array,
  signature: Uint8Array,
  keys: ReadonlyMap<string, string>,
): boolean {
  try {
    const record = OpenRecord.parse(JSON.parse(Buffer.from(open).toString("utf8")));
    const pem = keys.get(record.recorder.keyId);
    return record.session === session && pem !== undefined && signatureHolds(open, signature, createPublicKey(pem));
  } catch {
    return false;
  }
}

export function signatureHolds(bytes: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  return key.asymmetricKeyType === "ed25519" && verifySignature(null, bytes, key, signature);
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
