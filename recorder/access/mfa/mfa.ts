// The second factor of people that is a code: enrolment of an authenticator, its codes, recovery codes, codes of the portal. Invariant: a code opens once, also
// when two sign-ins bring it at the same moment, and none that is older than the last one taken opens at all.
import type { Kysely, Transaction } from "kysely";
import { AppError } from "../../../shared/errors.ts";
import type { MasterKey } from "../master-key.ts";
import { sealedFor } from "../sealing.ts";
import type { AccessTables } from "../tables.ts";
import { hashPortalCode, makePortalCode, parsePortalCode, portalCodeMs } from "./portal-codes.ts";
import { type QrPath, qrPath } from "./qr.ts";
import { hashRecoveryCode, makeRecoveryCodes, parseRecoveryCode, replaceRecoveryCodes } from "./recovery-codes.ts";
import { type MfaStatus, mfaStatuses, notEnrolled } from "./status.ts";
import { makeTotpSecret, matchTotp, parseTotpCode, totpUri } from "./totp.ts";

const enrolmentMs = 15 * 60_000;
const neverUsed = -1;

/** Shown to the person alone, and only until it is confirmed. */
export interface Enrolment {
  /** Base32, for typing. */
  secret: string;
  uri: string;
  qr: QrPath;
  expiresAt: string;
}

export interface MfaEvent {
  type:
    | "mfa.enrolled"
    | "mfa.reset"
    | "mfa.recovery-codes-made"
    | "mfa.recovery-code-used"
    | "mfa.passkey-added"
    | "mfa.passkey-renamed"
    | "mfa.passkey-removed"
    | "mfa.passkey-copied"
    | "mfa.portal-code-made";
  actor: string;
  subject: string;
  address: string;
  details: Record<string, unknown>;
}

/** What a code proved. */
export type CodeFactor = "totp" | "recovery-code" | "portal-code";

/** Who changes something, and from where. */
export interface ChangedBy {
  actor: string;
  address: string;
}

export interface MfaOptions {
  /** What an authenticator app shows above the person's name. */
  issuer: string;
  /** Told of each change in its own transaction; what it throws undoes the change. */
  record?: (trx: Transaction<AccessTables>, event: MfaEvent) => Promise<void>;
  /** Called after the transaction. */
  recorded?: () => void;
  now?: () => number;
}

export class Mfa {
  readonly #db: Kysely<AccessTables>;
  readonly #masterKey: MasterKey;
  readonly #options: MfaOptions;
  readonly #now: () => number;
  readonly #dummySecret = makeTotpSecret();

