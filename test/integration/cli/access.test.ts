// Access at the command line, by the built program: people ask, decide and take away, each proving who they are.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { totpCode, totpStepAt } from "../../../recorder/access/mfa/totp.ts";
import type { AccessBlock, AccessRequest, DraftCheck, IssuedCredential } from "../../../shared/api/access.ts";
import { runProcess } from "../../support/process.ts";
import { prepareService } from "../../support/service.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { WarmConduit } from "../../support/warm-conduit.ts";
import { conduitScript } from "./built-conduit.ts";

const password = "correct horse battery";
let folder: TempDir;
let configFile: string;
const warm = new WarmConduit();

beforeAll(async () => {
  folder = await createTempDir("cli-access");
  const person = (name: string, ...roles: string[]) => ({ name, roles, password });
  ({ configFile } = await prepareService({
    directory: folder.path,
    people: [
      person("erika", "vendor"),
      person("anna", "approver"),
      person("boris", "approver"),
      person("adam", "admin"),
      person("petra", "escort"),
      person("audrey", "auditor"),
    ],
    secrets: [],
    targets: ["plc-1", "SIS-1"].map((name) => ({ name, host: "127.0.0.1", account: "service", secret: "plc" })),
    policy: {
      signIn: { mfa: "optional" },
      requests: { noticeSeconds: 0 },
      breakGlass: { people: ["petra"], maxSeconds: 600 },
      rules: [{ id: "cells", people: ["erika", "petra"], targets: ["*"] }],
    },
  }));
});
afterAll(() => folder?.remove());

/** As people run it; the other lines, whose subject is not the program's start, in a process that stays. */
const asProgram = (args: string[], typed: string) =>
  runProcess(process.execPath, [conduitScript, "--config", configFile, ...args], { cwd: folder.path, input: typed });
/** With what is typed: the password, and the code where there is one. */
const conduit = (args: string[], typed = `${password}\n`) =>
  warm.run(["--config", configFile, ...args], { directory: folder.path, input: typed });
const done = async (args: string[], typed?: string): Promise<string> => {
  const { code, stdout, stderr } = await conduit(args, typed);
  expect([code, stderr]).toEqual([0, stderr]);
  return stdout;
};
const json = async <T>(args: string[]): Promise<T> => JSON.parse(await done([...args, "--json"])) as T;
const create = (...more: string[]) => [
  "request",
  "create",
  "--as",
  "erika",
  "--target",
  "plc-1",
  "--purpose",
  "drive firmware",
  "--from",
  "+1s",
  "--for",
  "1h",
  ...more,
];

const auditActions = async (): Promise<string[]> => {
  const { openDatabase } = await import("../../../recorder/database.ts");
  const database = await openDatabase(join(folder.path, "data", "conduit.db"));
  const rows = await database.catalog.selectFrom("audit").select(["actor", "action"]).orderBy("id").execute();
  await database.close();
  return rows.map(({ actor, action }) => `${actor} ${action}`);
};

