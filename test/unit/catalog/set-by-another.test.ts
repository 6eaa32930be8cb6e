// Whoever set a person's password knows it: it proves nobody where two are asked for, until its owner has changed it.
import { afterEach, beforeEach, expect, it } from "vitest";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { setByAnother } from "../../../recorder/catalog/set-by-another.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { Holds } from "../../../recorder/retention/holds.ts";
import { openState } from "../../support/state.ts";

let database: ServiceDatabase;
let audit: AuditLog;

beforeEach(async () => {
  database = await openState(":memory:");
  audit = new AuditLog(database.catalog);
});
afterEach(() => database.close());

const tell = (actor: string, action: string, subject = "adam") =>
  audit.append({ actor, action, subject, address: "local", details: {} });
const found = () => setByAnother(database.catalog, "adam");

it("is told of a password that somebody else set, until its owner has changed it", async () => {
  expect(await found()).toBeNull();
  await tell("os:root", "person.add");
  await tell("erika", "password.change", "erika");
  expect(await found()).toMatchObject({ what: "password", by: "os:root" });
  await tell("Adam", "password.change");
  expect(await found()).toBeNull();
  await tell("os:root", "password.reset");
  await tell("adam", "mfa.enrolled");
  expect(await found()).toMatchObject({ what: "password", by: "os:root" });
});

it("is told of a second factor that somebody else enrolled or took away", async () => {
  await tell("os:root", "mfa.enrolled");
  await tell("adam", "mfa.recovery-codes-made");
  // Beside what another has, a passkey of one's own proves nothing more.
  await tell("adam", "mfa.passkey-added");
  expect(await found()).toMatchObject({ what: "second factor", by: "os:root" });
  await tell("adam", "password.change");
  expect(await found()).toMatchObject({ what: "second factor" });
  await tell("adam", "mfa.enrolled");
  expect(await found()).toBeNull();
  await tell("erika", "mfa.reset");
  expect(await found()).toMatchObject({ what: "second factor", by: "erika" });
  await tell("adam", "password.change");
  expect(await found()).toBeNull();
  await tell("erika", "mfa.reset");
  await tell("adam", "mfa.passkey-added");
  expect(await found()).toBeNull();
});

it("keeps whose password another has set from both halves of a release, and from nothing else of a hold", async () => {
  const holds = new Holds({
    db: database.retention,
    audit,
    enforce: async () => {},
    stateOf: async () => "there",
    setByAnother: (person) => setByAnother(database.catalog, person),
    alarms: { raise: () => {}, clear: () => {} },
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    now: Date.now,
  });
  const as = (name: string) => ({ name, address: "local" });
  const session = "01a2061a-0000-7000-8000-000000000001";
  await tell("os:root", "password.reset");
  const { id } = await holds.place(session, { caseId: "C-1", reason: "r" }, as("adam"));
  const refused = { code: "POLICY_REFUSED", message: expect.stringContaining("was last set by os:root") };
  await expect(holds.release(session, id, { step: "ask", reason: "closed" }, as("adam"))).rejects.toMatchObject(
    refused,
  );
  await holds.release(session, id, { step: "ask", reason: "closed" }, as("demo"));
  await expect(holds.release(session, id, { step: "confirm" }, as("adam"))).rejects.toMatchObject(refused);
  await tell("adam", "password.change");
  expect(await holds.release(session, id, { step: "confirm" }, as("adam"))).toMatchObject({ state: "released" });
});
