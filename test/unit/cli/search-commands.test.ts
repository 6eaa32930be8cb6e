// `conduit search` on an index as the service leaves it, without the service.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { type Config, loadConfig } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { extractorVersion } from "../../../recorder/search/search-index.ts";
import { openSqliteIndex } from "../../../recorder/search/sqlite-index.ts";
import { searchFile } from "../../../recorder/search-service.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { runConduit } from "./run-conduit.ts";

let folder: TempDir;
let config: Config;
let pump: string;
let valve: string;

beforeAll(async () => {
  folder = await createTempDir("search-commands");
  await prepareInstallation(loadConfig({ env: {}, directory: folder.path }));
  config = loadConfig({ env: {}, directory: folder.path });
  const database = await openDatabase(config.recorder.database);
  const index = await openSqliteIndex(searchFile(config));
  const add = async (seed: number, person: string, commands: string[]) => {
    const startedAt = `2026-11-23T0${seed}:00:00.000000Z`;
    const made = new RecordingBuilder({ person, target: `plc-${seed}`, startedAt, seed }, makeSigningKey());
    const { objects, index: built } = made.finish(7_200_000_000);
    const recordings = new Recordings(database.catalog);
    await recordings.opened(OpenRecord.parse(JSON.parse(String(objects.get("open.json")))));
    await recordings.sealed(Manifest.parse(JSON.parse(String(objects.get("manifest.json")))));
    const { session } = built;
    async function* documents() {
      for (const [i, text] of commands.entries())
        yield { session, kind: "command" as const, atUs: (3_661 + i) * 1_000_000, text, exitStatus: i };
    }
    await index.put(session, documents(), () => ({
      ...{ session, person, target: `plc-${seed}`, conduit: "line", protocol: "ssh", startedAt },
      ...{ version: extractorVersion, contents: "all", damage: [], leftOut: {} },
    }));
    return session;
  };
  pump = await add(1, "erika", ["start pump", "stop\npump\u001b[2J"]);
  valve = await add(2, "omar", ["open valve"]);
  await index.close();
  await database.close();
});
afterAll(() => folder.remove());

const conduit = (...line: string[]) => runConduit(folder.path, line);

async function lastAudit() {
  const database = await openDatabase(config.recorder.database);
  try {
    return (await new AuditLog(database.catalog).list({ limit: 1 })).items[0];
  } finally {
    await database.close();
  }
}

test("words find lines with their recording and second, the newest first, and are in the audit", async () => {
  const { code, stdout, stderr } = await conduit("search", "pump");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [head, newer, older, ...more] = stdout.trimEnd().split("\n");
  expect(more).toEqual([]);
  expect(head).toMatch(/^WHEN +RECORDING +AT +PERSON +TARGET +KIND +FOUND$/);
  expect(newer).toContain("stop pump [2J (exit status 1)");
  expect(older).toMatch(new RegExp(`^2026-11-23 02:01:01Z  ${pump}  1:01:01  erika +plc-1 +command +start pump`));
  expect(await lastAudit()).toMatchObject({
    action: "recording.search",
    subject: "recordings",
    address: "local",
    actor: expect.stringMatching(/^os:\S/),
    details: { filter: { search: { q: "pump" } } },
  });
});

test("filters and phrases narrow, --json and --group give what the API gives", async () => {
  const found = JSON.parse((await conduit("search", "--person", "oma*", "--kind", "command,file", "--json")).stdout);
  expect(found).toMatchObject({ next: null, coverage: { sessions: 2, waiting: 0 } });
  expect(found.items).toMatchObject([{ session: valve, snippet: { text: "open valve" } }]);
  expect((await conduit("search", '"pump start"')).stdout).toBe("Nothing was found.\n");
  expect((await conduit("search", "pump -start", "--json")).stdout).not.toContain("start pump");
  const grouped = JSON.parse((await conduit("search", "pump", "--group", "--json")).stdout);
  expect(grouped.groups).toMatchObject([{ session: pump, count: 2 }]);
  expect((await conduit("search", "pump", "--group")).stdout).toMatch(/erika +plc-1 +2 +1:01:02 +stop pump/);
  expect((await conduit("search", "pump", "--recording", valve)).stdout).toBe("Nothing was found.\n");
  expect((await conduit("search", "--from", "2026-11-23T03:00:00Z", "--json")).stdout).not.toContain(pump);
});

test("what is beyond the limit is told, also over pages", async () => {
  const { stdout, stderr } = await conduit("search", "--kind", "command", "--limit", "2");
  expect(stdout.trimEnd().split("\n")).toHaveLength(3);
  expect(stderr).toBe("There is more; raise --limit above 2, or search closer.\n");
});

