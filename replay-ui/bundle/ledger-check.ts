// The bundle's excerpt of the ledger: every entry proven to be in the tree whose root a signed checkpoint names, the
// recording's beginning and end among them, and the custody log made of such entries alone.
import {
  bundleNames,
  entryName,
  entryPattern,
  historyPattern,
  keyName,
  proofPattern,
  proofSides,
  stampedProofPattern,
} from "../../shared/bundle/format.ts";
import { ledgerOrigin, parseCheckpoint, type SignedCheckpoint, verifyNote } from "../../shared/ledger/checkpoint.ts";
import { type LedgerEntry, parseEntry } from "../../shared/ledger/entry.ts";
import { RecordingCloseFacts, RecordingOpenFacts } from "../../shared/ledger/facts.ts";
import { leafHash, verifyInclusion } from "../../shared/ledger/merkle.ts";
import { textIn } from "../../shared/segment/bytes.ts";
import { publicKeyOf, verifierOf } from "../verify/ed25519.ts";
import { sha256, sha256Hex } from "../verify/sha256.ts";
import { type Finding, type Outcome, outcome, type ReadRecords, readHistory } from "./checks.ts";
import type { BundleFiles, Bytes } from "./files.ts";

export interface LedgerResult {
  outcome: Outcome;
  custody: Outcome;
  /** Of the custody log, oldest first. */
  entries: LedgerEntry[];
}

const hashBytes = 32;

export async function checkLedger(files: BundleFiles, records: ReadRecords): Promise<LedgerResult> {
  const findings: Finding[] = [];
  const wrong = (place: string, message: string) => findings.push({ place, message });
  const note = await files.read(bundleNames.checkpoint);
  if (note === null && !files.names.some((name) => name.startsWith("ledger/"))) {
    const text = "The bundle has no excerpt of a ledger.";
    return { outcome: { tone: "open", text, findings }, custody: await custodyWithoutLedger(files), entries: [] };
  }
  const checkpoint = note === null ? null : parseCheckpoint(textIn(note) ?? "");
  if (checkpoint === null) wrong(bundleNames.checkpoint, note === null ? "it is missing" : "it is no checkpoint");
  let unchecked = false;
  if (checkpoint !== null) {
    const signed = await signerOf(checkpoint, records.open?.recorder.id, await keysOf(files, records));
    if (signed === null) unchecked = true;
    else if (!signed) wrong(bundleNames.checkpoint, "it is not signed by a key of this recorder");
  }

  const entries: LedgerEntry[] = [];
  const lines = new Set<string>();
  const leaves = new Map<number, Uint8Array>();
  const paths = pathsIn(files, proofPattern);
  for (const place of files.names) {
    const match = entryPattern.exec(place);
    if (match === null) continue;
    const n = Number(match[1]);
    const bytes = (await files.read(place)) as Bytes;
    const line = textIn(bytes);
    const entry = line === null ? null : parseEntry(line);
    if (entry === null) {
      wrong(place, "it is no entry of a ledger");
      continue;
    }
    if (entry.n !== n) wrong(place, `it says that it is entry ${entry.n}`);
    entries.push(entry);
    lines.add(line!);
    const path = paths.get(n);
    const proof = path === undefined ? null : await files.read(path.name);
    const leaf = leafHash(bytes, sha256);
    leaves.set(n, leaf);
    if (path === undefined || proof === null) wrong(place, "its proof is missing");
    else if (checkpoint !== null && !isUnder(checkpoint, n, leaf, path.sides, proof))
      wrong(place, "it is not in the ledger that the checkpoint signs");
  }
  entries.sort((a, b) => a.n - b.n);
  const stamped = await checkStamped(files, records, leaves, wrong);
  if (stamped === null) unchecked = true;
  await recordingIsThere(files, records, entries, wrong);
  const custody = await checkCustody(files, lines);
  if (unchecked && findings.length === 0) {
    const text = "This browser cannot check signatures. VERIFY.md has the commands.";
    return { outcome: { tone: "open", text, findings }, custody, entries };
  }
  return {
    outcome: outcome(
      findings,
      `The recorder's ledger of ${checkpoint?.size} entries, as it was signed${checkpoint?.at == null ? "" : ` at ${checkpoint.at}`}, holds the beginning and the end of this recording.${stampsUnchecked(files, stamped ?? 0)}`,
      "The ledger does not hold.",
    ),
    custody,
    entries,
  };
}

/** An authority's certificates are not on this page. */
function stampsUnchecked({ names }: BundleFiles, stamped: number): string {
  if (stamped === 0 && !names.includes(bundleNames.timestamp)) return "";
  const over = stamped === 0 ? "the checkpoint" : `the first ${stamped} entries`;
  return ` The time stamp over ${over} is not checked on this page: VERIFY.md tells how.`;
}

function pathsIn(files: BundleFiles, pattern: RegExp): Map<number, { name: string; sides: string }> {
  return new Map(
    files.names.flatMap((name) => {
      const match = pattern.exec(name);
      return match === null ? [] : [[Number(match[1]), { name, sides: match[2]! }] as const];
    }),
  );
}

/** Whether the proof leads from that entry to the root that the checkpoint names. */
function isUnder(
  { size, root }: Pick<SignedCheckpoint, "size" | "root">,
  n: number,
  leaf: Uint8Array,
  sides: string,
  proof: Bytes,
): boolean {
  const path = Array.from({ length: Math.ceil(proof.length / hashBytes) }, (_, i) =>
    proof.slice(i * hashBytes, (i + 1) * hashBytes),
  );
  const wanted = n < size ? proofSides(n, size).join("") : null;
  return wanted === sides && verifyInclusion({ leaf, index: n, size, root, path }, sha256);
}

