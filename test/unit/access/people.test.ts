import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as argon2 from "@node-rs/argon2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { noteKeyUse } from "../../../recorder/access/key-use.ts";
import { People } from "../../../recorder/access/people.ts";
import { fingerprintOf } from "../../../recorder/access/public-keys.ts";
import { Throttle } from "../../../recorder/access/throttle.ts";
import { WebSessions } from "../../../recorder/access/web-sessions.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import type { Role } from "../../../shared/policy/policy.ts";
import { isStateInPostgres, openState } from "../../support/state.ts";

vi.mock("@node-rs/argon2", { spy: true });

const password = "correct horse battery";
const keyLine = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqImgHSNVWoDOxA4eA7rkdmZxwGT8dmYMWx3abt+lRR jane at work";
const blob = Buffer.from(keyLine.split(" ")[1] ?? "", "base64");
const from = { address: "192.0.2.1", userAgent: "test" };

let directory: string;
let database: ServiceDatabase;
let people: People;
let nowMs = Date.parse("2026-11-23T10:00:00Z");

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "conduit-people-"));
  database = await openState(join(directory, "test.db"));
  people = new People(database.access, { now: () => new Date(nowMs) });
  await people.create({ name: "Jane", roles: ["vendor"], password });
});
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

describe("a database that does not answer", () => {
  it("costs nobody an attempt", async () => {
    const throttle = new Throttle({ freePerPair: 1, freePerAddress: 1 });
    const broken = await openState(join(directory, "broken.db"));
    const some = new People(broken.access, { throttle });
    await broken.close();
    for (let i = 0; i < 10; i++)
      await expect(some.authenticatePassword("Jane", password, "192.0.2.77")).rejects.not.toMatchObject({
        code: "AUTH_THROTTLED",
      });
    const mended = new People(database.access, { throttle });
    expect(await mended.authenticatePassword("Jane", password, "192.0.2.77")).toMatchObject({ outcome: "accepted" });
  });

  it("keeps nobody out who signs in with a key: the log has its use then", async () => {
    const broken = await openState(join(directory, "broken-too.db"));
    const some = new People(broken.access);
    await broken.close();
    const logged: [object, string][] = [];
    const logger = { error: (facts: object, message: string) => void logged.push([facts, message]) };
    await noteKeyUse(some, "Jane", { blob, client: { address: "192.0.2.1" } }, logger);
    expect(logged).toEqual([
      [
        expect.objectContaining({ person: "Jane", key: fingerprintOf(blob), address: "192.0.2.1" }),
        "signed in with a key whose use could not be stored",
      ],
    ]);
  });
});

