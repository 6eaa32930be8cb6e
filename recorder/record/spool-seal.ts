// What seals a recording in the spool: manifest, its signature and SHA256SUMS. Invariant: before anything of it goes to
// the store its bytes are those that were sealed; of the three, two vouch for the third.
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { checksumsName, manifestName, manifestSignatureName, openName, openSignatureName } from "../store/keys.ts";
import { syncDirectory, writeSynced } from "./durable-file.ts";
import type { Signer } from "./signing.ts";
import { sha256Hex } from "./spool-files.ts";
import { sessionDirectory } from "./spool-layout.ts";

/** SHA-256 of manifest, signature and SHA256SUMS, by name. */
export type SealHashes = ReadonlyMap<string, string>;

interface Seal {
  bytes: Uint8Array;
  signature: Uint8Array;
  sums: Uint8Array;
}

function sumsOf(manifest: Manifest, openSignature: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Buffer {
  const sums = [
    [manifest.openSha256, openName],
    [sha256Hex(openSignature), openSignatureName],
    ...manifest.segments.map((segment) => [segment.sha256, segment.name]),
    [sha256Hex(bytes), manifestName],
    [sha256Hex(signature), manifestSignatureName],
  ];
  return Buffer.from(sums.map(([hash, name]) => `${hash}  ${name}\n`).join(""));
}

function hashesOf({ bytes, signature, sums }: Seal): SealHashes {
  return new Map([
    [manifestName, sha256Hex(bytes)],
    [manifestSignatureName, sha256Hex(signature)],
    [checksumsName, sha256Hex(sums)],
  ]);
}

/** Manifest, signature and, last, SHA256SUMS: with it the recording is sealed. */
export async function writeSeal(spool: string, manifest: Manifest, signer: Signer): Promise<SealHashes> {
  const directory = sessionDirectory(spool, manifest.session);
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const signature = signer.sign(bytes);
  // The file may have rotted since: what is sealed is the signature, not what the disk gives.
  const openSignature =
    (await openSignatureOf(directory, manifest.recorder.keyId, manifest.openSha256, signer)) ??
    (await readFile(join(directory, openSignatureName)));
  await writeSynced(join(directory, manifestName), bytes);
  await writeSynced(join(directory, manifestSignatureName), signature);
  const sums = sumsOf(manifest, openSignature, bytes, signature);
  await writeSynced(join(directory, `${checksumsName}.tmp`), sums);
  await syncDirectory(directory);
  await rename(join(directory, `${checksumsName}.tmp`), join(directory, checksumsName));
  await syncDirectory(directory);
  return hashesOf({ bytes, signature, sums });
}

/** The same key signs the same bytes the same way (Ed25519): all but the manifest can be made again byte for byte. */
async function sealAgain(directory: string, bytes: Buffer, signer: Signer): Promise<Seal> {
  const manifest = Manifest.parse(JSON.parse(bytes.toString("utf8")));
  const openSignature =
    (await openSignatureOf(directory, manifest.recorder.keyId, manifest.openSha256, signer)) ??
    (await readFile(join(directory, openSignatureName)));
  const signature = signer.sign(bytes);
  return { bytes, signature, sums: sumsOf(manifest, openSignature, bytes, signature) };
}

/** The OPEN record's signature, made again; null with an earlier key, and when the record is not what was signed. */
export async function openSignatureOf(
  directory: string,
  keyId: string,
  openSha256: string,
  signer: Signer,
): Promise<Uint8Array | null> {
  if (keyId !== signer.keyId) return null;
  const open = await readFile(join(directory, openName)).catch(() => null);
  return open !== null && sha256Hex(open) === openSha256 ? signer.sign(open) : null;
}

/** A signature or SHA256SUMS with the hash that is known of them, or null: they cannot be had any more. */
export async function restoreSealed(
  directory: string,
  name: string,
  sha256: string | null,
  signer: Signer,
): Promise<Uint8Array | null> {
  if (name === openSignatureName) return restoreOpenSignature(directory, sha256, signer);
  if (name !== manifestSignatureName && name !== checksumsName) return null;
  const seal = await sealAgain(directory, await readFile(join(directory, manifestName)), signer);
  const bytes = name === checksumsName ? seal.sums : seal.signature;
  if (sha256Hex(bytes) !== sha256) return null;
  await writeSynced(join(directory, name), bytes);
  return bytes;
}

async function restoreOpenSignature(
  directory: string,
  sha256: string | null,
  signer: Signer,
): Promise<Uint8Array | null> {
  const signature = signer.sign(await readFile(join(directory, openName)));
  if (sha256Hex(signature) !== sha256) return null;
  await writeSynced(join(directory, openSignatureName), signature);
  return signature;
}

export interface Sealed {
  manifest: Manifest;
  hashes: SealHashes;
}

/** Null: the recording is not sealed. Throws when manifest or OPEN record are not those that were sealed. */
export async function readSealed(directory: string, openSha256: string, signer: Signer): Promise<Sealed | null> {
  let sums: Buffer;
  try {
    sums = await readFile(join(directory, checksumsName));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const bytes = await readFile(join(directory, manifestName));
  const hashes = await sealedHashes(directory, bytes, sums, signer);
  const manifest = Manifest.parse(JSON.parse(bytes.toString("utf8")));
  if (manifest.openSha256 !== openSha256) throw new Error(`${openName} does not have the hash it was sealed with`);
  return { manifest, hashes };
}

async function sealedHashes(directory: string, bytes: Buffer, sums: Buffer, signer: Signer): Promise<SealHashes> {
  const signature = await readFile(join(directory, manifestSignatureName)).catch(() => Buffer.alloc(0));
  if (signer.verifies(bytes, signature)) return hashesOf(await sealAgain(directory, bytes, signer));
  // The signature rotted, or it is an earlier key's.
  const lines = sums.toString("utf8").split("\n");
  const listed = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
  if (listed.get(manifestName) !== sha256Hex(bytes)) {
    throw new Error(`${manifestName} has neither the signature nor the hash it was sealed with`);
  }
  const signatureSha256 = listed.get(manifestSignatureName) ?? sha256Hex(signature);
  return new Map([...hashesOf({ bytes, signature, sums }), [manifestSignatureName, signatureSha256]]);
}
