// The evidence bundle: the stored bytes of a recording with all that it takes to check them and to see what they show,
// without this software and without a network. Entries come one after the other, whatever the recording's length; the
// same recording at the same size of the ledger makes the same bytes. What is missing or altered is named inside: a
// damaged recording must be able to leave as it is.
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { RecordingIndex } from "../../shared/api/types.ts";
import {
  type BundleDataKeys,
  bundleNames,
  entryName,
  historyName,
  keyName,
  pieceName,
  piecesOf,
  proofName,
  proofSides,
} from "../../shared/bundle/format.ts";
import { AppError } from "../../shared/errors.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { signedNames } from "./bundle.ts";
import { carriedIndex, carriedPiece } from "./carried.ts";
import { courtPage } from "./court-page.ts";
import type { BundleEvidence } from "./evidence.ts";
import type { ExportSource } from "./segment-source.ts";
import { verifyText } from "./verify-text.ts";
import { type ZipEntry, zipOf } from "./zip-stream.ts";

export interface EvidenceBundleParts {
  source: ExportSource;
  index: RecordingIndex;
  open: OpenRecord;
  /** Asked when the first byte is read, not before. */
  evidence: () => Promise<BundleEvidence>;
  player: Uint8Array;
  /** Of an encrypted recording: then the page shows it, to whoever has the bundle. */
  dataKeys?: BundleDataKeys | undefined;
  /** Hears, before the last bytes leave, what does not hold or is missing, if anything. */
  damaged?: ((texts: readonly string[]) => void) | undefined;
}

export function evidenceBundleOf(parts: EvidenceBundleParts): Readable {
  return zipOf(entriesOf(parts), new Date(parts.index.startedAt));
}

async function* entriesOf({
  source,
  index,
  open,
  evidence: gather,
  player,
  dataKeys,
  damaged = () => {},
}: EvidenceBundleParts): AsyncGenerator<ZipEntry> {
  const { session, segments } = index;
  const evidence = await gather();
  const faults: string[] = [...(index.faults ?? [])];
  const inFolder = (name: string, content: ZipEntry["content"]): ZipEntry => ({ name: `${session}/${name}`, content });
  const read = async (name: string): Promise<Uint8Array | null> => {
    try {
      return await source.object(session, name);
    } catch (error) {
      if (error instanceof AppError && error.code === "REQUEST_NOT_FOUND") return null;
      throw error;
    }
  };

  /** What the page carries whole. */
  const small = new Map<string, Uint8Array>(beside(evidence));
  if (dataKeys !== undefined) small.set(bundleNames.dataKeys, Buffer.from(`${JSON.stringify(dataKeys)}\n`));
  for (const name of signedNames) {
    const bytes = await read(name);
    if (bytes === null) faults.push(`${name} is missing`);
    else small.set(name, bytes);
  }
  for (const [name, bytes] of small) yield inFolder(name, bytes);
  for (const { name, sha256 } of segments) {
    const bytes = await read(name);
    if (bytes === null) faults.push(`${name} is missing`);
    else {
      if (createHash("sha256").update(bytes).digest("hex") !== sha256)
        faults.push(`${name} does not have the hash that manifest.json names`);
      yield inFolder(name, bytes);
    }
  }

  const pieces = piecesOf(segments.map(({ bytes }) => bytes));
  yield inFolder(bundleNames.index, carriedIndex(session, small, pieces));
  for (const [number, piece] of pieces.entries()) {
    const carried = carriedPiece(number, piece, (n) => read(segments[n]?.name ?? ""));
    yield inFolder(pieceName(number), carried);
  }
  yield inFolder(bundleNames.player, player);
  yield inFolder(bundleNames.verify, Buffer.from(verifyText(open, evidence)));
  if (faults.length > 0) damaged(faults);
  yield inFolder(bundleNames.integrity, Buffer.from(integrityText(faults)));
  yield inFolder(
    bundleNames.readme,
    Buffer.from(courtPage({ index, open, evidence, faults, carried: pieces.length > 0 })),
  );
}

/** All that is not the recording's own, by name. */
function* beside({ ledger, custody, policy, keys, history }: BundleEvidence): Generator<[string, Uint8Array]> {
  for (const { keyId, publicKeyPem } of keys) yield [keyName(keyId), Buffer.from(publicKeyPem)];
  if (history !== null) {
    yield [bundleNames.root, Buffer.from(history.rootPem)];
    for (const { number, bytes, signature } of history.versions) {
      yield [historyName(number), bytes];
      yield [`${historyName(number)}.sig`, signature];
    }
  }
  if (policy !== null) yield [bundleNames.policyText, policy.text];
  if (policy?.canonical != null) yield [bundleNames.policy, policy.canonical];
  yield [bundleNames.custody, Buffer.from(custody.map(({ line }) => `${line}\n`).join(""))];
  if (ledger === null) return;
  yield [bundleNames.checkpoint, ledger.checkpoint];
  if (ledger.timestamp !== null) yield [bundleNames.timestamp, ledger.timestamp];
  const { stamped } = ledger;
  if (stamped !== null) {
    yield [bundleNames.stamped, stamped.checkpoint];
    yield [bundleNames.stampedTimestamp, stamped.timestamp];
    for (const { n, path } of stamped.paths)
      yield [proofName(n, proofSides(n, stamped.size), "stamped-path"), Buffer.concat(path)];
  }
  for (const { n, line, path } of ledger.entries) {
    yield [entryName(n), line];
    yield [proofName(n, proofSides(n, ledger.size)), Buffer.concat(path)];
  }
}

function integrityText(faults: readonly string[]): string {
  if (faults.length === 0)
    return "When this bundle was made, signatures, chain and hashes held. Do not rely on it: see VERIFY.md.\n";
  return `WARNING: this recording is no proof of what it shows.\n\n${faults.map((fault) => `  ${fault}\n`).join("")}`;
}
