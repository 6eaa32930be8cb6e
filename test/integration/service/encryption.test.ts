// Encryption at rest in the whole service: turned on by one setting, read by those who may, useless to whoever has the store
// alone, and gone on with after a crash.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RecordingKeysAnswer } from "../../../shared/api/types.ts";
import { BundleDataKeys } from "../../../shared/bundle/format.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { dataKeyOf, type Identity, newIdentity, opened } from "../../support/encryption.ts";
import { startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh, sshOptions } from "../ssh/clients.ts";
import { investigator, type Plant, startPlant, vendorPassword } from "./plant.ts";

const secret = "pressure 4711 bar";
let plant: Plant;
let outsider: Identity;
let second: Identity;

beforeAll(async () => {
  [outsider, second] = [await newIdentity(), await newIdentity()];
  plant = await startPlant({ config: { encryption: { recipients: [outsider.recipient, second.recipient] } } });
});
afterAll(() => plant.stop());

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

function folderOf(session: string): string {
  const store = join(plant.directory, "data", "store");
  const found = files(store).find((path) => path.endsWith(`${session}/open.json`));
  return (found ?? "").slice(0, -"/open.json".length);
}

async function signedIn(name: string, password: string): Promise<(path: string) => Promise<Response>> {
  const { httpUrl } = plant.service;
  const answer = await fetch(`${httpUrl}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: httpUrl },
    body: JSON.stringify({ name, password }),
  });
  expect(answer.status).toBeLessThan(300);
  const cookie = (answer.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
  return (path) => fetch(`${httpUrl}/api/v1${path}`, { headers: { cookie } });
}

let session: string;

describe("a service that encrypts", () => {
  it("stores nothing of a session's content in the clear, and reads it itself", async () => {
    const answer = await ssh(plant.gateway(), [`echo '${secret}'`]);
    expect(answer.stdout).toBe(`${secret}\n`);
    ({ session } = await plant.newest("sealed"));
    await waitFor(() => existsSync(join(folderOf(session), "SHA256SUMS")), { what: "the recording in the store" });
    const stored = files(folderOf(session));
    expect(stored.some((path) => path.endsWith(".zst.enc"))).toBe(true);
    for (const path of stored) expect(readFileSync(path).includes(secret), path).toBe(false);
    for (const path of stored.filter((one) => one.endsWith(".enc"))) {
      expect(() => execFileSync("zstd", ["-dc", path], { stdio: "pipe" })).toThrow();
    }
    const { conduit } = plant.service;
    expect(await conduit(["recordings", "cat", session])).toBe(`${secret}\n`);
    const lines = await conduit(["recordings", "export", session, "--format", "jsonl", "--output", "-"]);
    expect(lines).toContain(secret);
    const [report] = JSON.parse(await conduit(["recordings", "verify", session, "--json"])) as [object];
    expect(report).toMatchObject({ verdict: "VALID" });
    expect(report).not.toHaveProperty("unopenedSegments");
  });

  it("gives keys to who may read the content, says so in the audit, and to nobody else", async () => {
    const get = await signedIn(investigator.name, investigator.password);
    const answer = await get(`/recordings/${session}/keys`);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const { encrypted, streams } = RecordingKeysAnswer.parse(await answer.json());
    expect(encrypted).toBe(true);
    const manifest = Manifest.parse(await (await get(`/recordings/${session}/objects/manifest.json`)).json());
    const terminal = manifest.segments.find(({ track }) => track === "terminal-0");
    if (terminal === undefined) throw new Error("the recording has no terminal");
    const bytes = new Uint8Array(await (await get(`/recordings/${session}/segments/${terminal.n}`)).arrayBuffer());
    const compressed = opened(session, terminal, bytes, Buffer.from(streams.content ?? "", "base64"));
    expect(execFileSync("zstd", ["-dc"], { input: compressed }).toString()).toContain(secret);
    expect(streams.input).toHaveLength(44);
    const asVendor = await signedIn("vera", vendorPassword);
    expect((await asVendor(`/recordings/${session}/keys`)).status).toBe(403);
    expect((await fetch(`${plant.service.httpUrl}/api/v1/recordings/${session}/keys`)).status).toBe(401);
    const log = plant.service.log();
    for (const key of [streams.content ?? "-", streams.input ?? "-"]) expect(log.includes(key)).toBe(false);
  });

  it("is decrypted by a recipient with the folder alone, by age and by conduit", async () => {
    const folder = folderOf(session);
    const open = OpenRecord.parse(JSON.parse(readFileSync(join(folder, "open.json"), "utf8")));
    const key = join(plant.directory, "outsider.key");
    writeFileSync(key, `# created: today\n${outsider.identity}\n`, { mode: 0o600 });
    const wrapped = join(plant.directory, "content.age");
    writeFileSync(wrapped, Buffer.from(open.encryption?.streams.content.wrapped ?? "", "base64"));
    const byAge = execFileSync("age", ["-d", "-i", key, wrapped]);
    expect(byAge).toEqual(Buffer.from(await dataKeyOf(open, "content", second.identity)));
    const out = join(plant.directory, "clear");
    const elsewhere = join(plant.directory, "elsewhere");
    mkdirSync(elsewhere);
    const said = await plant.service.conduit(["recordings", "decrypt", folder, "-i", key, "-o", out]);
    expect(said).toMatch(/^[0-9a-f-]{36}: \d+ segments decrypted\.$/m);
    const cast = execFileSync("zstd", ["-dc", join(out, "terminal-0", "000000.cast.zst")]).toString();
    expect(cast).toContain(secret);
    // Somebody who is no recipient.
    const stranger = join(plant.directory, "stranger.key");
    writeFileSync(stranger, `${(await newIdentity()).identity}\n`, { mode: 0o600 });
    await expect(
      plant.service.conduit(["recordings", "decrypt", folder, "-i", stranger, "-o", elsewhere]),
    ).rejects.toThrow(/none of the identities is a recipient/);
    expect(files(elsewhere)).toEqual([]);
  });

  it("puts its keys into a bundle where that is asked, and says so in the audit", async () => {
    const { conduit } = plant.service;
    const note = await conduit(["ledger", "checkpoint", "--now"]);
    const [origin = "", size = ""] = note.split("\n");
    const checkpoint = ["ledger", origin.split("/")[1] ?? "", "checkpoints", size.padStart(12, "0")];
    const stored = join(plant.directory, "data", "store", ...checkpoint);
    await waitFor(() => existsSync(stored), { what: "the checkpoint in the store" });
    const bundle = async (name: string, ...more: string[]) => {
      const zip = join(plant.directory, `${name}.zip`);
      await conduit(["recordings", "export", session, ...more, "-o", zip]);
      return (file: string) => execFileSync("unzip", ["-p", zip, `${session}/${file}`], { stdio: "pipe" });
    };
    const without = await bundle("without", "--bundle");
    expect(() => without("data-keys.json")).toThrow();
    expect(without("data/index.js").includes("data-keys.json")).toBe(false);
    const file = await bundle("with", "--bundle", "--with-keys");
    const keys = BundleDataKeys.parse(JSON.parse(file("data-keys.json").toString()));
    const open = OpenRecord.parse(JSON.parse(file("open.json").toString()));
    for (const stream of ["content", "input"] as const)
      expect(Buffer.from(keys[stream] ?? "", "base64")).toEqual(
        Buffer.from(await dataKeyOf(open, stream, outsider.identity)),
      );
    const manifest = Manifest.parse(JSON.parse(file("manifest.json").toString()));
    const terminal = manifest.segments.find(({ track }) => track === "terminal-0");
    if (terminal === undefined) throw new Error("the recording has no terminal");
    const compressed = opened(session, terminal, file(terminal.name), Buffer.from(keys.content ?? "", "base64"));
    expect(execFileSync("zstd", ["-dc"], { input: compressed }).toString()).toContain(secret);
    const custody = JSON.parse(await conduit(["recordings", "custody", session, "--json"])) as { details: object }[];
    const told = custody.filter(({ details }) => "withKeys" in details);
    expect(told).toEqual([
      expect.objectContaining({
        details: expect.objectContaining({ format: "bundle", withKeys: ["content", "input"] }),
      }),
    ]);
    await expect(bundle("none", "--with-keys")).rejects.toThrow(/keys are put into bundles alone/);
    expect(existsSync(join(plant.directory, "none.zip"))).toBe(false);
  });

  it("keeps its own keys sealed in the database, and says which there are", async () => {
    const { conduit } = plant.service;
    const status = JSON.parse(await conduit(["encryption", "status", "--json"])) as {
      months: { month: string; recordings: number; state: string }[];
      unknown: unknown[];
    };
    expect(status.unknown).toEqual([]);
    expect(status.months).toHaveLength(1);
    expect(status.months[0]).toMatchObject({ recordings: 1, state: "kept" });
    expect(await conduit(["encryption", "status"])).toContain(outsider.recipient);
    expect(await conduit(["encryption", "shred"])).toContain("No key is due.");
    const database = files(join(plant.directory, "data")).filter((path) => /conduit\.db(-wal)?$/.test(path));
    expect(database.length).toBeGreaterThan(0);
    for (const path of database) expect(readFileSync(path).includes("AGE-SECRET-KEY-")).toBe(false);
  });

  it("reads a live session's closed segments, and goes on with it after a kill", async () => {
    const address = plant.gateway();
    const command = "echo before the crash; for i in $(seq 1 100000); do echo line-$i; sleep 0.05; done";
    const shell = await startProcess("ssh", [
      ...(await sshOptions(address)),
      "-tt",
      `${address.login}@${address.host}`,
      command,
    ]);
    await waitFor(() => shell.stdout().includes("before the crash\r\n"), { what: "the session's output" });
    const get = await signedIn(investigator.name, investigator.password);
    const live = await waitFor(async () => (await plant.recordings()).find(({ state }) => state === "recording"), {
      what: "the recording in progress",
    });
    const index = await waitFor(
      async () => {
        const answer = (await (await get(`/recordings/${live.session}/index`)).json()) as Pick<Manifest, "segments">;
        return answer.segments.some(({ track }) => track === "terminal-0") ? answer : undefined;
      },
      { what: "a closed segment of the terminal", timeoutMs: 30_000 },
    );
    expect(index.segments.every(({ encryption }) => encryption !== undefined)).toBe(true);
    const keys = RecordingKeysAnswer.parse(await (await get(`/recordings/${live.session}/keys`)).json());
    const meta = index.segments.find(({ track }) => track === "terminal-0");
    const bytes = await (await get(`/recordings/${live.session}/segments/${meta?.n}`)).arrayBuffer();
    if (meta === undefined) throw new Error("no segment");
    const content = Buffer.from(keys.streams.content ?? "", "base64");
    const compressed = opened(live.session, meta, new Uint8Array(bytes), content);
    expect(execFileSync("zstd", ["-dc"], { input: compressed }).toString()).toContain("before the crash");

    await plant.service.kill();
    await shell.exited;
    await plant.restart();
    const after = await plant.newest("interrupted");
    expect(after.session).toBe(live.session);
    await waitFor(() => existsSync(join(folderOf(live.session), "SHA256SUMS")), { what: "it in the store" });
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(folderOf(live.session), "manifest.json"), "utf8")));
    expect(manifest.segments.every(({ encryption }) => encryption !== undefined)).toBe(true);
    const [report] = JSON.parse(await plant.service.conduit(["recordings", "verify", live.session, "--json"])) as [
      object,
    ];
    expect(report).toMatchObject({ verdict: "VALID" });
    expect(await plant.service.conduit(["recordings", "cat", live.session])).toContain("before the crash");
  });
});
