// Whose account somebody is that an identity provider names. Invariants: an account is found by issuer and subject alone,
// never by a name, so that nobody becomes somebody else by being called so there; what the provider's groups say about roles
// holds from each sign-in on, and who has no group left is out.
import type { Kysely, Selectable } from "kysely";
import { AppError } from "../../../shared/errors.ts";
import type { Role } from "../../../shared/policy/policy.ts";
import type { OidcIdentitiesTable } from "../identity-tables.ts";
import { People, PersonName } from "../people.ts";
import type { AccessTables } from "../tables.ts";
import type { Claims } from "./provider.ts";

export interface AccountOptions {
  issuer: string;
  label: string;
  /** Of each group the roles. */
  roles: readonly { group: string; roles: readonly Role[] }[];
  /** Who has not signed in with the provider for so long is out, until they do. 0: never. */
  recheckDays: number;
  /** Durable before the change. */
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    address: string;
    details: Record<string, unknown>;
  }): Promise<void>;
  now?: () => number;
}

export interface LinkedIdentity {
  /** The account was made by a sign-in with the provider. */
  provisioned: boolean;
  linkedAt: string;
  lastSignInAt: string | null;
}

const dayMs = 86_400_000;
const op = "access.oidc.accounts";

export class OidcAccounts {
  readonly #db: Kysely<AccessTables>;
  readonly #people: People;
  readonly #options: AccountOptions;
  readonly #now: () => number;

