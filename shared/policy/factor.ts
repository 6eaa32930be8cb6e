// How somebody proved who they are: what policy may ask for, and what the record of a session states.
import { z } from "zod";

export const Factor = z.enum([
  "password",
  "publickey",
  /** A user certificate over SSH. */
  "certificate",
  "ticket",
  "grant-password",
  /** The identity provider says who it is. */
  "oidc",
  /** An API token: of a program, which proves no second factor. */
  "token",
  "totp",
  "recovery-code",
  /** A passkey or security key. */
  "webauthn",
  /** A code that the portal showed to somebody who had just proven a second factor there. */
  "portal-code",
  /** The identity provider says that it saw a second factor. */
  "oidc-mfa",
]);
export type Factor = z.infer<typeof Factor>;

const second: ReadonlySet<string> = new Set(["totp", "recovery-code", "webauthn", "portal-code", "oidc-mfa"]);

/** Something that only the person holds, beside what is known or stored on a disk: what `require.mfa` asks for. */
export function hasSecondFactor(factors: readonly string[]): boolean {
  return factors.some((factor) => second.has(factor));
}
