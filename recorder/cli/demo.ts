// `conduit demo`: the whole service on loopback with the demo plant as its target, one scripted session recorded through
// the real gateway, and the lines to record one of one's own. Ctrl-C ends all of it and removes its directory.
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { AppError } from "../../shared/errors.ts";
import { askAdmin } from "../admin-socket.ts";
import type { Service } from "../main.ts";
import type { Cli, Register } from "./cli.ts";
import { Controller } from "./demo/controller.ts";
import { startHmi } from "./demo/hmi/hmi.ts";
import { playHmi } from "./demo/hmi/script.ts";
import {
  type DemoInstallation,
  demoInvestigator,
  demoScreen,
  demoTarget,
  demoVendor,
  installDemo,
} from "./demo/installation.ts";
import { type Plant, startPlant } from "./demo/plant.ts";
import { playScript } from "./demo/script.ts";
import { createLogger } from "./logger.ts";

interface DemoOptions {
  sshPort: number;
  httpPort: number;
  directory?: string;
  script: boolean;
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new InvalidArgumentError("A port is a number from 0 to 65535.");
}

export const registerDemo: Register = (program, cli) => {
  program
    .command("demo")
    .description("try it out: the service, a toy plant and a recorded session, all on this machine")
    .option("--ssh-port <port>", "gateway's port; another free one is taken when it is in use", port, 2222)
    .option("--http-port <port>", "portal's port; another free one is taken when it is in use", port, 8080)
    .option("--directory <dir>", "keep everything in this new directory (default: a temporary one, removed at the end)")
    .option("--no-script", "record no scripted session")
    .action(async (options: DemoOptions) => {
      const directory = makeDirectory(cli, options.directory);
      try {
        await runDemo(cli, directory, options);
      } finally {
        if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
      }
    });
};

function makeDirectory(cli: Cli, given: string | undefined): string {
  if (given === undefined) return mkdtempSync(join(tmpdir(), "conduit-demo-"));
  const directory = resolve(cli.directory, given);
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new AppError("REQUEST_INVALID", `${directory} is not empty; the demo wants a directory of its own`, {
      op: "demo",
    });
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

async function runDemo(cli: Cli, directory: string, options: DemoOptions): Promise<void> {
  // Known only to this process: nobody logs in to the plant but through the gateway.
  const login = { account: "engineer", password: crypto.randomUUID() };
  const enablePassword = "boost";
  const controller = new Controller();
  const plant = await startPlant({ ...login, enablePassword, controller });
  const hmi = await startHmi({ port: 0, password: crypto.randomUUID().slice(0, 8), controller });
  let service: Service | null = null;
  try {
    const places = { directory, sshPort: await freePort(options.sshPort), httpPort: await freePort(options.httpPort) };
    const installation = await installDemo(places, plant, login, hmi);
    const { startService } = await import("../main.ts");
    service = await startService(installation.config, {
      logger: createLogger(installation.config, { file: join(directory, "demo.log") }),
    });
    tell(cli, service, installation, enablePassword);
    cli.out.line(
      options.directory === undefined
        ? "  Ctrl-C ends the demo and removes everything it made."
        : `  Ctrl-C ends the demo; what it made stays in ${directory}.`,
    );
    cli.out.line();
    const script = options.script ? recordBoth(cli, service, installation, enablePassword) : Promise.resolve();
    if (!cli.signal.aborted) await once(cli.signal, "abort");
    cli.out.line("\nEnding the demo …");
    await script;
  } finally {
    await service?.stop();
    await hmi.close();
    await stopPlant(plant);
  }
}

async function stopPlant(plant: Plant): Promise<void> {
  await plant.close();
}

/** The wished port, or any free one. */
function freePort(wished: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", () =>
      wished === 0 ? reject(new Error("no port is free on 127.0.0.1")) : resolve(freePort(0)),
    );
    server.listen({ host: "127.0.0.1", port: wished, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : wished));
    });
  });
}