  constructor(db: Kysely<AccessTables>, options: AccountOptions) {
    this.#db = db;
    this.#people = new People(db);
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** The person's name, with the roles as they are now; made at the first sign-in. AUTH_FORBIDDEN says why not. */
  async settle(claims: Claims, address: string): Promise<string> {
    const roles = this.#rolesOf(claims.groups);
    const identity = await this.#find(claims.subject);
    const name = identity === undefined ? await this.#provision(claims, roles, address) : identity.person;
    if (identity !== undefined) await this.#renew(identity, roles, address);
    await this.#db
      .updateTable("oidc_identities")
      .set({ last_sign_in_at: this.#at() })
      .where("issuer", "=", this.#options.issuer)
      .where("subject", "=", claims.subject)
      .execute();
    return (await this.#people.get(name)).name;
  }

  /** In lowercase; null for whom this recorder does not know. */
  async personOf(subject: string): Promise<string | null> {
    return (await this.#find(subject))?.person ?? null;
  }

  async of(person: string): Promise<LinkedIdentity | null> {
    const row = await this.#of(person);
    if (row === undefined) return null;
    return { provisioned: row.provisioned !== 0, linkedAt: row.linked_at, lastSignInAt: row.last_sign_in_at };
  }

  /** Of somebody who is signed in here and has just signed in there. The account keeps its roles. */
  async link(person: string, { subject }: Claims, address: string): Promise<void> {
    const { issuer, label } = this.#options;
    if ((await this.#find(subject)) !== undefined || (await this.#of(person)) !== undefined) {
      throw new AppError("REQUEST_CONFLICT", `this account, or that of ${label}, is linked already; unlink it first`, {
        op,
      });
    }
    await this.#options.audit({
      actor: person,
      action: "identity.linked",
      subject: person,
      address,
      details: { issuer },
    });
    await this.#db
      .insertInto("oidc_identities")
      .values({
        issuer,
        subject,
        person: person.toLowerCase(),
        provisioned: 0,
        deprovisioned: 0,
        linked_at: this.#at(),
        last_sign_in_at: null,
      })
      .execute();
  }

  /** REQUEST_CONFLICT for an account that the provider made: it would have no way in. */
  async unlink(person: string, by: { actor: string; address: string }): Promise<void> {
    const row = await this.#of(person);
    if (row === undefined || row.provisioned !== 0) {
      const why = row === undefined ? "is not linked" : "was made by the identity provider; disable it instead";
      throw new AppError("REQUEST_CONFLICT", `the account of ${person} ${why}`, { op });
    }
    const { issuer } = this.#options;
    await this.#options.audit({ ...by, action: "identity.unlinked", subject: person, details: { issuer } });
    await this.#db.deleteFrom("oidc_identities").where("person", "=", person.toLowerCase()).execute();
  }

  /** Accounts that the provider made and has not been asked about for too long are disabled. */
  async recheck(): Promise<void> {
    const { recheckDays, issuer } = this.#options;
    if (recheckDays === 0) return;
    const before = new Date(this.#now() - recheckDays * dayMs).toISOString();
    const stale = await this.#db
      .selectFrom("oidc_identities")
      .innerJoin("people", "people.key", "oidc_identities.person")
      .select(["people.name"])
      .where("oidc_identities.issuer", "=", issuer)
      .where("oidc_identities.provisioned", "=", 1)
      .where("people.disabled", "=", 0)
      .where((e) => e(e.fn.coalesce("oidc_identities.last_sign_in_at", "oidc_identities.linked_at"), "<", before))
      .execute();
    for (const { name } of stale) {
      await this.#deprovision(name, `no sign-in with the identity provider for ${recheckDays} days`, "local");
    }
  }

  async #provision(claims: Claims, roles: Role[], address: string): Promise<string> {
    const { label, issuer } = this.#options;
    if (roles.length === 0) throw this.#noGroup();
    if (!PersonName.safeParse(claims.name).success) {
      const text = `${label} gives no name that an account can have here (letters, digits, dot, dash, underscore and @); an administrator sets identity.oidc.nameClaim`;
      throw new AppError("AUTH_FORBIDDEN", text, { op });
    }
    if ((await this.#people.find(claims.name)) !== null) {
      const text = `there is an account named ${claims.name} here that is not linked with ${label}: sign in with its password, and link it under My account`;
      throw new AppError("AUTH_FORBIDDEN", text, { op });
    }
    await this.#options.audit({
      actor: claims.name,
      action: "person.provisioned",
      subject: claims.name,
      address,
      details: { issuer, roles },
    });
    await this.#db.transaction().execute(async (trx) => {
      const { name } = await new People(trx).create({ name: claims.name, roles });
      const at = this.#at();
      await trx
        .insertInto("oidc_identities")
        .values({
          issuer,
          subject: claims.subject,
          person: name.toLowerCase(),
          provisioned: 1,
          deprovisioned: 0,
          linked_at: at,
          last_sign_in_at: at,
        })
        .execute();
    });
    return claims.name;
  }

  async #renew(identity: Selectable<OidcIdentitiesTable>, roles: Role[], address: string): Promise<void> {
    const { issuer } = this.#options;
    const person = await this.#people.get(identity.person);
    const tell = (action: string, details: Record<string, unknown>) =>
      this.#options.audit({
        actor: person.name,
        action,
        subject: person.name,
        address,
        details: { issuer, ...details },
      });
    if (roles.length === 0) {
      if (identity.provisioned !== 0 && !person.disabled) {
        await this.#deprovision(person.name, "no group that may come in", address);
      }
      throw this.#noGroup();
    }
    if (person.disabled && (identity.provisioned === 0 || identity.deprovisioned === 0)) {
      throw new AppError("AUTH_FORBIDDEN", "this account is disabled here; an administrator can enable it", { op });
    }
    // An account that was here before keeps the roles that it has here.
    if (identity.provisioned === 0) return;
    if ([...roles].sort().join() !== [...person.roles].sort().join()) {
      await tell("person.roles", { from: person.roles, to: roles });
      await this.#people.setRoles(person.name, roles);
    }
    if (person.disabled) {
      await tell("person.reprovisioned", { roles });
      await this.#people.setDisabled(person.name, false);
    }
  }

  /** Live sessions end with it, as of everybody who is disabled. */
  async #deprovision(person: string, reason: string, address: string): Promise<void> {
    const { issuer } = this.#options;
    const details = { issuer, reason };
    await this.#options.audit({ actor: "recorder", action: "person.deprovisioned", subject: person, address, details });
    await this.#people.setDisabled(person, true);
    await this.#db
      .updateTable("oidc_identities")
      .set({ deprovisioned: 1 })
      .where("person", "=", person.toLowerCase())
      .execute();
  }

  #rolesOf(groups: readonly string[]): Role[] {
    const named = this.#options.roles.filter(({ group }) => groups.includes(group));
    return [...new Set(named.flatMap(({ roles }) => roles))].sort();
  }

  #find(subject: string): Promise<Selectable<OidcIdentitiesTable> | undefined> {
    return this.#db
      .selectFrom("oidc_identities")
      .selectAll()
      .where("issuer", "=", this.#options.issuer)
      .where("subject", "=", subject)
      .executeTakeFirst();
  }

  #of(person: string): Promise<Selectable<OidcIdentitiesTable> | undefined> {
    return this.#db
      .selectFrom("oidc_identities")
      .selectAll()
      .where("person", "=", person.toLowerCase())
      .executeTakeFirst();
  }

  #noGroup(): AppError {
    const text = `your account at ${this.#options.label} is in no group that may come in here; whoever keeps the groups can add you`;
    return new AppError("AUTH_FORBIDDEN", text, { op });
  }

  #at(): string {
    return new Date(this.#now()).toISOString();
  }
}
