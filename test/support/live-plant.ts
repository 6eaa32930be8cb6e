// A plant where Vera the vendor works while others look on: the built service, OpenSSH's ssh and sshd, TigerVNC's server and
// viewer. What is typed at its targets is written down there letter by letter, so that a test can tell what arrived and when.
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { sshOptions } from "../integration/ssh/clients.ts";
import { type RunningProcess, runProcess, startProcess } from "./process.ts";
import { type RunningService, type ServiceSetup, startRunningService } from "./service.ts";
import { generateSshKey } from "./ssh-key.ts";
import { startSshd } from "./sshd.ts";
import { createTempDir } from "./temp-dir.ts";
import { waitFor } from "./wait-for.ts";
import { startXtigervnc, startXvfb, type VncTarget } from "./xtigervnc.ts";

export const noConditions = { approval: false, mfa: false, escort: "never" } as const;

const vera = { name: "vera", password: "seven slow river boats" };

export interface LivePlantSetup {
  label: string;
  /** Besides Vera. */
  people: ServiceSetup["people"];
  /** Names; those that begin with `hmi-` are a screen, and then the plant has one. */
  targets: readonly string[];
  policy: Record<string, unknown>;
}

export interface ArrivedLetter {
  letter: string;
  atMs: number;
}

/** What a program at a target has been typed. */
export class TypedAtTarget {
  readonly #file: string;
  #skip = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** What came until now does not count. */
  async forget(): Promise<void> {
    this.#skip = (await this.#all()).length;
  }

