// Recomputes an attestation from the store, the ledger and the root key, and says where the two differ. What happened since
// it was made (a recording went on time, was held, is locked for longer) is no difference where the ledger tells of it.
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { Attestation, type AttestedObject, type AttestedRecording } from "../../../shared/evidence/attestation.ts";
import { type EvidenceFinding, isInOrder } from "../../../shared/evidence/verdict.ts";
import type { SessionEntries } from "../session-entries.ts";
import { type AttestationSources, countsOf, inOrderBy, makeAttestation } from "./make-attestation.ts";

export interface AttestationCheck {
  attestation: Attestation | null;
  /** Why it is no proof, or where it differs from what is found now. Empty: it holds. */
  findings: EvidenceFinding[];
  /** What happened since it was made, as the ledger tells it. */
  since: string[];
}

export type CheckSources = Pick<AttestationSources, "store" | "trust" | "ledgers" | "signal" | "onProgress">;

export async function checkAttestation(
  bytes: Uint8Array,
  signature: Uint8Array | null,
  sources: CheckSources,
): Promise<AttestationCheck> {
  const findings: EvidenceFinding[] = [];
  const found = (place: string, message: string, code = "INTEGRITY_LEDGER") =>
    void findings.push({ place, code, message, weight: "TAMPERED" });
  let attestation: Attestation;
  try {
    attestation = Attestation.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    found("attestation", "is not in a format that this version reads", "INTEGRITY_FORMAT");
    return { attestation: null, findings, since: [] };
  }
  checkSignature(attestation, bytes, signature, sources, found);
  const { recorder, ledger, period, generatedAt } = attestation;
  const own = sources.ledgers.get(recorder);
  const { checkpoint } = ledger;
  if (own === undefined || checkpoint === null) {
    found(`ledger/${recorder}`, "the attestation stands on no checkpoint of a ledger that is here");
    return { attestation, findings, since: [] };
  }
  if (!isInOrder(own.evidence.verdict))
    found(`ledger/${recorder}`, `the ledger itself is ${own.evidence.verdict}: conduit verify --all says where`);
  const root = own.rootAt(checkpoint.size);
  if (root === null)
    found(`ledger/${recorder}`, `the ledger here has not all of the ${checkpoint.size} entries that it stands on`);
  else if (root !== checkpoint.root)
    found(`ledger/${recorder}`, `the first ${checkpoint.size} entries are others than it stands on`);
  const again = await makeAttestation({
    ...sources,
    recorder,
    version: attestation.version,
    storeName: attestation.store.name,
    policy: attestation.policy,
    keyId: attestation.keyId,
    nowMs: Date.parse(generatedAt),
    fromMs: Date.parse(period.from),
    toMs: Date.parse(period.to),
    ledgerSize: checkpoint.size,
    catalogue: null,
  });
  const since: string[] = [];
  if (!isInOrder(sources.trust.evidence.verdict))
    found("keys/", `the history of keys is ${sources.trust.evidence.verdict}: conduit verify --all says where`);
  compare(attestation, again, own.entries.sessions, checkpoint.size, { found, since });
  compareFigures(attestation, again, found);
  return { attestation, findings, since };
}

type Found = (place: string, message: string, code?: string) => void;

function checkSignature(
  { keyId, generatedAt }: Attestation,
  bytes: Uint8Array,
  signature: Uint8Array | null,
  { trust }: CheckSources,
  found: Found,
): void {
  const key = keyId === null ? undefined : trust.keys.get(keyId);
  const code = "INTEGRITY_SIGNATURE";
  if (signature === null) found("attestation", "has no signature beside it (FILE.sig)", code);
  else if (key === undefined)
    found("attestation", `is signed by the key ${keyId ?? "of nobody"}, which is not trusted here`, code);
  else if (!verifySignature(null, bytes, createPublicKey(key.publicKeyPem), signature))
    found("attestation", "does not match its signature", code);
  else if (key.to !== undefined && Date.parse(generatedAt) > Date.parse(key.to))
    found("attestation", `is signed by the key ${key.keyId}, which ended at ${key.to}`, code);
}

interface Telling {
  found: Found;
  since: string[];
}

function compare(
  told: Attestation,
  now: Attestation,
  sessions: ReadonlyMap<string, SessionEntries>,
  size: number,
  telling: Telling,
): void {
  const here = new Map(now.recordings.map((one) => [one.session, one]));
  for (const one of told.recordings) {
    const other = here.get(one.session);
    here.delete(one.session);
    // Of one that had just begun, the ledger told only afterwards.
    if (other === undefined && one.state === "live" && one.entries.open === null)
      telling.since.push(`${one.session} had just begun then`);
    else if (other === undefined) telling.found(one.session, "neither ledger nor store know it any more");
    else compareRecording(one, other, later(sessions.get(one.session), size), telling);
  }
  for (const { session, state } of here.values())
    telling.found(session, `is in the period (${state}), and the attestation has it not`);
}

