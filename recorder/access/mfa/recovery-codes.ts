// Codes for the day on which the authenticator is lost: each opens once. 79 bits each, so that their SHA-256 in a stolen
// database gives nothing away; the person is mixed in, so that a row copied to somebody else does not fit.
import { createHash, randomInt } from "node:crypto";
import type { Transaction } from "kysely";
import type { AccessTables } from "../tables.ts";

export const recoveryCodeCount = 10;
// Without characters that are mistaken for one another when a person copies them.
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789";
const pattern = new RegExp(`^[${alphabet}]{16}$`);

export function makeRecoveryCodes(): string[] {
  return Array.from({ length: recoveryCodeCount }, () =>
    Array.from({ length: 4 }, () =>
      Array.from({ length: 4 }, () => alphabet[randomInt(alphabet.length)]).join(""),
    ).join("-"),
  );
}

/** Null for what cannot be one. Case, dashes and spaces do not matter. */
export function parseRecoveryCode(text: string): string | null {
  const compact = text.toLowerCase().replaceAll(/[\s-]/g, "");
  return pattern.test(compact) ? compact : null;
}

export function hashRecoveryCode(person: string, code: string): string {
  return createHash("sha256")
    .update(`conduit recovery code\n${person}\n${code.replaceAll("-", "")}`)
    .digest("base64url");
}

/** The old ones open nothing any more. */
export async function replaceRecoveryCodes(
  trx: Transaction<AccessTables>,
  person: string,
  codes: readonly string[],
): Promise<void> {
  const key = person.toLowerCase();
  await trx.deleteFrom("recovery_codes").where("person", "=", key).execute();
  await trx
    .insertInto("recovery_codes")
    .values(codes.map((code) => ({ person: key, code_hash: hashRecoveryCode(key, code), used_at: null })))
    .execute();
}
