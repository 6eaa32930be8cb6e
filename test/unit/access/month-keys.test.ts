// The service's own keys to encrypted recordings: how they are kept, rotated and destroyed, and what a key service does.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MasterKey } from "../../../recorder/access/master-key.ts";
import { masterKeyFromFile } from "../../../recorder/access/master-key-source.ts";
import { MonthKeys } from "../../../recorder/access/month-keys.ts";
import { rotateMasterKey } from "../../../recorder/access/rotate-master-key.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { KeyServiceCommand } from "../../../recorder/encryption/key-service.ts";
import { isStateInPostgres, openState } from "../../support/state.ts";

let directory: string;
let database: ServiceDatabase;
let masterKey: MasterKey;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "conduit-months-"));
  database = await openState(join(directory, "conduit.db"));
  masterKey = await MasterKey.open(database.access, masterKeyFromFile(join(directory, "master.key")));
});
afterEach(async () => {
  await database.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Whether the text stands anywhere in the database's files. */
function isOnDisk(text: string): boolean {
  const names = readdirSync(directory).filter((name) => name.startsWith("conduit.db"));
  return names.some((name) => readFileSync(join(directory, name)).includes(text));
}

describe("month keys", () => {
  it("are made once, however many ask at the same time, and never lie in the clear", async () => {
    const keys = new MonthKeys(database.access, masterKey);
    const recipients = await Promise.all(Array.from({ length: 5 }, () => keys.recipientOf("2027-02")));
    expect(new Set(recipients).size).toBe(1);
    const identity = await keys.identityOf("2027-02");
    expect(await identityToRecipient(identity ?? "")).toBe(recipients[0]);
    expect(isOnDisk(identity ?? "-")).toBe(false);
    expect(await keys.identityOf("2027-03")).toBeNull();
    expect(await keys.list()).toMatchObject([{ month: "2027-02", sealedBy: "master-key", destroyedAt: null }]);
  });

  it("stay readable when the master key is rotated", async () => {
    const keys = new MonthKeys(database.access, masterKey);
    await keys.recipientOf("2027-02");
    const identity = await keys.identityOf("2027-02");
    await rotateMasterKey(database.access, masterKeyFromFile(join(directory, "master.key")), randomBytes(32));
    expect(await keys.identityOf("2027-02")).toBe(identity);
    const again = await MasterKey.open(database.access, masterKeyFromFile(join(directory, "master.key")));
    expect(await new MonthKeys(database.access, again).identityOf("2027-02")).toBe(identity);
  });

  it.skipIf(isStateInPostgres())(
    "are gone for good when they are destroyed, from the disk too, and never made again",
    async () => {
      const keys = new MonthKeys(database.access, masterKey, { now: () => new Date("2027-03-20T00:00:00Z") });
      await keys.recipientOf("2027-02");
      const row = await database.access.selectFrom("month_keys").select("sealed").executeTakeFirstOrThrow();
      expect(isOnDisk(row.sealed ?? "-")).toBe(true);
      expect(await keys.destroy("2027-02")).toBe(true);
      expect(await keys.destroy("2027-02")).toBe(false);
      expect(isOnDisk(row.sealed ?? "-")).toBe(false);
      expect(await keys.identityOf("2027-02")).toBeNull();
      await expect(keys.recipientOf("2027-02")).rejects.toThrow(/was destroyed/);
      expect(await keys.list()).toMatchObject([{ month: "2027-02", destroyedAt: "2027-03-20T00:00:00.000Z" }]);
    },
  );

  it("say what is wrong when a row was altered or exchanged", async () => {
    const keys = new MonthKeys(database.access, masterKey);
    for (const month of ["2027-02", "2027-03"]) await keys.recipientOf(month);
    const { sealed } = await database.access
      .selectFrom("month_keys")
      .select("sealed")
      .where("month", "=", "2027-03")
      .executeTakeFirstOrThrow();
    await database.access.updateTable("month_keys").set({ sealed }).where("month", "=", "2027-02").execute();
    await expect(keys.identityOf("2027-02")).rejects.toThrow(/key of 2027-02 .* cannot be unsealed/);
    expect(await keys.identityOf("2027-03")).toMatch(/^AGE-SECRET-KEY-/);
  });
});

describe("a key service", () => {
  /** Turns letters round, notes how it was called, and fails while a file says so. */
  function command(): string[] {
    const script = join(directory, "service.mjs");
    writeFileSync(
      script,
      `import { appendFileSync, existsSync, readFileSync } from "node:fs";
if (existsSync(${JSON.stringify(join(directory, "away"))})) process.exit(3);
appendFileSync(${JSON.stringify(join(directory, "calls"))}, process.argv.slice(2).join(" ") + "\\n");
console.log([...readFileSync(0, "utf8").trim()].reverse().join(""));
`,
    );
    return [process.execPath, script, "--key", "plant-7"];
  }
  const calls = () => readFileSync(join(directory, "calls"), "utf8").trim().split("\n");

  it("seals and unseals month keys, is asked once for each, and the master key is not", async () => {
    const keyService = new KeyServiceCommand(command(), 10_000);
    const keys = new MonthKeys(database.access, masterKey, { keyService });
    await keys.recipientOf("2027-02");
    const identity = await keys.identityOf("2027-02");
    expect(identity).toMatch(/^AGE-SECRET-KEY-/);
    expect(await keys.identityOf("2027-02")).toBe(identity);
    expect(calls()).toEqual(["--key plant-7 seal", "--key plant-7 unseal"]);
    expect(await keys.list()).toMatchObject([{ sealedBy: "key-service" }]);
    const without = new MonthKeys(database.access, masterKey);
    await expect(without.identityOf("2027-02")).rejects.toThrow(/encryption\.keyService\.command/);
  });

  it("that fails, hangs, says nothing or too much, or gives another key, is named", async () => {
    const keys = new MonthKeys(database.access, masterKey, { keyService: new KeyServiceCommand(command(), 10_000) });
    for (const month of ["2027-02", "2027-03"]) await keys.recipientOf(month);
    writeFileSync(join(directory, "away"), "");
    await expect(keys.identityOf("2027-02")).rejects.toThrow(/unseal .* failed \(exit code 3\)/);
    await expect(keys.recipientOf("2027-04")).rejects.toThrow(/seal .* failed \(exit code 3\)/);
    expect((await keys.list()).map(({ month }) => month)).toEqual(["2027-02", "2027-03"]);
    const shell = (script: string, timeoutMs = 10_000) => new KeyServiceCommand(["/bin/sh", "-c", script], timeoutMs);
    await expect(shell("sleep 60", 200).seal("x")).rejects.toThrow(/gave nothing within 0.2 s/);
    await expect(shell("true").seal("x")).rejects.toThrow(/prints nothing/);
    await expect(shell("head -c 100000 /dev/zero | tr '\\0' x").seal("x")).rejects.toThrow(/prints more than/);
    await expect(new KeyServiceCommand(["/no/such/program"], 1000).seal("x")).rejects.toThrow(
      /cannot be run \(ENOENT\)/,
    );
    const other = await new MonthKeys(database.access, masterKey, {
      keyService: {
        seal: async (text) => text,
        unseal: async () => (await import("age-encryption")).generateX25519Identity(),
      },
    })
      .identityOf("2027-02")
      .catch((error: Error) => error);
    expect(String(other)).toMatch(/cannot be unsealed/);
  });
});
