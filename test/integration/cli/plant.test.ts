// The demo plant on its own, with stock clients.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import ssh2, { type ClientChannel } from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Plant, startPlant } from "../../../recorder/cli/demo/plant.ts";
import { runProcess } from "../../support/process.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

let folder: TempDir;
let plant: Plant;
let options: string[];

beforeAll(async () => {
  folder = await createTempDir("plant");
  plant = await startPlant({ account: "engineer", password: "reactor", enablePassword: "boost" });
  const knownHosts = join(folder.path, "known_hosts");
  writeFileSync(knownHosts, `[127.0.0.1]:${plant.port} ${plant.hostKey}\n`);
  options = ["-o", `UserKnownHostsFile=${knownHosts}`, "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"];
});
afterAll(async () => {
  await plant?.close();
  await folder?.remove();
});

const ssh = (args: string[], input?: string, password = "reactor") =>
  runProcess("sshpass", ["-p", password, "ssh", ...options, "-p", String(plant.port), "engineer@127.0.0.1", ...args], {
    ...(input === undefined ? {} : { input }),
  });

test("listens on loopback alone", () => expect(plant.host).toBe("127.0.0.1"));

test("lets nobody in with another password", async () => {
  expect((await ssh(["show", "status"], undefined, "wrong")).code).toBe(5);
});

test("commands answer without colours, and with exit codes", async () => {
  const status = await ssh(["show status"]);
  expect(status).toMatchObject({ code: 0, stderr: "" });
  expect(status.stdout).toMatch(/^Mode {6}RUN/);
  expect(status.stdout).not.toContain("\x1b");
  expect(await ssh(["nonsense"])).toMatchObject({
    code: 127,
    stdout: "",
    stderr: '% Unknown command "nonsense". Type help.\n',
  });
  expect((await ssh(["write TIC-101 150"])).stderr).toBe("% Privileged mode is needed: enable.\n");
});

test("without a terminal it reads commands by line, to the end of input", async () => {
  const answer = await ssh(["-T"], "read TIC-101\nread nothing");
  expect(answer.code).toBe(1);
  expect(answer.stdout).toMatch(/^TIC-101 .*Reactor temperature\n% There is no tag "nothing"/);
});

test("sftp puts, gets, lists, renames and removes", async () => {
  const local = join(folder.path, "up.bin");
  const back = join(folder.path, "back.bin");
  const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));
  writeFileSync(local, data);
  const batch = join(folder.path, "batch");
  writeFileSync(
    batch,
    `put ${local} a.bin\nmkdir d\nrename a.bin d/b.bin\nget d/b.bin ${back}\nls -l d\nrm d/b.bin\nrmdir d\nls\n`,
  );
  const args = [
    "-p",
    "reactor",
    "sftp",
    ...options,
    "-o",
    "BatchMode=no",
    "-b",
    batch,
    "-P",
    String(plant.port),
    "engineer@127.0.0.1",
  ];
  const result = await runProcess("sshpass", args);
  expect(result.stderr).toBe("");
  expect(result.code).toBe(0);
  expect(result.stdout).toMatch(/300000 .* b\.bin/);
  expect(result.stdout.trim().split("\n").at(-1)).toMatch(/^logs\s+recipe\.txt\s*$/);
  expect(readFileSync(back).equals(data)).toBe(true);
});

test("its memory is bounded", async () => {
  const local = join(folder.path, "large.bin");
  writeFileSync(local, Buffer.alloc(70 * 1024 * 1024));
  const batch = join(folder.path, "batch");
  writeFileSync(batch, `put ${local} large.bin\n`);
  const args = [
    "-p",
    "reactor",
    "sftp",
    ...options,
    "-o",
    "BatchMode=no",
    "-b",
    batch,
    "-P",
    String(plant.port),
    "engineer@127.0.0.1",
  ];
  const result = await runProcess("sshpass", args, { timeoutMs: 120_000 });
  expect(result.code).not.toBe(0);
  expect(result.stderr).toMatch(/Failure/);
});

interface Terminal {
  channel: ClientChannel;
  screen(): string;
  type(keys: string): void;
  end(): void;
}

function terminal(): Promise<Terminal> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on("error", reject);
    client.on("ready", () => {
      client.shell({ term: "xterm", cols: 80, rows: 24 }, (error, channel) => {
        if (error !== undefined) return reject(error);
        let screen = "";
        channel.on("data", (data: Buffer) => {
          screen += data.toString("utf8");
        });
        resolve({ channel, screen: () => screen, type: (keys) => void channel.write(keys), end: () => client.end() });
      });
    });
    client.connect({ host: plant.host, port: plant.port, username: "engineer", password: "reactor" });
  });
}

test("enable asks without echo, the full-screen view comes and goes, the shell ends with its exit code", async () => {
  const { channel, screen, type, end } = await terminal();
  const shows = (text: string) => waitFor(() => screen().includes(text), { what: text });
  const ended = new Promise<unknown>((resolve) => channel.on("exit", resolve));
  await shows("PLC-REACTOR-01>");
  type("enable\r");
  await shows("Password: ");
  type("wrong\r");
  await shows("% Wrong password.");
  type("enable\rboost\r");
  await shows("PLC-REACTOR-01#");
  expect(screen()).not.toMatch(/boost|wrong\r/);
  type("write TIC-101 99999\rwrite TIC-101 144\r");
  await shows("TIC-101 setpoint is now 144 degC.");
  expect(screen()).toContain("% Refused: outside 20 to 180 degC.");
  type("top\r");
  await shows("\x1b[?1049h");
  channel.setWindow(40, 132, 0, 0);
  await sleep(1200);
  expect(screen().split("overview").length).toBeGreaterThan(2);
  type("q");
  await shows("\x1b[?1049l");
  type("half a line\x03");
  await shows("^C");
  type("exit\r");
  expect(await ended).toBe(0);
  end();
});