describe("people", () => {
  it("are kept with their roles, and listed without any hash", async () => {
    const listed = await people.list();
    expect(listed).toContainEqual({
      name: "Jane",
      roles: ["vendor"],
      disabled: false,
      mustChangePassword: false,
      hasPassword: true,
      createdAt: "2026-11-23T10:00:00.000Z",
      keys: [],
    });
    expect(JSON.stringify(listed)).not.toContain("argon2");
    const rows = await database.access.selectFrom("people").select("password_hash").execute();
    expect(rows[0]?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it("have names of which policy cannot confuse two", async () => {
    await expect(people.create({ name: "jANE", roles: ["vendor"], password })).rejects.toMatchObject({
      code: "REQUEST_CONFLICT",
    });
    for (const name of ["", "+x", "a+plc", "a b", "a\n", "-rf", "x".repeat(64), "../x", "ä"]) {
      await expect(people.create({ name, roles: ["vendor"] }), name).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    }
    expect(await people.create({ name: "joe.doe@vendor.example", roles: ["vendor"] })).toMatchObject({
      hasPassword: false,
    });
  });

  it("have known roles", async () => {
    await expect(people.create({ name: "x", roles: [] })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    await expect(people.setRoles("Jane", ["root" as Role])).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    await people.setRoles("jane", ["escort", "escort", "auditor"]);
    expect((await people.get("JANE")).roles).toEqual(["escort", "auditor"]);
    await expect(people.setRoles("nobody", ["admin"])).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
  });

  it.each([
    ["short", "Sh0rt pass1"],
    ["one character", "a".repeat(20)],
    ["the person's name", "my name is jane ok"],
  ])("do not get a password that is %s", async (_what, bad) => {
    await expect(people.setPassword("Jane", bad)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });
});

describe("a password", () => {
  it("is accepted whatever the case of the name", async () => {
    const result = await people.authenticatePassword("JANE", password, "192.0.2.1");
    expect(result).toMatchObject({ outcome: "accepted", method: "password", person: { name: "Jane" } });
  });

  it("is refused alike for a wrong one, an unknown name, a disabled person and one without a password", async () => {
    await people.create({ name: "keys-only", roles: ["vendor"] });
    await people.create({ name: "gone", roles: ["vendor"], password });
    await people.setDisabled("gone", true);
    for (const [name, secret] of [
      ["Jane", "wrong"],
      ["nobody", password],
      ["gone", password],
      ["keys-only", ""],
      ["keys-only", password],
      ["Jane", "x".repeat(5000)],
      ["", ""],
    ] as const) {
      expect(await people.authenticatePassword(name, secret, "192.0.2.2"), name).toEqual({ outcome: "refused" });
    }
  });

  it.skipIf(isStateInPostgres())(
    "costs the same hash for a name that does not exist, is disabled or has no password",
    async () => {
      await people.create({ name: "keyed", roles: ["vendor"] });
      await people.create({ name: "left", roles: ["vendor"], password });
      await people.setDisabled("left", true);
      for (const name of ["Jane", "nobody", "keyed", "left"]) {
        vi.mocked(argon2.verify).mockClear();
        await people.authenticatePassword(name, "wrong password", "192.0.2.9");
        expect(argon2.verify, name).toHaveBeenCalledTimes(1);
        expect(vi.mocked(argon2.verify).mock.calls[0]?.[0], name).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      }
    },
  );

  it("is throttled by AUTH_THROTTLED with the time to wait, for names that exist and that do not", async () => {
    const stopped = new Throttle({}, () => 1_000_000);
    const throttled = new People(database.access, { throttle: stopped });
    for (const name of ["Jane", "nobody-at-all"]) {
      const guess = () => throttled.authenticatePassword(name, "guess", "198.51.100.7");
      for (let i = 0; i < 5; i++) expect(await guess()).toEqual({ outcome: "refused" });
      await expect(guess()).rejects.toMatchObject({
        code: "AUTH_THROTTLED",
        retryable: true,
        details: { retryAfterSeconds: 1 },
      });
    }
    expect(await throttled.authenticatePassword("Jane", password, "198.51.100.8")).toMatchObject({
      outcome: "accepted",
    });
  });

  it("for one use is random, and must be changed", async () => {
    const made = await people.createWithOneTimePassword({ name: "newcomer", roles: ["admin"] });
    expect(made.password).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
    expect(made.person.mustChangePassword).toBe(true);
    expect(await people.setOneTimePassword("newcomer")).not.toBe(made.password);
    expect(await people.authenticatePassword("newcomer", made.password, "192.0.2.4")).toEqual({ outcome: "refused" });
    await people.setPassword("newcomer", "a much better phrase");
    expect(await people.authenticatePassword("newcomer", "a much better phrase", "192.0.2.4")).toMatchObject({
      outcome: "accepted",
      person: { mustChangePassword: false },
    });
  });
});

describe("a public key", () => {
  it("belongs to one person only", async () => {
    await people.addKey("Jane", keyLine);
    await people.create({ name: "other", roles: ["vendor"] });
    await expect(people.addKey("other", keyLine)).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect(await people.authenticateKey("other", "ssh-ed25519", blob)).toEqual({ outcome: "refused" });
    expect(await people.authenticateKey("jane", "ssh-ed25519", blob)).toMatchObject({
      outcome: "accepted",
      method: "publickey",
      person: { name: "Jane" },
    });
  });

  it("is known by when it was used, not by when it was offered", async () => {
    const lastUsed = async () => (await people.get("Jane")).keys[0]?.lastUsedAt;
    expect(await lastUsed()).toBeNull();
    nowMs += 60_000;
    await people.keyUsed(blob);
    expect(await lastUsed()).toBe("2026-11-23T10:01:00.000Z");
  });

  it("is refused for a disabled person, and once it is removed", async () => {
    expect(await people.rolesOf(["JANE", "nobody"])).toEqual(new Map([["JANE", (await people.get("Jane")).roles]]));
    await people.setDisabled("Jane", true);
    expect(await people.rolesOf(["JANE"])).toEqual(new Map());
    expect(await people.authenticateKey("Jane", "ssh-ed25519", blob)).toEqual({ outcome: "refused" });
    await people.setDisabled("Jane", false);
    expect(await people.authenticateKey("Jane", "ssh-ed25519", blob)).toMatchObject({ outcome: "accepted" });
    await expect(people.removeKey("Jane", "no such comment")).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
    await people.removeKey("Jane", "jane at work");
    expect(await people.authenticateKey("Jane", "ssh-ed25519", blob)).toEqual({ outcome: "refused" });
  });
});

describe("a web session", () => {
  const sessions = (limits = {}) => new WebSessions(database.access, limits, () => nowMs);

  it("is found by its token, of which the database has only the hash", async () => {
    const { token, session } = await sessions().create("Jane", from);
    expect(await sessions().find(token)).toEqual(session);
    const stored = JSON.stringify(await database.access.selectFrom("web_sessions").selectAll().execute());
    expect(stored).not.toContain(token);
    expect(stored).not.toContain(session.csrfToken);
    for (const bad of [
      "",
      "x",
      `${token}x`,
      `${token.slice(0, -1)}${token.endsWith("A") ? "Q" : "A"}`,
      "%",
      "' or 1=1 --",
    ]) {
      expect(await sessions().find(bad)).toBeNull();
    }
  });

  it("ends when idle, and at its absolute end however busy", async () => {
    const limits = { idleSeconds: 600, absoluteSeconds: 3600 };
    const idle = await sessions(limits).create("Jane", from);
    nowMs += 601_000;
    expect(await sessions(limits).find(idle.token)).toBeNull();
    const busy = await sessions(limits).create("Jane", from);
    for (let i = 0; i < 7; i++) {
      nowMs += 500_000;
      expect(await sessions(limits).find(busy.token)).not.toBeNull();
    }
    nowMs += 100_000;
    expect(await sessions(limits).find(busy.token)).toBeNull();
  });

  it("ends with a changed password, a disabled person and a sign-out", async () => {
    const make = async () => (await sessions().create("Jane", from)).token;
    const first = await make();
    await people.setPassword("Jane", password);
    expect(await sessions().find(first)).toBeNull();
    const second = await make();
    await people.setDisabled("Jane", true);
    expect(await sessions().find(second)).toBeNull();
    await people.setDisabled("Jane", false);
    expect(await sessions().find(second)).toBeNull();
    const third = await make();
    await sessions().revoke(third);
    expect(await sessions().find(third)).toBeNull();
  });

  it("makes room by ending the oldest", async () => {
    const limited = sessions({ maxPerPerson: 3 });
    const tokens: string[] = [];
    for (let i = 0; i < 4; i++) {
      nowMs += 1000;
      tokens.push((await limited.create("Jane", from)).token);
    }
    const alive = await Promise.all(tokens.map(async (token) => (await limited.find(token)) !== null));
    expect(alive).toEqual([false, true, true, true]);
  });
});
