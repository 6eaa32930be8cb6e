// `conduit cases` and `conduit notes` on the service's database, without the service.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { type Config, loadConfig } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { recordingPrefix } from "../../../recorder/store/keys.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { prepareService } from "../../support/service.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { runConduit } from "./run-conduit.ts";

const password = "correct horse battery";
let folder: TempDir;
let configFile: string;
let config: Config;
let session: string;

beforeAll(async () => {
  folder = await createTempDir("case-commands");
  const person = (name: string, ...roles: string[]) => ({ name, roles, password });
  ({ configFile } = await prepareService({
    directory: folder.path,
    people: [
      person("anna", "investigator"),
      person("boris", "auditor"),
      person("petra", "escort"),
      person("erika", "vendor"),
    ],
    secrets: [],
    targets: [{ name: "plc-1", host: "127.0.0.1", account: "service", secret: "plc" }],
    policy: { signIn: { mfa: "optional" } },
  }));
  config = loadConfig({ file: configFile, env: {}, directory: folder.path });
  const startedAt = "2026-11-23T01:00:00.000000Z";
  const made = new RecordingBuilder({ person: "erika", target: "plc-1", startedAt, seed: 1 }, makeSigningKey());
  made.channel(0, { request: "shell", pty: true });
  await made.output(0, 1_000_000, "pump started\r\n");
  const { objects, index } = made.finish(600_000_000);
  ({ session } = index);
  if (config.store.kind !== "fs") throw new Error("the store is no folder");
  for (const [name, bytes] of objects) {
    const file = join(config.store.directory, recordingPrefix(startedAt, session), name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  const database = await openDatabase(config.recorder.database);
  const recordings = new Recordings(database.catalog);
  await recordings.opened(OpenRecord.parse(JSON.parse(String(objects.get("open.json")))));
  await recordings.sealed(Manifest.parse(JSON.parse(String(objects.get("manifest.json")))));
  await database.close();
});
afterAll(() => folder?.remove());

const conduit = (...line: string[]) =>
  runConduit(folder.path, ["--config", configFile, ...line], { input: `${password}\n` });
const done = async (...line: string[]): Promise<string> => {
  const { code, stdout, stderr } = await conduit(...line);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
};

async function audited(action: string) {
  const database = await openDatabase(config.recorder.database);
  const rows = await database.catalog.selectFrom("audit").selectAll().where("action", "=", action).execute();
  await database.close();
  return rows.map(({ actor, subject, details }) => ({
    actor,
    subject,
    details: JSON.parse(String(details)) as object,
  }));
}

test("a case goes from its opening to its bundle and its end, each step attributed", async () => {
  const opened = await done("cases", "create", "Valve 7 at night", "--member", "petra", "--as", "anna");
  const id = /CASE-\d{4}-0001/.exec(opened)?.[0] ?? "";
  expect(opened).toBe(`Opened: ${id}.\n`);
  await done("cases", "add", id, "latest", "--reason", "the vendor's session", "--as", "petra");
  expect((await conduit("cases", "add", id, session, "--reason", "again", "--as", "petra")).stderr).toContain(
    "already",
  );
  const said = await done(
    "notes",
    "add",
    session,
    "opened\nby hand",
    "--at",
    "1:30",
    "--tag",
    "Valve-7",
    "--as",
    "petra",
  );
  expect(said).toMatch(/^Written: n[0-9a-f]{12}\.\n$/);

  const list = JSON.parse(await done("cases", "list", "valve", "--member", "petra", "--json"));
  expect(list).toMatchObject([{ id, state: "open", sessions: 1, members: ["anna", "petra"] }]);
  expect(JSON.parse(await done("cases", "list", "--state", "closed", "--json"))).toEqual([]);
  const shown = await done("cases", "show", id.toLowerCase());
  expect(shown).toContain(`${id}: Valve 7 at night (open)`);
  expect(shown).toMatch(new RegExp(`${session} .* erika +plc-1 +sealed +no +the vendor's session`));
  expect(shown).toMatch(/0:01:30 +n[0-9a-f]{12} +petra .* valve-7 +opened by hand/);

  const exported = await conduit("cases", "export", id, "-o", "case.zip", "--reason", "for the court");
  expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining("case.zip") });
  expect(exported.stderr).toMatch(/^WARNING: the store has no ledger of [^\n]*\n$/);
  execFileSync("unzip", ["-q", "case.zip"], { cwd: folder.path });
  execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: join(folder.path, id), stdio: "pipe" });
  const told = JSON.parse(readFileSync(join(folder.path, id, "case.json"), "utf8"));
  expect(told).toMatchObject({
    exportedBy: expect.stringMatching(/^os:\S/),
    case: { id },
    files: { [session]: { file: `recordings/${session}.evidence.zip` } },
  });
  expect(await audited("recording.export")).toMatchObject([
    { actor: expect.stringMatching(/^os:/), subject: session, details: { case: id, reason: "for the court" } },
  ]);

  expect(await done("cases", "close", id, "--reason", "answered", "--as", "anna")).toBe(`${id} is closed.\n`);
  expect((await conduit("cases", "add", id, session, "--reason", "more", "--as", "anna")).stderr).toContain(
    "is closed",
  );
  expect(await done("cases", "reopen", id, "--reason", "a question", "--as", "anna")).toBe(`${id} is open again.\n`);
  expect(await audited("case.close")).toMatchObject([{ actor: "anna", subject: id, details: { reason: "answered" } }]);
  expect(await audited("note.add")).toMatchObject([{ actor: "petra", subject: session }]);
});

