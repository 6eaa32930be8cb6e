// What the command line says of recordings that were taken away or altered behind the recorder's back.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { atShelves, trustedKeys } from "../../../recorder/cli/recordings/archive.ts";
import { knownRecordings, numberFaults } from "../../../recorder/cli/recordings/completeness.ts";
import { type Config, loadConfig, storeOptions } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { createStore } from "../../../recorder/store/create-store.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { forgeSegment } from "../../support/forge.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { runConduit } from "../../unit/cli/run-conduit.ts";

const key = makeSigningKey();
let folder: TempDir;
let config: Config;
let built: BuiltRecording[];

beforeEach(async () => {
  folder = await createTempDir("completeness");
  await prepareInstallation(loadConfig({ env: {}, directory: folder.path }));
  config = loadConfig({ env: {}, directory: folder.path });
  const pem = key.privateKey.export({ type: "pkcs8", format: "pem" });
  mkdirSync(config.recorder.keyDirectory, { recursive: true });
  writeFileSync(join(config.recorder.keyDirectory, "signing.pem"), pem, { mode: 0o600 });
  built = [];
  for (const seed of [1, 2, 3, 4]) {
    const startedAt = `2026-11-23T1${seed}:00:00.000000Z`;
    const builder = new RecordingBuilder({ person: "jane", target: "plc", startedAt, seed }, key);
    builder.channel(0, { request: "shell", pty: true });
    await builder.output(0, 1_000, "welcome\r\n");
    built.push(await builder.finish());
  }
  await keep(built);
});
afterEach(() => folder.remove());

const session = (n: number) => built[n]?.index.session ?? "";
const conduit = (...line: string[]) => runConduit(folder.path, ["recordings", ...line]);

/** In store and index, as the recorder leaves them. */
async function keep(all: BuiltRecording[]): Promise<void> {
  const memory = new MemoryStore();
  for (const one of all) memory.addRecording(one);
  await putAll(memory.objects);
  const database = await openDatabase(config.recorder.database);
  const recordings = new Recordings(database.catalog);
  for (const { index, objects } of all) {
    await recordings.opened(OpenRecord.parse(JSON.parse(String(objects.get("open.json")))));
    await recordings.sealed(Manifest.parse(JSON.parse(String(objects.get("manifest.json")))));
    await recordings.stored(index.session);
  }
  await database.close();
}

async function putAll(objects: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const store = createStore(storeOptions(config.store));
  for (const [name, bytes] of objects)
    await store.put(name, bytes, { sha256: createHash("sha256").update(bytes).digest("hex") });
  await store.close();
}

function folderInStore(n: number): string {
  if (config.store.kind !== "fs") throw new Error("not a store of files");
  return join(config.store.directory, `recordings/2026/11/23/${session(n)}`);
}

async function forget(n: number): Promise<void> {
  const database = await openDatabase(config.recorder.database);
  await database.catalog.deleteFrom("recordings").where("session", "=", session(n)).execute();
  await database.close();
}

