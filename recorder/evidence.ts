// What evidence bundles hold beside a recording, gathered from the ledger, the audit log, the policies that were in force
// and the key history. A part of the composition root: the export knows none of them.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AppError } from "../shared/errors.ts";
import { bytesEqual, fromHex, toHex, utf8 } from "../shared/ledger/bytes.ts";
import { noteKeyHash, parseCheckpoint, type SignedCheckpoint } from "../shared/ledger/checkpoint.ts";
import { AuditFacts } from "../shared/ledger/facts.ts";
import { ed25519KeyOf } from "../shared/ledger/key-history.ts";
import { Policy } from "../shared/policy/policy.ts";
import type { PolicyVersions } from "./access/policy-versions.ts";
import type { AuditLog } from "./catalog/audit.ts";
import { SourceDocument, validate } from "./config/document.ts";
import type { BundleKey } from "./export/bundle.ts";
import type {
  BundleEvidence,
  CustodyLine,
  EvidenceSource,
  LedgerExcerpt,
  StampedCheckpoint,
} from "./export/evidence.ts";
import { canonicalJson } from "./inventory/snapshot.ts";
import type { LedgerLine, LedgerReader } from "./ledger/contract.ts";
import { sha256 } from "./ledger/node-crypto.ts";

/** What of the ledger an excerpt needs; a checkpoint of all that is in it, as new as can be had. */
export interface ExcerptLedger extends Pick<LedgerReader, "entriesOf" | "proof"> {
  checkpoint(): Promise<{ size: number; note: string } | null>;
  timestamp(size: number): Promise<Uint8Array | null>;
  /** The first checkpoint over entry `n` that has a time stamp, and is over no more than `most` entries. */
  stampedOver(n: number, most: number): Promise<{ size: number; note: string; timestamp: Uint8Array } | null>;
}

export interface EvidenceParts {
  audit: Pick<AuditLog, "list">;
  policies: Pick<PolicyVersions, "find" | "canonical">;
  keys: () => readonly BundleKey[];
  history: () => Promise<BundleEvidence["history"]>;
  ledger: () => Promise<ExcerptLedger | null>;
}

export function createEvidence(parts: EvidenceParts): EvidenceSource {
  return {
    async of(session, policyHash) {
      const keys = parts.keys();
      const ledger = await parts.ledger();
      const excerpt = ledger === null ? null : await excerptOf(ledger, session, keys);
      return {
        ledger: excerpt?.ledger ?? null,
        custody: excerpt?.custody ?? (await custodyOfAudit(parts.audit, session)),
        policy: await policyOf(parts.policies, policyHash),
        keys,
        history: await parts.history(),
      };
    },
    player: bundlePlayer,
  };
}

/** Null: no checkpoint covers any entry about it. */
async function excerptOf(
  ledger: ExcerptLedger,
  session: string,
  keys: readonly BundleKey[],
): Promise<{ ledger: LedgerExcerpt; custody: CustodyLine[] } | null> {
  const checkpoint = await ledger.checkpoint();
  const parsed = checkpoint === null ? null : parseCheckpoint(checkpoint.note);
  if (checkpoint === null || parsed === null) return null;
  const { size } = checkpoint;
  const lines = (await ledger.entriesOf(session)).filter(({ entry }) => entry.n < size);
  const has = (type: string) => lines.some(({ entry }) => entry.type === type && entry.subject === session);
  if (has("recording-open") && !has("recording-close")) {
    throw new AppError(
      "REQUEST_CONFLICT",
      `no checkpoint of the ledger covers the end of ${session} yet; one is signed every few minutes while the service runs: try again then, or export it in the portal`,
      { op: "export.bundle", retryable: true },
    );
  }
  const timestamp = await ledger.timestamp(size);
  const pathOf = (n: number, under: number) => ledger.proof(n, under).path.map(fromHex);
  const excerpt: LedgerExcerpt = {
    size,
    checkpoint: utf8(checkpoint.note),
    at: parsed.at,
    keyId: signerOf(parsed, keys),
    timestamp,
    stamped: timestamp === null ? await stampedOf(ledger, session, lines, size, keys, pathOf) : null,
    entries: lines.map(({ entry, line }) => ({ n: entry.n, line: utf8(line), path: pathOf(entry.n, size) })),
  };
  return { ledger: excerpt, custody: lines.flatMap((line) => custodyOf(line) ?? []) };
}

