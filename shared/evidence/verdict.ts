// What a check of the evidence comes to: verdicts, findings with their places, and the report of `conduit verify`, which
// the service, the portal and scripts read alike.
import { z } from "zod";

/** The worst first. docs/verify.md says what each means and what to do. */
export const evidenceVerdicts = [
  "TAMPERED",
  "MISSING",
  "DELETED-EARLY",
  "UNTRUSTED",
  "INCOMPLETE",
  "OVERDUE",
  "UNANCHORED",
  "EXPIRED-ON-TIME",
  "VALID",
] as const;
export const EvidenceVerdict = z.enum(evidenceVerdicts);
export type EvidenceVerdict = z.infer<typeof EvidenceVerdict>;

/** NOTICE: worth knowing, and no fault of the evidence. */
export const FindingWeight = z.enum([...evidenceVerdicts, "NOTICE"]);
export type FindingWeight = z.infer<typeof FindingWeight>;

export const EvidenceFinding = z.strictObject({
  /** An object's key, a line of the ledger (`ledger/ID entry 17`), or a recorder's number (`ID/17`). */
  place: z.string(),
  code: z.string(),
  message: z.string(),
  weight: FindingWeight,
});
export type EvidenceFinding = z.infer<typeof EvidenceFinding>;

export const RecordingEvidence = z.strictObject({
  session: z.string(),
  verdict: EvidenceVerdict,
  recorder: z.string().nullable(),
  sequence: z.int().nullable(),
  startedAt: z.string().nullable(),
  retainUntil: z.string().nullable(),
  /** The key that signed its manifest, or its OPEN record where there is no manifest. */
  keyId: z.string().nullable(),
  checkedSegments: z.int(),
  checkedBytes: z.int(),
  /** Numbers of its entries in the ledger. */
  entries: z.strictObject({
    open: z.int().nullable(),
    close: z.int().nullable(),
    expired: z.int().nullable(),
  }),
  findings: z.array(EvidenceFinding),
});
export type RecordingEvidence = z.infer<typeof RecordingEvidence>;

export const LedgerEvidence = z.strictObject({
  recorder: z.string(),
  verdict: EvidenceVerdict,
  entries: z.int(),
  /** The first and the last entry's time. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  checkpoints: z.int(),
  /** The newest signed one that the entries bear out. */
  checkpoint: z.strictObject({ size: z.int(), root: z.string(), at: z.string().nullable() }).nullable(),
  /** Entries that an anchor outside bears out; null where none was given to compare with. */
  anchored: z.int().nullable(),
  /** Time stamps of checkpoints. */
  stamps: z
    .strictObject({
      count: z.int(),
      /** By an authority whose certificate was given; null: none was. */
      proven: z.int().nullable(),
      /** The newest of these: entries below it, and the authority's time. */
      newest: z.strictObject({ size: z.int(), at: z.string() }).nullable(),
    })
    .optional(),
  findings: z.array(EvidenceFinding),
});
export type LedgerEvidence = z.infer<typeof LedgerEvidence>;

export const KeysEvidence = z.strictObject({
  verdict: EvidenceVerdict,
  /** Id of the root key that everything was checked against; null: none was given. */
  root: z.string().nullable(),
  keys: z.array(z.strictObject({ keyId: z.string(), state: z.string(), from: z.string(), to: z.string().nullable() })),
  findings: z.array(EvidenceFinding),
});
export type KeysEvidence = z.infer<typeof KeysEvidence>;

export const EvidenceReport = z.strictObject({
  format: z.literal("conduit-verify/1"),
  at: z.string(),
  store: z.string(),
  /** Of all that is below, the worst. */
  verdict: EvidenceVerdict,
  keys: KeysEvidence,
  ledgers: z.array(LedgerEvidence),
  recordings: z.array(RecordingEvidence),
  /** What is in the store and belongs to nothing of the above. */
  findings: z.array(EvidenceFinding),
});
export type EvidenceReport = z.infer<typeof EvidenceReport>;

/** The worst of these; `otherwise` when there is none but notices. */
export function worstVerdict(weights: Iterable<FindingWeight>, otherwise: EvidenceVerdict = "VALID"): EvidenceVerdict {
  const all = new Set(weights);
  all.add(otherwise);
  return evidenceVerdicts.find((verdict) => all.has(verdict)) ?? otherwise;
}

/** Whether the recording is as good as evidence can be: whole, or gone when it was due. */
export function isInOrder(verdict: EvidenceVerdict): boolean {
  return verdict === "VALID" || verdict === "EXPIRED-ON-TIME";
}
