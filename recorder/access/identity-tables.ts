// The tables of passkeys, codes of the portal, people of an identity provider, and API tokens. Portable types only, as in
// access.
import type { Kysely, Migration } from "kysely";

export interface PasskeysTable {
  /** The credential's id, base64url. */
  id: string;
  person: string;
  name: string;
  /** COSE, base64. */
  public_key: string;
  /** Of signatures, as the authenticator said it last; 0 where it keeps none. */
  counter: number;
  /** JSON array. */
  transports: string;
  /** 1: it is kept beyond the one device, e.g. by the maker of a phone. */
  backed_up: number;
  added_at: string;
  last_used_at: string | null;
}

/** One a person: what the portal showed for a log-in elsewhere. */
export interface PortalCodesTable {
  person: string;
  code_hash: string;
  expires_at_ms: number;
}

export interface OidcIdentitiesTable {
  issuer: string;
  subject: string;
  person: string;
  /** 1: the account was made by a sign-in, and its roles are the provider's to say. */
  provisioned: number;
  /** 1: it was disabled since the provider named no group of it any more; a sign-in with one enables it again. */
  deprovisioned: number;
  linked_at: string;
  last_sign_in_at: string | null;
}

export interface ApiTokensTable {
  id: string;
  person: string;
  name: string;
  token_hash: string;
  /** JSON array; what the token may do is what of them the person still has. */
  roles: string;
  read_only: number;
  /** 1: its owner had a second factor when it was made. */
  second_factor: number;
  created_by: string;
  created_at: string;
  expires_at_ms: number;
  last_used_at: string | null;
  last_address: string | null;
  revoked_at: string | null;
}

export interface IdentityTables {
  passkeys: PasskeysTable;
  portal_codes: PortalCodesTable;
  oidc_identities: OidcIdentitiesTable;
  api_tokens: ApiTokensTable;
}

export const identityMigrations: Record<string, Migration> = {
  "0030-identity": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("passkeys")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("person", "text", (c) => c.notNull().references("people.key").onDelete("cascade"))
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("public_key", "text", (c) => c.notNull())
        .addColumn("counter", "bigint", (c) => c.notNull())
        .addColumn("transports", "text", (c) => c.notNull())
        .addColumn("backed_up", "integer", (c) => c.notNull())
        .addColumn("added_at", "text", (c) => c.notNull())
        .addColumn("last_used_at", "text")
        .execute();
      await db.schema.createIndex("passkeys_person").on("passkeys").column("person").execute();
      await db.schema
        .createTable("portal_codes")
        .addColumn("person", "text", (c) => c.primaryKey().references("people.key").onDelete("cascade"))
        .addColumn("code_hash", "text", (c) => c.notNull())
        .addColumn("expires_at_ms", "bigint", (c) => c.notNull())
        .execute();
      await db.schema
        .createTable("oidc_identities")
        .addColumn("issuer", "text", (c) => c.notNull())
        .addColumn("subject", "text", (c) => c.notNull())
        .addColumn("person", "text", (c) => c.notNull().unique().references("people.key").onDelete("cascade"))
        .addColumn("provisioned", "integer", (c) => c.notNull())
        .addColumn("deprovisioned", "integer", (c) => c.notNull())
        .addColumn("linked_at", "text", (c) => c.notNull())
        .addColumn("last_sign_in_at", "text")
        .addPrimaryKeyConstraint("oidc_identities_key", ["issuer", "subject"])
        .execute();
      await db.schema
        .createTable("api_tokens")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("person", "text", (c) => c.notNull().references("people.key").onDelete("cascade"))
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("token_hash", "text", (c) => c.notNull().unique())
        .addColumn("roles", "text", (c) => c.notNull())
        .addColumn("read_only", "integer", (c) => c.notNull())
        .addColumn("second_factor", "integer", (c) => c.notNull())
        .addColumn("created_by", "text", (c) => c.notNull())
        .addColumn("created_at", "text", (c) => c.notNull())
        .addColumn("expires_at_ms", "bigint", (c) => c.notNull())
        .addColumn("last_used_at", "text")
        .addColumn("last_address", "text")
        .addColumn("revoked_at", "text")
        .execute();
      await db.schema.createIndex("api_tokens_person").on("api_tokens").column("person").execute();
    },
  },
};
