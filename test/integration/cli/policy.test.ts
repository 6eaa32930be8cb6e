// `conduit policy` on an installation with people, targets, rules and recordings.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PolicyVersions } from "../../../recorder/access/policy-versions.ts";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { type Config, loadConfig, storeOptions } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { loadInventory } from "../../../recorder/inventory.ts";
import { createStore } from "../../../recorder/store/create-store.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { type ConduitResult, runConduit } from "../../unit/cli/run-conduit.ts";
import { conduitScript } from "./built-conduit.ts";

const rules = `version: 1
groups: { oem: [erika] }
rules:
  - id: night
    effect: deny
    people: ["*"]
    targets: ["*"]
    hours: { from: "22:00", to: "06:00" }
  - id: vendors
    people: ["role:vendor", "group:oem"]
    targets: ["conduit:reactor"]
`;
let folder: TempDir;
let config: Config;
beforeEach(async () => {
  folder = await createTempDir("policy");
  await prepareInstallation(loadConfig({ env: {}, directory: folder.path }));
  config = loadConfig({ env: {}, directory: folder.path });
  writeFileSync(config.inventory.conduits, "version: 1\nconduits: [{ id: reactor }]\n");
  writeFileSync(
    config.inventory.targets,
    `version: 1
targets:
  - { name: plc-1, conduit: reactor, protocol: ssh, host: h, account: a, secret: s, hostKeys: ["SHA256:${"A".repeat(43)}"] }
  - { name: hmi-1, conduit: reactor, protocol: vnc, host: h }
`,
  );
  writeFileSync(config.inventory.policy, rules);
});
afterEach(() => folder.remove());

const policy = (...line: string[]): Promise<ConduitResult> => runConduit(folder.path, ["policy", ...line]);
const json = ({ stdout }: ConduitResult) => JSON.parse(stdout) as Record<string, unknown>;
function write(name: string, text: string): string {
  writeFileSync(join(folder.path, name), text);
  return name;
}

describe("check", () => {
  test("says that the policy in force is valid, with its hash", async () => {
    await runConduit(folder.path, ["user", "add", "anna", "--role", "approver", "--no-password"]);
    await runConduit(folder.path, ["user", "add", "olga", "--role", "escort", "--no-password"]);
    const { code, stdout, stderr } = await policy("check", "--strict");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`valid, 2 rules, policy ${loadInventory(config.inventory).policyHash}`);
  });

  test("says each fault with file, line, key and mend", async () => {
    const file = write(
      "new.yaml",
      `${rules}    capabilities: [shel]\npatterns:\n  - { id: p, in: input, match: "((", action: alert }\n`,
    );
    const { code, stderr } = await policy("check", file);
    expect(code).toBe(6);
    expect(stderr).toContain(
      `${join(folder.path, file)}:12:20: rules[1].capabilities[0] is not one of the allowed values ("shel"). Did you mean "shell"?`,
    );
    const mended = write("new.yaml", `${rules}patterns:\n  - { id: p, in: input, match: "((", action: alert }\n`);
    const answer = await policy("check", mended, "--json");
    expect(answer.code).toBe(6);
    expect(json(answer)).toMatchObject({
      valid: false,
      faults: [{ line: 13, key: "patterns[0].match", mend: "Write it in RE2's syntax." }],
    });
  });

  test("warns of what never decides, contradicts or matches nothing, and of approvers that nobody is", async () => {
    const file = write(
      "new.yaml",
      `${rules}  - { id: again, people: [erika], targets: ["conduit:reactor"] }\n  - { id: sis, people: ["*"], targets: ["SIS-3"] }\n`,
    );
    const { code, stderr } = await policy("check", file);
    expect(code).toBe(0);
    expect(stderr).toContain('("again") is never reached: the rule "vendors" before it matches whatever it matches');
    expect(stderr).toContain('("SIS-3") names only what the prohibited "SIS-*" keeps shut');
    expect(stderr).toContain('("SIS-3") matches nothing in the inventory');
    expect(stderr).toContain("requests.approvers match nobody who has an account");
    expect((await policy("check", file, "--strict")).code).toBe(3);
  });

  test("needs no installation for a file", async () => {
    const alone = await createTempDir("alone");
    writeFileSync(join(alone.path, "p.yaml"), rules);
    const { code, stderr } = await runConduit(alone.path, ["policy", "check", "p.yaml"]);
    expect([code, stderr]).toEqual([0, "There is no installation here: targets and people were not looked at.\n"]);
    await alone.remove();
  });
});

