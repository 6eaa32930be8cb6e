// Starts the built service as a process of its own, with people, secrets, targets and rules of the test's, in a directory
// of the test's. Nothing here is mocked: it is what `npm start` runs.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { WarmConduit } from "./warm-conduit.ts";

const conduitScript = fileURLToPath(new URL("../../dist/recorder/cli/main.js", import.meta.url));

export interface ServiceSetup {
  directory: string;
  people: { name: string; roles: string[]; password?: string; keys?: string[] }[];
  secrets: { name: string; password?: string; privateKeyFile?: string }[];
  targets: Record<string, unknown>[];
  policy: Record<string, unknown>;
  /** Merged over the configuration file's top-level keys. */
  config?: Record<string, unknown>;
  env?: Record<string, string>;
}

export interface RunningService {
  readonly directory: string;
  readonly configFile: string;
  readonly process: ChildProcess;
  readonly sshPort: number;
  readonly vncPort: number;
  readonly httpUrl: string;
  /** What it has logged so far (JSON lines). */
  log(): string;
  /** Runs `conduit ARGS` on this service's configuration; rejects when it ends with an error. */
  conduit(args: string[], input?: string): Promise<string>;
  /** SIGTERM, then waits. */
  stop(): Promise<void>;
  /** SIGKILL, then waits. */
  kill(): Promise<void>;
}

/** Writes the configuration and inventory, and makes people and secrets through the CLI. Does not start anything. */
export async function prepareService(
  setup: ServiceSetup,
): Promise<{ configFile: string; conduit: RunningService["conduit"] }> {
  const { directory } = setup;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const configFile = join(directory, "conduit.yaml");
  const data = join(directory, "data");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  writeFileSync(
    configFile,
    stringify({
      recorder: { dataDirectory: data },
      ssh: { listen: "127.0.0.1:0" },
      vnc: { listen: "127.0.0.1:0" },
      http: { listen: "127.0.0.1:0" },
      store: { kind: "fs", directory: join(data, "store") },
      // It would take time from what is tested.
      search: { screens: { enabled: false } },
      inventory: {
        targets: join(directory, "targets.yaml"),
        conduits: join(directory, "conduits.yaml"),
        policy: join(directory, "policy.yaml"),
      },
      ...setup.config,
    }),
  );
  writeFileSync(join(directory, "conduits.yaml"), stringify({ version: 1, conduits: [{ id: "cell-1" }] }));
  writeFileSync(
    join(directory, "targets.yaml"),
    stringify({
      version: 1,
      targets: setup.targets.map((target) => ({ conduit: "cell-1", protocol: "ssh", ...target })),
    }),
  );
  writeFileSync(join(directory, "policy.yaml"), stringify({ version: 1, ...setup.policy }));
  const conduit = conduitRunner(configFile, setup.env ?? {});
  for (const person of setup.people) {
    const roles = person.roles.flatMap((role) => ["--role", role]);
    if (person.password === undefined) await conduit(["user", "add", person.name, ...roles, "--no-password"]);
    else await conduit(["user", "add", person.name, ...roles, "--password-stdin"], `${person.password}\n`);
    for (const key of person.keys ?? []) await conduit(["user", "key", "add", person.name], `${key}\n`);
  }
  for (const secret of setup.secrets) {
    const value =
      secret.privateKeyFile === undefined ? `${secret.password ?? ""}\n` : readFileSync(secret.privateKeyFile, "utf8");
    await conduit(
      [
        "secret",
        "set",
        secret.name,
        "--kind",
        secret.privateKeyFile === undefined ? "password" : "private-key",
        "--stdin",
      ],
      value,
    );
  }
  return { configFile, conduit };
}

/** In one process that stays, which starts with the first line. */
function conduitRunner(configFile: string, env: Record<string, string>): RunningService["conduit"] {
  const conduit = new WarmConduit(env);
  return async (args, input = "") => {
    const { code, stdout, stderr } = await conduit.run(["--config", configFile, ...args], { input });
    if (code === 0) return stdout;
    throw Object.assign(new Error(`Command failed: conduit ${args.join(" ")}\n${stderr}`), { code, stdout, stderr });
  };
}

/** Starts `conduit serve` on a prepared configuration and waits until it says where it listens. */
export async function startPrepared(
  configFile: string,
  directory: string,
  env: Record<string, string> = {},
): Promise<RunningService> {
  const child = spawn(process.execPath, [conduitScript, "--config", configFile, "serve"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let logged = "";
  const ready = new Promise<{ sshPort: number; vncPort: number; httpUrl: string }>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      logged += chunk.toString("utf8");
      for (const line of logged.split("\n")) {
        if (!line.includes('"service ready"')) continue;
        try {
          const { ssh, vnc, http } = JSON.parse(line) as Record<"ssh" | "vnc", { port: number }> & {
            http: { url: string };
          };
          resolve({ sshPort: ssh.port, vncPort: vnc.port, httpUrl: http.url });
        } catch {
          // The rest of the line is still to come.
        }
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => reject(new Error(`conduit serve ended with ${code}:\n${logged}`)));
  });
  const { sshPort, vncPort, httpUrl } = await ready;
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  };
  return {
    directory,
    configFile,
    process: child,
    sshPort,
    vncPort,
    httpUrl,
    log: () => logged,
    conduit: conduitRunner(configFile, env),
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

export async function startRunningService(setup: ServiceSetup): Promise<RunningService> {
  const { configFile } = await prepareService(setup);
  return startPrepared(configFile, setup.directory, setup.env ?? {});
}