describe("verify --all", () => {
  test("finds nothing wrong with recordings as they were written", async () => {
    const { code, stdout } = await conduit("verify", "--all");
    expect([code, stdout.match(/ {2}VALID {2}/g)?.length]).toEqual([0, 4]);
  });

  test("is not stopped by what is no recording", async () => {
    const junk = folderInStore(0).replace(session(0), "-".repeat(36));
    mkdirSync(junk);
    writeFileSync(join(junk, "open.json"), "x");
    expect((await conduit("verify", "--all")).code).toBe(0);
  });

  test("finds the number of a recording that is gone from store and index", async () => {
    rmSync(folderInStore(1), { recursive: true });
    await forget(1);
    const { code, stdout } = await conduit("verify", "--all");
    expect(code).toBe(3);
    expect(stdout).toContain("recorder-1/2  MISSING");
    const reports = JSON.parse((await conduit("verify", "--all", "--json")).stdout) as { verdict: string }[];
    expect(reports.map(({ verdict }) => verdict)).toEqual(["VALID", "VALID", "VALID", "MISSING"]);
  });

  test("finds that the last ones are gone, by the recorder's own count", async () => {
    for (const n of [2, 3]) {
      rmSync(folderInStore(n), { recursive: true });
      await forget(n);
    }
    mkdirSync(config.spool.directory, { recursive: true });
    writeFileSync(join(config.spool.directory, "sequence"), "4\n");
    const counted = { CONDUIT_RECORDER_ID: "recorder-1" };
    const { code, stdout } = await runConduit(folder.path, ["recordings", "verify", "--all"], { env: counted });
    expect(code).toBe(3);
    expect(stdout).toContain("recorder-1/3-4  MISSING");
  });

  test("verifies what is in the store and not in the index, and what the index says is still going on", async () => {
    await forget(0);
    const database = await openDatabase(config.recorder.database);
    await new Recordings(database.catalog).setState(session(1), "recording");
    await database.close();
    for (const n of [0, 1]) rmSync(join(folderInStore(n), "terminal-0"), { recursive: true });
    const { code, stdout } = await conduit("verify", "--all");
    expect(code).toBe(3);
    for (const n of [0, 1]) expect(stdout).toContain(`${session(n)}  MISSING`);
  });

  test("calls nothing pending that the spool does not have, whatever the index says", async () => {
    const database = await openDatabase(config.recorder.database);
    await database.catalog.updateTable("recordings").set({ stored: 0 }).execute();
    await database.close();
    rmSync(join(folderInStore(0), "terminal-0"), { recursive: true });
    const lost = await conduit("verify", session(0));
    expect([lost.code, lost.stdout]).toEqual([3, expect.stringContaining(`${session(0)}  MISSING`)]);
    for (const [name, bytes] of built[0]?.objects ?? []) {
      const path = join(config.spool.directory, session(0), name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    expect((await conduit("verify", session(0))).stdout).toContain(`${session(0)}  INCOMPLETE`);
  });

  test("goes on after a symbolic link", async () => {
    const linked = join(folderInStore(1), "manifest.json");
    rmSync(linked);
    symlinkSync(join(folderInStore(0), "manifest.json"), linked);
    rmSync(folderInStore(2), { recursive: true });
    symlinkSync(folderInStore(0), folderInStore(2));
    const { code, stdout } = await conduit("verify", "--all");
    expect(code).toBe(3);
    expect(stdout).toContain(`${session(1)}  TAMPERED`);
    expect(stdout).toMatch(new RegExp(`${session(2)}  (?:TAMPERED|MISSING)`));
    expect(stdout).toContain(`${session(3)}  VALID`);
  });
});

test("verify --all finds a copy under another date", async () => {
  cpSync(folderInStore(0), folderInStore(0).replace("2026/11/23", "2025/01/01"), { recursive: true });
  const { code, stdout } = await conduit("verify", "--all");
  expect([code, stdout]).toEqual([3, expect.stringContaining(`${session(0)}  TAMPERED`)]);
  expect(stdout).toContain(`recordings/2025/01/01/${session(0)}/: has objects of this recording`);
});

test("rebuild warns of the numbers that it did not find", async () => {
  rmSync(folderInStore(1), { recursive: true });
  await forget(1);
  const { code, stderr } = await conduit("rebuild");
  expect([code, stderr]).toEqual([3, expect.stringContaining("no recording has the number 2")]);
});

test("list shows the numbers", async () => {
  const listed = JSON.parse((await conduit("list", "--json")).stdout) as { sequence: number }[];
  expect(listed.map(({ sequence }) => sequence)).toEqual([4, 3, 2, 1]);
  expect((await conduit("list")).stdout).toContain("NUMBER");
});

describe("doctor", () => {
  const doctor = async () => {
    const { stdout } = await runConduit(folder.path, ["doctor", "--json"], {
      env: { CONDUIT_RECORDER_ID: "recorder-1" },
    });
    const checks = JSON.parse(stdout) as { name: string; verdict: string; message: string }[];
    return checks.filter(({ name }) => name === "numbers").map(({ verdict, message }) => [verdict, message]);
  };

  test("says that no number is missing", async () => {
    expect(await doctor()).toEqual([["ok", "4 recordings, none missing among their numbers"]]);
  });

  test("finds holes, and the last ones by the recorder's own count", async () => {
    rmSync(folderInStore(1), { recursive: true });
    await forget(1);
    mkdirSync(config.spool.directory, { recursive: true });
    writeFileSync(join(config.spool.directory, "sequence"), "6\n");
    expect(await doctor()).toEqual([
      ["fail", "no recording has the number 2 of the recorder recorder-1: it was made and is gone"],
      ["fail", "no recording has the numbers 5 to 6 of the recorder recorder-1: it was made and is gone"],
    ]);
  });

  test("holds nothing against a service that records while it looks", async () => {
    const shelved = built.slice(0, 3);
    rmSync(folderInStore(3), { recursive: true });
    await forget(3);
    const database = await openDatabase(config.recorder.database);
    await atShelves(config, database, async (shelves) => {
      const known = await knownRecordings(shelves);
      expect(known.all).toHaveLength(shelved.length);
      // The third is known of the first look only by its number: it was stored after the store had been listed.
      const early = { ...known, all: [session(0), session(2)] };
      const keys = trustedKeys(config, []);
      expect(await numberFaults(shelves, early, keys)).toEqual([]);
      // A recording that the second look finds and the first could not have known opens no hole.
      await keep([built[3] as BuiltRecording]);
      rmSync(folderInStore(2), { recursive: true });
      await forget(2);
      expect(await numberFaults(shelves, { ...early, all: [session(1)] }, keys)).toEqual([]);
    });
    await database.close();
  });
});

describe("a recording that was forged without the key", () => {
  beforeEach(async () => {
    const memory = new MemoryStore();
    const prefix = memory.addRecording(built[0] as BuiltRecording);
    forgeSegment(memory.objects, prefix, "terminal-0", "welcome", "forged!");
    rmSync(folderInStore(0), { recursive: true });
    await putAll(memory.objects);
  });

  const shown = [
    ["cat"],
    ["play", "--speed", "100"],
    ...["cast", "txt", "jsonl"].map((format) => ["export", "-f", format, "-o", "-"]),
  ];

  test.each(shown.map((line) => ({ line })))("is not shown by $line, but with --unverified", async ({ line }) => {
    const [command = "", ...options] = line;
    const refused = await conduit(command, session(0), ...options);
    expect(refused.code).toBe(1);
    expect(refused.stdout).not.toContain("forged!");
    expect(refused.stderr).toContain("INTEGRITY_SIGNATURE");
    expect(refused.stderr).toContain("--unverified");
    const warned = await conduit(command, session(0), ...options, "--unverified");
    expect([warned.code, warned.stdout]).toEqual([0, expect.stringContaining("forged!")]);
    expect(warned.stderr).toContain("WARNING");
  });

  test("is shown as unproven, and listed so when the list looks", async () => {
    const shown = await conduit("show", session(0));
    expect(shown.stdout).toMatch(/^proof +NONE: manifest\.json does not match its signature manifest\.json\.sig$/m);
    expect(shown.stderr).toContain(`WARNING: ${session(0)} is unproven`);
    const { proof } = JSON.parse((await conduit("show", session(0), "--json")).stdout) as { proof: object };
    expect(proof).toEqual({ state: "unproven", faults: [expect.stringContaining("does not match its signature")] });
    const states = async (...options: string[]) => {
      const listed = JSON.parse((await conduit("list", "--json", ...options)).stdout) as { proof: { state: string } }[];
      return listed.map((one) => one.proof.state);
    };
    expect(await states()).toEqual(["unchecked", "unchecked", "unchecked", "unchecked"]);
    expect(await states("--proof")).toEqual(["proven", "proven", "proven", "unproven"]);
    expect((await conduit("list", "--proof")).stdout).toMatch(
      / PROOF\n.* proven\n.* proven\n.* proven\n.* unproven\n$/,
    );
  });

  test("leaves as zip, with a warning", async () => {
    const { code, stderr } = await conduit("export", session(0));
    expect([code, stderr]).toEqual([3, expect.stringContaining("WARNING")]);
  });
});

test("show says that a sound recording is proven, that one in progress has only its OPEN record, and what is no manifest", async () => {
  const sound = await conduit("show", session(0));
  expect([sound.code, sound.stderr]).toEqual([0, ""]);
  expect(sound.stdout).toMatch(/^proof +signatures and chain hold;/m);
  for (const name of ["manifest.json", "manifest.json.sig", "SHA256SUMS"]) rmSync(join(folderInStore(1), name));
  const open = await conduit("show", session(1));
  expect([open.code, open.stderr]).toEqual([0, ""]);
  expect(open.stdout).toMatch(/^proof +the OPEN record is signed; there is no manifest yet$/m);
  writeFileSync(join(folderInStore(1), "open.json.sig"), Buffer.alloc(64));
  expect((await conduit("show", session(1))).stdout).toMatch(/^proof +NONE: open\.json is not signed/m);
  writeFileSync(join(folderInStore(2), "manifest.json"), "{}");
  const broken = await conduit("show", session(2));
  expect([broken.code, broken.stdout]).toEqual([
    0,
    expect.stringMatching(/^proof +NONE: manifest\.json of the recording/m),
  ]);
});

describe("recordings of another recorder in the same store", () => {
  const other = makeSigningKey();
  let foreign: BuiltRecording;
  beforeEach(async () => {
    const builder = new RecordingBuilder(
      { person: "omar", target: "plc", startedAt: "2026-11-23T20:00:00.000000Z", seed: 9 },
      other,
    );
    builder.channel(0, { request: "shell", pty: true });
    await builder.output(0, 1_000, "elsewhere\r\n");
    foreign = await builder.finish();
    const memory = new MemoryStore();
    memory.addRecording(foreign);
    await putAll(memory.objects);
  });

  test("are UNTRUSTED without their key, with an exit code of their own, and VALID with it", async () => {
    const { code, stdout } = await conduit("verify", "--all");
    expect([code, stdout.match(/ {2}VALID {2}/g)?.length]).toEqual([7, 4]);
    expect(stdout).toContain(`${foreign.index.session}  UNTRUSTED`);
    expect(stdout).toMatch(
      /is signed by a key that is not trusted here, "[0-9a-f]{16}", of the recorder "recorder-1": give/,
    );
    expect((await conduit("show", foreign.index.session)).stdout).toMatch(/^proof +NONE, a key is not trusted here: /m);
    const path = join(folder.path, "other.pub.pem");
    writeFileSync(path, other.publicKeyPem);
    // The builder numbers from its seed; the foreign recorder's earlier numbers are not in this store.
    const trusted = await conduit("verify", foreign.index.session, "--key", path);
    expect([trusted.code, trusted.stdout]).toEqual([0, expect.stringContaining("  VALID  ")]);
  });

  test("are TAMPERED when they bear this recorder's name, or when the index knows them as its own", async () => {
    const own = { CONDUIT_RECORDER_ID: "recorder-1" };
    const named = await runConduit(folder.path, ["recordings", "verify", "--all"], { env: own });
    expect([named.code, named.stdout]).toEqual([3, expect.stringContaining(`${foreign.index.session}  TAMPERED`)]);
    expect(named.stdout).toContain("although the recording is this recorder's own");
    const database = await openDatabase(config.recorder.database);
    const recordings = new Recordings(database.catalog);
    await recordings.opened(OpenRecord.parse(JSON.parse(String(foreign.objects.get("open.json")))));
    await database.catalog
      .updateTable("recordings")
      .set({ recorder: config.recorder.id })
      .where("session", "=", foreign.index.session)
      .execute();
    await database.close();
    expect((await conduit("verify", foreign.index.session)).code).toBe(3);
  });

  test("are TAMPERED when their bytes are not those that were signed, whoever signed", async () => {
    const memory = new MemoryStore();
    const prefix = memory.addRecording(foreign);
    const [segment] = [...memory.objects.keys()].filter((name) => name.includes("/terminal-0/"));
    const path = join(folderInStore(0).replace(/recordings\/.*$/, ""), segment ?? prefix);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from("x")]));
    const { code, stdout } = await conduit("verify", "--all");
    expect([code, stdout]).toEqual([3, expect.stringContaining(`${foreign.index.session}  TAMPERED`)]);
  });
});