function tell(cli: Cli, service: Service, installation: DemoInstallation, enablePassword: string): void {
  const { out } = cli;
  const ssh = `ssh -p ${service.ssh.port} -o UserKnownHostsFile=${installation.knownHosts} ${demoVendor}+${demoTarget}@127.0.0.1`;
  out.line();
  out.line("Conduit Recorder demo");
  out.line();
  out.line("  1. Watch what was recorded, in a browser:");
  out.line(`       ${service.http.url}`);
  out.line(`       name ${demoInvestigator}   password ${installation.investigatorPassword}`);
  out.line();
  out.line("  2. Record a session of your own, in another terminal:");
  out.line(`       ${ssh}`);
  out.line(`       password ${installation.vendorPassword}`);
  out.line(
    `     Type help there; enable asks for a password, which is ${enablePassword}, and which no recording will show.`,
  );
  out.line();
  out.line("  3. Operate the plant's panel, in a browser: sign in there as");
  out.line(`       ${demoVendor}   password ${installation.vendorPassword}   and open ${demoScreen}.`);
  out.line();
}

/** One after the other, so that each has the machine to itself. */
async function recordBoth(
  cli: Cli,
  service: Service,
  installation: DemoInstallation,
  enablePassword: string,
): Promise<void> {
  await record(cli, service, installation, enablePassword);
  if (!cli.signal.aborted) await recordScreen(cli, service, installation);
}

/** A viewer of its own goes through the gateway's VNC listener with a one-time ticket, as any viewer would. */
async function recordScreen(cli: Cli, service: Service, installation: DemoInstallation): Promise<void> {
  cli.out.line("A second one, of the HMI's screen, is being recorded; it takes about 30 seconds.");
  const { adminSocket } = installation.config.recorder;
  try {
    const { ticket, port } = (await askAdmin(adminSocket, "POST", "/vnc-ticket", {
      person: demoVendor,
      target: demoScreen,
      operator: "os:demo",
    })) as { ticket: string; port: number };
    const session = await playHmi({
      open: async () => connect(port, "127.0.0.1"),
      password: ticket,
      signal: cli.signal,
      connected: async () => (await liveSessions(adminSocket, demoScreen))[0] ?? null,
    });
    if (cli.signal.aborted) return;
    await ended(adminSocket, session);
    cli.out.line(
      `The screen's session is recorded: ${service.http.url}${session === null ? "" : `/recordings/${session}`}`,
    );
  } catch (error) {
    if (cli.signal.aborted) return;
    cli.err.line(`conduit: the screen's session failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function record(
  cli: Cli,
  service: Service,
  installation: DemoInstallation,
  enablePassword: string,
): Promise<void> {
  cli.out.line("A scripted session is being recorded through the gateway; it takes about 25 seconds.");
  const { adminSocket } = installation.config.recorder;
  try {
    const session = await playScript({
      host: "127.0.0.1",
      port: service.ssh.port,
      username: `${demoVendor}+${demoTarget}`,
      password: installation.vendorPassword,
      hostKey: installation.gatewayKey,
      enablePassword,
      signal: cli.signal,
      connected: async () => (await liveSessions(adminSocket, demoTarget))[0] ?? null,
    });
    if (cli.signal.aborted) return;
    await ended(adminSocket, session);
    cli.out.line(
      `The scripted session is recorded: ${service.http.url}${session === null ? "" : `/recordings/${session}`}`,
    );
  } catch (error) {
    if (cli.signal.aborted) return;
    cli.err.line(`conduit: the scripted session failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Ids of a target's live sessions, the oldest first. */
async function liveSessions(adminSocket: string, target: string): Promise<string[]> {
  const live = (await askAdmin(adminSocket, "GET", "/sessions")) as { session: string; target: string }[];
  return live.flatMap((entry) => (entry.target === target ? [entry.session] : [])).sort();
}

/** Waits, within bounds, until the session is sealed. */
async function ended(adminSocket: string, session: string | null): Promise<void> {
  for (let tries = 0; tries < 50 && session !== null; tries++) {
    const live = (await askAdmin(adminSocket, "GET", "/sessions")) as { session: string }[];
    if (!live.some((entry) => entry.session === session)) return;
    await new Promise((resume) => setTimeout(resume, 100));
  }
}
