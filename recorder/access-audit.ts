// Every event of access stands in the audit log, once: copied in the transaction that keeps how far the copying has come. A
// part of the composition root: the service copies as events come, a command before it ends.
import type { AccessEventType } from "../shared/api/access.ts";
import type { AccessFeed } from "./access/feed.ts";
import { AuditLog } from "./catalog/audit.ts";

/** Written by who decides, before the answer is given. */
const auditedThere: ReadonlySet<AccessEventType> = new Set([
  "session.opened",
  "session.refused",
  "session.message",
  "file.quarantined",
]);

/** One connection, seen by each folder through its own tables. */
type AuditDatabase = ConstructorParameters<typeof AuditLog>[0];

/** From now on; returns its end. */
export function copyToAudit(feed: AccessFeed): () => void {
  return feed.consume("audit", async (events, trx) => {
    for (const { type, actor, subject, address, details, at } of events) {
      if (auditedThere.has(type)) continue;
      const audit = new AuditLog(trx as unknown as AuditDatabase, () => new Date(at));
      await audit.append({ actor, action: type, subject, address, details });
    }
  });
}