test.each([
  [["search"], "give words, or a filter"],
  [["search", '"pump'], "conduit: "],
  [["search", "pump", "--kind", "commands"], "kinds"],
  [["search", "pump", "--from", "yesterday"], "`from` is not a time"],
  [["search", "pump", "--limit", "0"], "--limit is a number"],
])("%j is wrong usage, and was no search", async (line, message) => {
  const before = await lastAudit();
  const { code, stdout, stderr } = await conduit(...line);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(await lastAudit()).toEqual(before);
});

test("a reason is asked where the policy asks, and kept", async () => {
  const { policy } = config.inventory;
  const before = readFileSync(policy, "utf8");
  writeFileSync(policy, `${before}\ncustody:\n  reasonFor: [search, verify]\n`);
  try {
    const refused = await conduit("search", "pump");
    expect(refused.code).toBe(2);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toContain("give --reason TEXT [REASON_REQUIRED]");
    expect((await conduit("search", "pump", "--reason", "case 17")).code).toBe(0);
    expect(await lastAudit()).toMatchObject({ action: "recording.search", details: { reason: "case 17" } });
    for (const command of [
      ["verify", "--all"],
      ["recordings", "verify", "latest"],
    ]) {
      const unasked = await conduit(...command);
      expect([unasked.code, unasked.stdout]).toEqual([2, ""]);
      expect(unasked.stderr).toContain("give --reason TEXT [REASON_REQUIRED]");
      await conduit(...command, "--reason", "audit of the month");
      expect(await lastAudit()).toMatchObject({ details: { reason: "audit of the month" } });
    }
  } finally {
    writeFileSync(policy, before);
  }
});

test("rebuild has every recording read again, keeps what is found until then, and status says so", async () => {
  expect(JSON.parse((await conduit("search", "status", "--json")).stdout)).toMatchObject({ sessions: 2, waiting: 0 });
  const { code, stdout } = await conduit("search", "rebuild");
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("2 recordings to be read again") });
  expect(await lastAudit()).toMatchObject({ action: "search.rebuild", subject: "recordings" });
  expect((await conduit("search", "status")).stdout).toContain("2 recordings not read yet");
  const again = await conduit("search", "valve");
  expect(again.stdout).toContain("open valve");
  expect(again.stderr).toContain("2 recordings not read yet");
});

test("an index that cannot be used is left as it is, and none is made", async () => {
  const file = searchFile(config);
  for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
  expect(await conduit("search", "pump")).toMatchObject({ code: 4, stdout: "" });
  writeFileSync(file, "no database ".repeat(1000));
  const { code, stderr } = await conduit("search", "pump");
  expect(code).toBe(1);
  expect(stderr).toContain("cannot be used: start the service, which makes a new one");
  expect(readFileSync(file, "utf8")).toContain("no database");
});

test("activity says who was where when and what was unusual, by the filters, and is in the audit with them", async () => {
  const { code, stdout, stderr } = await conduit("activity", "--from", "2026-11-23", "--to", "2026-11-24");
  expect(code).toBe(0);
  expect(stdout).toContain(
    "2026-11-23 00:00:00Z to 2026-11-24 00:00:00Z: 2 sessions, 2 people, 2 targets, 4 h 00 min.",
  );
  expect(stdout).toMatch(/^2026-11-23 +2 +2 +2 +4 h 00 min .* 01 02 03$/m);
  expect(stdout).toMatch(/^erika +1 +1 +2 h 00 min +\S.* 2026-11-23 01:00:00Z$/m);
  expect(stdout).toMatch(new RegExp(`^2026-11-23 01:00:00Z  ${pump}  0:00:00  erika +plc-1 +first-time +\\S`, "m"));
  expect(stderr).toContain("2 sessions of which the contents were not looked at yet.");
  const narrowed = ["activity", "--from", "2026-11-23", "--to", "2026-11-24", "--person", "oma*", "--json"];
  const found = JSON.parse((await conduit(...narrowed, "--zone", "Europe/Berlin")).stdout);
  expect(found).toMatchObject({ zone: "Europe/Berlin", totals: { sessions: 1 }, people: [{ name: "omar" }] });
  expect(found.days[0].hours.map(({ hour }: { hour: number }) => hour)).toEqual([3, 4]);
  expect(await lastAudit()).toMatchObject({
    action: "recording.search",
    details: { filter: { activity: { from: "2026-11-23", to: "2026-11-24", person: "oma*" } } },
  });
  expect((await conduit("activity", "--to", "2020-01-01")).stdout).toMatch(/^Nobody was there from /);
});

test("a period or a zone of activity that is none is an error of use", async () => {
  for (const [option, value] of [
    ["--from", "tuesday"],
    ["--zone", "Mars/Base"],
    ["--to", "1970-01-01"],
  ] as const) {
    const { code, stdout, stderr } = await conduit("activity", option, value);
    expect({ option, code, stdout }).toEqual({ option, code: 2, stdout: "" });
    expect(stderr).toContain("REQUEST_INVALID");
  }
});
