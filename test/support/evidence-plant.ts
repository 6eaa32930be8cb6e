// Evidence bundles of recordings that were built in memory, with a ledger of their own, unzipped into a folder.
import { createHash, createPublicKey, sign } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import type { BundleEvidence, CustodyLine, ProvenEntry } from "../../recorder/export/evidence.ts";
import { evidenceBundleOf } from "../../recorder/export/evidence-bundle.ts";
import type { ExportSource } from "../../recorder/export/segment-source.ts";
import type { BundleDataKeys } from "../../shared/bundle/format.ts";
import { AppError } from "../../shared/errors.ts";
import { fromBase64, utf8 } from "../../shared/ledger/bytes.ts";
import { checkpointBody, ledgerOrigin, signedNote } from "../../shared/ledger/checkpoint.ts";
import { entryTime, formatEntry, genesisPrevious, type LedgerEntry } from "../../shared/ledger/entry.ts";
import { KEY_HISTORY_FORMAT, type KeyHistory } from "../../shared/ledger/key-history.ts";
import { leafHash, MerkleTree } from "../../shared/ledger/merkle.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { runProcess } from "./process.ts";
import type { BuiltRecording, SigningKey } from "./recording-builder.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const hex = (bytes: Uint8Array) => sha256(bytes).toString("hex");

/** As the page is built: it is what the bundle has to carry. */
export function builtPlayer(): Promise<Buffer> {
  return readFile(fileURLToPath(new URL("../../dist/bundle/player.html", import.meta.url)));
}

/** The recording's objects with their list of checksums. */
export function objectsOf({ objects }: BuiltRecording): Map<string, Uint8Array> {
  const sums = [...objects].map(([name, bytes]) => `${hex(bytes)}  ${name}\n`).sort();
  return new Map<string, Uint8Array>([...objects, ["SHA256SUMS", Buffer.from(sums.join(""))]]);
}

export function exportSource(recording: BuiltRecording, objects = objectsOf(recording)): ExportSource {
  const object = async (_session: string, name: string): Promise<Uint8Array> => {
    const bytes = objects.get(name);
    if (bytes === undefined) throw new AppError("REQUEST_NOT_FOUND", `no ${name}`, { op: "test" });
    return bytes;
  };
  return {
    open: async () => OpenRecord.parse(JSON.parse(String(objects.get("open.json")))),
    index: async () => recording.index,
    object,
    async segment(session, n) {
      const meta = recording.index.segments[n]!;
      const bytes = await object(session, meta.name);
      return { meta, bytes, intact: hex(bytes) === meta.sha256 };
    },
  };
}

/**
 * What the ledger says of the recording, among entries about others.
 * @param stamp of a time stamp authority: then an older checkpoint, over the recording's end, has one.
 */
export function evidenceOf(
  recording: BuiltRecording,
  key: SigningKey,
  root: SigningKey,
  canonical: Uint8Array | null = null,
  stamp: ((note: Uint8Array) => Uint8Array) | null = null,
): BundleEvidence {
  const objects = objectsOf(recording);
  const { session } = recording.index;
  const open = OpenRecord.parse(JSON.parse(String(objects.get("open.json"))));
  const manifest = Manifest.parse(JSON.parse(String(objects.get("manifest.json"))));
  const about = (type: string, facts: Record<string, unknown>, actor = "recorder", subject = session) => ({
    type,
    actor,
    subject,
    facts,
    ...(actor === "recorder" ? {} : { address: "10.20.0.9" }),
  });
  const looked = (type: string, action: string, actor: string, details: Record<string, unknown>) =>
    about(type, { action, details }, actor);
  const said = [
    about("ledger-start", { recorder: open.recorder.id }, "recorder", open.recorder.id),
    about("recording-open", {
      sequence: open.recorder.sequence,
      openSha256: manifest.openSha256,
      startedAt: open.startedAt,
      keyId: key.keyId,
      person: open.person.name,
      target: open.target.name,
      protocol: open.protocol,
      recorded: "full",
      retentionDays: open.retentionDays,
    }),
    about("heartbeat", {}, "recorder", open.recorder.id),
    about("recording-close", {
      sequence: open.recorder.sequence,
      openSha256: manifest.openSha256,
      manifestSha256: hex(objects.get("manifest.json")!),
      sumsSha256: hex(objects.get("SHA256SUMS")!),
      state: manifest.state,
      endReason: manifest.endReason,
      endedAt: manifest.endedAt,
      segments: manifest.segments.length,
      bytes: manifest.segments.reduce((sum, { bytes }) => sum + bytes, 0),
      lastLink: manifest.segments.at(-1)?.link ?? manifest.openSha256,
      gaps: manifest.gaps.length,
      retainUntil: manifest.retainUntil,
    }),
    looked("view", "recording.view", "auditor-1", { reason: "quarterly review" }),
    about("audit:session.sign-in", { action: "session.sign-in", details: {} }, "auditor-2", "auditor-2"),
    looked("export", "recording.export", "auditor-1", { format: "bundle", reason: "for <court> & \u202etruoc" }),
  ];
  const tree = new MerkleTree(sha256);
  const lines: { entry: LedgerEntry; line: Uint8Array }[] = [];
  let prev = genesisPrevious;
  const atMs = Date.parse(manifest.endedAt);
  for (const [n, one] of said.entries()) {
    const entry: LedgerEntry = { n, at: entryTime(atMs + n), prev, ...one };
    const line = utf8(formatEntry(entry as Parameters<typeof formatEntry>[0]));
    tree.append(leafHash(line, sha256));
    prev = hex(line);
    lines.push({ entry, line });
  }
  const size = tree.size;
  const at = entryTime(atMs + 60_000);
  const origin = ledgerOrigin(open.recorder.id);
  const publicKey = rawKey(key);
  const noteOver = (of: number) => {
    const body = checkpointBody({ origin, size: of, root: tree.root(of), at });
    return signedNote(body, { name: origin, publicKey }, sign(null, Buffer.from(body), key.privateKey), sha256);
  };
  const note = noteOver(size);
  const mine = lines.filter(({ entry }) => entry.subject === session);
  const custody = mine.flatMap(({ entry, line }): CustodyLine[] => {
    const { action, details } = entry.facts as { action?: string; details?: Record<string, unknown> };
    if (action === undefined || details === undefined) return [];
    const reason = typeof details["reason"] === "string" ? details["reason"] : null;
    const { at: when, actor, address = "" } = entry;
    return [{ line: Buffer.from(line).toString("utf8"), at: when, actor, action, address, reason, details }];
  });
  const stampedOver = (of: number) => ({
    size: of,
    checkpoint: utf8(noteOver(of)),
    keyId: key.keyId,
    timestamp: stamp?.(utf8(noteOver(of))) ?? new Uint8Array(),
    paths: mine.flatMap(({ entry: { n } }) => (n < of ? [{ n, path: tree.inclusionProof(n, of) }] : [])),
  });
  return {
    ledger: {
      size,
      checkpoint: utf8(note),
      at,
      keyId: key.keyId,
      timestamp: null,
      stamped: stamp === null ? null : stampedOver(5),
      entries: mine.map(({ entry, line }): ProvenEntry => ({ n: entry.n, line, path: tree.inclusionProof(entry.n) })),
    },
    custody,
    policy: canonical === null ? null : { text: Buffer.from("rules: [] # none\n"), canonical },
    keys: [{ keyId: key.keyId, publicKeyPem: key.publicKeyPem }],
    history: historyOf(key, root, open.recorder.id, open.startedAt),
  };
}