function signerOf({ signatures }: SignedCheckpoint, keys: readonly BundleKey[]): string {
  const signer = keys.find(({ publicKeyPem }) => {
    const key = ed25519KeyOf(publicKeyPem);
    if (key === null) return false;
    const { publicKey } = key;
    return signatures.some(({ name, keyHash }) => bytesEqual(noteKeyHash({ name, publicKey }, sha256), keyHash));
  });
  return signer?.keyId ?? "";
}

/** The stamp that says most: the first over the recording's end, or at least over its beginning. */
async function stampedOf(
  ledger: ExcerptLedger,
  session: string,
  lines: readonly LedgerLine[],
  most: number,
  keys: readonly BundleKey[],
  pathOf: (n: number, under: number) => Uint8Array[],
): Promise<StampedCheckpoint | null> {
  for (const type of ["recording-close", "recording-open"]) {
    const of = lines.find(({ entry }) => entry.type === type && entry.subject === session);
    const found = of === undefined ? null : await ledger.stampedOver(of.entry.n, most);
    const parsed = found === null ? null : parseCheckpoint(found.note);
    if (found === null || parsed === null) continue;
    const { size, note, timestamp } = found;
    const below = lines.filter(({ entry }) => entry.n < size);
    const paths = below.map(({ entry: { n } }) => ({ n, path: pathOf(n, size) }));
    return { size, checkpoint: utf8(note), keyId: signerOf(parsed, keys), timestamp, paths };
  }
  return null;
}

/** Null: an entry of another kind. */
function custodyOf({ entry, line }: LedgerLine): CustodyLine | null {
  const facts = AuditFacts.safeParse(entry.facts).data;
  if (facts === undefined || !isCustody(facts.action)) return null;
  return {
    line,
    at: facts.at ?? entry.at,
    actor: entry.actor,
    action: facts.action,
    address: entry.address ?? "",
    reason: reasonIn(facts.details),
    details: facts.details,
  };
}

/** What was done with it, and who kept it from going. */
function isCustody(action: string): boolean {
  return action.startsWith("recording.") || action.startsWith("hold.");
}

function reasonIn(details: Record<string, unknown>): string | null {
  return typeof details["reason"] === "string" ? details["reason"] : null;
}

/** Who did what with the recording, by the audit log alone, oldest first. */
export async function custodyOfAudit(audit: Pick<AuditLog, "list">, session: string): Promise<CustodyLine[]> {
  const lines: CustodyLine[] = [];
  let cursor: string | undefined;
  do {
    const page = await audit.list({ subject: session, limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    for (const { at, actor, action, address, details } of page.items) {
      if (!isCustody(action)) continue;
      const line = JSON.stringify({ at, actor, action, subject: session, address, details });
      lines.push({ line, at, actor, action, address, reason: reasonIn(details), details });
    }
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return lines.reverse();
}

async function policyOf(
  policies: Pick<PolicyVersions, "find" | "canonical">,
  hash: string,
): Promise<BundleEvidence["policy"]> {
  try {
    const { text } = await policies.find(hash);
    const kept = canonicalOf(await policies.canonical(hash), hash);
    return { text: Buffer.from(text), canonical: kept ?? readAnew(text, hash) };
  } catch (error) {
    if (error instanceof AppError && error.code === "REQUEST_NOT_FOUND") return null;
    throw error;
  }
}

/** Null: none was kept, or it is not the one. */
function canonicalOf(text: string | null, hash: string): Uint8Array | null {
  const canonical = text === null ? null : utf8(text);
  return canonical !== null && toHex(sha256(canonical)) === hash ? canonical : null;
}

/** Of policies of older versions the text alone was kept. Null: other defaults were filled in then. */
function readAnew(text: string, hash: string): Uint8Array | null {
  try {
    return canonicalOf(canonicalJson(validate(Policy, SourceDocument.parse("policy.yaml", text))), hash);
  } catch {
    return null;
  }
}

/** Beside dist/recorder, or in dist where the sources run. */
const playerPaths = ["../bundle/player.html", "../dist/bundle/player.html"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

async function bundlePlayer(): Promise<Uint8Array> {
  const path = playerPaths.find((candidate) => existsSync(candidate));
  if (path !== undefined) return readFile(path);
  throw new AppError("INTERNAL", "the page of evidence bundles is not built; run npm run build", {
    op: "export.bundle",
  });
}