describe("conduit request", () => {
  test("goes from asking to a password that is shown once, and to its end", async () => {
    const asked = await json<AccessRequest>(create("--ticket", "CHG-17"));
    expect(asked).toMatchObject({ state: "submitted", requester: "erika", people: ["erika"], ticket: "CHG-17" });
    const part = asked.id.slice(-6);
    const approve = ["request", "approve", part, "--as", "anna", "--capability", "shell", "sftp"];
    expect((await asProgram(approve, `${password}\n`)).stdout).toMatch(/^Approved: from /);
    const shown = await done(["request", "show", part]);
    expect(shown).toMatch(/^approved by +anna/m);
    expect(shown).toMatch(/^only +shell, sftp$/m);
    const issued = await json<IssuedCredential>(["request", "credential", part, "--as", "erika"]);
    expect(issued.password).toMatch(/^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
    const key = join(folder.path, "key.pub");
    writeFileSync(key, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqImgHSNVWoDOxA4eA7rkdmZxwGT8dmYMWx3abt+lRR work\n");
    expect(await done(["request", "credential", part, "--as", "erika", "--key", key])).toMatch(/^Registered SHA256:/);
    expect(await json<AccessRequest>(["request", "show", asked.id])).toMatchObject({
      grants: [{ person: "erika", state: "open", credentials: [{ kind: "ssh-password" }, { kind: "ssh-key" }] }],
    });
    const explain = ["policy", "explain", "--person", "erika", "--target", "plc-1"];
    expect(await done([...explain, "--at", asked.from])).toContain(`ALLOWED: erika to plc-1 by ssh at ${asked.from}`);
    expect(await done([...explain, "--at", asked.from])).toContain(`It stands on the request ${asked.id}, from`);
    expect(await json([...explain, "--at", asked.from])).toMatchObject({ effect: "allow", request: asked.id });
    const early = await done([...explain, "--at", "2026-01-01"]);
    expect(early).toContain("The approved window has not begun yet.");
    expect(early).toContain(`Looked at was the request ${asked.id} (plc-1)`);
    expect(await done([...explain, "--granted", "--at", "2026-01-01"])).toContain("(--granted).");
    expect(await done(["request", "revoke", part, "--as", "adam", "--reason", "permit taken back"])).toContain(
      asked.id,
    );
    expect(await json<AccessRequest[]>(["request", "list", "--state", "revoked", "--target", "plc-1"])).toMatchObject([
      { id: asked.id, ended: { by: "adam", reason: "permit taken back" } },
    ]);
    expect(await done(["request", "list"])).toMatch(
      new RegExp(`${asked.id} +revoked +erika +plc-1 .* 1/1 +drive firmware`),
    );
    const audit = await auditActions();
    for (const line of [
      "erika request.submitted",
      "anna request.approved",
      "erika credential.issued",
      "adam request.revoked",
    ]) {
      expect(audit).toContain(line);
    }
    expect(readFileSync(join(folder.path, "data", "conduit.db")).toString("latin1")).not.toContain(issued.password);
  });

  test("is refused, withdrawn, and decided on by nobody who may not", async () => {
    const ids = [];
    // Two of the same words would be one request that was sent twice.
    for (const ticket of ["CHG-1", "CHG-2"]) ids.push((await json<AccessRequest>(create("--ticket", ticket))).id);
    const [refused = "", withdrawn = ""] = ids;
    for (const [name, why] of [
      ["adam", "is no approver"],
      ["erika", "nobody decides on a request of their own"],
    ] as const) {
      const { code, stderr } = await conduit(["request", "approve", refused, "--as", name]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
    }
    await done(["request", "refuse", refused, "--as", "boris", "--comment", "not today"]);
    await done(["request", "withdraw", withdrawn, "--as", "erika"]);
    const states = (await json<AccessRequest[]>(["request", "list"])).map(({ id, state }) => [id, state]);
    expect(states).toEqual(
      expect.arrayContaining([
        [refused, "refused"],
        [withdrawn, "withdrawn"],
      ]),
    );
    const late = await conduit(["request", "approve", refused, "--as", "anna"]);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining("REQUEST_CONFLICT")]);
  });

  test("says all that the policy has against it, with an exit code of its own", async () => {
    const bad = ["--target", "SIS-1", "--purpose", " ", "--from", "+1s", "--for", "40h"];
    const checked = await conduit(["request", "create", "--as", "erika", ...bad, "--check"], "");
    expect(checked.code).toBe(3);
    expect(checked.stdout).toMatch(/^purpose: Say what/m);
    expect(checked.stdout).toMatch(/^SIS-1: This target is prohibited/m);
    expect(checked.stdout).toMatch(/^window: The window is longer/m);
    const { code, stderr } = await conduit(["request", "create", "--as", "erika", ...bad]);
    expect(code).toBe(1);
    for (const sentence of ["Say what the access is for.", "prohibited for everybody", "The window is longer"]) {
      expect(stderr).toContain(sentence);
    }
    const fine = await conduit(create("--check", "--json"), "");
    expect([fine.code, JSON.parse(fine.stdout) as DraftCheck]).toEqual([0, { violations: [], approvalsNeeded: 1 }]);
  });

  test.each([
    ["no end", ["--from", "+1s"], 2],
    ["two ends", ["--from", "+1s", "--to", "+2h", "--for", "1h"], 2],
    ["a time without its offset", ["--from", "2026-11-23T08:00", "--for", "1h"], 2],
    ["a duration without unit", ["--from", "+1s", "--for", "90"], 2],
  ])("refuses %s", async (_what, args, expected) => {
    const { code } = await conduit([
      "request",
      "create",
      "--as",
      "erika",
      "--target",
      "plc-1",
      "--purpose",
      "x",
      ...args,
    ]);
    expect(code).toBe(expected);
  });

  test("takes nobody's word for who acts", async () => {
    const { id } = await json<AccessRequest>(create());
    for (const [name, typed] of [
      ["anna", "wrong\n"],
      ["anna", ""],
      ["nobody", `${password}\n`],
    ] as const) {
      const { code, stderr } = await conduit(["request", "approve", id, "--as", name], typed);
      expect([code, stderr]).toEqual([1, expect.stringContaining("AUTH_FAILED")]);
    }
    expect((await conduit(["request", "approve", id])).code).toBe(2);
    expect(await json<AccessRequest>(["request", "show", id])).toMatchObject({ state: "submitted", decisions: [] });
    expect((await conduit(["request", "show", "ffffffff"])).code).toBe(4);
  });
});

describe("conduit break-glass", () => {
  test("says of a prohibited target that it is, before it asks for more words", async () => {
    const open = (target: string) => conduit(["break-glass", "open", target, "--as", "petra", "--reason", "pump"]);
    expect(await open("sis-01")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("This target is prohibited"),
    });
    expect((await open("plc-1")).stderr).toContain("say what has happened");
  });

  test("needs the second factor, is loud, and is reviewed by somebody else", async () => {
    const open = (typed: string, ...more: string[]) =>
      conduit(["break-glass", "open", "plc-1", "--as", "petra", "--reason", "the pump does not stop", ...more], typed);
    const without = await open(`${password}\n`);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("A second factor is needed")]);
    const { secret } = JSON.parse(await done(["user", "mfa", "enrol", "petra", "--json"])) as { secret: string };
    const step = totpStepAt(Date.now());
    await done(["user", "mfa", "confirm", "petra"], `${totpCode(secret, step)}\n`);
    const opened = await open(
      `${password}\n${totpCode(secret, Math.max(step + 1, totpStepAt(Date.now())))}\n`,
      "--for",
      "5m",
    );
    expect([opened.code, opened.stdout]).toEqual([0, expect.stringMatching(/^Open for petra to plc-1 until /)]);
    const [entry] = await json<AccessRequest[]>(["break-glass", "list", "--open"]);
    const id = entry?.id ?? "";
    const review = (name: string) =>
      conduit(["break-glass", "review", id, "--as", name, "--verdict", "justified", "--comment", "looked at it"]);
    expect((await review("audrey")).stderr).toContain("still open");
    await done(["request", "revoke", id, "--as", "anna", "--reason", "the pump has stopped"]);
    expect((await review("audrey")).code).toBe(0);
    expect(await json(["break-glass", "list", "--open"])).toEqual([]);
    expect(await done(["break-glass", "list"])).toContain("justified (audrey): looked at it");
    expect(await auditActions()).toEqual(
      expect.arrayContaining(["petra break-glass.opened", "audrey break-glass.reviewed"]),
    );
  });
});

