// The retention attestation: what of a period's recordings is kept, until when, by whom it is held, what is due, and what
// went with proof. Made by the service, signed by its key, and recomputed by whoever has store and root key.
import { z } from "zod";
import { EvidenceFinding, EvidenceVerdict } from "./verdict.ts";

export const ATTESTATION_FORMAT = "conduit-attestation/1";

export const attestedStates = [
  "live",
  "unsealed",
  "kept",
  "held",
  "due",
  "overdue",
  "gone",
  "gone-early",
  "missing",
  "foreign",
  "unknown",
] as const;
export const AttestedState = z.enum(attestedStates);
export type AttestedState = z.infer<typeof AttestedState>;

export const AttestedObject = z.strictObject({
  key: z.string(),
  versionId: z.string().nullable(),
  bytes: z.int(),
  /** As the recording's list of checksums has it, whose own hash is in the ledger; null: it is on no list. */
  sha256: z.string().nullable(),
  lockedUntil: z.string().nullable(),
  hold: z.boolean(),
  /** `unlocked`: it is to be kept, and the store would let it go. */
  state: z.enum(["kept", "unlocked", "hidden", "missing", "unknown"]),
});
export type AttestedObject = z.infer<typeof AttestedObject>;

export const AttestedRecording = z.strictObject({
  session: z.string(),
  recorder: z.string().nullable(),
  sequence: z.int().nullable(),
  person: z.string().nullable(),
  target: z.string().nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  retentionDays: z.int().nullable(),
  retainUntil: z.string().nullable(),
  state: AttestedState,
  /** Cases that hold it. */
  holds: z.array(z.string()),
  verdict: EvidenceVerdict,
  entries: z.strictObject({ open: z.int().nullable(), close: z.int().nullable(), expired: z.int().nullable() }),
  /** Of one that went: when, and the hash of the list of what went. */
  gone: z.strictObject({ at: z.string(), proof: z.string(), objects: z.int(), by: z.string().nullable() }).nullable(),
  /** The last check of its stored bytes that the ledger knows of. */
  verified: z.strictObject({ at: z.string(), verdict: z.string() }).nullable(),
  objects: z.array(AttestedObject),
  findings: z.array(EvidenceFinding),
});
export type AttestedRecording = z.infer<typeof AttestedRecording>;

export const AttestationCounts = z.strictObject({
  recordings: z.int(),
  /** An older one names fewer states. */
  states: z.partialRecord(AttestedState, z.int()),
  objects: z.int(),
  bytes: z.int(),
  unlockedObjects: z.int(),
  missingObjects: z.int(),
  unknownObjects: z.int(),
});
export type AttestationCounts = z.infer<typeof AttestationCounts>;

export const Attestation = z.strictObject({
  format: z.literal(ATTESTATION_FORMAT),
  generatedAt: z.string(),
  recorder: z.string(),
  version: z.string(),
  /** Recordings that began in it, or went in it. */
  period: z.strictObject({ from: z.string(), to: z.string() }),
  store: z.strictObject({
    name: z.string(),
    enforcedBy: z.enum(["server", "file-system", "service", "nobody"]).nullable(),
    locks: z.boolean(),
    /** What it cannot promise, each a sentence. */
    limits: z.array(z.string()),
  }),
  /** In force when it was made; null: made without the installation. */
  policy: z
    .strictObject({
      hash: z.string(),
      retentionDays: z.int(),
      classes: z.array(z.strictObject({ name: z.string(), days: z.int() })),
    })
    .nullable(),
  /** Who signed this file, and the root above. */
  keyId: z.string().nullable(),
  root: z.string().nullable(),
  ledger: z.strictObject({
    verdict: EvidenceVerdict,
    /** Everything below stands on the entries under this checkpoint. */
    checkpoint: z.strictObject({ size: z.int(), root: z.string(), at: z.string().nullable() }).nullable(),
    anchored: z.int().nullable(),
    findings: z.array(EvidenceFinding),
  }),
  keys: z.strictObject({ verdict: EvidenceVerdict, findings: z.array(EvidenceFinding) }),
  /** True when nothing is early, overdue, missing, unknown or unlocked, and ledger and keys hold. */
  inOrder: z.boolean(),
  counts: AttestationCounts,
  recordings: z.array(AttestedRecording),
  /** In the store, under the period's days, and part of nothing. */
  unknown: z.array(z.string()),
  /** Numbers of the recorder that no session has. */
  missingNumbers: z.array(EvidenceFinding),
  /** The index compared with all this; null: made without the installation. */
  catalogue: z
    .strictObject({ rows: z.int(), differences: z.array(z.strictObject({ session: z.string(), message: z.string() })) })
    .nullable(),
});
export type Attestation = z.infer<typeof Attestation>;

/** Of a list. */
export const AttestationQuery = z.object({
  from: z.string().optional(),
  to: z.string().optional(),
  /** One day in UTC, instead of both. */
  day: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/)
    .optional(),
  /** One that was made a moment ago, again: in another form, with the same bytes under the signature. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});
export type AttestationQuery = z.infer<typeof AttestationQuery>;

/** With the detached signature in base64. */
export const SignedAttestation = z.strictObject({
  attestation: Attestation,
  /** SHA-256 (hex) of the file's bytes, and the Ed25519 signature over them (base64). */
  sha256: z.string(),
  signature: z.string(),
});
export type SignedAttestation = z.infer<typeof SignedAttestation>;
