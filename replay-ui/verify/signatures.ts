// Signatures of the OPEN record and the manifest (Ed25519 over the stored bytes), checked with WebCrypto where the
// browser has it, and what the signed manifest says compared with the index that the player works from.
import "../zod-without-eval.ts";
import type { RecordingIndex, SigningKey } from "../../shared/api/types.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { publicKeyOf, verifierOf } from "./ed25519.ts";
import { sha256Hex } from "./sha256.ts";

export type SignatureVerdict =
  | { state: "pending" }
  | { state: "valid"; keyId: string }
  | { state: "invalid"; message: string }
  /** Nothing wrong was found, but it could not be checked here. */
  | { state: "unchecked"; message: string };

export interface SignedObjects {
  object(name: string): Promise<Uint8Array<ArrayBuffer>>;
  keys(): Promise<SigningKey[]>;
}

export async function checkSignatures(index: RecordingIndex, objects: SignedObjects): Promise<SignatureVerdict> {
  const names = index.live ? ["open.json"] : ["open.json", "manifest.json"];
  const bytesOf = (name: string) => Promise.all([objects.object(name), objects.object(`${name}.sig`)]);
  const [keys, ...pairs] = await Promise.all([objects.keys(), ...names.map(bytesOf)] as const);

  const [openBytes] = pairs[0]!;
  if ((await sha256Hex(openBytes)) !== index.openSha256) {
    return { state: "invalid", message: "The OPEN record is not the one that the chain starts from." };
  }
  const open = OpenRecord.safeParse(parse(openBytes));
  if (!open.success || open.data.session !== index.session) {
    return { state: "invalid", message: "The OPEN record is not of this session." };
  }
  if (!index.live) {
    const manifest = Manifest.safeParse(parse(pairs[1]![0]));
    const difference = manifest.success ? compareWithManifest(index, manifest.data) : "The manifest cannot be read.";
    if (difference !== null) return { state: "invalid", message: difference };
  }

  const keyId = open.data.recorder.keyId;
  const pem = keys.find((key) => key.keyId === keyId)?.publicKeyPem;
  if (pem === undefined)
    return { state: "invalid", message: `It is signed with key ${keyId}, which this recorder does not know.` };
  const publicKey = publicKeyOf(pem);
  if (publicKey === null) return { state: "invalid", message: `The key ${keyId} is none of Ed25519.` };
  const verify = await verifierOf(publicKey);
  if (verify === null) {
    return {
      state: "unchecked",
      message: "Signatures can be checked over https only. Use “Verify” to have the recorder check them.",
    };
  }
  for (const [i, [bytes, signature]] of pairs.entries()) {
    if (!(await verify(signature, bytes))) {
      return { state: "invalid", message: `The signature of ${names[i]} does not verify.` };
    }
  }
  return { state: "valid", keyId };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}

/** The first difference in what is evidence, or null. */
export function compareWithManifest(index: RecordingIndex, manifest: Manifest): string | null {
  if (manifest.session !== index.session || manifest.openSha256 !== index.openSha256) {
    return "The manifest is of another session.";
  }
  if (manifest.segments.length !== index.segments.length) {
    return `The manifest names ${manifest.segments.length} segments, the index ${index.segments.length}.`;
  }
  for (const [i, signed] of manifest.segments.entries()) {
    const { versionId: _a, ...mine } = index.segments[i]!;
    const { versionId: _b, ...theirs } = signed;
    for (const name of Object.keys(theirs) as (keyof typeof theirs)[]) {
      if (mine[name] !== theirs[name]) return `Segment ${i} of the index differs from the manifest in “${name}”.`;
    }
  }
  if (JSON.stringify(manifest.gaps) !== JSON.stringify(index.gaps))
    return "The gaps differ from those in the manifest.";
  return null;
}