describe("conduit access", () => {
  test("blocks, lists, and lifts", async () => {
    await done(["access", "block", "ERIKA", "PLC-1", "--as", "anna", "--reason", "left the scope"]);
    expect(await json<AccessBlock[]>(["access", "blocks"])).toMatchObject([
      { person: "erika", target: "plc-1", by: "anna", reason: "left the scope" },
    ]);
    expect((await conduit(["access", "unblock", "erika", "plc-1", "--as", "erika", "--reason", "x"])).code).toBe(1);
    await done(["access", "unblock", "erika", "plc-1", "--as", "adam", "--reason", "talked to her"]);
    expect(await json(["access", "blocks"])).toEqual([]);
    expect(await done(["access", "blocks", "--all"])).toMatch(/erika +plc-1 .* by adam +left the scope/);
    expect((await conduit(["access", "unblock", "erika", "plc-1", "--as", "adam", "--reason", "x"])).code).toBe(4);
  });

  test("shows the clock of windows, which an administrator may put right", async () => {
    expect(await json(["access", "clock"])).toMatchObject({ behindMs: expect.any(Number) });
    expect((await conduit(["access", "accept-clock", "--as", "anna", "--reason", "x"])).code).toBe(1);
    expect(await done(["access", "accept-clock", "--as", "adam", "--reason", "time server"])).toMatch(
      /^Windows are measured by/,
    );
  });
});
