// A whole plant for tests: a real sshd, the built service as a process of its own in front of it, and a vendor with a key.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RecordingSummary } from "../../../shared/api/types.ts";
import { openRules } from "../../support/open-rules.ts";
import { prepareService, type RunningService, startPrepared } from "../../support/service.ts";
import { generateSshKey, type SshKey } from "../../support/ssh-key.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { GatewayAddress } from "../ssh/clients.ts";

export const vendorPassword = "a vendor's long password";
export const investigator = { name: "ines", password: "an investigator's password" };

export interface Plant {
  directory: string;
  target: SshTarget;
  service: RunningService;
  vendorKey: SshKey;
  gateway(targetName?: string): GatewayAddress;
  /** Starts the service again on the same data, after `service.stop()` or `service.kill()`. */
  restart(): Promise<void>;
  recordings(): Promise<RecordingSummary[]>;
  /** The newest recording, once it is in this state. */
  newest(state: RecordingSummary["state"]): Promise<RecordingSummary>;
  stop(): Promise<void>;
}

export async function startPlant(
  more: {
    targets?: (target: SshTarget) => Record<string, unknown>[];
    policy?: Record<string, unknown>;
    config?: Record<string, unknown>;
    env?: Record<string, string>;
  } = {},
): Promise<Plant> {
  const directory = await createTempDir("plant");
  const target = await startSshd();
  const vendorKey = await generateSshKey(directory.path, "vendor-key");
  const plc = {
    name: "plc-1",
    host: target.host,
    port: target.port,
    account: target.user,
    secret: "plc-1",
    hostKeys: [target.hostKey.publicLine],
  };
  const { configFile } = await prepareService({
    directory: directory.path,
    people: [
      { name: "vera", roles: ["vendor"], password: vendorPassword, keys: [vendorKey.publicLine] },
      { name: investigator.name, roles: ["investigator", "escort"], password: investigator.password },
    ],
    secrets: [{ name: "plc-1", privateKeyFile: target.userKey.privatePath }],
    targets: [plc, ...(more.targets?.(target) ?? [])],
    policy: { ...openRules({ id: "vendors", people: ["role:vendor"], targets: ["*"] }), ...more.policy },
    ...(more.config === undefined ? {} : { config: more.config }),
    ...(more.env === undefined ? {} : { env: more.env }),
  });
  const hostKeyLine = async () =>
    (await readFile(join(directory.path, "data", "keys", "ssh_host_ed25519_key.pub"), "utf8")).trim();
  let service = await startPrepared(configFile, directory.path, more.env);
  const key = await hostKeyLine();
  const plant: Plant = {
    directory: directory.path,
    target,
    get service() {
      return service;
    },
    vendorKey,
    gateway: (name = "plc-1") => ({
      host: "127.0.0.1",
      port: service.sshPort,
      login: `vera+${name}`,
      identity: vendorKey.privatePath,
      hostKeyLine: key,
      dir: directory.path,
    }),
    async restart() {
      service = await startPrepared(configFile, directory.path, more.env);
    },
    async recordings() {
      return JSON.parse(await service.conduit(["recordings", "list", "--json"])) as RecordingSummary[];
    },
    newest: (state) =>
      waitFor(
        async () => {
          const [newest] = await plant.recordings();
          return newest?.state === state ? newest : undefined;
        },
        { what: `the newest recording to be ${state}`, timeoutMs: 30_000, intervalMs: 200 },
      ),
    async stop() {
      await service.stop();
      await target.stop();
      await directory.remove();
    },
  };
  return plant;
}
