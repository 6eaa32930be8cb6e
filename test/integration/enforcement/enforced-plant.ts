// A plant with a rule for each thing that policy enforces: the whole service in this process, a real sshd and a real TigerVNC
// server behind it, and the database beside it, so that tests can approve, revoke and read back.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import type { Logger } from "pino";
import { stringify } from "yaml";
import { AccessFeed } from "../../../recorder/access/feed.ts";
import { People } from "../../../recorder/access/people.ts";
import { AccessRequests, type Acting } from "../../../recorder/access/requests/requests.ts";
import { WebSessions } from "../../../recorder/access/web-sessions.ts";
import { askAdmin } from "../../../recorder/admin-socket.ts";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { openSecrets } from "../../../recorder/cli/key-files.ts";
import { type Config, loadConfig, storeOptions } from "../../../recorder/config.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import { RecordingExporter } from "../../../recorder/export/export.ts";
import { Inventory } from "../../../recorder/inventory.ts";
import { type Service, startService } from "../../../recorder/main.ts";
import { signingKeyHistory } from "../../../recorder/signing-keys.ts";
import { createStore } from "../../../recorder/store/create-store.ts";
import { veNCrypt } from "../../../recorder/tap/vnc/security-types.ts";
import type { RequestDraft } from "../../../shared/api/access.ts";
import type { LiveSession, RecordingSummary } from "../../../shared/api/types.ts";
import type { EventsLine } from "../../../shared/events/stored.ts";
import type { Manifest } from "../../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { type EscortPage, openEscortPage } from "../../support/escort.ts";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { generateSshKey } from "../../support/ssh-key.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { sayStopping, stopSaying } from "../../support/stop-saying.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { WarmConduit } from "../../support/warm-conduit.ts";
import { startXtigervnc, startXvfb, type VncTarget } from "../../support/xtigervnc.ts";
import type { GatewayAddress } from "../ssh/clients.ts";
import { sshOptions } from "../ssh/clients.ts";
import { connectViewer, Refused, type ScriptedViewer } from "../vnc/scripted-viewer.ts";

const password = "a vendor's long password";
const strangers = randomBytes(16).toString("hex");

export interface EnforcedPlant {
  config: Config;
  service: Service;
  requests: AccessRequests;
  sshTarget: SshTarget;
  /** Of the VNC target, for what draws on its screen. */
  display: string;
  /** Vera the vendor at a target whose name ends in this. */
  ssh(target: string): GatewayAddress;
  /** Ines, who is no vendor. */
  sshOfOwnStaff(target: string): GatewayAddress;
  startSsh(target: string, args: readonly string[], command: readonly string[]): Promise<RunningProcess>;
  /** xtigervncviewer, once its session is live. */
  startViewer(target: string): Promise<RunningProcess>;
  /** Types into the window of the viewer that is open. */
  typeInViewer(...keys: string[]): Promise<void>;
  /** What a viewer is told that is refused; `let in` when it is not. */
  vncAnswer(target: string): Promise<string>;
  connectVnc(target: string, person?: string): Promise<ScriptedViewer>;
  /** Vera's access to these targets, approved, from now on. */
  approve(draft: {
    targets: string[];
    seconds?: number;
    escorts?: string[];
    /** Until its window begins, which is waited for unless it is long. */
    leadSeconds?: number;
  }): Promise<string>;
  live(target: string): Promise<LiveSession>;
  /** Whoever the body names as `person` proves it, with the password that stands in `passwords`. */
  admin(url: string, body: { person?: string } & Record<string, unknown>): Promise<Record<string, unknown>>;
  passwords: Map<string, string>;
  /** The newest recording of this target, once it is sealed. */
  sealed(target: string): Promise<RecordingSummary>;
  /** `conduit`, on this installation. */
  conduit(...args: string[]): Promise<string>;
  verdict(session: string): Promise<string>;
  read(session: string): Promise<{ open: OpenRecord; manifest: Manifest; events: EventsLine[]; everything: string }>;
  audited(action: string): Promise<{ subject: string; details: Record<string, unknown> }[]>;
  setPolicy(more: Record<string, unknown>): Promise<void>;
  /** Watches the session as this escort, in the portal. */
  watch(person: string, session: string, options?: Parameters<typeof openEscortPage>[2]): Promise<EscortPage>;
  /** A sign-in to the portal, with a code of now, or of ten minutes ago. */
  portal(person: string, options?: { stale?: boolean }): Promise<{ url: string; cookie: string; csrfToken: string }>;
  /** Viewers that a test left behind are ended. */
  closeViewers(): Promise<void>;
  stop(): Promise<void>;
}