test("a case has its people, title and alarms changed, and a note is changed and struck out, by those who may", async () => {
  const opened = await done("cases", "create", "Pump 3", "--as", "anna");
  const id = /CASE-\d{4}-\d{4}/.exec(opened)?.[0] ?? "";
  await done("cases", "member", "add", id, "boris", "--as", "anna");
  expect(await done("cases", "member", "remove", id, "anna", "--as", "boris")).toBe(`anna no longer works on ${id}.\n`);
  await done("cases", "edit", id, "--title", "Pump 3 at night", "--as", "boris");
  expect((await conduit("cases", "edit", id, "--title", "Mine", "--as", "anna")).stderr).toContain("AUTH_FORBIDDEN");

  writeFileSync(join(folder.path, "alarms.csv"), "Time;Message;Prio\n23.11.2026 02:00:10;P-3 tripped;alarm\n");
  const columns = ["--time-column", "Time", "--text-column", "Message", "--severity-column", "Prio"];
  const clock = ["--time-zone", "Europe/Berlin", "--clock-offset", "-2.5", "--delimiter", "semicolon", "--as", "boris"];
  const file = join(folder.path, "alarms.csv");
  const dry = await done("cases", "import", id, file, ...columns, ...clock, "--dry-run");
  expect(dry).toContain("1 event would be imported");
  const { imports: none, ...before } = JSON.parse(await done("cases", "show", id, "--json"));
  expect([none, before.title]).toEqual([[], "Pump 3 at night"]);
  expect(await done("cases", "import", id, file, ...columns, ...clock)).toMatch(
    /Imported on .*1 event of alarms\.csv, i/,
  );
  const { imports } = JSON.parse(await done("cases", "show", id, "--json"));
  expect(imports).toMatchObject([
    { name: "alarms.csv", firstAt: "2026-11-23T01:00:07.500Z", settings: { offsetMs: -2_500 }, addedBy: "boris" },
  ]);
  writeFileSync(file, "Time;Message;Prio\nnever;P-3 tripped;alarm\n");
  const bad = await conduit("cases", "import", id, file, ...columns, ...clock);
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining("alarms.csv:2: ") });

  const note =
    /n[0-9a-f]{12}/.exec(await done("notes", "add", session, "trips", "--at", "5", "--as", "petra"))?.[0] ?? "";
  expect(await done("notes", "edit", session, note, "trips twice", "--tag", "p-3", "--as", "petra")).toBe(
    `Changed: ${note}, version 2.\n`,
  );
  expect((await conduit("notes", "edit", session, note, "no", "--as", "boris")).stderr).toContain("AUTH_FORBIDDEN");
  await done("notes", "strike", session, note, "--reason", "another pump", "--as", "petra");
  const { notes } = JSON.parse(await done("notes", "list", session, "--tag", "p-3", "--json"));
  expect(notes).toMatchObject([
    {
      id: note,
      text: "trips twice",
      struck: { by: "petra", reason: "another pump" },
      history: [{ text: "trips", tags: [] }],
    },
  ]);
});

test("notes are listed by tag, bookmarks may say nothing", async () => {
  await done("notes", "add", session, "--at", "10", "--to", "20", "--bookmark", "--tag", "start", "--as", "boris");
  const { notes } = JSON.parse(await done("notes", "list", session, "--tag", "START", "--json"));
  expect(notes).toMatchObject([
    { kind: "bookmark", atUs: 10_000_000, endUs: 20_000_000, text: "", author: "boris", tags: ["start"] },
  ]);
  expect(await done("notes", "list", session)).toMatch(/0:00:10-0:00:20 +n[0-9a-f]{12} +boris .* start +\(bookmark\)/);
});

test.each([
  ["a vendor writes no notes", ["notes", "add", "latest", "hello", "--at", "1", "--as", "erika"], 1, "AUTH_FORBIDDEN"],
  ["an escort opens no case", ["cases", "create", "Mine", "--as", "petra"], 1, "AUTH_FORBIDDEN"],
  ["a note says something", ["notes", "add", "latest", "--at", "1", "--as", "anna"], 2, "a note says something"],
  ["a note is within its recording", ["notes", "add", "latest", "x", "--at", "2h", "--as", "anna"], 1, "ends at 600 s"],
  ["a change says what", ["notes", "edit", "latest", "n000000000000", "--as", "anna"], 2, "say what is changed"],
  ["there is no such note", ["notes", "strike", "latest", "n000000000000", "--as", "anna"], 4, "no note on this"],
  ["there is no such case", ["cases", "show", "CASE-2026-0999"], 4, "no such case"],
  ["that is no case", ["cases", "export", "17"], 4, "conduit cases list"],
  ["a case has a title", ["cases", "create", "", "--as", "anna"], 2, "title"],
])("%s", async (_what, line, code, message) => {
  const result = await conduit(...line);
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
  expect(result.stderr).toContain(message);
});

test("who cannot prove to be somebody writes nothing", async () => {
  const before = await audited("case.create");
  const line = ["--config", configFile, "cases", "create", "Mine", "--as", "anna"];
  const { code, stderr } = await runConduit(folder.path, line, { input: "wrong password\n" });
  expect(code).toBe(1);
  expect(stderr).toContain("AUTH_FAILED");
  expect(await audited("case.create")).toEqual(before);
});
