// The demo's installation: a service's directory with the plant and its HMI as targets and two people with fresh passwords.
import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { People } from "../../access/people.ts";
import { type Config, loadConfig } from "../../config.ts";
import { openDatabase, stateOf } from "../../database.ts";
import { prepareInstallation } from "../first-start.ts";
import { openSecrets } from "../key-files.ts";
import type { Hmi } from "./hmi/hmi.ts";
import type { Plant } from "./plant.ts";

export const demoTarget = "plc-reactor-01";
export const demoScreen = "hmi-reactor-01";
export const demoVendor = "vendor";
export const demoInvestigator = "demo";

export interface DemoInstallation {
  config: Config;
  investigatorPassword: string;
  vendorPassword: string;
  /** The gateway's host key, base64 of the blob. */
  gatewayKey: string;
  knownHosts: string;
}

export interface DemoPlaces {
  directory: string;
  sshPort: number;
  httpPort: number;
}

export interface PlantLogin {
  account: string;
  password: string;
}

export async function installDemo(
  places: DemoPlaces,
  plant: Plant,
  login: PlantLogin,
  hmi: Hmi,
): Promise<DemoInstallation> {
  const { directory } = places;
  mkdirSync(join(directory, "inventory"), { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files(places, plant, login, hmi))) {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  }
  // The demo stands apart from whatever the environment configures.
  const config = loadConfig({ file: join(directory, "conduit.yaml"), env: {}, directory });
  await prepareInstallation(config, { admin: false });
  const investigatorPassword = easyPassword();
  const vendorPassword = easyPassword();
  const database = await openDatabase(stateOf(config));
  try {
    const people = new People(database.access);
    await people.create({
      name: demoInvestigator,
      roles: ["admin", "investigator", "auditor"],
      password: investigatorPassword,
    });
    await people.create({ name: demoVendor, roles: ["vendor"], password: vendorPassword });
    const secrets = await openSecrets(config, database);
    await secrets.set(demoTarget, { kind: "password", password: login.password });
    await secrets.set(demoScreen, { kind: "password", password: hmi.password });
  } finally {
    await database.close();
  }
  const line = readFileSync(`${config.ssh.hostKeys[0] ?? ""}.pub`, "utf8")
    .trim()
    .split(" ");
  const knownHosts = join(directory, "known_hosts");
  writeFileSync(knownHosts, `[127.0.0.1]:${places.sshPort} ${line.slice(0, 2).join(" ")}\n`, { mode: 0o600 });
  return { config, investigatorPassword, vendorPassword, gatewayKey: line[1] ?? "", knownHosts };
}

function files(
  { sshPort, httpPort }: DemoPlaces,
  plant: Plant,
  { account }: PlantLogin,
  hmi: Hmi,
): Record<string, string> {
  return {
    "conduit.yaml": `# Written by conduit demo; not for production.
recorder: { id: demo, dataDirectory: . }
ssh:
  listen: 127.0.0.1:${sshPort}
  banner: "Conduit Recorder demo: this session is recorded.\\r\\n"
# The scripted viewer knows VncAuth alone, which does not encrypt the session: not beyond this machine.
vnc: { listen: "127.0.0.1:0", security: [x509-plain, x509-vnc, vnc-auth] }
http: { listen: "127.0.0.1:${httpPort}" }
spool: { floorBytes: 64 MiB }
`,
    "inventory/targets.yaml": `version: 1
targets:
  - name: ${demoTarget}
    conduit: reactor
    protocol: ssh
    host: ${plant.host}
    port: ${plant.port}
    account: ${account}
    secret: ${demoTarget}
    hostKeys: ["${plant.hostKey}"]
    tags: [plc, demo]
    description: Demo plant, a toy controller
  - name: ${demoScreen}
    conduit: reactor
    protocol: vnc
    host: ${hmi.host}
    port: ${hmi.port}
    secret: ${demoScreen}
    tags: [hmi, demo]
    description: The demo plant's operator panel
`,
    "inventory/conduits.yaml": `version: 1
conduits:
  - { id: reactor, description: Vendors to the reactor section, sourceZone: vendor-dmz, destinationZone: unit-7 }
`,
    "inventory/policy.yaml": `version: 1
# The demo shows recording and replay to one person on one machine. A plant leaves all of this out: then a session needs an
# approved request, a second factor and, for a vendor, an escort, and files are scanned.
signIn: { mfa: optional }
fileTransfer: allow
rules:
  - id: vendors-reactor
    people: ["role:vendor"]
    targets: ["conduit:reactor"]
    capabilities: [shell, exec, sftp, screen]
    require: { approval: false, mfa: false, escort: never }
    reason: Demo
`,
  };
}

const letters = "abcdefghjkmnpqrstuvwxyz";

/** Three groups of five letters and a digit, 71 bits: to be typed by hand. */
function easyPassword(): string {
  for (;;) {
    const group = () => Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join("");
    const password = `${group()}-${group()}-${group()}${randomInt(10)}`;
    if (!/vendor|demo/.test(password)) return password;
  }
}
