// Retention of a test's API: the real one over the test's store and database, with nothing that runs by itself.
import type { RecordingKeeping } from "../../recorder/api/deps.ts";
import type { ServiceDatabase } from "../../recorder/database.ts";
import type { RetentionAudit } from "../../recorder/retention/ledger.ts";
import { Retention } from "../../recorder/retention/retention.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import { Policy } from "../../shared/policy/policy.ts";

export function keepingOf(parts: {
  database: ServiceDatabase;
  store: ObjectStore;
  audit: RetentionAudit;
  find(session: string): Promise<{ startedAt: string } | null>;
}): RecordingKeeping {
  const policy = Policy.parse({ version: 1 });
  const retention = new Retention({
    settings: { onDrift: "report", lifecycle: false, ledgerYears: 7, sweepEverySeconds: 3600, probe: "off" },
    store: parts.store,
    db: parts.database.retention,
    ledger: { append: async () => {} },
    recorder: "recorder-1",
    witnessed: async () => ({ recorded: true, retainUntil: null, cases: [] }),
    audit: parts.audit,
    policy: () => policy,
    isPending: () => false,
    find: parts.find,
    expired: async () => {},
    alarms: { raise: () => {}, clear: () => {} },
    logger: { info: () => {}, warn: () => {}, error: () => {} },
  });
  return {
    of: (session) => retention.of(session),
    holds: () => retention.holds.list(),
    place: (...what) => retention.holds.place(...what),
    release: (...what) => retention.holds.release(...what),
  };
}
