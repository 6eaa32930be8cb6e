// How somebody proved who they are: what policy may ask for, and what the record of a session states.
import { z } from "zod";

export const Factor = z.enum(["password", "publickey", "ticket", "grant-password", "totp", "recovery-code"]);
export type Factor = z.infer<typeof Factor>;

/** Something that only the person holds, beside what is known or stored on a disk: what `require.mfa` asks for. */
export function hasSecondFactor(factors: readonly string[]): boolean {
  return factors.includes("totp") || factors.includes("recovery-code");
}
