// The key under which credentials are kept: 32 random bytes that come from a file only the service can read, from the
// environment, or from a command. Whoever has both it and the database has the credentials, so it is never in the database,
// a backup of which is worth nothing alone; the database knows only which key it is. Invariant: nothing is sealed under a
// key that the database does not name, so that a rotation in another process loses nothing.
import type { Kysely, Transaction } from "kysely";
import { AppError } from "../../shared/errors.ts";
import type { MasterKeySource } from "./master-key-source.ts";
import { keyBytes, keyIdOf, seal, sealedFor, unseal } from "./sealing.ts";
import type { AccessTables } from "./tables.ts";

type Seal = (purpose: string, text: string) => string;

export class MasterKey {
  readonly #db: Kysely<AccessTables>;
  readonly #source: MasterKeySource;
  #key: Uint8Array;

  private constructor(db: Kysely<AccessTables>, source: MasterKeySource, key: Uint8Array) {
    this.#db = db;
    this.#source = source;
    this.#key = key;
  }

  /** CONFIG_INVALID when it is not the key under which the database is sealed, or cannot be had. */
  static async open(db: Kysely<AccessTables>, source: MasterKeySource): Promise<MasterKey> {
    return new MasterKey(db, source, await keyInForce(db, source));
  }

  /** A key that is at hand already and not compared with the database before it is used. */
  static of(db: Kysely<AccessTables>, key: Uint8Array): MasterKey {
    if (key.length !== keyBytes) throw new RangeError(`the master key has ${keyBytes} bytes`);
    return new MasterKey(db, { what: "the master key", load: async () => key }, key);
  }

  /** Throws when it does not decrypt, also under the key that is in force by now. */
  async unseal(purpose: string, sealed: string): Promise<string> {
    try {
      return unseal(this.#key, purpose, sealed);
    } catch (error) {
      // Another process may have rotated it since.
      if (!(await this.#renewed())) throw error;
      return unseal(this.#key, purpose, sealed);
    }
  }

  /** A transaction in which values may be sealed; it is tried again when the key was rotated in between. */
  async sealing<T>(work: (trx: Transaction<AccessTables>, seal: Seal) => Promise<T>): Promise<T> {
    const attempt = () =>
      this.#db.transaction().execute(async (trx) => {
        const id = keyIdOf(this.#key);
        if ((await keyIdIn(trx)) === null) {
          await trx.insertInto("master_key").values({ id: 1, key_id: id, since: new Date().toISOString() }).execute();
        }
        if ((await keyIdIn(trx)) !== id) return stale;
        return { done: await work(trx, (purpose, text) => seal(this.#key, purpose, text)) };
      });
    let outcome = await attempt();
    if (outcome === stale && (await this.#renewed())) outcome = await attempt();
    if (outcome === stale) throw notTheKey(this.#source);
    return (outcome as { done: T }).done;
  }

  async #renewed(): Promise<boolean> {
    const named = await keyIdIn(this.#db);
    if (named === null || named === keyIdOf(this.#key)) return false;
    this.#key = await keyInForce(this.#db, this.#source);
    return true;
  }
}

const stale = Symbol("stale");

/** The source's key, if it is the one that the database names; a database without a name gets this one's. */
export async function keyInForce(db: Kysely<AccessTables>, source: MasterKeySource): Promise<Uint8Array> {
  const named = await keyIdIn(db);
  if (named !== null) {
    const key = await source.load(named);
    if (keyIdOf(key) !== named) throw notTheKey(source);
    return key;
  }
  const key = await source.load(null);
  await refuseForeignRows(db, key, source);
  await db
    .insertInto("master_key")
    .values({ id: 1, key_id: keyIdOf(key), since: new Date().toISOString() })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  return (await keyIdIn(db)) === keyIdOf(key) ? key : keyInForce(db, source);
}

/** Databases from before keys were named: what is in there must be this key's. One row that opens is enough. */
async function refuseForeignRows(db: Kysely<AccessTables>, key: Uint8Array, source: MasterKeySource): Promise<void> {
  const rows = await db.selectFrom("secrets").select(["name", "kind", "sealed"]).execute();
  const opens = ({ name, kind, sealed }: (typeof rows)[number]) => {
    try {
      unseal(key, sealedFor.secret(name, kind), sealed);
      return true;
    } catch {
      return false;
    }
  };
  if (rows.length > 0 && !rows.some(opens)) throw notTheKey(source);
}

async function keyIdIn(db: Kysely<AccessTables>): Promise<string | null> {
  const row = await db.selectFrom("master_key").select("key_id").where("id", "=", 1).executeTakeFirst();
  return row?.key_id ?? null;
}

function notTheKey(source: MasterKeySource): AppError {
  return new AppError(
    "CONFIG_INVALID",
    `${source.what} is not the key under which the database's secrets are sealed (the master key is another one, or was rotated since): give the key in force, or restore key and database from backups of the same day`,
    { op: "access.masterKey" },
  );
}
