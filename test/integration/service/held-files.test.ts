// Files held until they are scanned, in the whole service: what a crash leaves, what the audit and the recording say, and
// what people at the recorder see of it.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eicarProbe as eicar } from "../../../recorder/scan/probes.ts";
import { eicarSignature, startClamd, type TestClamd } from "../../support/clamd.ts";
import { runChecked } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { scp, sftp } from "../ssh/clients.ts";
import { sha256OfFile } from "../ssh/gateway.ts";
import { investigator, type Plant, startPlant } from "./plant.ts";

let clamd: TestClamd;
let plant: Plant;
let remote: string;
let local: string;
let quarantine: string;

beforeAll(async () => {
  clamd = await startClamd();
  plant = await startPlant({
    policy: { fileTransfer: "scan_required" },
    config: { scan: { clamd: { socket: clamd.socket }, maxFileBytes: "150 MiB" } },
  });
  local = join(plant.directory, "local");
  quarantine = join(plant.directory, "data", "quarantine");
  remote = join(plant.target.home, `held-service-${process.pid}`);
  await mkdir(local);
  await runChecked("sh", ["-c", `mkdir ${remote} && chown ${plant.target.user} ${remote}`]);
});
afterAll(async () => {
  await plant?.stop();
  await clamd?.stop();
  if (remote) await rm(remote, { recursive: true, force: true });
});

describe("a service with a scanner", () => {
  it("passes clean files by sftp and scp, and keeps infected ones as evidence that people can look at", async () => {
    const clean = join(local, "clean");
    await writeFile(clean, randomBytes(100_000));
    const bad = join(local, "bad");
    await writeFile(bad, Buffer.concat([randomBytes(1000), eicar]));
    const digest = await sha256OfFile(bad);
    const result = await sftp(plant.gateway(), [`put ${clean} ${remote}/clean`, `-put ${bad} ${remote}/bad`]);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain(`bad is refused: the virus scanner found ${eicarSignature} in it.`);
    const legacy = await scp(plant.gateway(), [clean, `remote:${remote}/legacy`], ["-O"]);
    expect(legacy.code, legacy.stderr).toBe(0);
    expect((await readdir(remote)).sort()).toEqual(["clean", "legacy"]);

    const { conduit } = plant.service;
    const [listed] = JSON.parse(await conduit(["quarantine", "list", "--json"])) as [Record<string, unknown>];
    expect(listed).toMatchObject({
      person: "vera",
      target: "plc-1",
      path: `${remote}/bad`,
      direction: "inbound",
      outcome: "infected",
      finding: eicarSignature,
      sha256: digest,
      kept: true,
    });
    const id = String(listed["id"]);
    expect(await conduit(["quarantine", "show", id])).toContain(digest);

    const out = join(local, "sample");
    const act = ["--as", investigator.name, "--reason", "for analysis"];
    await expect(conduit(["quarantine", "export", id, "-o", out, ...act], "wrong\n")).rejects.toThrow("AUTH_FAILED");
    await conduit(["quarantine", "export", id, "-o", out, ...act], `${investigator.password}\n`);
    expect(await sha256OfFile(`${out}.quarantined`)).toBe(digest);
    expect((await stat(`${out}.quarantined`)).mode & 0o777).toBe(0o400);
    await expect(conduit(["quarantine", "remove", id, ...act], `${investigator.password}\n`)).rejects.toThrow(
      "AUTH_FORBIDDEN",
    );
    const password = "an administrator's password";
    await conduit(["user", "add", "adam", "--role", "admin", "--password-stdin"], `${password}\n`);
    const asAdmin = ["--as", "adam", "--reason", "false alarm"];
    await conduit(["quarantine", "remove", id, ...asAdmin], `${password}\n`);
    expect(JSON.parse(await conduit(["quarantine", "list", "--json"]))).toEqual([]);
    expect(await readdir(join(quarantine, "kept"))).toEqual([]);
    expect(
      await plant.service.conduit(["doctor", "--json"]).catch((error: { stdout: string }) => error.stdout),
    ).toContain("the EICAR test file is reported");
  });

  it("leaves neither unscanned bytes at the target nor anything in quarantine when it is killed in the middle", async () => {
    const large = join(local, "large");
    await runChecked("truncate", ["-s", "120M", large]);
    const transfer = sftp(plant.gateway(), [`put ${large} ${remote}/large`]);
    const held = join(quarantine, "held");
    const isHeld = async (): Promise<boolean> => {
      const [name] = await readdir(held);
      return name !== undefined && (await stat(join(held, name))).size > 10e6;
    };
    await waitFor(isHeld, { what: "the file to be held", timeoutMs: 30_000 });
    await plant.service.kill();
    expect((await transfer).code).not.toBe(0);
    expect(await readdir(remote)).not.toContain("large");
    expect(await readdir(held)).toHaveLength(1);
    await plant.restart();
    expect(await readdir(held)).toEqual([]);
    expect(plant.service.log()).toContain("file transfers that a crash cut off were removed");
    await rm(large);
    const small = join(local, "small");
    await writeFile(small, "recipe");
    const again = await sftp(plant.gateway(), [`put ${small} ${remote}/large`]);
    expect(again.code, again.stderr).toBe(0);
    expect(await readFile(join(remote, "large"), "utf8")).toBe("recipe");
  });

  it("refuses all of it when the scanner is gone, and says so where its health is asked", async () => {
    await clamd.kill();
    const file = join(local, "file");
    await writeFile(file, "recipe");
    const result = await sftp(plant.gateway(), [`-put ${file} ${remote}/file`, `-get ${remote}/clean ${local}/back`]);
    expect(result.stderr).toContain("file is refused: the virus scanner does not answer");
    expect(result.stderr).toContain("clean is refused: the virus scanner does not answer");
    expect(await readdir(local)).not.toContain("back");
    expect(await readFile(join(remote, "clean"))).toHaveLength(100_000);
    const doctor = await plant.service.conduit(["doctor", "--json"]).catch((error: { stdout: string }) => error.stdout);
    expect(doctor).toContain("cannot be used");
  });
});
