// A plant whose state moves from its file into PostgreSQL: from a request to a sealed recording and the report of it, with
// the database gone and back in mid-session.
import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { AccessRequest } from "../../../shared/api/access.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh, sshOptions } from "../ssh/clients.ts";
import { type Plant, startPlant, vendorPassword } from "./plant.ts";

const approverPassword = "an approver's password";
let postgres: TestPostgres;
let plant: Plant;

beforeAll(async () => {
  postgres = await startPostgres();
  plant = await startPlant({
    policy: {
      requests: { noticeSeconds: 0 },
      rules: [
        {
          id: "vendors",
          people: ["role:vendor"],
          targets: ["*"],
          capabilities: ["shell", "exec"],
          require: { approval: true, mfa: false, escort: "never" },
        },
      ],
    },
  });
  const conduit = plant.service.conduit;
  await conduit(["user", "add", "anna", "--role", "approver", "--password-stdin"], `${approverPassword}\n`);
}, 120_000);
afterAll(async () => {
  await plant?.stop();
  await postgres?.stop();
});

const as = (name: string, args: string[]) =>
  plant.service.conduit(["request", ...args, "--as", name], `${name === "vera" ? vendorPassword : approverPassword}\n`);

it("moves, and then records whole while its database is away, and loses nothing that it acknowledged", async () => {
  const urlFile = join(plant.directory, "database-url");
  writeFileSync(urlFile, `${postgres.url}\n`, { mode: 0o600 });
  const move = () => plant.service.conduit(["database", "move", "--to", urlFile]);
  await expect(move()).rejects.toThrow(/the service is running: stop it/);
  await plant.service.stop();
  expect(await move()).toMatch(/people: 3 rows, .*moved to PostgreSQL at .*, schema conduit, and read back/s);
  const { configFile } = plant.service;
  const config = parse(readFileSync(configFile, "utf8")) as Record<string, unknown>;
  writeFileSync(configFile, stringify({ ...config, database: { urlFile } }));
  await expect(move()).rejects.toThrow(/in PostgreSQL already/);
  await plant.restart();

  const asked = [
    "create",
    "--target",
    "plc-1",
    "--purpose",
    "drive firmware",
    "--from",
    "+1s",
    "--for",
    "1h",
    "--json",
  ];
  const { id, from } = JSON.parse(await as("vera", asked)) as AccessRequest;
  await as("anna", ["approve", id]);
  await waitFor(() => Date.now() >= Date.parse(from) + 1000);
  // The account of the target sees nothing of the plant's own folder.
  const goOn = join(tmpdir(), `conduit-go-on-${id}`);
  const work = `echo working; while [ ! -e ${goOn} ]; do sleep 0.1; echo still at it; done; echo done after all`;
  const live = await startProcess("ssh", [...(await sshOptions(plant.gateway())), "vera+plc-1@127.0.0.1", work], {
    ready: /working/,
  });
  await postgres.kill();
  await expect(plant.service.conduit(["request", "list"])).rejects.toThrow(
    /the database \(PostgreSQL at .*\) cannot be used: nothing answers there \([A-Z]+\); start it/,
  );
  expect((await ssh(plant.gateway(), ["true"])).code).toBe(255);
  await postgres.start();
  writeFileSync(goOn, "");
  const { code } = await live.exited;
  await rm(goOn);
  expect(code).toBe(0);
  const recording = await plant.newest("sealed");
  expect(recording).toMatchObject({ person: "vera", target: "plc-1", gaps: 0 });
  expect(await plant.service.conduit(["recordings", "cat", recording.session])).toMatch(/working\n.*done after all\n/s);
  expect(await plant.service.conduit(["recordings", "verify", recording.session, "--json"])).toContain('"VALID"');
  expect(await ssh(plant.gateway(), ["echo again"])).toMatchObject({ code: 0, stdout: "again\n" });
  const day = new Date().toISOString().slice(0, 10);
  const report = await plant.service.conduit(["report", "--from", day, "--json"]);
  expect(report).toContain(id);
  const checked = await plant.service.conduit(["doctor"]).catch((error: { stdout?: string }) => error.stdout ?? "");
  expect(checked).toMatch(/database\s+PostgreSQL at .*schema conduit/);
  expect(plant.service.log() + checked).not.toContain(encodeURIComponent(postgres.password));
});