function rawKey({ publicKeyPem }: SigningKey): Uint8Array {
  return createPublicKey(publicKeyPem).export({ type: "spki", format: "der" }).subarray(-32);
}

function historyOf(key: SigningKey, root: SigningKey, recorder: string, at: string): BundleEvidence["history"] {
  const first: KeyHistory = {
    format: KEY_HISTORY_FORMAT,
    number: 1,
    previousSha256: null,
    at,
    recorder,
    root: { keyId: root.keyId, publicKeyPem: root.publicKeyPem },
    keys: [{ keyId: key.keyId, publicKeyPem: key.publicKeyPem, use: "recorder", state: "active", from: at }],
  };
  const firstBytes = Buffer.from(JSON.stringify(first));
  const secondBytes = Buffer.from(JSON.stringify({ ...first, number: 2, previousSha256: hex(firstBytes) }));
  const versions = [firstBytes, secondBytes].map((bytes, i) => ({
    number: i + 1,
    bytes,
    signature: sign(null, bytes, root.privateKey),
  }));
  return { rootPem: root.publicKeyPem, versions };
}

async function unzip(zip: string, into: string): Promise<void> {
  const { code, stderr } = await runProcess("unzip", ["-q", zip, "-d", into]);
  if (code !== 0) throw new Error(`unzip: ${stderr}`);
}

/** Writes the bundle to `into` and unzips it there; gives the bundle's folder. */
export async function unzippedBundle(
  recording: BuiltRecording,
  evidence: BundleEvidence,
  into: string,
  source = exportSource(recording),
  dataKeys?: BundleDataKeys,
): Promise<string> {
  await mkdir(into, { recursive: true });
  const open = await source.open(recording.index.session);
  const body = evidenceBundleOf({
    source,
    index: recording.index,
    open,
    evidence: async () => evidence,
    player: await builtPlayer(),
    dataKeys,
  });
  const zip = join(into, "bundle.zip");
  await pipeline(body, createWriteStream(zip));
  await unzip(zip, into);
  return join(into, recording.index.session);
}

/** Alters the base64 that data/index.js carries of a file. */
export async function alterCarried(
  folder: string,
  name: string,
  alter: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const path = join(folder, "data/index.js");
  const script = await readFile(path, "utf8");
  const start = script.indexOf(`${JSON.stringify(name)}:"`);
  if (start < 0) throw new Error(`data/index.js does not carry ${name}`);
  const from = start + JSON.stringify(name).length + 2;
  const to = script.indexOf('"', from);
  const bytes = fromBase64(script.slice(from, to));
  if (bytes === null) throw new Error("no base64");
  await writeFile(path, script.slice(0, from) + Buffer.from(alter(bytes)).toString("base64") + script.slice(to));
}

export function flipped(bytes: Uint8Array, at = bytes.length >> 1): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