/** An older checkpoint, which was stamped: how many entries it is over, 0 where there is none; null: who signed is open. */
async function checkStamped(
  files: BundleFiles,
  records: ReadRecords,
  leaves: ReadonlyMap<number, Uint8Array>,
  wrong: (place: string, message: string) => void,
): Promise<number | null> {
  const note = await files.read(bundleNames.stamped);
  if (note === null) return 0;
  const checkpoint = parseCheckpoint(textIn(note) ?? "");
  if (checkpoint === null) {
    wrong(bundleNames.stamped, "it is no checkpoint");
    return 0;
  }
  if (!files.names.includes(bundleNames.stampedTimestamp)) wrong(bundleNames.stampedTimestamp, "it is missing");
  const signed = await signerOf(checkpoint, records.open?.recorder.id, await keysOf(files, records));
  if (signed === false) wrong(bundleNames.stamped, "it is not signed by a key of this recorder");
  for (const [n, { name, sides }] of pathsIn(files, stampedProofPattern)) {
    const proof = await files.read(name);
    const leaf = leaves.get(n);
    if (leaf === undefined || proof === null || !isUnder(checkpoint, n, leaf, sides, proof))
      wrong(name, "it does not lead from an entry that is here to the root of the stamped checkpoint");
  }
  return signed === null ? null : checkpoint.size;
}

/** In PEM: what the newest version of the history names; without a history, those that signed the recording. */
async function keysOf(files: BundleFiles, { open, manifest }: ReadRecords): Promise<string[]> {
  const newest = files.names.filter((name) => historyPattern.test(name)).at(-1);
  if (newest !== undefined)
    return (await readHistory(files, newest))?.keys.map(({ publicKeyPem }) => publicKeyPem) ?? [];
  const pems: string[] = [];
  for (const keyId of new Set([open?.recorder.keyId, manifest?.recorder.keyId])) {
    const bytes = keyId === undefined ? null : await files.read(keyName(keyId));
    if (bytes !== null) pems.push(textIn(bytes) ?? "");
  }
  return pems;
}

/** Null: this browser cannot say. */
async function signerOf(
  checkpoint: NonNullable<ReturnType<typeof parseCheckpoint>>,
  recorder: string | undefined,
  pems: readonly string[],
): Promise<boolean | null> {
  if (recorder === undefined) return false;
  const name = ledgerOrigin(recorder);
  if (checkpoint.origin !== name) return false;
  const keys = pems.flatMap((pem) => {
    const publicKey = publicKeyOf(pem);
    return publicKey === null ? [] : [{ name, publicKey }];
  });
  let unchecked = false;
  const signer = await verifyNote(checkpoint, keys, {
    sha256,
    async verifyEd25519(publicKey, message, signature) {
      const verify = await verifierOf(new Uint8Array(publicKey));
      unchecked ||= verify === null;
      return verify?.(new Uint8Array(signature), new Uint8Array(message)) ?? false;
    },
  });
  return unchecked ? null : signer !== null;
}

async function recordingIsThere(
  files: BundleFiles,
  { open, openBytes, manifest, manifestBytes }: ReadRecords,
  entries: readonly LedgerEntry[],
  wrong: (place: string, message: string) => void,
): Promise<void> {
  const session = open?.session ?? manifest?.session;
  const of = (type: string) => entries.filter((entry) => entry.type === type && entry.subject === session);
  const [opened] = of("recording-open");
  const [closed] = of("recording-close");
  if (opened === undefined) wrong(bundleNames.checkpoint, "the excerpt has no entry of the recording's beginning");
  else {
    const facts = RecordingOpenFacts.safeParse(opened.facts).data;
    if (openBytes !== null && facts?.openSha256 !== (await sha256Hex(openBytes)))
      wrong(entryName(opened.n), "it names another open.json than this one");
  }
  if (closed === undefined) wrong(bundleNames.checkpoint, "the excerpt has no entry of the recording's end");
  else {
    const facts = RecordingCloseFacts.safeParse(closed.facts).data;
    const sums = await files.read("SHA256SUMS");
    if (manifestBytes !== null && facts?.manifestSha256 !== (await sha256Hex(manifestBytes)))
      wrong(entryName(closed.n), "it names another manifest.json than this one");
    if (sums !== null && facts?.sumsSha256 !== (await sha256Hex(sums)))
      wrong(entryName(closed.n), "it names another SHA256SUMS than this one");
  }
}

async function checkCustody(files: BundleFiles, lines: ReadonlySet<string>): Promise<Outcome> {
  const bytes = await files.read(bundleNames.custody);
  if (bytes === null)
    return outcome([{ place: bundleNames.custody, message: "it is missing" }], "", "The custody log is missing.");
  const findings: Finding[] = [];
  const said = (textIn(bytes) ?? "").split("\n").filter((line) => line !== "");
  for (const [i, line] of said.entries()) {
    if (!lines.has(line))
      findings.push({ place: bundleNames.custody, message: `line ${i + 1} is no entry of the ledger's excerpt` });
  }
  return outcome(
    findings,
    `${said.length === 1 ? "One line" : `${said.length} lines`} of who did what with this recording, each an entry of the ledger.`,
    "The custody log holds what is not in the ledger.",
  );
}

async function custodyWithoutLedger(files: BundleFiles): Promise<Outcome> {
  const there = files.names.includes(bundleNames.custody);
  const text = there ? "The custody log is of the audit log alone: no ledger proves it." : "There is no custody log.";
  return { tone: "open", text, findings: [] };
}
