// The people who may sign in: names, roles, password hashes, SSH public keys. Names cannot be probed: an unknown name, a
// wrong password, a disabled account and an account without a password take the same time and give the same answer.
import type { Kysely, Selectable } from "kysely";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { Role } from "../../shared/policy/policy.ts";
import {
  hashPassword,
  makeOneTimePassword,
  maxPasswordLength,
  minPasswordLength,
  verifyPassword,
} from "./passwords.ts";
import { fingerprintOf, parsePublicKeyLine } from "./public-keys.ts";
import type { AccessTables, PeopleTable, PersonKeysTable } from "./tables.ts";
import { Throttle } from "./throttle.ts";

export const PersonName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/, "letters, digits, dot, dash, underscore and @; at most 63 characters");

export interface PersonKey {
  fingerprint: string;
  algorithm: string;
  comment: string;
  addedAt: string;
  lastUsedAt: string | null;
}

export interface Person {
  name: string;
  roles: Role[];
  disabled: boolean;
  mustChangePassword: boolean;
  hasPassword: boolean;
  createdAt: string;
  keys: PersonKey[];
}

/** Of one factor alone; a sign-in goes through SignIn, which asks for the second. */
export type Authentication =
  | { outcome: "accepted"; person: Person; method: "password" | "publickey" }
  | { outcome: "refused" };

export interface NewPerson {
  name: string;
  roles: readonly Role[];
  /** Left out: keys only, until a password is set. */
  password?: string;
  /** True for a one-time password. */
  mustChangePassword?: boolean;
}

export interface PeopleOptions {
  throttle?: Throttle;
  now?: () => Date;
}

export class People {
  readonly #db: Kysely<AccessTables>;
  readonly #throttle: Throttle;
  readonly #now: () => Date;

  constructor(db: Kysely<AccessTables>, options: PeopleOptions = {}) {
    this.#db = db;
    this.#throttle = options.throttle ?? new Throttle();
    this.#now = options.now ?? (() => new Date());
  }

  async create(person: NewPerson): Promise<Person> {
    const name = parseName(person.name);
    const roles = parseRoles(person.roles);
    if (person.password !== undefined) checkNewPassword(name, person.password);
    const passwordHash = person.password === undefined ? null : await hashPassword(person.password);
    const at = this.#now().toISOString();
    const inserted = await this.#db
      .insertInto("people")
      .values({
        key: keyOf(name),
        name,
        roles: JSON.stringify(roles),
        password_hash: passwordHash,
        must_change_password: person.mustChangePassword === true ? 1 : 0,
        disabled: 0,
        created_at: at,
        password_changed_at: passwordHash === null ? null : at,
      })
      .onConflict((conflict) => conflict.column("key").doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows !== 1n) {
      throw new AppError("REQUEST_CONFLICT", `there is a person named ${name} already (case is not told apart)`, {
        op: "access.people.create",
      });
    }
    return this.get(name);
  }

  /** Creates a person with a password that must be changed at the first sign-in; the password is returned once. */
  async createWithOneTimePassword(
    person: Omit<NewPerson, "password" | "mustChangePassword">,
  ): Promise<{ person: Person; password: string }> {
    const password = makeOneTimePassword();
    return { person: await this.create({ ...person, password, mustChangePassword: true }), password };
  }

  async list(): Promise<Person[]> {
    const rows = await this.#db.selectFrom("people").selectAll().orderBy("key").execute();
    const keys = await this.#db.selectFrom("person_keys").selectAll().orderBy("added_at").execute();
    return rows.map((row) =>
      toPerson(
        row,
        keys.filter((key) => key.person === row.key),
      ),
    );
  }

  async find(name: string): Promise<Person | null> {
    const row = await this.#row(name);
    // Asked for unknown names too: sign-ins look people up, and take as long for everybody.
    const keys = await this.#db
      .selectFrom("person_keys")
      .selectAll()
      .where("person", "=", keyOf(name))
      .orderBy("added_at")
      .execute();
    return row === undefined ? null : toPerson(row, keys);
  }

