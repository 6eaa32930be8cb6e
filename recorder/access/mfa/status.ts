// Who has a second factor. Reads alone: nothing here opens a secret.
import type { Kysely } from "kysely";
import type { AccessTables } from "../tables.ts";

export interface MfaStatus {
  /** With an authenticator, a passkey, or both. */
  enrolled: boolean;
  authenticator: boolean;
  passkeys: number;
  /** Of the first that still counts. */
  since: string | null;
  recoveryCodesLeft: number;
}

export const notEnrolled: MfaStatus = {
  enrolled: false,
  authenticator: false,
  passkeys: 0,
  since: null,
  recoveryCodesLeft: 0,
};

/** By lowercase name; of everybody when no name is given. Who is not enrolled is left out. */
export async function mfaStatuses(db: Kysely<AccessTables>, person?: string): Promise<Map<string, MfaStatus>> {
  let totp = db.selectFrom("person_totp").select(["person", "enrolled_at"]);
  let passkeys = db
    .selectFrom("passkeys")
    .select(["person", (e) => e.fn.min("added_at").as("since"), (e) => e.fn.countAll<number>().as("count")])
    .groupBy("person");
  let codes = db
    .selectFrom("recovery_codes")
    .select(["person", (e) => e.fn.countAll<number>().as("left")])
    .where("used_at", "is", null)
    .groupBy("person");
  if (person !== undefined) {
    totp = totp.where("person", "=", person.toLowerCase());
    passkeys = passkeys.where("person", "=", person.toLowerCase());
    codes = codes.where("person", "=", person.toLowerCase());
  }
  const left = new Map((await codes.execute()).map((row) => [row.person, Number(row.left)]));
  const authenticators = new Map((await totp.execute()).map((row) => [row.person, row.enrolled_at]));
  const keys = new Map((await passkeys.execute()).map((row) => [row.person, row]));
  return new Map(
    [...new Set([...authenticators.keys(), ...keys.keys()])].map((name) => {
      const since =
        [authenticators.get(name), keys.get(name)?.since].filter((at) => at !== undefined).sort()[0] ?? null;
      return [
        name,
        {
          enrolled: true,
          authenticator: authenticators.has(name),
          passkeys: Number(keys.get(name)?.count ?? 0),
          since,
          recoveryCodesLeft: left.get(name) ?? 0,
        },
      ];
    }),
  );
}
