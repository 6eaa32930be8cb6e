// What the HTTP API says of ways to sign in, API tokens and one's own SSH keys.
import { z } from "zod";
import { SecondStepNeeded } from "./mfa.ts";
import { Me } from "./types.ts";

/** What the page for signing in offers; the same for everybody. */
export const SignInWays = z.strictObject({
  passkey: z.boolean(),
  /** What the identity provider is called; null: there is none. */
  provider: z.string().nullable(),
});
export type SignInWays = z.infer<typeof SignInWays>;

/** Where the browser goes: the identity provider's page. */
export const ProviderAddress = z.strictObject({ url: z.string() });
export type ProviderAddress = z.infer<typeof ProviderAddress>;

/** What stands behind the `?` of the address to which the provider sent the browser back. */
export const ProviderAnswer = z.strictObject({ query: z.string().min(1).max(16_384) });

export const ProviderAnswered = z.union([
  Me,
  SecondStepNeeded,
  z.strictObject({ done: z.enum(["linked", "confirmed"]) }),
]);
export type ProviderAnswered = z.infer<typeof ProviderAnswered>;

export const MyIdentity = z.strictObject({
  /** What the provider is called; null: there is none. */
  provider: z.string().nullable(),
  linked: z
    .strictObject({
      /** The account was made by a sign-in with the provider, and its groups say its roles. */
      provisioned: z.boolean(),
      linkedAt: z.string(),
      lastSignInAt: z.string().nullable(),
    })
    .nullable(),
});
export type MyIdentity = z.infer<typeof MyIdentity>;