  async letters(): Promise<ArrivedLetter[]> {
    return (await this.#all()).slice(this.#skip);
  }

  async #all(): Promise<ArrivedLetter[]> {
    const text = await readFile(this.#file, "utf8").catch(() => "");
    return [...text.matchAll(/^(\S*) (\d+\.\d+)$/gm)].map(([, letter = "", seconds]) => ({
      letter,
      atMs: Number(seconds) * 1000,
    }));
  }
}

/** TigerVNC's viewer on an X server of its own. */
export interface PlantViewer {
  process: RunningProcess;
  /** Presses and releases one, once the viewer's window has the keyboard. */
  key(name: string): Promise<void>;
  /** What stands in the title of its window. */
  titleHas(text: string): Promise<boolean>;
}

export interface LivePlant {
  readonly service: RunningService;
  readonly panel: VncTarget | null;
  /** ssh with a terminal. `program`: in place of the shell. */
  startSsh(target: string, program?: string): Promise<RunningProcess>;
  startViewer(target: string): Promise<PlantViewer>;
  /** A program that writes down what it is typed, for `startSsh`. */
  typedBySsh(): { program: string; typed: TypedAtTarget };
  /** All over the panel's screen, from now on. */
  typedAtPanel(): Promise<TypedAtTarget>;
  /** In the policy's place; sessions keep the escort rules that they were opened with. */
  setPolicy(policy: Record<string, unknown>): Promise<void>;
  /** Whatever Vera has open. */
  stopClients(): Promise<void>;
  stop(): Promise<void>;
}

const typedScript = `#!/bin/bash
export LC_ALL=C
stty -icanon -echo
while IFS= read -r -n1 letter; do
  printf '%s %s\\n' "$letter" "$EPOCHREALTIME" >> "$1"
  printf '%s' "$letter"
done
`;

export async function startLivePlant({ label, people, targets, policy }: LivePlantSetup): Promise<LivePlant> {
  const directory = await createTempDir(label);
  const controller = await startSshd();
  const hasScreen = targets.some((name) => name.startsWith("hmi-"));
  const [panel, screen] = hasScreen ? await Promise.all([startXtigervnc(), startXvfb()]) : [null, null];
  const key = await generateSshKey(directory.path, vera.name);
  // The controller's account writes in it, which is not the one that the tests run as.
  const open = await createTempDir(`${label}-typed`);
  await chmod(open.path, 0o777);
  const script = join(open.path, "typed.sh");
  await writeFile(script, typedScript, { mode: 0o755 });
  const ssh = {
    ...{ host: controller.host, port: controller.port, account: controller.user, secret: "plc" },
    hostKeys: [controller.hostKey.publicLine],
  };
  const service = await startRunningService({
    directory: directory.path,
    people: [{ ...vera, roles: ["vendor"], keys: [key.publicLine] }, ...people],
    secrets: [
      { name: "plc", privateKeyFile: controller.userKey.privatePath },
      ...(panel === null ? [] : [{ name: "hmi", password: panel.password }]),
    ],
    targets: targets.map((name) =>
      panel !== null && name.startsWith("hmi-")
        ? { name, protocol: "vnc", host: panel.host, port: panel.port, secret: "hmi" }
        : { name, ...ssh },
    ),
    policy,
  });
  const clients: RunningProcess[] = [];
  const drawing: RunningProcess[] = [];
  let typing = 0;
  let inForce = JSON.stringify(policy);
  const keep = (client: RunningProcess) => {
    clients.push(client);
    return client;
  };

  return {
    service,
    panel,
    startSsh: async (target, program) => {
      const hostKey = await readFile(join(directory.path, "data", "keys", "ssh_host_ed25519_key.pub"), "utf8");
      const options = await sshOptions({
        ...{ host: "127.0.0.1", port: service.sshPort, login: "", identity: key.privatePath },
        ...{ hostKeyLine: hostKey.trim(), dir: directory.path },
      });
      const login = `${vera.name}+${target}@127.0.0.1`;
      return keep(await startProcess("ssh", ["-tt", ...options, login, ...(program === undefined ? [] : [program])]));
    },
    startViewer: async (target) => {
      if (screen === null) throw new Error("this plant has no screen");
      const viewer = await startProcess(
        "xtigervncviewer",
        [
          ...["-geometry", "640x480+0+0", "-ReconnectOnError=0", "-AlertOnFatalError=0", "-SecurityTypes", "X509Plain"],
          `-X509CA=${join(directory.path, "data", "keys", "vnc.crt")}`,
          `localhost::${service.vncPort}`,
        ],
        {
          env: {
            ...{ DISPLAY: screen.display, HOME: directory.path },
            ...{ VNC_USERNAME: `${vera.name}+${target}`, VNC_PASSWORD: vera.password },
          },
        },
      );
      return viewerOn(screen.display, keep(viewer));
    },
    typedBySsh: () => {
      const file = join(open.path, `ssh-${++typing}`);
      return { program: `bash ${script} ${file}`, typed: new TypedAtTarget(file) };
    },
    typedAtPanel: async () => {
      if (panel === null) throw new Error("this plant has no screen");
      const file = join(open.path, "panel");
      const display = ["-display", panel.display, "-geometry", "110x40+0+0", "-bg", "#103050", "-fg", "#f0e0a0"];
      drawing.push(await startProcess("xterm", [...display, "-e", "bash", script, file]));
      const find = () => runProcess("xdotool", ["search", "--class", "xterm"], { env: { DISPLAY: panel.display } });
      await waitFor(async () => (await find()).stdout.trim() !== "", { what: "the panel's window", timeoutMs: 30_000 });
      return new TypedAtTarget(file);
    },
    setPolicy: async (next) => {
      // A file that is as it was is not read again.
      if (JSON.stringify(next) === inForce) return;
      const reloads = () => service.log().split('"inventory reloaded"').length;
      const before = reloads();
      await writeFile(join(directory.path, "policy.yaml"), stringify({ version: 1, ...next }));
      await waitFor(() => reloads() > before, { what: "the policy to be reloaded", timeoutMs: 30_000 });
      inForce = JSON.stringify(next);
    },
    stopClients: async () => {
      for (const client of clients.splice(0)) await client.stop();
    },
    stop: async () => {
      for (const one of [...clients.splice(0), ...drawing.splice(0)]) await one.stop();
      await service.stop();
      await screen?.stop();
      await panel?.stop();
      await controller.stop();
      await open.remove();
      await directory.remove();
    },
  };
}

function viewerOn(display: string, viewer: RunningProcess): PlantViewer {
  const xdotool = async (...args: string[]) =>
    (await runProcess("xdotool", args, { env: { DISPLAY: display } })).stdout.trim();
  const windowNamed = (text: string) => xdotool("search", "--onlyvisible", "--name", text);
  let focused = false;
  return {
    process: viewer,
    key: async (name) => {
      if (!focused) {
        const window = await waitFor(async () => (await windowNamed("recorded")).split("\n")[0], {
          what: "the viewer's window",
          timeoutMs: 30_000,
        }).catch((error: unknown) => {
          throw new Error(`the viewer said: ${viewer.output()}`, { cause: error });
        });
        // Nobody manages windows here: without the focus the viewer sends nothing.
        await xdotool("windowfocus", "--sync", window);
        await xdotool("mousemove", "300", "200");
        focused = true;
      }
      await xdotool("key", name);
    },
    titleHas: async (text) => (await windowNamed(text)) !== "",
  };
}
