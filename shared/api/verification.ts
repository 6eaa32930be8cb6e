// What the service's own verification of its store has found: for health, the portal and the attestation page.
import { z } from "zod";
import { EvidenceFinding, EvidenceVerdict } from "../evidence/verdict.ts";

export const Verified = z.strictObject({
  session: z.string(),
  at: z.string(),
  verdict: EvidenceVerdict,
  findings: z.array(EvidenceFinding),
});
export type Verified = z.infer<typeof Verified>;

export const VerificationState = z.strictObject({
  /** False: the configuration has it off. */
  on: z.boolean(),
  bytesPerSecond: z.int(),
  everyDays: z.number(),
  /** Recordings that are in the store, and those of them that were read within `everyDays`. */
  recordings: z.int(),
  upToDate: z.int(),
  /** Of the one that was read longest ago; null: some never was, or there is none. */
  oldestAt: z.string().nullable(),
  /** The newest results first. */
  latest: z.array(Verified),
  /** Those that are not in order. */
  faults: z.array(Verified),
  /** Ledger and keys in the store. */
  ledger: z.strictObject({ at: z.string(), verdict: EvidenceVerdict, findings: z.array(EvidenceFinding) }).nullable(),
});
export type VerificationState = z.infer<typeof VerificationState>;
