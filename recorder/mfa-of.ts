// The second factor as service and command line use it: its changes stand in the feed of access events, in their own
// transaction. A part of the composition root, beside main.ts.
import type { Transaction } from "kysely";
import { AccessFeed } from "./access/feed.ts";
import type { MasterKey } from "./access/master-key.ts";
import { Mfa } from "./access/mfa/mfa.ts";
import type { RequestTables } from "./access/requests/tables.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";

/** Without a feed of its own, the service finds what was written by itself. */
export function mfaOf(config: Config, database: ServiceDatabase, masterKey: MasterKey, feed?: AccessFeed): Mfa {
  const writer = feed ?? new AccessFeed(database.requests);
  return new Mfa(database.access, masterKey, {
    // What authenticator apps show: which recorder it is.
    issuer: `Conduit ${config.recorder.id}`,
    record: async (trx, event) => {
      await writer.append(trx as unknown as Transaction<RequestTables>, event);
    },
    ...(feed === undefined ? {} : { recorded: () => feed.changed() }),
  });
}