  /** Of these names, the roles of those whose account is there and enabled. */
  async rolesOf(names: readonly string[]): Promise<Map<string, Role[]>> {
    if (names.length === 0) return new Map();
    const enabled = await this.#db
      .selectFrom("people")
      .select(["key", "roles"])
      .where("key", "in", names.map(keyOf))
      .where("disabled", "=", 0)
      .execute();
    const roles = new Map(enabled.map((row) => [row.key, z.array(Role).parse(JSON.parse(row.roles))]));
    return new Map(
      names.flatMap((name) => {
        const own = roles.get(keyOf(name));
        return own === undefined ? [] : [[name, own]];
      }),
    );
  }

  /** REQUEST_NOT_FOUND when there is nobody of that name. */
  async get(name: string): Promise<Person> {
    const person = await this.find(name);
    if (person === null) throw unknownPerson(name);
    return person;
  }

  /** Ends every web session of the person. */
  async setPassword(name: string, password: string, options: { mustChange?: boolean } = {}): Promise<void> {
    const person = await this.get(name);
    checkNewPassword(person.name, password);
    await this.#update(name, {
      password_hash: await hashPassword(password),
      must_change_password: options.mustChange === true ? 1 : 0,
      password_changed_at: this.#now().toISOString(),
    });
    await this.#signOutEverywhere(name);
  }

  /** Returned once; must be changed at the next sign-in. */
  async setOneTimePassword(name: string): Promise<string> {
    const password = makeOneTimePassword();
    await this.setPassword(name, password, { mustChange: true });
    return password;
  }

  async setRoles(name: string, roles: readonly Role[]): Promise<void> {
    await this.#update(name, { roles: JSON.stringify(parseRoles(roles)) });
  }

  async setDisabled(name: string, disabled: boolean): Promise<void> {
    await this.#update(name, { disabled: disabled ? 1 : 0 });
    // Whoever decides it here overrules what a sign-in with the identity provider would bring back.
    await this.#db.updateTable("oidc_identities").set({ deprovisioned: 0 }).where("person", "=", keyOf(name)).execute();
    if (disabled) await this.#signOutEverywhere(name);
  }

  /** A key belongs to one person: what was done with it must be attributable. */
  async addKey(name: string, line: string): Promise<PersonKey> {
    const key = parsePublicKeyLine(line);
    const person = await this.get(name);
    const row = {
      fingerprint: key.fingerprint,
      person: keyOf(person.name),
      algorithm: key.algorithm,
      blob: Buffer.from(key.blob).toString("base64"),
      comment: key.comment,
      added_at: this.#now().toISOString(),
      last_used_at: null,
    };
    const inserted = await this.#db
      .insertInto("person_keys")
      .values(row)
      .onConflict((conflict) => conflict.column("fingerprint").doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows !== 1n) {
      throw new AppError(
        "REQUEST_CONFLICT",
        `the key ${key.fingerprint} is in use already; a key belongs to one person`,
        {
          op: "access.people.addKey",
        },
      );
    }
    return toKey(row);
  }

  /** By fingerprint, or by comment when only one key has it. */
  async removeKey(name: string, fingerprintOrComment: string): Promise<PersonKey> {
    const person = await this.get(name);
    const matches = person.keys.filter(
      (key) => key.fingerprint === fingerprintOrComment || key.comment === fingerprintOrComment,
    );
    const [key] = matches;
    if (key === undefined || matches.length > 1) {
      const why =
        key === undefined ? "has no such key" : "has several keys of that comment; name one by its fingerprint";
      throw new AppError("REQUEST_NOT_FOUND", `${person.name} ${why}`, { op: "access.people.removeKey" });
    }
    await this.#db.deleteFrom("person_keys").where("fingerprint", "=", key.fingerprint).execute();
    return key;
  }

  /** AUTH_THROTTLED (details.retryAfterSeconds) when this address or this name from this address must wait. */
  async authenticatePassword(name: string, password: string, address: string): Promise<Authentication> {
    const attempt = this.#throttle.begin(name, address);
    try {
      const person = await this.checkPassword(name, password);
      if (person === null) return { outcome: "refused" };
      attempt.succeeded();
      return { outcome: "accepted", person, method: "password" };
    } catch (error) {
      // A database that does not answer must not lock people out once it does again.
      attempt.undecided();
      throw error;
    }
  }

  /** Null for a wrong password, after the same time for every name. Unthrottled: the caller throttles the whole sign-in. */
  async checkPassword(name: string, password: string): Promise<Person | null> {
    const row = await this.#row(name);
    const usable = password.length <= maxPasswordLength ? password : "";
    const matches = await verifyPassword(row?.password_hash ?? null, usable);
    const person = await this.find(name);
    return row === undefined || !matches || row.disabled !== 0 ? null : person;
  }

  /**
   * Does this public key belong to this person? The caller verifies the signature (RFC 4252 §7); once it has, it says so
   * with `keyUsed`. `algorithm` is the signature's (`rsa-sha2-512`), the blob names its own.
   */
  async authenticateKey(name: string, _algorithm: string, blob: Uint8Array): Promise<Authentication> {
    const key = await this.#db
      .selectFrom("person_keys")
      .innerJoin("people", "people.key", "person_keys.person")
      .select(["people.name", "people.disabled"])
      .where("person_keys.fingerprint", "=", fingerprintOf(blob))
      .where("people.key", "=", keyOf(name))
      .executeTakeFirst();
    if (key === undefined || key.disabled !== 0) return { outcome: "refused" };
    return { outcome: "accepted", person: await this.get(key.name), method: "publickey" };
  }

  /**
   * Notes the use for `conduit user key list`. Rejects when the database takes nothing, e.g. on a full disk: that must
   * keep nobody out who may come in, so whoever calls this says in the log that the key was used, and goes on.
   */
  async keyUsed(blob: Uint8Array): Promise<void> {
    await this.#db
      .updateTable("person_keys")
      .set({ last_used_at: this.#now().toISOString() })
      .where("fingerprint", "=", fingerprintOf(blob))
      .execute();
  }

  #row(name: string): Promise<Selectable<PeopleTable> | undefined> {
    return this.#db.selectFrom("people").selectAll().where("key", "=", keyOf(name)).executeTakeFirst();
  }

  async #signOutEverywhere(name: string): Promise<void> {
    await this.#db.deleteFrom("web_sessions").where("person", "=", keyOf(name)).execute();
  }

  async #update(name: string, values: Partial<PeopleTable>): Promise<void> {
    const result = await this.#db.updateTable("people").set(values).where("key", "=", keyOf(name)).executeTakeFirst();
    if (result.numUpdatedRows !== 1n) throw unknownPerson(name);
  }
}

