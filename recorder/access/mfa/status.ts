// Who has a second factor. Reads alone: nothing here opens a secret.
import type { Kysely } from "kysely";
import type { AccessTables } from "../tables.ts";

export interface MfaStatus {
  enrolled: boolean;
  since: string | null;
  recoveryCodesLeft: number;
}

export const notEnrolled: MfaStatus = { enrolled: false, since: null, recoveryCodesLeft: 0 };

/** By lowercase name; of everybody when no name is given. Who is not enrolled is left out. */
export async function mfaStatuses(db: Kysely<AccessTables>, person?: string): Promise<Map<string, MfaStatus>> {
  let enrolled = db.selectFrom("person_totp").select(["person", "enrolled_at"]);
  let codes = db
    .selectFrom("recovery_codes")
    .select(["person", (e) => e.fn.countAll<number>().as("left")])
    .where("used_at", "is", null)
    .groupBy("person");
  if (person !== undefined) {
    enrolled = enrolled.where("person", "=", person.toLowerCase());
    codes = codes.where("person", "=", person.toLowerCase());
  }
  const left = new Map((await codes.execute()).map((row) => [row.person, Number(row.left)]));
  return new Map(
    (await enrolled.execute()).map((row) => [
      row.person,
      { enrolled: true, since: row.enrolled_at, recoveryCodesLeft: left.get(row.person) ?? 0 },
    ]),
  );
}
