// The suites of the state's repositories once more, on PostgreSQL: what they say of SQLite holds there, too.
import { afterAll, describe } from "vitest";
import { startPostgres } from "../../support/postgres.ts";
import { useStateIn } from "../../support/state.ts";

const postgres = await startPostgres();
afterAll(() => postgres.stop());
useStateIn(postgres);

// Each within a describe of its own, whose hooks are its own.
describe("access/master-key", async () => void (await import("../../unit/access/master-key.test.ts")));
describe("access/mfa/mfa", async () => void (await import("../../unit/access/mfa/mfa.test.ts")));
describe("access/month-keys", async () => void (await import("../../unit/access/month-keys.test.ts")));
describe("access/people", async () => void (await import("../../unit/access/people.test.ts")));
describe("access/policy-versions", async () => void (await import("../../unit/access/policy-versions.test.ts")));
describe("access/requests/blocks", async () => void (await import("../../unit/access/requests/blocks.test.ts")));
describe("access/requests/break-glass", async () =>
  void (await import("../../unit/access/requests/break-glass.test.ts")));
describe("access/requests/clock", async () => void (await import("../../unit/access/requests/clock.test.ts")));
describe("access/requests/credentials", async () =>
  void (await import("../../unit/access/requests/credentials.test.ts")));
describe("access/requests/feed", async () => void (await import("../../unit/access/requests/feed.test.ts")));
describe("access/requests/life", async () => void (await import("../../unit/access/requests/life.test.ts")));
describe("access/requests/store", async () => void (await import("../../unit/access/requests/store.test.ts")));
describe("access/secrets", async () => void (await import("../../unit/access/secrets.test.ts")));
describe("access/single-use", async () => void (await import("../../unit/access/single-use.test.ts")));
describe("access/stops", async () => void (await import("../../unit/access/stops.test.ts")));
describe("cases", async () => void (await import("../../integration/api/cases.test.ts")));
describe("holds", async () => void (await import("../../integration/api/holds.test.ts")));
describe("activity/activity", async () => void (await import("../../unit/activity/activity.test.ts")));
describe("cases/bounds", async () => void (await import("../../unit/cases/bounds.test.ts")));
describe("catalog/audit-mirror", async () => void (await import("../../unit/catalog/audit-mirror.test.ts")));
describe("catalog/recordings", async () => void (await import("../../unit/catalog/recordings.test.ts")));
describe("catalog/set-by-another", async () => void (await import("../../unit/catalog/set-by-another.test.ts")));
describe("inventory/policy-history", async () => void (await import("../../unit/inventory/policy-history.test.ts")));
describe("scan/quarantine", async () => void (await import("../../unit/scan/quarantine.test.ts")));
describe("search/saved-searches", async () => void (await import("../../unit/search/saved-searches.test.ts")));
describe("shredding", async () => void (await import("../../unit/shredding.test.ts")));
describe("verify/catalogue-rebuild", async () => void (await import("../../unit/verify/catalogue-rebuild.test.ts")));
describe("verify/continuous", async () => void (await import("../../unit/verify/continuous.test.ts")));