function keyOf(name: string): string {
  return name.toLowerCase();
}

function unknownPerson(name: string): AppError {
  return new AppError("REQUEST_NOT_FOUND", `there is no person named ${JSON.stringify(name.slice(0, 64))}`, {
    op: "access.people",
  });
}

function parseName(name: string): string {
  const parsed = PersonName.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new AppError(
    "REQUEST_INVALID",
    `${JSON.stringify(name.slice(0, 64))} is no name for a person: ${parsed.error.issues[0]?.message}`,
    {
      op: "access.people",
    },
  );
}

function parseRoles(roles: readonly Role[]): Role[] {
  const parsed = z
    .array(Role)
    .min(1)
    .safeParse([...new Set(roles)]);
  if (parsed.success) return parsed.data;
  throw new AppError("REQUEST_INVALID", `a person has one or more of the roles ${Role.options.join(", ")}`, {
    op: "access.people",
  });
}

function checkNewPassword(name: string, password: string): void {
  const why =
    password.length < minPasswordLength
      ? `it has fewer than ${minPasswordLength} characters`
      : password.length > maxPasswordLength
        ? `it has more than ${maxPasswordLength} characters`
        : new Set(password).size < 5
          ? "it has fewer than 5 different characters"
          : name.length >= 4 && password.toLowerCase().includes(name.toLowerCase())
            ? "it contains the person's name"
            : null;
  if (why !== null)
    throw new AppError("REQUEST_INVALID", `the password is refused: ${why}`, { op: "access.people.password" });
}

function toPerson(row: Selectable<PeopleTable>, keys: Selectable<PersonKeysTable>[]): Person {
  return {
    name: row.name,
    roles: z.array(Role).parse(JSON.parse(row.roles)),
    disabled: row.disabled !== 0,
    mustChangePassword: row.must_change_password !== 0,
    hasPassword: row.password_hash !== null,
    createdAt: row.created_at,
    keys: keys.map(toKey),
  };
}

function toKey(row: Selectable<PersonKeysTable>): PersonKey {
  return {
    fingerprint: row.fingerprint,
    algorithm: row.algorithm,
    comment: row.comment,
    addedAt: row.added_at,
    lastUsedAt: row.last_used_at,
  };
}