/** What it adds up to, from what it lists; and the numbers, which only the ledger has. */
function compareFigures(told: Attestation, now: Attestation, found: Found): void {
  const counts = flat(countsOf(told.recordings));
  for (const [name, count] of flat(told.counts))
    if (counts.get(name) !== count) found("attestation", `counts ${count} ${name}, and lists ${counts.get(name) ?? 0}`);
  const numbers = ({ missingNumbers }: Attestation) => missingNumbers.map(({ place }) => place).join(", ") || "none";
  if (numbers(told) !== numbers(now))
    found("attestation", `says that of the numbers ${numbers(told)} is missing; by the ledger it is ${numbers(now)}`);
  if (told.inOrder && !inOrderBy({ ...told, missingNumbers: now.missingNumbers }))
    found("attestation", "says that everything is in order, and lists what is not");
}

function flat({ states, ...counts }: Attestation["counts"]): Map<string, number> {
  return new Map([...Object.entries(counts), ...Object.entries(states)]);
}

/** What the ledger tells of it since. */
function later(
  entries: SessionEntries | undefined,
  size: number,
): { gone: string | null; held: boolean; closed: boolean; extended: boolean } {
  const gone = entries?.expired.find(({ n }) => n >= size);
  return {
    gone: gone === undefined ? null : gone.at,
    held: entries?.holds.some(({ n }) => n >= size) === true,
    closed: entries?.closes.some(({ n }) => n >= size) === true,
    extended: entries?.extendedTo != null,
  };
}

function compareRecording(
  told: AttestedRecording,
  now: AttestedRecording,
  since: ReturnType<typeof later>,
  { found, since: list }: Telling,
): void {
  const { session } = told;
  const facts = ["recorder", "sequence", "person", "target", "startedAt", "endedAt", "retentionDays"] as const;
  for (const fact of facts)
    if (told[fact] !== now[fact]) found(session, `says ${fact} ${told[fact]}; the ledger says ${now[fact]}`);
  if (told.retainUntil !== now.retainUntil && !since.extended)
    found(session, `says that it is kept until ${told.retainUntil}; here it is ${now.retainUntil}`);
  if (JSON.stringify(told.gone) !== JSON.stringify(now.gone)) found(session, "tells its end otherwise than the ledger");
  if (since.gone !== null) {
    list.push(`${session} expired since, at ${since.gone}`);
    return;
  }
  if (since.closed) {
    list.push(`${session} was going on then, and has ended since`);
    return;
  }
  if (isInOrder(told.verdict) && isFault(now.verdict))
    found(session, `is ${told.verdict} there; here it is ${now.verdict}`);
  if (since.held) list.push(`${session}: a legal hold was placed or released since`);
  if (told.state !== now.state && !since.held)
    found(session, `was ${told.state} then; by the same ledger and this store it was ${now.state}`);
  const here = new Map(now.objects.map((object) => [object.key, object]));
  for (const object of told.objects) {
    const other = here.get(object.key);
    here.delete(object.key);
    compareObject(object, other, since.held, found);
  }
  for (const key of here.keys()) found(key, "is here, and the attestation has it not");
}

function compareObject(told: AttestedObject, now: AttestedObject | undefined, heldSince: boolean, found: Found): void {
  const { key } = told;
  if (now === undefined || (now.state === "missing" && told.state !== "missing")) {
    found(key, "is not in the store any more");
    return;
  }
  if (now.bytes !== told.bytes || now.sha256 !== told.sha256 || now.versionId !== told.versionId)
    found(
      key,
      `has ${now.bytes} bytes, version ${now.versionId ?? "-"} and the hash ${now.sha256 ?? "-"}; the attestation says ${told.bytes}, ${told.versionId ?? "-"} and ${told.sha256 ?? "-"}`,
    );
  if (
    told.lockedUntil !== null &&
    now.lockedUntil !== null &&
    Date.parse(now.lockedUntil) < Date.parse(told.lockedUntil)
  )
    found(key, `is locked until ${now.lockedUntil}, which is earlier than the ${told.lockedUntil} of the attestation`);
  if (told.hold && !now.hold && !heldSince) found(key, "was held, and is not any more");
}

function isFault(verdict: AttestedRecording["verdict"]): boolean {
  return ["TAMPERED", "MISSING", "DELETED-EARLY", "UNTRUSTED"].includes(verdict);
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
