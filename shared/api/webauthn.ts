// What the HTTP API says of passkeys and security keys: what the browser is asked, and what it answers (WebAuthn level 3,
// §5.1: RegistrationResponseJSON, AuthenticationResponseJSON).
import { z } from "zod";
import { Me } from "./types.ts";

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);
const short = base64url.max(1400);
const long = base64url.max(24_000);

/** As the browser's `PublicKeyCredential.parse…OptionsFromJSON` take it. */
const Options = z.looseObject({ challenge: z.string() });

/** `ticket` goes with the answer: the question is asked once, within five minutes, of this sign-in. */
export const PasskeyQuestion = z.strictObject({ ticket: z.string(), options: Options });
export type PasskeyQuestion = z.infer<typeof PasskeyQuestion>;

export const PasskeyAssertion = z.object({
  id: short,
  rawId: short,
  type: z.literal("public-key"),
  response: z.object({
    clientDataJSON: long,
    authenticatorData: long,
    signature: long,
    userHandle: short.optional(),
  }),
});
export type PasskeyAssertion = z.infer<typeof PasskeyAssertion>;

export const PasskeyRegistration = z.object({
  id: short,
  rawId: short,
  type: z.literal("public-key"),
  response: z.object({
    clientDataJSON: long,
    attestationObject: long,
    transports: z.array(z.string().max(32)).max(8).optional(),
  }),
});
export type PasskeyRegistration = z.infer<typeof PasskeyRegistration>;

/** A sign-in with a passkey alone has begun: `pending` and the browser's answer go to POST /session/second-step. */
export const PasskeyStep = z.strictObject({
  step: z.literal("passkey"),
  pending: z.string(),
  passkey: Options,
  expiresAt: z.string(),
});
export type PasskeyStep = z.infer<typeof PasskeyStep>;

const name = z.string().trim().min(1, "give it a name").max(60);

export const Passkey = z.strictObject({
  id: z.string(),
  name: z.string(),
  addedAt: z.string(),
  lastUsedAt: z.string().nullable(),
  /** It is kept beyond one device, e.g. by the maker of a phone. */
  synced: z.boolean(),
});
export type Passkey = z.infer<typeof Passkey>;

export const PasskeyList = z.strictObject({
  items: z.array(Passkey),
  /** Why this portal can have none; null where it can. */
  whyNot: z.string().nullable(),
});
export type PasskeyList = z.infer<typeof PasskeyList>;

export const AddPasskey = z.strictObject({ ticket: z.string().min(1).max(100), name, response: PasskeyRegistration });
export const AddedPasskey = z.strictObject({
  passkey: Passkey,
  /** With the first second factor alone, shown once. */
  recoveryCodes: z.array(z.string()).nullable(),
  me: Me,
});
export type AddedPasskey = z.infer<typeof AddedPasskey>;
export const RenamePasskey = z.strictObject({ id: short, name });
export const RemovePasskey = z.strictObject({ id: short });

export const ConfirmChallenge = z.strictObject({
  /** Null: this person has no passkey, or this portal can have none. */
  passkey: PasskeyQuestion.nullable(),
  /** Whether a code of an authenticator, or a recovery code, can be given. */
  code: z.boolean(),
  /** Whether the identity provider can be asked again. */
  provider: z.string().nullable(),
});
export type ConfirmChallenge = z.infer<typeof ConfirmChallenge>;

/** For `Verification code:` of a log-in over SSH or VNC; opens once. */
export const PortalCode = z.strictObject({ code: z.string(), expiresAt: z.string() });
export type PortalCode = z.infer<typeof PortalCode>;
