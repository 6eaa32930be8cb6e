// Credentials of targets, sealed under the master key. Values are given out for sessions, never listed.
import type { Kysely } from "kysely";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { MasterKey } from "./master-key.ts";
import { checkPrivateKey, type PrivateKeyReader } from "./private-keys.ts";
import { sealedFor } from "./sealing.ts";
import type { AccessTables } from "./tables.ts";

export const Secret = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("password"), password: z.string().min(1).max(1024) }),
  z.strictObject({
    kind: z.literal("private-key"),
    privateKey: z.string().min(1).max(32_768),
    passphrase: z.string().min(1).max(1024).optional(),
  }),
]);
export type Secret = z.infer<typeof Secret>;

export interface SecretInfo {
  name: string;
  kind: Secret["kind"];
  createdAt: string;
  updatedAt: string;
}

/** As target names in the policy's files. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export interface SecretStoreOptions {
  /** Reads a private key as the SSH library will; without it only the container is checked. */
  privateKeyReader?: PrivateKeyReader;
  now?: () => Date;
}

export class SecretStore {
  readonly #db: Kysely<AccessTables>;
  readonly #masterKey: MasterKey;
  readonly #privateKeyReader: PrivateKeyReader | undefined;
  readonly #now: () => Date;

  constructor(db: Kysely<AccessTables>, masterKey: MasterKey | Uint8Array, options: SecretStoreOptions = {}) {
    this.#db = db;
    this.#masterKey = masterKey instanceof MasterKey ? masterKey : MasterKey.of(db, masterKey);
    this.#privateKeyReader = options.privateKeyReader;
    this.#now = options.now ?? (() => new Date());
  }

  /** Replaces a secret of the same name. */
  async set(name: string, secret: Secret): Promise<void> {
    checkName(name);
    const parsed = Secret.safeParse(secret);
    if (!parsed.success) {
      throw new AppError(
        "REQUEST_INVALID",
        `the secret ${name} is refused: it is empty, too long, or of no known kind`,
        { op: "access.secret.set" },
      );
    }
    if (parsed.data.kind === "private-key") {
      checkPrivateKey(parsed.data.privateKey, parsed.data.passphrase, this.#privateKeyReader);
    }
    const at = this.#now().toISOString();
    const { kind } = parsed.data;
    await this.#masterKey.sealing(async (trx, seal) => {
      const sealed = seal(sealedFor.secret(name, kind), JSON.stringify(parsed.data));
      const row = { kind, sealed, updated_at: at };
      await trx
        .insertInto("secrets")
        .values({ name, ...row, created_at: at })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
        .execute();
    });
  }

  /** CONFIG_INVALID when there is no such secret or it does not decrypt. For opening sessions; never log the answer. */
  async get(name: string): Promise<Secret> {
    const row = await this.#db.selectFrom("secrets").selectAll().where("name", "=", name).executeTakeFirst();
    if (row === undefined) {
      throw new AppError(
        "CONFIG_INVALID",
        `there is no secret named ${JSON.stringify(name.slice(0, 64))}; add it with \`conduit secret set\``,
        {
          op: "access.secret.get",
        },
      );
    }
    try {
      return Secret.parse(JSON.parse(await this.#masterKey.unseal(sealedFor.secret(name, row.kind), row.sealed)));
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError(
        "CONFIG_INVALID",
        `the secret ${name} does not decrypt: the master key is another one, or the row was altered; set the secret again`,
        { op: "access.secret.get" },
      );
    }
  }

  async list(): Promise<SecretInfo[]> {
    const rows = await this.#db
      .selectFrom("secrets")
      .select(["name", "kind", "created_at", "updated_at"])
      .orderBy("name")
      .execute();
    return rows.map((row) => ({
      name: row.name,
      kind: z.enum(["password", "private-key"]).parse(row.kind),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    }));
  }

  /** REQUEST_NOT_FOUND when there is none. */
  async remove(name: string): Promise<void> {
    const result = await this.#db.deleteFrom("secrets").where("name", "=", name).executeTakeFirst();
    if (result.numDeletedRows !== 1n) {
      throw new AppError("REQUEST_NOT_FOUND", `there is no secret named ${JSON.stringify(name.slice(0, 64))}`, {
        op: "access.secret.remove",
      });
    }
  }
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  throw new AppError(
    "REQUEST_INVALID",
    `${JSON.stringify(name.slice(0, 64))} is no name for a secret: letters, digits, dot, dash and underscore, at most 63 characters`,
    { op: "access.secret" },
  );
}
