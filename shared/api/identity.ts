// What the HTTP API says of ways to sign in, API tokens and one's own SSH keys.
import { z } from "zod";
import { Role } from "../policy/policy.ts";
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

export const ApiToken = z.strictObject({
  /** Names it; opens nothing. */
  id: z.string(),
  person: z.string(),
  name: z.string(),
  roles: z.array(Role),
  readOnly: z.boolean(),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string(),
  lastUsedAt: z.string().nullable(),
  lastAddress: z.string().nullable(),
  state: z.enum(["valid", "expired", "revoked"]),
});
export type ApiToken = z.infer<typeof ApiToken>;
export const ApiTokenList = z.strictObject({
  items: z.array(ApiToken),
  /** Of a new one; 0: there are none. */
  maxDays: z.int(),
});
export type ApiTokenList = z.infer<typeof ApiTokenList>;

export const NewApiToken = z.strictObject({
  name: z.string().trim().min(1, "give it a name").max(60),
  /** Some of one's own. */
  roles: z.array(Role).min(1, "a token has at least one role"),
  readOnly: z.boolean().default(true),
  days: z.int().min(1).max(3650).default(90),
});
export type NewApiToken = z.input<typeof NewApiToken>;
/** The token is in this answer and nowhere else. */
export const MadeApiToken = z.strictObject({ token: z.string(), view: ApiToken });
export type MadeApiToken = z.infer<typeof MadeApiToken>;

const OwnKey = z.strictObject({
  fingerprint: z.string(),
  algorithm: z.string(),
  comment: z.string(),
  addedAt: z.string(),
  lastUsedAt: z.string().nullable(),
});
export const OwnKeyList = z.strictObject({
  items: z.array(OwnKey),
  /** Whether people add and remove their own here. */
  mayChange: z.boolean(),
});
export type OwnKeyList = z.infer<typeof OwnKeyList>;