const approver: Acting = { name: "arno", roles: ["approver"], factors: ["password", "totp"], address: "local" };
export const vera: Acting = { name: "vera", roles: ["vendor"], factors: ["publickey"], address: "local" };

/** Of a window: it cannot begin before it is asked for. */
const leadMs = 1500;
const none = { approval: false, mfa: false, escort: "never" };

/** Lines of `conduit` on this installation; one rejects with what it said when it fails. */
function conduitOf(file: string): (args: readonly string[]) => Promise<string> {
  const conduit = new WarmConduit();
  return async (args) => {
    const { code, stdout, stderr } = await conduit.run(["--config", file, ...args]);
    if (code !== 0) throw new Error(`conduit ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  };
}

/** Rules by the end of the target's name: `plc-idle` and `hmi-idle` have the same one. */
function policyOf(forwardPort: number): Record<string, unknown> {
  const rule = (id: string, more: Record<string, unknown> = {}) => ({
    id,
    people: ["role:vendor"],
    targets: [`*-${id}`],
    require: none,
    capabilities: ["shell", "exec", "sftp", "screen"],
    ...more,
  });
  return {
    version: 1,
    signIn: { mfa: "optional" },
    limits: { warnSeconds: [600, 2] },
    requests: { noticeSeconds: 0 },
    retention: [{ targets: ["tag:kept-long"], days: 400 }],
    patterns: [
      {
        id: "wipe",
        in: "input",
        match: "rm -rf",
        action: "terminate",
        targets: ["*-pattern"],
        message: "Not at this plant.",
      },
      { id: "look", in: "input", match: "^reload$", action: "freeze", targets: ["*-pattern"] },
      { id: "alarm", in: "output", match: "REACTOR ALARM \\d+", action: "terminate", targets: ["*-pattern"] },
    ],
    rules: [
      rule("open"),
      rule("idle", { limits: { idleSeconds: 3 } }),
      rule("short", { limits: { maxSessionSeconds: 4 } }),
      rule("window", { targets: ["*-window", "*-later"], require: { ...none, approval: true } }),
      rule("escort", { require: { ...none, escort: "vendors" } }),
      rule("named", { require: { approval: true, mfa: false, escort: "always" } }),
      rule("mfa", { require: { ...none, mfa: true } }),
      rule("pattern"),
      rule("without-input", { recording: "without-input" }),
      rule("metadata", { recording: "metadata" }),
      rule("unrecorded", {
        people: ["*"],
        recording: "none",
        unrecordedBecause: "the works council keeps this training target private",
      }),
      rule("masked"),
      rule("no-files", { fileTransfer: "deny" }),
      rule("forward", { capabilities: ["shell", "local-forward"], forwardTo: [`127.0.0.1:${forwardPort}`] }),
      rule("denied", { effect: "deny" }),
      rule("ssh-only", { protocols: ["ssh"] }),
      rule("vnc-only", { protocols: ["vnc"] }),
      rule("hours", {
        hours: { days: [dayThatIsNot()], from: "00:00", to: "00:01", timeZone: "UTC" },
      }),
      rule("anything", { targets: ["*"], people: ["nobody-*"] }),
    ],
    prohibitedTargets: ["SIS-*", "SAFETY-*"],
  };
}

/** Three days ahead: it does not begin while a test runs. */
function dayThatIsNot(): string {
  const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
  return days[(new Date().getUTCDay() + 3) % 7] ?? "sun";
}

const endings = [
  ...["open", "idle", "short", "window", "later", "escort", "named", "mfa", "pattern", "without-input", "metadata"],
  ...["unrecorded", "masked", "no-files", "forward", "denied", "ssh-only", "vnc-only", "hours", "nowhere"],
];

export async function startEnforcedPlant(forwardPort = 1): Promise<EnforcedPlant> {
  const directory = await createTempDir("enforced");
  const at = (name: string) => join(directory.path, name);
  const [sshTarget, vncTarget] = [await startSshd(), await startXtigervnc()];
  const policy = policyOf(forwardPort);
  writeInventory(at, sshTarget, vncTarget, policy);
  const config = loadConfig({ file: at("conduit.yaml"), env: {} });
  const conduit = conduitOf(at("conduit.yaml"));
  await prepareInstallation(config, { admin: false });
  const database = await openDatabase(config.recorder.database, { thread: true });
  const key = await generateSshKey(directory.path, "vera");
  const plcKey = await readFile(sshTarget.userKey.privatePath, "utf8");
  const staffKey = await generateSshKey(directory.path, "ines");
  await addPeople(database, key.publicLine, staffKey.publicLine);
  const secrets = await openSecrets(config, database);
  await secrets.set("plc", { kind: "private-key", privateKey: plcKey });
  await secrets.set("hmi", { kind: "password", password: vncTarget.password ?? "" });
  const reloads: string[] = [];
  const service = await startService(config, { logger: loggerInto(reloads) });
  const inventory = Inventory.open(config.inventory, { defaults: { durability: config.recording.durability } });
  const people = new People(database.access);
  const feed = new AccessFeed(database.requests);
  const requests = new AccessRequests(database.requests, { policy: () => inventory.current, people, feed });
  const hostKeyLine = (await readFile(join(config.recorder.keyDirectory, "ssh_host_ed25519_key.pub"), "utf8")).trim();
  const recordings = new Recordings(database.catalog);
  const audit = new AuditLog(database.catalog);
  const archive = openArchive(config);
  const viewers = new Set<RunningProcess>();
  const pages = new Set<EscortPage>();
  let screen: Awaited<ReturnType<typeof startXvfb>> | undefined;

  const passwords = new Map([
    ["vera", password],
    ["ines", password],
  ]);
  const sessions = async () => (await askAdmin(config.recorder.adminSocket, "GET", "/sessions")) as LiveSession[];
  const plant: EnforcedPlant = {
    config,
    service,
    requests,
    sshTarget,
    display: vncTarget.display,
    ssh: (target) => ({
      host: "127.0.0.1",
      port: service.ssh.port,
      login: `vera+${target}`,
      identity: key.privatePath,
      hostKeyLine,
      dir: directory.path,
    }),
    sshOfOwnStaff: (target) => ({
      ...plant.ssh(target),
      login: `ines+${target}`,
      identity: staffKey.privatePath,
    }),
    startSsh: async (target, args, command) => {
      const address = plant.ssh(target);
      return startProcess("ssh", [
        ...args,
        ...(await sshOptions(address)),
        `${address.login}@${address.host}`,
        ...command,
      ]);
    },
    startViewer: async (target) => {
      screen ??= await startXvfb();
      const viewer = await startProcess(
        "xtigervncviewer",
        [
          ...["-geometry", "640x480+0+0", "-ReconnectOnError=0", "-AlertOnFatalError=0"],
          ...["-SecurityTypes", "X509Plain", `-X509CA=${config.vnc.tls.certificate}`],
          `localhost::${service.vnc.port}`,
        ],
        {
          env: {
            DISPLAY: screen.display,
            HOME: directory.path,
            VNC_USERNAME: `vera+${target}`,
            VNC_PASSWORD: password,
          },
        },
      );
      viewers.add(viewer);
      const joined = async () => (await sessions()).some((one) => one.target === target && one.channels > 0);
      await waitFor(joined, { what: `a viewer at ${target}`, timeoutMs: 60_000 }).catch((error: unknown) => {
        throw new Error(`the viewer said: ${viewer.output()}`, { cause: error });
      });
      return viewer;
    },
    typeInViewer: async (...keys) => {
      const env = { DISPLAY: screen?.display };
      const window = await waitFor(
        async () =>
          (await runProcess("xdotool", ["search", "--onlyvisible", "--name", "recorded"], { env })).stdout
            .trim()
            .split("\n")[0],
        { what: "the viewer's window", timeoutMs: 30_000 },
      );
      await runProcess("xdotool", ["windowfocus", "--sync", window], { env });
      await runProcess("xdotool", ["mousemove", "300", "300"], { env });
      for (const one of keys) await runProcess("xdotool", ["key", one], { env });
    },
    connectVnc: (target, person = "vera") =>
      connectViewer(
        { host: "127.0.0.1", port: service.vnc.port },
        { veNCrypt: { subtype: veNCrypt.x509Plain, user: `${person}+${target}`, password } },
      ),
    vncAnswer: async (target) => {
      try {
        (await plant.connectVnc(target)).close();
        return "let in";
      } catch (error) {
        if (error instanceof Refused) return error.message;
        throw error;
      }
    },
    approve: async ({ targets, seconds = 3600, escorts = [], leadSeconds = leadMs / 1000 }) => {
      const fromMs = Date.now() + leadSeconds * 1000;
      const draft: RequestDraft = {
        purpose: "a valve that sticks",
        people: ["vera"],
        targets,
        from: new Date(fromMs).toISOString(),
        to: new Date(fromMs + seconds * 1000).toISOString(),
        escorts,
      };
      const { id } = await requests.submit(vera, draft);
      await requests.decide(id, approver, { decision: "approve", comment: "go ahead" });
      if (leadSeconds < 10) await sleep(Math.max(0, fromMs + 50 - Date.now()));
      return id;
    },
    live: (target) =>
      waitFor(async () => (await sessions()).find((one) => one.target === target), {
        what: `a live session with ${target}`,
        timeoutMs: 30_000,
      }),
    passwords,
    admin: async (url, { person: name, ...body }) => {
      const post = async (route: string, what: object) =>
        (await askAdmin(config.recorder.adminSocket, "POST", route, what)) as Record<string, unknown>;
      if (name === undefined) return post(url, body);
      const given = { operator: "os:test", name, password: passwords.get(name) ?? strangers };
      const { proof } = await post("/prove", given);
      return post(url, { ...body, person: { proof } });
    },
    sealed: (target) =>
      waitFor(
        async () => {
          const { items } = await recordings.list({ target, limit: 1 });
          return items[0]?.state === "sealed" ? items[0] : undefined;
        },
        { what: `the recording of ${target} to be sealed`, timeoutMs: 60_000, intervalMs: 100 },
      ),
    conduit: (...args) => conduit(args),
    read: (session) => readRecording(archive, session),
    verdict: async (session) => (await archive.verifier.verify(session)).verdict,
    audited: async (action) => (await audit.list({ action, limit: 100 })).items,
    setPolicy: async (more) => {
      const before = reloads.length;
      writeFileSync(at("policy.yaml"), stringify({ ...policy, ...more }));
      await waitFor(() => reloads.length > before, { what: "the policy to be reloaded", timeoutMs: 30_000 });
    },
    portal: async (person, { stale = false } = {}) => {
      const browser = { address: "127.0.0.1", userAgent: "test" };
      const factors = ["password", "totp"] as const;
      const { token, session } = await new WebSessions(database.access).create(person, browser, factors);
      if (stale) {
        const confirmed_at_ms = Date.now() - 600_000;
        await database.access.updateTable("web_sessions").set({ confirmed_at_ms }).execute();
      }
      return { url: service.http.url, cookie: `conduit-session=${token}`, csrfToken: session.csrfToken };
    },
    watch: async (person, session, options) => {
      const page = await openEscortPage(await plant.portal(person), session, options);
      pages.add(page);
      return page;
    },
    closeViewers: async () => {
      for (const page of pages) page.cut();
      pages.clear();
      await Promise.all([...viewers].map((viewer) => viewer.stop()));
      viewers.clear();
    },
    stop: () =>
      stopSaying([
        { what: "the viewers", stop: () => plant.closeViewers() },
        { what: "the viewers' screen", stop: () => screen?.stop() },
        { what: "the service", stop: () => service.stop() },
        { what: "the inventory beside it", stop: () => inventory.close() },
        { what: "the feed beside it", stop: () => feed.close() },
        { what: "the archive beside it", stop: () => archive.close() },
        { what: "the database beside it", stop: () => database.close() },
        { what: "the targets", stop: () => Promise.all([sshTarget.stop(), vncTarget.stop()]) },
        { what: "its folder", stop: () => directory.remove() },
      ]),
  };
  return plant;
}

function writeInventory(
  at: (name: string) => string,
  sshTarget: SshTarget,
  vncTarget: VncTarget,
  policy: Record<string, unknown>,
): void {
  const plc = {
    conduit: "cell-1",
    protocol: "ssh",
    host: sshTarget.host,
    port: sshTarget.port,
    account: sshTarget.user,
    secret: "plc",
    hostKeys: [sshTarget.hostKey.publicLine],
  };
  const hmi = { conduit: "cell-1", protocol: "vnc", host: vncTarget.host, port: vncTarget.port, secret: "hmi" };
  const targets = [
    ...endings.map((ending) => ({
      ...plc,
      name: `plc-${ending}`,
      ...(ending === "masked" ? { keystrokes: "masked", tags: ["kept-long"] } : {}),
    })),
    ...endings.map((ending) => ({ ...hmi, name: `hmi-${ending}` })),
    { ...plc, name: "SIS-valves" },
    { ...hmi, name: "SAFETY-panel" },
  ];
  writeFileSync(at("targets.yaml"), stringify({ version: 1, targets }));
  writeFileSync(at("conduits.yaml"), stringify({ version: 1, conduits: [{ id: "cell-1" }] }));
  writeFileSync(at("policy.yaml"), stringify(policy));
  const data = at("data");
  writeFileSync(
    at("conduit.yaml"),
    stringify({
      recorder: { dataDirectory: data },
      ...{ ssh: { listen: "127.0.0.1:0" }, vnc: { listen: "127.0.0.1:0" }, http: { listen: "127.0.0.1:0" } },
      store: { kind: "fs", directory: join(data, "store") },
      inventory: { targets: at("targets.yaml"), conduits: at("conduits.yaml"), policy: at("policy.yaml") },
    }),
  );
}

async function addPeople(database: ServiceDatabase, key: string, staffKey: string): Promise<void> {
  const people = new People(database.access);
  await people.create({ name: "vera", roles: ["vendor"], password });
  await people.addKey("vera", key);
  await people.create({ name: "ines", roles: ["investigator"], password });
  await people.addKey("ines", staffKey);
  await people.create({ name: "arno", roles: ["approver"], password: strangers });
  await people.create({ name: "emil", roles: ["escort"], password: strangers });
  await people.create({ name: "else", roles: ["escort"], password: strangers });
  await people.create({ name: "adam", roles: ["admin"], password: strangers });
}

function loggerInto(reloads: string[]): Logger {
  const quiet = () => undefined;
  const logger = {
    ...{ debug: quiet, trace: quiet, warn: sayStopping, fatal: console.error, error: console.error },
    info: (facts: { policyHash?: string }, message: string) => {
      if (message === "inventory reloaded") reloads.push(facts.policyHash ?? "");
    },
    child: () => logger,
    level: "info",
    silent: quiet,
  };
  return logger as unknown as Logger;
}

/** As the service's own reader, exporter and verifier have it, from the store. */
async function readRecording(archive: Archive, session: string) {
  const manifest = await waitFor(() => archive.reader.manifest(session), {
    what: `${session} to be in the store`,
    timeoutMs: 30_000,
  });
  const everything = await textOf((await archive.exporter.export(session, "jsonl")).body);
  const lines = everything
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as EventsLine & { track: string });
  return {
    open: await archive.reader.open(session),
    manifest,
    events: lines.filter(({ track }) => track === "events"),
    everything,
  };
}

function openArchive(config: Config) {
  const store = createStore(storeOptions(config.store));
  const history = signingKeyHistory(config.recorder.keyDirectory);
  const trusted = new Map(history.map((key) => [key.keyId, key.publicKeyPem]));
  const live = { live: () => undefined, spooled: async () => null };
  const reader = new RecordingReader({ store, trustedKeys: () => trusted, live });
  const exporter = new RecordingExporter(reader, () => history.map((key) => ({ ...key, algorithm: "ed25519" })));
  const verifier = new RecordingVerifier({ store, trustedKeys: () => trusted });
  return { reader, exporter, verifier, close: () => store.close() };
}
type Archive = ReturnType<typeof openArchive>;
