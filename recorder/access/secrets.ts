// Credentials of targets, encrypted under the master key. AES-256-GCM with a random nonce; the secret's name and kind are
// additional data, so a row copied over another one does not decrypt. Values are given out for sessions, never listed.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { checkPrivateKey, type PrivateKeyReader } from "./private-keys.ts";
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
const nonceBytes = 12;
const tagBytes = 16;

export interface SecretStoreOptions {
  /** Reads a private key as the SSH library will; without it only the container is checked. */
  privateKeyReader?: PrivateKeyReader;
  now?: () => Date;
}

export class SecretStore {
  readonly #db: Kysely<AccessTables>;
  readonly #masterKey: Uint8Array;
  readonly #privateKeyReader: PrivateKeyReader | undefined;
  readonly #now: () => Date;

  constructor(db: Kysely<AccessTables>, masterKey: Uint8Array, options: SecretStoreOptions = {}) {
    if (masterKey.length !== 32) throw new RangeError("the master key has 32 bytes");
    this.#db = db;
    this.#masterKey = masterKey;
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
    const row = { kind: parsed.data.kind, sealed: this.#seal(name, parsed.data), updated_at: at };
    await this.#db
      .insertInto("secrets")
      .values({ name, ...row, created_at: at })
      .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
      .execute();
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
      return Secret.parse(JSON.parse(this.#unseal(name, row.kind, Buffer.from(row.sealed, "base64"))));
    } catch {
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

  #seal(name: string, secret: Secret): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#masterKey, nonce);
    cipher.setAAD(additionalData(name, secret.kind));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(secret), "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
  }

  #unseal(name: string, kind: string, sealed: Buffer): string {
    const decipher = createDecipheriv("aes-256-gcm", this.#masterKey, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(additionalData(name, kind));
    decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()]).toString("utf8");
  }
}

function additionalData(name: string, kind: string): Buffer {
  return Buffer.from(`conduit secret\n${name}\n${kind}`, "utf8");
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  throw new AppError(
    "REQUEST_INVALID",
    `${JSON.stringify(name.slice(0, 64))} is no name for a secret: letters, digits, dot, dash and underscore, at most 63 characters`,
    { op: "access.secret" },
  );
}