  constructor(db: Kysely<AccessTables>, masterKey: MasterKey, options: MfaOptions) {
    this.#db = db;
    this.#masterKey = masterKey;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async status(person: string): Promise<MfaStatus> {
    return (await mfaStatuses(this.#db, person)).get(keyOf(person)) ?? notEnrolled;
  }

  /** Of everybody who is enrolled, by lowercase name. */
  statuses(): Promise<Map<string, MfaStatus>> {
    return mfaStatuses(this.#db);
  }

  /** With an authenticator or a passkey. */
  async isEnrolled(person: string): Promise<boolean> {
    const [totp, passkey] = await Promise.all([
      this.#db.selectFrom("person_totp").select("person").where("person", "=", keyOf(person)).executeTakeFirst(),
      this.#db.selectFrom("passkeys").select("id").where("person", "=", keyOf(person)).executeTakeFirst(),
    ]);
    return totp !== undefined || passkey !== undefined;
  }

  /** A new secret, which replaces one that was begun; the enrolment in force stays until `confirm`. */
  async begin(person: string): Promise<Enrolment> {
    const secret = makeTotpSecret();
    const atMs = this.#now();
    await this.#masterKey.sealing(async (trx, seal) => {
      const row = { sealed: seal(sealedFor.totpEnrolment(keyOf(person)), secret), begun_at_ms: atMs };
      await trx
        .insertInto("totp_enrolments")
        .values({ person: keyOf(person), ...row })
        .onConflict((conflict) => conflict.column("person").doUpdateSet(row))
        .execute();
    });
    const uri = totpUri(secret, { issuer: this.#options.issuer, person });
    return { secret, uri, qr: qrPath(uri), expiresAt: new Date(atMs + enrolmentMs).toISOString() };
  }

  /** Null for a wrong code; else every portal sign-in of the person ends. REQUEST_CONFLICT when nothing was begun or it is too old. The recovery codes are shown once. */
  async confirm(person: string, code: string, by: ChangedBy): Promise<{ recoveryCodes: string[] } | null> {
    const begun = await this.#db
      .selectFrom("totp_enrolments")
      .selectAll()
      .where("person", "=", keyOf(person))
      .executeTakeFirst();
    const nowMs = this.#now();
    if (begun === undefined || nowMs - begun.begun_at_ms > enrolmentMs) throw nothingBegun();
    const secret = await this.#masterKey.unseal(sealedFor.totpEnrolment(keyOf(person)), begun.sealed);
    const parsed = parseTotpCode(code);
    const step = parsed === null ? null : matchTotp(secret, parsed, nowMs, neverUsed);
    if (step === null) return null;
    const recoveryCodes = makeRecoveryCodes();
    await this.#masterKey.sealing(async (trx, seal) => {
      const taken = await trx
        .deleteFrom("totp_enrolments")
        .where("person", "=", keyOf(person))
        .where("sealed", "=", begun.sealed)
        .executeTakeFirst();
      if (taken.numDeletedRows !== 1n) throw nothingBegun();
      const row = {
        sealed: seal(sealedFor.totp(keyOf(person)), secret),
        enrolled_at: new Date(nowMs).toISOString(),
        last_step: step,
      };
      const before = await trx
        .selectFrom("person_totp")
        .select("person")
        .where("person", "=", keyOf(person))
        .executeTakeFirst();
      await trx
        .insertInto("person_totp")
        .values({ person: keyOf(person), ...row })
        .onConflict((conflict) => conflict.column("person").doUpdateSet(row))
        .execute();
      await replaceRecoveryCodes(trx, person, recoveryCodes);
      // None of them proved this factor; the one that enrolled begins anew.
      await trx.deleteFrom("web_sessions").where("person", "=", keyOf(person)).execute();
      await this.#record(trx, "mfa.enrolled", person, by, { replaced: before !== undefined });
    });
    this.#options.recorded?.();
    return { recoveryCodes };
  }

  /** The old ones open nothing any more. REQUEST_CONFLICT when the person is not enrolled. */
  async renewRecoveryCodes(person: string, by: ChangedBy): Promise<string[]> {
    const recoveryCodes = makeRecoveryCodes();
    if (!(await this.isEnrolled(person))) throw notEnrolledError(person);
    await this.#db.transaction().execute(async (trx) => {
      await replaceRecoveryCodes(trx, person, recoveryCodes);
      await this.#record(trx, "mfa.recovery-codes-made", person, by, {});
    });
    this.#options.recorded?.();
    return recoveryCodes;
  }

  /** Ends the enrolment and every portal sign-in of the person. False when there was nothing to end. */
  async reset(person: string, by: ChangedBy, reason = ""): Promise<boolean> {
    const wasThere = await this.#db.transaction().execute(async (trx) => {
      const removed = await trx.deleteFrom("person_totp").where("person", "=", keyOf(person)).executeTakeFirst();
      const passkeys = await trx.deleteFrom("passkeys").where("person", "=", keyOf(person)).executeTakeFirst();
      await trx.deleteFrom("portal_codes").where("person", "=", keyOf(person)).execute();
      await trx.deleteFrom("totp_enrolments").where("person", "=", keyOf(person)).execute();
      await trx.deleteFrom("recovery_codes").where("person", "=", keyOf(person)).execute();
      if (removed.numDeletedRows + passkeys.numDeletedRows === 0n) return false;
      await trx.deleteFrom("web_sessions").where("person", "=", keyOf(person)).execute();
      await this.#record(trx, "mfa.reset", person, by, reason === "" ? {} : { reason });
      return true;
    });
    this.#options.recorded?.();
    return wasThere;
  }

  /**
   * Takes a code; it is used up. `portalCodes`: one that the portal showed may come, too. Null when it is wrong, was used, or nobody of that name is enrolled, after the same work.
   * Unthrottled: the caller throttles the whole sign-in.
   */
  async verify(
    person: string,
    code: string,
    from: { address: string; portalCodes?: boolean },
  ): Promise<CodeFactor | null> {
    const shown = from.portalCodes === true ? parsePortalCode(code) : null;
    if (shown !== null) return (await this.#takePortalCode(person, shown)) ? "portal-code" : null;
    const recovery = parseRecoveryCode(code);
    if (recovery !== null) return (await this.#takeRecoveryCode(person, recovery, from)) ? "recovery-code" : null;
    const parsed = parseTotpCode(code);
    return parsed !== null && (await this.#takeTotp(person, parsed)) ? "totp" : null;
  }

  /** For one log-in over SSH or VNC of somebody who has just proven a second factor here; one that was made before is void. */
  async makePortalCode(person: string, by: ChangedBy): Promise<{ code: string; expiresAt: string }> {
    const code = makePortalCode();
    const row = { code_hash: hashPortalCode(keyOf(person), code), expires_at_ms: this.#now() + portalCodeMs };
    await this.#db.transaction().execute(async (trx) => {
      await trx
        .insertInto("portal_codes")
        .values({ person: keyOf(person), ...row })
        .onConflict((conflict) => conflict.column("person").doUpdateSet(row))
        .execute();
      await this.#record(trx, "mfa.portal-code-made", person, by, {});
    });
    this.#options.recorded?.();
    return { code, expiresAt: new Date(row.expires_at_ms).toISOString() };
  }

  async #takePortalCode(person: string, code: string): Promise<boolean> {
    const taken = await this.#db
      .deleteFrom("portal_codes")
      .where("person", "=", keyOf(person))
      .where("code_hash", "=", hashPortalCode(keyOf(person), code))
      .where("expires_at_ms", ">", this.#now())
      .executeTakeFirst();
    return taken.numDeletedRows === 1n;
  }

  async #takeTotp(person: string, code: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom("person_totp")
      .selectAll()
      .where("person", "=", keyOf(person))
      .executeTakeFirst();
    const secret =
      row === undefined ? this.#dummySecret : await this.#masterKey.unseal(sealedFor.totp(row.person), row.sealed);
    const step = matchTotp(secret, code, this.#now(), row?.last_step ?? neverUsed);
    if (row === undefined || step === null) return false;
    // Compare and set: of two sign-ins with one code the second finds the step taken, whichever process it is in. The
    // sealed value too: a new enrolment in between begins its own count.
    const taken = await this.#db
      .updateTable("person_totp")
      .set({ last_step: step })
      .where("person", "=", row.person)
      .where("sealed", "=", row.sealed)
      .where("last_step", "<", step)
      .executeTakeFirst();
    return taken.numUpdatedRows === 1n;
  }

  async #takeRecoveryCode(person: string, code: string, { address }: { address: string }): Promise<boolean> {
    const taken = await this.#db.transaction().execute(async (trx) => {
      const used = await trx
        .updateTable("recovery_codes")
        .set({ used_at: new Date(this.#now()).toISOString() })
        .where("person", "=", keyOf(person))
        .where("code_hash", "=", hashRecoveryCode(keyOf(person), code))
        .where("used_at", "is", null)
        .executeTakeFirst();
      if (used.numUpdatedRows !== 1n) return false;
      const left = await trx
        .selectFrom("recovery_codes")
        .select((e) => e.fn.countAll<number>().as("left"))
        .where("person", "=", keyOf(person))
        .where("used_at", "is", null)
        .executeTakeFirstOrThrow();
      const details = { left: Number(left.left) };
      await this.#record(trx, "mfa.recovery-code-used", person, { actor: person, address }, details);
      return true;
    });
    if (taken) this.#options.recorded?.();
    return taken;
  }

  async #record(
    trx: Transaction<AccessTables>,
    type: MfaEvent["type"],
    person: string,
    by: ChangedBy,
    details: Record<string, unknown>,
  ): Promise<void> {
    await this.#options.record?.(trx, { type, actor: by.actor, subject: person, address: by.address, details });
  }
}

function keyOf(person: string): string {
  return person.toLowerCase();
}

function nothingBegun(): AppError {
  return new AppError("REQUEST_CONFLICT", "no enrolment is under way, or it is more than 15 minutes old; begin again", {
    op: "access.mfa.confirm",
  });
}

function notEnrolledError(person: string): AppError {
  return new AppError("REQUEST_CONFLICT", `${person} has no authenticator enrolled; enrol one first`, {
    op: "access.mfa",
  });
}
