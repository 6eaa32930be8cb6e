// Sign-ins of the web portal. The cookie holds a random 256-bit token; the database holds only its SHA-256, so a copy of
// the database opens nothing. The CSRF token is derived from the cookie's token and is stored nowhere.
import { createHash, createHmac, randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { Factor, hasSecondFactor } from "../../shared/policy/factor.ts";
import type { AccessTables } from "./tables.ts";

export interface WebSessionLimits {
  idleSeconds: number;
  absoluteSeconds: number;
  /** Of one person at the same time; the oldest makes room. */
  maxPerPerson: number;
}

export const defaultWebSessionLimits: WebSessionLimits = {
  idleSeconds: 30 * 60,
  absoluteSeconds: 12 * 3600,
  maxPerPerson: 20,
};

/** `id` names the sign-in in logs and in the audit; it opens nothing. */
export interface WebSession {
  id: string;
  person: string;
  csrfToken: string;
  expiresAt: string;
  factors: readonly Factor[];
  /** When a code was last given in this sign-in. */
  confirmedAtMs: number | null;
}

const tokenPattern = /^[A-Za-z0-9_-]{43}$/;
const touchEveryMs = 60_000;

export class WebSessions {
  readonly #db: Kysely<AccessTables>;
  readonly #limits: WebSessionLimits;
  readonly #now: () => number;

  constructor(db: Kysely<AccessTables>, limits: Partial<WebSessionLimits> = {}, now: () => number = Date.now) {
    this.#db = db;
    this.#limits = { ...defaultWebSessionLimits, ...limits };
    this.#now = now;
  }

  async create(
    person: string,
    from: { address: string; userAgent: string },
    factors: readonly Factor[] = ["password"],
  ): Promise<{ token: string; session: WebSession }> {
    const token = randomBytes(32).toString("base64url");
    const nowMs = this.#now();
    const confirmedAtMs = hasSecondFactor(factors) ? nowMs : null;
    const expiresAtMs = nowMs + this.#limits.absoluteSeconds * 1000;
    await this.#db.transaction().execute(async (db) => {
      await db.deleteFrom("web_sessions").where("expires_at_ms", "<=", nowMs).execute();
      const others = await db
        .selectFrom("web_sessions")
        .select("token_hash")
        .where("person", "=", person.toLowerCase())
        .orderBy("created_at_ms", "desc")
        .execute();
      const surplus = others.slice(this.#limits.maxPerPerson - 1).map((row) => row.token_hash);
      if (surplus.length > 0) await db.deleteFrom("web_sessions").where("token_hash", "in", surplus).execute();
      await db
        .insertInto("web_sessions")
        .values({
          token_hash: hashToken(token),
          person: person.toLowerCase(),
          address: from.address,
          user_agent: from.userAgent.replace(/\p{Cc}/gu, "").slice(0, 200),
          created_at_ms: nowMs,
          last_seen_at_ms: nowMs,
          expires_at_ms: expiresAtMs,
          factors: JSON.stringify(factors),
          confirmed_at_ms: confirmedAtMs,
        })
        .execute();
    });
    return { token, session: describe(token, person, { expiresAtMs, factors, confirmedAtMs }) };
  }

  /**
   * Null for an unknown, expired or idle token, and for one of a disabled person. @param use false: it is asked after and
   * not used, so that its time of rest goes on.
   */
  async find(token: string, use = true): Promise<WebSession | null> {
    if (!tokenPattern.test(token)) return null;
    const nowMs = this.#now();
    const row = await this.#db
      .selectFrom("web_sessions")
      .innerJoin("people", "people.key", "web_sessions.person")
      .select(["people.name", "people.disabled", "last_seen_at_ms", "expires_at_ms", "factors", "confirmed_at_ms"])
      .where("web_sessions.token_hash", "=", hashToken(token))
      .executeTakeFirst();
    if (row === undefined) return null;
    const idle = nowMs - row.last_seen_at_ms > this.#limits.idleSeconds * 1000;
    if (row.disabled !== 0 || idle || nowMs >= row.expires_at_ms) {
      await this.revoke(token);
      return null;
    }
    // Written at most once a minute: a player fetching segments must not turn every read into a write.
    if (use && nowMs - row.last_seen_at_ms > touchEveryMs) {
      await this.#db
        .updateTable("web_sessions")
        .set({ last_seen_at_ms: nowMs })
        .where("token_hash", "=", hashToken(token))
        .execute();
    }
    return describe(token, row.name, {
      expiresAtMs: row.expires_at_ms,
      factors: z.array(Factor).parse(JSON.parse(row.factors)),
      confirmedAtMs: row.confirmed_at_ms,
    });
  }

  /** A fresh code was given; from when on it counts. */
  async confirm(token: string, factor: Factor): Promise<number> {
    const session = await this.find(token);
    if (session === null) throw new AppError("AUTH_REQUIRED", "sign in first", { op: "access.webSession" });
    const nowMs = this.#now();
    const factors = session.factors.includes(factor) ? session.factors : [...session.factors, factor];
    await this.#db
      .updateTable("web_sessions")
      .set({ confirmed_at_ms: nowMs, factors: JSON.stringify(factors) })
      .where("token_hash", "=", hashToken(token))
      .execute();
    return nowMs;
  }

  async revoke(token: string): Promise<void> {
    await this.#db.deleteFrom("web_sessions").where("token_hash", "=", hashToken(token)).execute();
  }

  async revokeAll(person: string): Promise<void> {
    await this.#db.deleteFrom("web_sessions").where("person", "=", person.toLowerCase()).execute();
  }
}

function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

function describe(
  token: string,
  person: string,
  { expiresAtMs, factors, confirmedAtMs }: { expiresAtMs: number } & Pick<WebSession, "factors" | "confirmedAtMs">,
): WebSession {
  return {
    id: hashToken(token).slice(0, 16),
    person,
    csrfToken: createHmac("sha256", token).update("conduit csrf").digest("base64url"),
    expiresAt: new Date(expiresAtMs).toISOString(),
    factors,
    confirmedAtMs,
  };
}
