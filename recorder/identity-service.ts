// Passkeys, sign-in with an identity provider and API tokens as the service uses them. A part of the composition root,
// beside main.ts.
import type { Transaction } from "kysely";
import type { AccessFeed } from "./access/feed.ts";
import type { RequestTables } from "./access/requests/tables.ts";
import { Passkeys } from "./access/webauthn/passkeys.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";

export interface IdentityParts {
  database: ServiceDatabase;
  feed: AccessFeed;
  /** As people reach the portal; known once it listens. */
  portalUrl(): string;
}

export interface IdentityService {
  passkeys: Passkeys;
}

export function openIdentity(config: Config, { database, feed, portalUrl }: IdentityParts): IdentityService {
  const passkeys = new Passkeys(database.access, {
    portalUrl,
    name: `Conduit ${config.recorder.id}`,
    enabled: config.identity.webauthn.enabled,
    record: async (trx, event) => {
      await feed.append(trx as unknown as Transaction<RequestTables>, event);
    },
    recorded: () => feed.changed(),
  });
  return { passkeys };
}
