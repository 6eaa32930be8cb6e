// What a page on its own checks of a bundle, part by part; each part ends with what was found wrong, every fault with its
// place. Invariant: nothing counts because the bundle says so; what is trusted in the end is a key, which the page names.
import { bundleNames, historyName, historyPattern, keyName } from "../../shared/bundle/format.ts";
import { KeyHistory } from "../../shared/ledger/key-history.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { textIn } from "../../shared/segment/bytes.ts";
import { findBrokenLink } from "../verify/chain.ts";
import { publicKeyOf, spkiOf, verifierOf } from "../verify/ed25519.ts";
import { sha256, sha256Hex, toHex } from "../verify/sha256.ts";
import type { BundleFiles, Bytes } from "./files.ts";

export interface Finding {
  /** A file of the bundle. */
  place: string;
  message: string;
}

export interface Outcome {
  /** `open`: nothing is wrong, but it proves nothing: it is not in the bundle, or could not be checked here. */
  tone: "good" | "bad" | "open";
  text: string;
  findings: Finding[];
}

export interface ReadRecords {
  open: OpenRecord | null;
  openBytes: Bytes | null;
  manifest: Manifest | null;
  manifestBytes: Bytes | null;
  findings: Finding[];
}

const openName = "open.json";
const manifestName = "manifest.json";
const sumsName = "SHA256SUMS";

export function outcome(findings: Finding[], good: string, bad: string): Outcome {
  return findings.length === 0 ? { tone: "good", text: good, findings } : { tone: "bad", text: bad, findings };
}

function parsed<T>(schema: { safeParse(value: unknown): { data?: T | undefined } }, bytes: Bytes): T | null {
  try {
    return schema.safeParse(JSON.parse(textIn(bytes) ?? "")).data ?? null;
  } catch {
    return null;
  }
}

export async function readRecords(files: BundleFiles): Promise<ReadRecords> {
  const findings: Finding[] = [];
  const record = async <T>(name: string, schema: { safeParse(value: unknown): { data?: T | undefined } }) => {
    const bytes = await files.read(name);
    if (bytes === null) findings.push({ place: name, message: "it is missing" });
    const value = bytes === null ? null : parsed(schema, bytes);
    if (bytes !== null && value === null)
      findings.push({ place: name, message: "it cannot be read as what it should be" });
    return { bytes, value };
  };
  const open = await record(openName, OpenRecord);
  const manifest = await record(manifestName, Manifest);
  if (open.value !== null && manifest.value !== null) {
    if (manifest.value.session !== open.value.session)
      findings.push({ place: manifestName, message: "it is of another session than open.json" });
    if ((await sha256Hex(open.bytes!)) !== manifest.value.openSha256)
      findings.push({
        place: openName,
        message: "it is not the OPEN record that manifest.json names as the chain's beginning",
      });
  }
  return { open: open.value, openBytes: open.bytes, manifest: manifest.value, manifestBytes: manifest.bytes, findings };
}

/** Both records' signatures by the key that they name, as it stands in the bundle. */
export async function checkSignatures(files: BundleFiles, records: ReadRecords): Promise<Outcome> {
  const findings = [...records.findings];
  let unchecked = false;
  const signed = [
    { name: openName, bytes: records.openBytes, keyId: records.open?.recorder.keyId },
    {
      name: manifestName,
      bytes: records.manifestBytes,
      keyId: records.manifest?.recorder.keyId ?? records.open?.recorder.keyId,
    },
  ];
  for (const { name, bytes, keyId } of signed) {
    const signature = await files.read(`${name}.sig`);
    if (signature === null) findings.push({ place: `${name}.sig`, message: "it is missing" });
    if (bytes === null || signature === null || keyId === undefined) continue;
    const held = await signatureHolds(files, keyName(keyId), signature, bytes);
    if (held === null) unchecked = true;
    else if (held !== true)
      findings.push({
        place: held === false ? `${name}.sig` : keyName(keyId),
        message: held === false ? `it is no signature of ${name} by the key ${keyId}` : held,
      });
  }
  const keyId = records.open?.recorder.keyId ?? "";
  const key = await files.read(keyName(keyId));
  const der = key === null ? null : spkiOf(textIn(key) ?? "");
  if (der !== null && toHex(sha256(der)).slice(0, 16) !== keyId)
    findings.push({ place: keyName(keyId), message: "the key in it is another than its name says" });
  if (findings.length === 0 && unchecked)
    return { tone: "open", text: "This browser cannot check signatures. VERIFY.md has the commands.", findings };
  return outcome(
    findings,
    `open.json and manifest.json are signed by the recorder's key ${keyId}.`,
    "The signed records do not hold.",
  );
}

/** True, false; a sentence about the key; null: this browser cannot say. */
async function signatureHolds(
  files: BundleFiles,
  key: string,
  signature: Bytes,
  bytes: Bytes,
): Promise<boolean | string | null> {
  const pem = await files.read(key);
  if (pem === null) return "the key that signed is missing";
  const publicKey = publicKeyOf(textIn(pem) ?? "");
  if (publicKey === null) return "it is no public key of Ed25519";
  const verify = await verifierOf(publicKey);
  return verify === null ? null : verify(signature, bytes);
}

export function checkChain(manifest: Manifest): Outcome {
  const broken = findBrokenLink(manifest.openSha256, manifest.segments);
  return outcome(
    broken === null ? [] : [{ place: manifestName, message: broken.message }],
    "Every segment follows from the one before, back to the OPEN record.",
    "The chain is broken.",
  );
}

