// The service's own keys to encrypted recordings: one age identity for each month in which recordings fall due. The public
// half encrypts; the private half is sealed under the master key, or by a key service, and is destroyed with its month's
// recordings: then the service can read none of them, wherever a copy may be. Invariant: a destroyed identity is never
// made again.
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Kysely } from "kysely";
import { AppError } from "../../shared/errors.ts";
import { eraseRemains } from "../database/engine.ts";
import type { MasterKey } from "./master-key.ts";
import { sealedFor } from "./sealing.ts";
import type { AccessTables } from "./tables.ts";

/** A key service: gives back sealed what it was given, and the other way round. */
export interface KeyService {
  seal(text: string): Promise<string>;
  unseal(sealed: string): Promise<string>;
}

export interface MonthKey {
  month: string;
  recipient: string;
  sealedBy: "master-key" | "key-service";
  createdAt: string;
  destroyedAt: string | null;
}

export interface MonthKeysOptions {
  keyService?: KeyService | undefined;
  now?: () => Date;
}

export class MonthKeys {
  readonly #db: Kysely<AccessTables>;
  readonly #masterKey: MasterKey;
  readonly #keyService: KeyService | undefined;
  readonly #now: () => Date;
  /** What a key service gave: asking it takes a while. */
  readonly #unsealed = new Map<string, string>();

  constructor(
    db: Kysely<AccessTables>,
    masterKey: MasterKey,
    { keyService, now = () => new Date() }: MonthKeysOptions = {},
  ) {
    this.#db = db;
    this.#masterKey = masterKey;
    this.#keyService = keyService;
    this.#now = now;
  }

  /** The public half; the pair is made when there is none. REQUEST_CONFLICT when it was destroyed. */
  async recipientOf(month: string): Promise<string> {
    const row = (await this.#find(month)) ?? (await this.#make(month));
    if (row.sealed !== null) return row.recipient;
    throw new AppError("REQUEST_CONFLICT", `the service's key of ${month} was destroyed`, { op: "access.monthKeys" });
  }

  /** The private half; null when there is none any more, or never was. CONFIG_INVALID when it cannot be unsealed. */
  async identityOf(month: string): Promise<string | null> {
    const row = await this.#find(month);
    // Another process may have destroyed it.
    if (row === undefined || row.sealed === null) {
      this.#unsealed.delete(month);
      return null;
    }
    const known = this.#unsealed.get(month);
    if (known !== undefined) return known;
    try {
      if (row.sealed_by === "master-key") return await this.#masterKey.unseal(sealedFor.monthKey(month), row.sealed);
      const identity = await this.#service(month).unseal(row.sealed);
      if ((await identityToRecipient(identity)) !== row.recipient) throw new Error("it is another month's");
      this.#unsealed.set(month, identity);
      return identity;
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw new AppError(
        "CONFIG_INVALID",
        `the service's key of ${month} to encrypted recordings cannot be unsealed (${row.sealed_by}): the master key or the key service is another one, or the row was altered`,
        { op: "access.monthKeys", cause },
      );
    }
  }

  async list(): Promise<MonthKey[]> {
    const rows = await this.#db.selectFrom("month_keys").selectAll().orderBy("month").execute();
    return rows.map((row) => ({
      month: row.month,
      recipient: row.recipient,
      sealedBy: row.sealed_by === "key-service" ? "key-service" : "master-key",
      createdAt: row.created_at,
      destroyedAt: row.destroyed_at,
    }));
  }

  /** For good: the row stays and says when. The database overwrites what it held. False when it is gone already. */
  async destroy(month: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("month_keys")
      .set({ sealed: null, destroyed_at: this.#now().toISOString() })
      .where("month", "=", month)
      .where("sealed", "is not", null)
      .executeTakeFirst();
    this.#unsealed.delete(month);
    await eraseRemains(this.#db, "month_keys");
    return numUpdatedRows > 0n;
  }

  #find(month: string) {
    return this.#db.selectFrom("month_keys").selectAll().where("month", "=", month).executeTakeFirst();
  }

  async #make(month: string) {
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    const row = { month, recipient, created_at: this.#now().toISOString(), destroyed_at: null };
    const sealedByService = this.#keyService === undefined ? null : await this.#keyService.seal(identity);
    await this.#masterKey.sealing(async (trx, seal) => {
      const values =
        sealedByService === null
          ? { ...row, sealed: seal(sealedFor.monthKey(month), identity), sealed_by: "master-key" }
          : { ...row, sealed: sealedByService, sealed_by: "key-service" };
      await trx
        .insertInto("month_keys")
        .values(values)
        .onConflict((conflict) => conflict.column("month").doNothing())
        .execute();
    });
    // Of two that made it at the same time the first stands.
    const made = await this.#find(month);
    if (made === undefined) throw new Error(`the key of ${month} is not in the database`);
    return made;
  }

  #service(month: string): KeyService {
    if (this.#keyService !== undefined) return this.#keyService;
    throw new AppError(
      "CONFIG_INVALID",
      `the service's key of ${month} to encrypted recordings is sealed by a key service: give encryption.keyService.command`,
      { op: "access.monthKeys" },
    );
  }
}
