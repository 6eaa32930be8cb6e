// API tokens: for programs that act for one person, with some of that person's roles and until a day. The database holds
// only the SHA-256 of a token. Invariant: a token never does more than its person may do at that moment, and nothing that
// asks a person for a fresh second factor.
import { createHash, randomBytes } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import { z } from "zod";
import type { ApiToken } from "../../shared/api/identity.ts";
import { AppError } from "../../shared/errors.ts";
import { Role } from "../../shared/policy/policy.ts";
import type { ApiTokensTable } from "./identity-tables.ts";
import { People } from "./people.ts";
import type { AccessTables } from "./tables.ts";

export interface NewToken {
  name: string;
  /** Some of the person's own. */
  roles: readonly Role[];
  readOnly: boolean;
  days: number;
}

/** Whom a token speaks for. */
export interface TokenHolder {
  id: string;
  person: string;
  /** Those that the person still has. */
  roles: Role[];
  readOnly: boolean;
  /** Its owner had one when it was made. */
  secondFactor: boolean;
  expiresAt: string;
}

const prefix = "crt_";
const pattern = /^crt_[A-Za-z0-9_-]{43}$/;
const dayMs = 86_400_000;
const touchEveryMs = 60_000;
const maxOfPerson = 50;
const op = "access.tokens";

export class ApiTokens {
  readonly #db: Kysely<AccessTables>;
  readonly #maxDays: number;
  readonly #now: () => number;

  /** @param maxDays of any token; 0: there are none. */
  constructor(db: Kysely<AccessTables>, maxDays: number, now: () => number = Date.now) {
    this.#db = db;
    this.#maxDays = maxDays;
    this.#now = now;
  }

  get maxDays(): number {
    return this.#maxDays;
  }

  /** What is wrong with the wish; null: nothing. Before anything is written about it. */
  async whyNot(person: string, { roles, days }: Pick<NewToken, "roles" | "days">): Promise<string | null> {
    if (this.#maxDays === 0) return "API tokens are turned off on this recorder (identity.tokens.maxDays)";
    if (days > this.#maxDays) return `a token lasts ${this.#maxDays} days at most here (identity.tokens.maxDays)`;
    const own = (await new People(this.#db).get(person)).roles;
    const beyond = roles.filter((role) => !own.includes(role));
    if (beyond.length > 0) return `${person} does not have the role ${beyond.join(", ")}`;
    const rows = await this.#rows(person);
    const kept = rows.filter((row) => row.revoked_at === null && Number(row.expires_at_ms) > this.#now());
    return kept.length >= maxOfPerson ? `${person} has ${maxOfPerson} tokens already; revoke some first` : null;
  }

  /** The token is in the answer alone. REQUEST_INVALID as `whyNot` says. */
  async create(
    person: string,
    wish: NewToken,
    by: { actor: string; secondFactor: boolean; id?: string },
  ): Promise<{ token: string; view: ApiToken }> {
    const why = await this.whyNot(person, wish);
    if (why !== null) throw new AppError("REQUEST_INVALID", why, { op });
    const token = prefix + randomBytes(32).toString("base64url");
    const nowMs = this.#now();
    const row = {
      id: by.id ?? newTokenId(),
      person: person.toLowerCase(),
      name: wish.name,
      token_hash: hash(token),
      roles: JSON.stringify([...new Set(wish.roles)]),
      read_only: wish.readOnly ? 1 : 0,
      second_factor: by.secondFactor ? 1 : 0,
      created_by: by.actor,
      created_at: new Date(nowMs).toISOString(),
      expires_at_ms: nowMs + wish.days * dayMs,
      last_used_at: null,
      last_address: null,
      revoked_at: null,
    };
    await this.#db.insertInto("api_tokens").values(row).execute();
    return { token, view: this.#view(row) };
  }

  /** Of one person, or of everybody; the newest first. Those that are over are listed, too. */
  async list(person?: string): Promise<ApiToken[]> {
    return (await this.#rows(person)).map((row) => this.#view(row));
  }

  /** REQUEST_NOT_FOUND for what is not there, or not the person's. False: it was revoked before. */
  async revoke(id: string, person?: string): Promise<boolean> {
    const row = await this.#db.selectFrom("api_tokens").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined || (person !== undefined && row.person !== person.toLowerCase())) {
      throw new AppError("REQUEST_NOT_FOUND", "there is no such token", { op });
    }
    const revoked = await this.#db
      .updateTable("api_tokens")
      .set({ revoked_at: new Date(this.#now()).toISOString() })
      .where("id", "=", id)
      .where("revoked_at", "is", null)
      .executeTakeFirst();
    return revoked.numUpdatedRows === 1n;
  }

  /** Null for what is none, is over or revoked, or of somebody disabled. */
  async find(token: string, address: string): Promise<TokenHolder | null> {
    if (!pattern.test(token) || this.#maxDays === 0) return null;
    const row = await this.#db
      .selectFrom("api_tokens")
      .innerJoin("people", "people.key", "api_tokens.person")
      .selectAll("api_tokens")
      .select(["people.name as owner", "people.roles as owned", "people.disabled"])
      .where("api_tokens.token_hash", "=", hash(token))
      .executeTakeFirst();
    const nowMs = this.#now();
    const isOver = row === undefined || row.revoked_at !== null || Number(row.expires_at_ms) <= nowMs;
    if (isOver || row.disabled !== 0) return null;
    const owned = z.array(Role).parse(JSON.parse(row.owned));
    const lastMs = row.last_used_at === null ? 0 : Date.parse(row.last_used_at);
    // Written at most once a minute, and when it comes from elsewhere: reading must not turn into writing.
    if (nowMs - lastMs > touchEveryMs || row.last_address !== address) {
      await this.#db
        .updateTable("api_tokens")
        .set({ last_used_at: new Date(nowMs).toISOString(), last_address: address })
        .where("id", "=", row.id)
        .execute();
    }
    return {
      id: row.id,
      person: row.owner,
      roles: z
        .array(Role)
        .parse(JSON.parse(row.roles))
        .filter((role) => owned.includes(role)),
      readOnly: row.read_only !== 0,
      secondFactor: row.second_factor !== 0,
      expiresAt: new Date(Number(row.expires_at_ms)).toISOString(),
    };
  }

  #rows(person?: string): Promise<Selectable<ApiTokensTable>[]> {
    return this.#db
      .selectFrom("api_tokens")
      .selectAll()
      .$if(person !== undefined, (q) => q.where("person", "=", person?.toLowerCase() ?? ""))
      .orderBy("created_at", "desc")
      .execute();
  }

  #view(row: Selectable<ApiTokensTable>): ApiToken {
    const expiresAtMs = Number(row.expires_at_ms);
    return {
      id: row.id,
      person: row.person,
      name: row.name,
      roles: z.array(Role).parse(JSON.parse(row.roles)),
      readOnly: row.read_only !== 0,
      createdAt: row.created_at,
      createdBy: row.created_by,
      expiresAt: new Date(expiresAtMs).toISOString(),
      lastUsedAt: row.last_used_at,
      lastAddress: row.last_address,
      state: row.revoked_at !== null ? "revoked" : expiresAtMs <= this.#now() ? "expired" : "valid",
    };
  }
}

/** Names a token in lists and in the audit; opens nothing. */
export function newTokenId(): string {
  return randomBytes(6).toString("hex");
}

function hash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
