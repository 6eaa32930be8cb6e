// Passkeys and security keys of people, as their second factor or, where the authenticator has looked at the person itself
// (PIN, finger), as a whole sign-in. Only discoverable credentials are made: nobody is asked for the ones of a name, so that
// neither names nor passwords nor who has which key can be probed. Invariants: each question is answered once (the caller
// takes its challenge away before it asks here); a counter that goes back opens nothing.
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import type { Kysely, Selectable, Transaction } from "kysely";
import type { Passkey, PasskeyAssertion, PasskeyRegistration } from "../../../shared/api/webauthn.ts";
import { AppError } from "../../../shared/errors.ts";
import type { PasskeysTable } from "../identity-tables.ts";
import type { ChangedBy, MfaEvent } from "../mfa/mfa.ts";
import { makeRecoveryCodes, replaceRecoveryCodes } from "../mfa/recovery-codes.ts";
import type { AccessTables } from "../tables.ts";
import { type RelyingParty, relyingPartyOf } from "./relying-party.ts";

/** What the browser is given, with the challenge that its answer must have. */
export interface Question {
  options: { challenge: string };
  challenge: string;
}

export interface PasskeyOptions {
  /** As people reach the portal; asked each time, since a test's is known only once it listens. */
  portalUrl(): string;
  /** What authenticators show. */
  name: string;
  /** False: nobody adds or uses one. */
  enabled?: boolean;
  record?: (trx: Transaction<AccessTables>, event: MfaEvent) => Promise<void>;
  recorded?: () => void;
  now?: () => number;
}

const timeoutMs = 5 * 60_000;
const maxOfPerson = 20;
const op = "access.passkeys";

export class Passkeys {
  readonly #db: Kysely<AccessTables>;
  readonly #options: PasskeyOptions;
  readonly #now: () => number;

  constructor(db: Kysely<AccessTables>, options: PasskeyOptions) {
    this.#db = db;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Null where this portal can have passkeys. */
  whyNot(): string | null {
    if (this.#options.enabled === false) return "Passkeys are turned off on this recorder (identity.webauthn.enabled).";
    const party = relyingPartyOf(this.#options.portalUrl());
    return "whyNot" in party ? party.whyNot : null;
  }

  async list(person: string): Promise<Passkey[]> {
    return (await this.#rows(person)).map(toPasskey);
  }

  /** REQUEST_CONFLICT where the portal can have none, or the person has too many. */
  async askToRegister(person: string): Promise<Question> {
    const party = this.#party();
    const rows = await this.#rows(person);
    if (rows.length >= maxOfPerson) {
      throw new AppError("REQUEST_CONFLICT", `more than ${maxOfPerson} passkeys are not kept; remove one first`, {
        op,
      });
    }
    const options = await generateRegistrationOptions({
      rpName: this.#options.name,
      rpID: party.id,
      userName: person,
      userDisplayName: person,
      attestationType: "none",
      timeout: timeoutMs,
      excludeCredentials: rows.map(({ id, transports }) => ({ id, transports: transportsOf(transports) })),
      authenticatorSelection: { residentKey: "required", userVerification: "preferred" },
    });
    return { options, challenge: options.challenge };
  }

  /**
   * Every portal sign-in of the person ends. Recovery codes come with the first second factor, and are shown once.
   * REQUEST_INVALID for an answer that does not hold.
   */
  async register(
    person: string,
    { response, challenge, name }: { response: PasskeyRegistration; challenge: string; name: string },
    by: ChangedBy,
  ): Promise<{ passkey: Passkey; recoveryCodes: string[] | null }> {
    const party = this.#party();
    const verified = await verifyRegistrationResponse({
      response: { ...response, clientExtensionResults: {}, response: withTransports(response.response) },
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: false,
    }).catch((cause: unknown) => {
      throw doesNotHold(cause);
    });
    if (!verified.verified) throw doesNotHold(undefined);
    const { credential, credentialBackedUp } = verified.registrationInfo;
    const row = {
      id: credential.id,
      person: keyOf(person),
      name,
      public_key: Buffer.from(credential.publicKey).toString("base64"),
      counter: credential.counter,
      transports: JSON.stringify(credential.transports ?? []),
      backed_up: credentialBackedUp ? 1 : 0,
      added_at: new Date(this.#now()).toISOString(),
      last_used_at: null,
    };
    const recoveryCodes = await this.#db.transaction().execute(async (trx) => {
      const isFirst = !(await isEnrolled(trx, person));
      const added = await trx
        .insertInto("passkeys")
        .values(row)
        .onConflict((conflict) => conflict.column("id").doNothing())
        .executeTakeFirst();
      if (added.numInsertedOrUpdatedRows !== 1n) {
        throw new AppError("REQUEST_CONFLICT", "this passkey is registered already", { op });
      }
      const codes = isFirst ? makeRecoveryCodes() : null;
      if (codes !== null) await replaceRecoveryCodes(trx, person, codes);
      await trx.deleteFrom("web_sessions").where("person", "=", keyOf(person)).execute();
      await this.#record(trx, "mfa.passkey-added", person, by, { name });
      return codes;
    });
    this.#options.recorded?.();
    return { passkey: toPasskey(row), recoveryCodes };
  }

  /** REQUEST_NOT_FOUND for what is not the person's. */
  async rename(person: string, id: string, name: string, by: ChangedBy): Promise<void> {
    await this.#change(person, id, by, "mfa.passkey-renamed", { name }, (trx) =>
      trx.updateTable("passkeys").set({ name }).where("id", "=", id).execute(),
    );
  }

  /** With the last second factor its recovery codes go, too. @param keepOne REQUEST_CONFLICT for the last one. */
  async remove(person: string, id: string, by: ChangedBy, keepOne: boolean): Promise<void> {
    await this.#change(person, id, by, "mfa.passkey-removed", {}, async (trx) => {
      await trx.deleteFrom("passkeys").where("id", "=", id).execute();
      if (await isEnrolled(trx, person)) return;
      if (keepOne) {
        const text = "this is your only second factor, and the policy wants one: set up another first";
        throw new AppError("REQUEST_CONFLICT", text, { op });
      }
      await trx.deleteFrom("recovery_codes").where("person", "=", keyOf(person)).execute();
    });
  }