/** SHA256SUMS names what the signed manifest names, and no more. */
export async function checkSums(
  files: BundleFiles,
  { manifest, openBytes, manifestBytes }: ReadRecords,
): Promise<Outcome> {
  const findings: Finding[] = [];
  const wrong = (message: string) => findings.push({ place: sumsName, message });
  const sums = await files.read(sumsName);
  if (sums === null) wrong("it is missing");
  else {
    const listed = new Map<string, string>();
    for (const [i, line] of (textIn(sums) ?? "\0").split("\n").entries()) {
      if (line === "") continue;
      const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line);
      if (match === null) wrong(`line ${i + 1} is not a hash and a name`);
      else listed.set(match[2]!, match[1]!);
    }
    const wanted = new Map(manifest?.segments.map(({ name, sha256: hash }) => [name, hash]));
    const small = [openName, `${openName}.sig`, manifestName, `${manifestName}.sig`];
    const known = new Map<string, Bytes | null>([
      [openName, openBytes],
      [manifestName, manifestBytes],
    ]);
    for (const name of small) {
      const bytes = known.get(name) ?? (await files.read(name));
      if (bytes !== null) wanted.set(name, await sha256Hex(bytes));
    }
    for (const [name, hash] of wanted) {
      const said = listed.get(name);
      if (said === undefined) wrong(`it does not name ${name}`);
      else if (said !== hash)
        wrong(`it names another hash for ${name} than ${small.includes(name) ? "its bytes have" : "manifest.json"}`);
    }
    for (const name of listed.keys()) if (!wanted.has(name)) wrong(`it names ${name}, which is not in manifest.json`);
  }
  return outcome(findings, "SHA256SUMS says the same as the signed manifest.", "SHA256SUMS does not hold.");
}

/** Null where it cannot be read as one. */
export async function readHistory(files: BundleFiles, name: string): Promise<KeyHistory | null> {
  const bytes = await files.read(name);
  return bytes === null ? null : parsed(KeyHistory, bytes);
}

/** The key history: each version signed by the root and naming the one before; the recorder's key is in it. */
export async function checkKeys(files: BundleFiles, records: ReadRecords): Promise<Outcome> {
  const numbers = files.names.flatMap((name) => historyPattern.exec(name)?.[1] ?? []).map(Number);
  if (numbers.length === 0)
    return { tone: "open", text: "The bundle has no key history: only the recorder's own key.", findings: [] };
  const findings: Finding[] = [];
  let unchecked = false;
  let previous: Bytes | null = null;
  let last: KeyHistory | null = null;
  for (const [i, number] of numbers.entries()) {
    const place = historyName(number);
    const wrong = (message: string) => findings.push({ place, message });
    const bytes = (await files.read(place)) as Bytes;
    const history: KeyHistory | null = await readHistory(files, place);
    if (number !== i + 1) wrong(`version ${i + 1} is missing before it`);
    if (history === null) {
      wrong("it cannot be read as a key history");
      continue;
    }
    if (history.number !== number) wrong(`it says that it is version ${history.number}`);
    if (history.previousSha256 !== (previous === null ? null : await sha256Hex(previous)))
      wrong("it does not name the version before it");
    if (last !== null && last.root.keyId !== history.root.keyId)
      wrong("it names another root key than the version before");
    const signature = await files.read(`${place}.sig`);
    if (signature === null) findings.push({ place: `${place}.sig`, message: "it is missing" });
    else {
      const held = await signatureHolds(files, bundleNames.root, signature, bytes);
      if (held === null) unchecked = true;
      else if (held !== true)
        findings.push(
          held === false
            ? { place: `${place}.sig`, message: `it is no signature of ${place} by the root key` }
            : { place: bundleNames.root, message: held },
        );
    }
    previous = bytes;
    last = history;
  }
  const keyId = records.manifest?.recorder.keyId ?? records.open?.recorder.keyId;
  const key = last?.keys.find((one) => one.keyId === keyId);
  if (last !== null && keyId !== undefined) {
    if (key === undefined)
      findings.push({ place: historyName(last.number), message: `it does not know the key ${keyId}` });
    else {
      const ended = records.manifest?.endedAt;
      if (key.to !== undefined && ended !== undefined && Date.parse(ended) > Date.parse(key.to))
        findings.push({
          place: historyName(last.number),
          message: `the key ${keyId} signed no more since ${key.to}, before the session ended`,
        });
      const pem = await files.read(keyName(key.keyId));
      if (pem !== null && (textIn(pem) ?? "").trim() !== key.publicKeyPem.trim())
        findings.push({
          place: keyName(key.keyId),
          message: "it is another key than the key history has under that name",
        });
    }
  }
  if (unchecked && findings.length === 0)
    return { tone: "open", text: "This browser cannot check signatures. VERIFY.md has the commands.", findings };
  return outcome(
    findings,
    `The key is the recorder's own by the history that the root key ${last?.root.keyId} signed. Compare ${last?.root.keyId} with what the recorder's operator publishes.`,
    "The key history does not hold.",
  );
}

/** The policy's text has the hash that the OPEN record names. */
export async function checkPolicy(files: BundleFiles, { open }: ReadRecords): Promise<Outcome> {
  const bytes = await files.read(bundleNames.policy);
  if (bytes === null) {
    const text = files.names.includes(bundleNames.policyText)
      ? "policy.yaml is the policy as an older version of the recorder kept it: without the form whose hash open.json names, nothing here proves it."
      : "The policy is not in the bundle: the recorder did not have it any more when the bundle was made.";
    return { tone: "open", text, findings: [] };
  }
  const holds = open !== null && (await sha256Hex(bytes)) === open.policy.hash;
  return outcome(
    holds ? [] : [{ place: bundleNames.policy, message: "it is not the policy whose hash open.json names" }],
    "policy.json is what was in force, by its hash in the OPEN record.",
    "The policy is another.",
  );
}
