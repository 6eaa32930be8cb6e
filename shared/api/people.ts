// What the HTTP API says of people: who may sign in, with which roles, keys and second factor.
import { z } from "zod";
import { Role } from "../policy/policy.ts";
import { MfaStatus } from "./mfa.ts";

export const PersonView = z.strictObject({
  name: z.string(),
  roles: z.array(Role),
  disabled: z.boolean(),
  mustChangePassword: z.boolean(),
  hasPassword: z.boolean(),
  createdAt: z.string(),
  keys: z.array(
    z.strictObject({
      fingerprint: z.string(),
      algorithm: z.string(),
      comment: z.string(),
      addedAt: z.string(),
      lastUsedAt: z.string().nullable(),
    }),
  ),
  mfa: MfaStatus.omit({ required: true }),
});
export type PersonView = z.infer<typeof PersonView>;
export const PersonList = z.strictObject({ items: z.array(PersonView) });

const roles = z.array(Role).min(1, "a person has at least one role").max(Role.options.length);
export const NewPerson = z.strictObject({
  name: z.string().min(1).max(63),
  roles,
  /** An OpenSSH public key line; with it no password is made unless `password` says so. */
  publicKey: z.string().min(1).max(16_384).optional(),
  /** Make a one-time password; when left out, only where there is no key. */
  password: z.boolean().optional(),
});
export type NewPerson = z.infer<typeof NewPerson>;
/** The one-time password is in this answer and nowhere else. */
export const AddedPerson = z.strictObject({ person: PersonView, oneTimePassword: z.string().nullable() });
export type AddedPerson = z.infer<typeof AddedPerson>;

export const ChangeRoles = z.strictObject({ roles });
export const AddKey = z.strictObject({ publicKey: z.string().min(1).max(16_384) });
export const RemoveKey = z.strictObject({ fingerprint: z.string().min(1).max(200) });
export const DisablePerson = z.strictObject({ reason: z.string().trim().max(200).default("") }).prefault({});
