// Puts everything that is sealed under a new master key, in one transaction. Crash interleavings, with a key in a file: the
// new key is durable beside the old one before anything is sealed under it; the commit decides which of the two is in force,
// since the database names it; the rename afterwards is done by whoever first sees that it is missing. So after a kill at
// any moment one of the files holds the key of the database, and which one is known.
import type { Kysely, Transaction } from "kysely";
import { AppError } from "../../shared/errors.ts";
import { keyInForce } from "./master-key.ts";
import type { MasterKeySource } from "./master-key-source.ts";
import { keyIdOf, seal, sealedFor, unseal } from "./sealing.ts";
import type { AccessTables } from "./tables.ts";

export interface RotationOptions {
  /** Called at each step; tests end the process there. */
  onStep?: (step: "prepared" | "sealed" | "committed" | "adopted") => void;
}

export interface Rotation {
  /** Of the key that is in force now. */
  keyId: string;
  secrets: number;
  authenticators: number;
}

/** CONFIG_INVALID, and nothing changed, when the source's key is not the one in force or a value does not decrypt. */
export async function rotateMasterKey(
  db: Kysely<AccessTables>,
  source: MasterKeySource,
  next: Uint8Array,
  { onStep }: RotationOptions = {},
): Promise<Rotation> {
  const before = await keyInForce(db, source);
  const keyId = keyIdOf(next);
  if (keyId === keyIdOf(before)) {
    throw new AppError(
      "REQUEST_INVALID",
      "the new master key is the one in force; make another: openssl rand -base64 32",
      {
        op: "access.rotate",
      },
    );
  }
  const rotation = await db.transaction().execute(async (trx) => {
    // Within the transaction, which keeps other rotations out: what lies beside the file is nobody's who is at work.
    const named = await trx.selectFrom("master_key").select("key_id").where("id", "=", 1).executeTakeFirst();
    if (named?.key_id !== keyIdOf(before)) {
      throw new AppError("REQUEST_CONFLICT", "the master key was rotated by somebody else just now", {
        op: "access.rotate",
      });
    }
    await source.file?.removeLeftOver();
    await source.file?.prepare(next);
    onStep?.("prepared");
    const sealed = await sealAnew(trx, before, next);
    await trx
      .updateTable("master_key")
      .set({ key_id: keyId, since: new Date().toISOString() })
      .where("id", "=", 1)
      .execute();
    onStep?.("sealed");
    return { keyId, ...sealed };
  });
  onStep?.("committed");
  await source.file?.adopt(keyId);
  onStep?.("adopted");
  return rotation;
}

async function sealAnew(
  trx: Transaction<AccessTables>,
  before: Uint8Array,
  next: Uint8Array,
): Promise<Pick<Rotation, "secrets" | "authenticators">> {
  const again = (what: string, purpose: string, sealed: string) => {
    try {
      return seal(next, purpose, unseal(before, purpose, sealed));
    } catch {
      throw new AppError(
        "CONFIG_INVALID",
        `${what} does not decrypt under the master key in force; nothing was changed. Remove it or set it again, then rotate.`,
        { op: "access.rotate" },
      );
    }
  };
  const secrets = await trx.selectFrom("secrets").select(["name", "kind", "sealed"]).execute();
  for (const { name, kind, sealed } of secrets) {
    const anew = again(`the secret ${name}`, sealedFor.secret(name, kind), sealed);
    await trx.updateTable("secrets").set({ sealed: anew }).where("name", "=", name).execute();
  }
  const authenticators = await trx.selectFrom("person_totp").select(["person", "sealed"]).execute();
  for (const { person, sealed } of authenticators) {
    const anew = again(`the authenticator of ${person}`, sealedFor.totp(person), sealed);
    await trx.updateTable("person_totp").set({ sealed: anew }).where("person", "=", person).execute();
  }
  const begun = await trx.selectFrom("totp_enrolments").select(["person", "sealed"]).execute();
  for (const { person, sealed } of begun) {
    const anew = again(`the begun enrolment of ${person}`, sealedFor.totpEnrolment(person), sealed);
    await trx.updateTable("totp_enrolments").set({ sealed: anew }).where("person", "=", person).execute();
  }
  const months = await trx.selectFrom("month_keys").select(["month", "sealed", "sealed_by"]).execute();
  for (const { month, sealed, sealed_by } of months) {
    if (sealed === null || sealed_by !== "master-key") continue;
    const anew = again(`the service's key of ${month} to encrypted recordings`, sealedFor.monthKey(month), sealed);
    await trx.updateTable("month_keys").set({ sealed: anew }).where("month", "=", month).execute();
  }
  return { secrets: secrets.length, authenticators: authenticators.length };
}