describe("explain", () => {
  const ask = ["explain", "--person", "erika", "--target", "plc-1", "--at"];

  test("goes through the rules in words, with the account's roles", async () => {
    await runConduit(folder.path, ["user", "add", "erika", "--role", "vendor", "--no-password"]);
    const { code, stdout } = await policy(...ask, "2026-12-01T08:00:00Z");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^REFUSED: erika to plc-1 by ssh at 2026-12-01T08:00:00.000Z\n {2}An approved access request is needed first\. \[approval-needed, rule vendors\]/,
    );
    expect(stdout).toContain("rule night (deny): passed over, it denies at 22:00–06:00 UTC, which is not then");
    expect(stdout).toContain('rule vendors (allow): matches, "role:vendor" matches erika');
    expect(stdout).toContain("It begins frozen, until an escort releases it.");
    expect(stdout).toContain("There is no request of this person's; --granted supposes one.");
    const granted = await policy(...ask, "2026-12-01T08:00:00Z", "--granted");
    expect(granted.stdout).toMatch(/^ALLOWED: /);
  });

  test("answers for any time, roles, factors and protocol, as JSON", async () => {
    const at = (time: string, ...more: string[]) => policy(...ask, time, "--json", "--granted", ...more).then(json);
    expect(await at("2026-12-01T23:00:00Z")).toMatchObject({ effect: "deny", reason: "denied-by-rule", rule: "night" });
    // What would hold is not made up where no rule is to allow it.
    expect(await at("2026-12-01T23:00:00Z")).not.toHaveProperty("obligations");
    expect(await at("2026-12-01T08:00:00Z", "--factors", "password")).toMatchObject({ reason: "mfa-needed" });
    expect(await at("2026-12-01T08:00:00Z", "--protocol", "telnet")).toMatchObject({
      reason: "protocol-blocked",
      rules: [],
    });
    expect(await at("2026-12-01T08:00:00Z", "--roles", "escort")).toMatchObject({
      effect: "allow",
      obligations: { escort: false, approval: true },
      inWords: expect.arrayContaining(["No escort is needed."]),
    });
  });

  test("warns of a name without an account, and says how arguments are written", async () => {
    expect((await policy(...ask, "2026-12-01")).stderr).toContain("there is no enabled account erika");
    const odd = await policy(...ask, "tomorrow");
    expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining("--at is a time such as")]);
    expect((await policy(...ask, "2026-12-01", "--roles", "king")).code).toBe(2);
    expect((await policy("explain", "--person", "erika", "--target", "plc-9")).code).toBe(4);
    expect(await policy("explain", "--person", "erika")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("give --person and --target, or --session"),
    });
  });
});

describe("test", () => {
  const cases = (expected: string) => `version: 1
cases:
  - name: a vendor needs a request
    person: vera
    roles: [vendor]
    target: plc-1
    at: 2026-12-01T08:00:00Z
    expect: { effect: deny, reason: approval-needed, rule: vendors }
  - name: with it, an escort
    person: vera
    roles: [vendor]
    target: plc-1
    at: 2026-12-01T08:00:00Z
    granted: true
    capability: sftp
    expect: { effect: allow, escort: true, recording: full, fileTransfer: scan_required }
  - name: safety systems stay shut
    person: anna
    roles: [admin]
    target: SIS-12
    at: 2026-12-01T08:00:00Z
    granted: true
    expect: { effect: ${expected} }
`;

  test("exits with 0 when all hold, with 3 and their places when not", async () => {
    const good = await policy("test", write("cases.yaml", cases("deny")));
    expect([good.code, good.stderr]).toEqual([0, ""]);
    expect(good.stdout).toMatch(/^3 of 3 cases hold under policy [0-9a-f]{64}\n$/);
    const bad = await policy("test", write("cases.yaml", cases("allow")));
    expect(bad.code).toBe(3);
    expect(bad.stderr).toBe(
      `${join(folder.path, "cases.yaml")}:17: safety systems stay shut: effect is deny, not allow; This target is prohibited for everybody, whatever a rule says.\n`,
    );
    const other = await policy("test", "cases.yaml", "--json", "--policy", write("none.yaml", "version: 1\n"));
    expect(json(other)).toMatchObject({
      cases: [{ passed: false, reason: "no-rule" }, { passed: false }, { passed: false }],
    });
  });

  test("refuses a case that is written wrongly, with its line", async () => {
    const { code, stderr } = await policy("test", write("cases.yaml", cases("maybe")));
    expect(code).toBe(6);
    expect(stderr).toContain("cases.yaml:23:15: cases[2].expect.effect is not one of the allowed values");
    const timeless = cases("deny").replace("    at: 2026-12-01T08:00:00Z\n", "");
    const missing = await policy("test", write("cases.yaml", timeless));
    expect(missing.stderr).toContain(
      'cases[0].at is missing. Add it: a time with its zone, such as "2026-12-01T08:00:00Z".',
    );
  });

  test("gives its exit code from the built program, too", async () => {
    write("cases.yaml", cases("allow"));
    const running = promisify(execFile)(process.execPath, [conduitScript, "policy", "test", "cases.yaml"], {
      cwd: folder.path,
    });
    await expect(running).rejects.toMatchObject({ code: 3 });
  });
});