  /** Null where the portal can have no passkeys. @param whole a sign-in without a password: the person must be looked at. */
  async ask({ whole }: { whole: boolean }): Promise<Question | null> {
    if (this.whyNot() !== null) return null;
    const options = await generateAuthenticationOptions({
      rpID: this.#party().id,
      timeout: timeoutMs,
      userVerification: whole ? "required" : "preferred",
    });
    return { options, challenge: options.challenge };
  }

  /** Whose it is; null for an answer that does not hold. Unthrottled: the caller throttles the whole sign-in. */
  async verify(
    response: PasskeyAssertion,
    challenge: string,
    { whole, address }: { whole: boolean; address: string },
  ): Promise<{ person: string } | null> {
    const row = await this.#db.selectFrom("passkeys").selectAll().where("id", "=", response.id).executeTakeFirst();
    if (row === undefined || this.whyNot() !== null) return null;
    const party = this.#party();
    const counter = Number(row.counter);
    const { userHandle, ...rest } = response.response;
    const verified = await verifyAuthenticationResponse({
      response: {
        ...response,
        clientExtensionResults: {},
        response: { ...rest, ...(userHandle === undefined ? {} : { userHandle }) },
      },
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: whole,
      // The counter is looked at below: what goes back is told of.
      credential: { id: row.id, publicKey: new Uint8Array(Buffer.from(row.public_key, "base64")), counter: 0 },
    }).catch(() => null); // Whatever it throws at bytes of a stranger, they hold not.
    if (verified?.verified !== true) return null;
    const { newCounter } = verified.authenticationInfo;
    // Authenticators without a counter always say 0 (§6.1.1); of the others one that does not grow is a copy's.
    if ((newCounter > 0 || counter > 0) && newCounter <= counter) {
      await this.#tellOfCopy(row, { counter, said: newCounter, address });
      return null;
    }
    const used = await this.#db
      .updateTable("passkeys")
      .set({ counter: newCounter, last_used_at: new Date(this.#now()).toISOString() })
      .where("id", "=", row.id)
      .where("counter", "=", counter)
      .executeTakeFirst();
    return used.numUpdatedRows === 1n ? { person: row.person } : null;
  }

  async #tellOfCopy(
    row: Selectable<PasskeysTable>,
    { counter, said, address }: { counter: number; said: number; address: string },
  ): Promise<void> {
    const by = { actor: row.person, address };
    await this.#db
      .transaction()
      .execute((trx) => this.#record(trx, "mfa.passkey-copied", row.person, by, { name: row.name, counter, said }));
    this.#options.recorded?.();
  }

  async #change(
    person: string,
    id: string,
    by: ChangedBy,
    type: MfaEvent["type"],
    details: Record<string, unknown>,
    change: (trx: Transaction<AccessTables>) => Promise<unknown>,
  ): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      const row = await trx
        .selectFrom("passkeys")
        .select("name")
        .where("id", "=", id)
        .where("person", "=", keyOf(person))
        .executeTakeFirst();
      if (row === undefined) throw new AppError("REQUEST_NOT_FOUND", "there is no such passkey", { op });
      await change(trx);
      await this.#record(trx, type, person, by, { passkey: row.name, ...details });
    });
    this.#options.recorded?.();
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

  #rows(person: string): Promise<Selectable<PasskeysTable>[]> {
    return this.#db
      .selectFrom("passkeys")
      .selectAll()
      .where("person", "=", keyOf(person))
      .orderBy("added_at")
      .execute();
  }

  #party(): RelyingParty {
    const why = this.whyNot();
    const party = relyingPartyOf(this.#options.portalUrl());
    if (why === null && !("whyNot" in party)) return party;
    throw new AppError("REQUEST_CONFLICT", why ?? "passkeys are not possible here", { op });
  }
}

async function isEnrolled(trx: Transaction<AccessTables>, person: string): Promise<boolean> {
  const [totp, passkey] = await Promise.all([
    trx.selectFrom("person_totp").select("person").where("person", "=", keyOf(person)).executeTakeFirst(),
    trx.selectFrom("passkeys").select("id").where("person", "=", keyOf(person)).executeTakeFirst(),
  ]);
  return totp !== undefined || passkey !== undefined;
}

function withTransports({ transports, ...rest }: PasskeyRegistration["response"]) {
  return { ...rest, ...(transports === undefined ? {} : { transports }) };
}

function transportsOf(json: string): string[] {
  return JSON.parse(json) as string[];
}

function toPasskey(row: Selectable<PasskeysTable>): Passkey {
  return {
    id: row.id,
    name: row.name,
    addedAt: row.added_at,
    lastUsedAt: row.last_used_at,
    synced: row.backed_up !== 0,
  };
}

function keyOf(person: string): string {
  return person.toLowerCase();
}

function doesNotHold(cause: unknown): AppError {
  const text = "the browser's answer does not hold: it is for another address or another question; begin again";
  return new AppError("REQUEST_INVALID", text, { op, cause });
}
