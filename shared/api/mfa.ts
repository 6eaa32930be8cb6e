// What the HTTP API says of the second factor: the second step of a sign-in, enrolment, recovery codes.
import { z } from "zod";
import { Me } from "./types.ts";
import { PasskeyAssertion } from "./webauthn.ts";

/** What an app shows, or a recovery code: digits and letters, groups and spaces as they are typed. */
const code = z.string().trim().min(6).max(64);

/**
 * The answer to a first step that a code must follow. Where policy wants a second factor, a wrong name or password gets it
 * too: only the second step says whether all was right.
 */
export const SecondStepNeeded = z.strictObject({
  step: z.literal("code"),
  /** Goes with the code; of no use without the cookie that came with it. */
  pending: z.string(),
  /** What a passkey is asked, whoever it would be; left out where this portal can have none. */
  passkey: z.looseObject({ challenge: z.string() }).optional(),
  expiresAt: z.string(),
});
export type SecondStepNeeded = z.infer<typeof SecondStepNeeded>;

/** A code, or the answer of a passkey. */
export const SecondStep = z.union([
  z.strictObject({ pending: z.string().min(1).max(100), code }),
  z.strictObject({ pending: z.string().min(1).max(100), assertion: PasskeyAssertion }),
]);
/** A fresh code, or the answer of a passkey to what POST /session/confirm/challenge asked. */
export const ConfirmWith = z.union([
  z.strictObject({ code }),
  z.strictObject({ ticket: z.string().min(1).max(100), assertion: PasskeyAssertion }),
]);
export const WithCode = z.strictObject({ code });
/** Left out where one, or a passkey, was given in the last minutes. */
export const MaybeWithCode = z.strictObject({ code: code.optional() }).prefault({});
/** The code of the authenticator in force, where one is enrolled and none was given in the last minutes. */
export const BeginEnrolment = z.strictObject({ code: code.optional() }).prefault({});

export const MfaStatus = z.strictObject({
  /** With an authenticator, a passkey, or both. */
  enrolled: z.boolean(),
  authenticator: z.boolean(),
  passkeys: z.int(),
  since: z.string().nullable(),
  recoveryCodesLeft: z.int(),
  /** Policy wants it of everybody who signs in. */
  required: z.boolean(),
});
export type MfaStatus = z.infer<typeof MfaStatus>;

export const Enrolment = z.strictObject({
  /** Base32, for typing. */
  secret: z.string(),
  uri: z.string(),
  /** The address as QR code: modules on a side, and SVG path data of the dark ones, one unit each. */
  qr: z.strictObject({ size: z.int(), path: z.string() }),
  expiresAt: z.string(),
});
export type Enrolment = z.infer<typeof Enrolment>;

/** Shown once. */
export const RecoveryCodes = z.strictObject({ recoveryCodes: z.array(z.string()) });
export type RecoveryCodes = z.infer<typeof RecoveryCodes>;

/** The sign-in has a new cookie and a new CSRF token. */
export const ConfirmedEnrolment = RecoveryCodes.extend({ me: Me });

/** Until then what asks for a fresh code goes through. */
export const Confirmed = z.strictObject({ confirmedAt: z.string() });
export type Confirmed = z.infer<typeof Confirmed>;

/** The reason is kept. */
export const ResetMfa = z.strictObject({ reason: z.string().trim().max(200).default("") }).prefault({});