describe("show and versions", () => {
  test("give what was in force by the hash that recordings name", async () => {
    const { policyHash } = loadInventory(config.inventory);
    const database = await openDatabase(config.recorder.database);
    await new PolicyVersions(database.policies).loaded(policyHash, rules, "{}");
    await database.close();
    writeFileSync(config.inventory.policy, "version: 1\n");
    expect((await policy("show", policyHash.slice(0, 12))).stdout).toBe(rules);
    expect((await policy("show")).stdout).toBe("version: 1\n");
    const listed = JSON.parse((await policy("versions", "--json")).stdout) as unknown[];
    expect(listed).toMatchObject([{ hash: policyHash, inForce: false }]);
    expect((await policy("versions")).stdout).toContain(policyHash);
    expect((await policy("show", "0123456789")).code).toBe(4);
  });
});

describe("simulate", () => {
  const key = makeSigningKey();
  const sessions: string[] = [];

  beforeEach(async () => {
    mkdirSync(config.recorder.keyDirectory, { recursive: true });
    writeFileSync(
      join(config.recorder.keyDirectory, "signing.pem"),
      key.privateKey.export({ type: "pkcs8", format: "pem" }),
      { mode: 0o600 },
    );
    const memory = new MemoryStore();
    const database = await openDatabase(config.recorder.database);
    const recordings = new Recordings(database.catalog);
    sessions.length = 0;
    for (const [seed, daysAgo] of [
      [1, 1],
      [2, 40],
    ] as const) {
      const startedAt = `${new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)}T12:00:00.000000Z`;
      const builder = new RecordingBuilder({ person: "jane", target: `plc-${seed}`, startedAt, seed }, key);
      builder.channel(0, { request: "shell", pty: true });
      await builder.output(0, 1_000_000, "plc> ");
      builder.input({ t: 2_000_000, ch: 0, k: "text", d: "erase fl" });
      builder.input({ t: 3_000_000, ch: 0, k: "text", d: "ash" });
      builder.input({ t: 4_000_000, ch: 0, k: "key", name: "Enter", d: "\r" });
      await builder.output(0, 5_000_000, "\r\n\x1b[31mFAT\x1b[0mAL: refused\r\n");
      await builder.output(0, 90_000_000, "plc> ");
      const built = await builder.finish();
      sessions.push(built.index.session);
      memory.addRecording(built);
      await recordings.opened(OpenRecord.parse(JSON.parse(String(built.objects.get("open.json")))));
      await recordings.sealed(Manifest.parse(JSON.parse(String(built.objects.get("manifest.json")))));
      await recordings.stored(built.index.session);
    }
    await database.close();
    const store = createStore(storeOptions(config.store));
    for (const [name, bytes] of memory.objects) {
      await store.put(name, bytes, { sha256: createHash("sha256").update(bytes).digest("hex") });
    }
    await store.close();
  });

  const open = `version: 1
limits: { maxSessionSeconds: 80s, idleSeconds: 60s }
patterns:
  - { id: erase, in: input, match: 'erase\\s+flash', action: freeze }
  - { id: fatal, in: output, match: "^FATAL", action: terminate }
rules:
  - { id: plc-2, effect: deny, people: ["*"], targets: [plc-2] }
  - { id: all, people: ["*"], targets: ["*"], recording: metadata, require: { approval: false, mfa: false, escort: never } }
`;

  test("explain --session says why one was allowed, by the policy of its time, and why it ended", async () => {
    const then = `version: 1
rules:
  - id: vendors-to-controllers
    people: ["role:vendor"]
    targets: ["tag:plc"]
    require: { approval: false, mfa: false, escort: never }
`;
    expect((await policy("explain", "--session", sessions[0] ?? "")).code).toBe(4);
    const database = await openDatabase(config.recorder.database);
    await new PolicyVersions(database.policies).loaded("0".repeat(64), then, "{}");
    await database.close();
    const { code, stdout, stderr } = await policy("explain", "--session", "latest");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("A rule of the policy allows it. [allowed-by-rule, rule vendors-to-controllers]");
    expect(stdout).toContain("It stood on no request.");
    expect(stdout).toMatch(/It ended after 1 min 30 s: the [a-z ]+\. \[[a-z-]+\]/);
    expect(stdout).toContain(
      'rule vendors-to-controllers (allow): matches, "role:vendor" matches jane, "tag:plc" matches plc-1',
    );
    expect(json(await policy("explain", "--session", "latest", "--json"))).toMatchObject({
      session: sessions[0],
      agrees: true,
      recorded: { request: null, policy: { rule: "vendors-to-controllers" } },
      effect: "allow",
    });
    writeFileSync(
      config.inventory.conduits,
      "version: 1\nconduits: [{ id: reactor }, { id: vendor-to-cell, serves: [bob] }]\n",
    );
    const now = await policy("explain", "--session", "latest");
    expect(now.stderr).toContain("asked again, the answer is another");
    expect(now.stdout).toContain("[allowed-by-rule, rule vendors-to-controllers]");
  });

  test("says who would have been refused, and why", async () => {
    const result = await policy("simulate", config.inventory.policy, "--json");
    expect([result.code, result.stderr]).toEqual([0, ""]);
    expect(json(result)).toMatchObject({
      sessions: 2,
      refused: 2,
      unreadable: 0,
      patternMatches: null,
      differences: [{ changes: [{ code: "no-rule" }] }, { changes: [{ code: "no-rule" }] }],
    });
    expect(json(await policy("simulate", config.inventory.policy, "--days", "20", "--json"))).toMatchObject({
      sessions: 1,
    });
  });

  test("says what would have ended sooner, and what would not have been recorded", async () => {
    const result = await policy("simulate", write("new.yaml", open), "--json");
    expect(json(result)).toMatchObject({
      sessions: 2,
      refused: 1,
      endedSooner: 1,
      notRecorded: 0,
      differences: [
        {
          session: sessions[0],
          changes: [{ code: "limit-duration", afterSeconds: 80 }, { code: "recording-metadata" }],
        },
        { session: sessions[1], changes: [{ code: "denied-by-rule" }] },
      ],
    });
    const shown = (await policy("simulate", "new.yaml")).stdout;
    expect(shown).toContain("refused 1, ended sooner 1, frozen 0, not recorded 0");
    expect(shown).toContain("Ended after 80 seconds, the longest session allowed.");
  });

  test("reads what was typed and shown when it is asked to, and that is in the audit", async () => {
    const found = json(await policy("simulate", write("new.yaml", open), "--patterns", "--json"));
    expect(found).toMatchObject({ frozen: 1, endedSooner: 1, patternMatches: 2 });
    const { changes } = (found["differences"] as { changes: { code: string; afterSeconds?: number }[] }[])[0] ?? {
      changes: [],
    };
    expect(changes.map(({ code, afterSeconds }) => [code, afterSeconds])).toEqual([
      ["pattern-terminate", 5],
      ["recording-metadata", undefined],
      ["pattern-freeze", 3],
      ["pattern-terminate", 5],
    ]);
    const idle = write("idle.yaml", open.replace(/patterns:[\s\S]*?rules:/, "rules:"));
    expect(json(await policy("simulate", idle, "--patterns", "--json"))).toMatchObject({
      differences: [{ changes: [{ code: "limit-idle", afterSeconds: 64 }, {}] }, {}],
    });
    const database = await openDatabase(config.recorder.database);
    const views = (await new AuditLog(database.catalog).list({ limit: 100 })).items.filter(
      ({ action }) => action === "recording.view",
    );
    await database.close();
    expect(views.map(({ subject, details }) => [subject, details])).toEqual([
      [sessions[0], { with: "policy simulate" }],
      [sessions[0], { with: "policy simulate" }],
    ]);
  });

  test("changes nothing of what is in force", async () => {
    const before = readFileSync(config.inventory.policy, "utf8");
    await policy("simulate", write("new.yaml", open));
    expect(readFileSync(config.inventory.policy, "utf8")).toBe(before);
    expect(JSON.parse((await policy("versions", "--json")).stdout)).toEqual([]);
  });
});
