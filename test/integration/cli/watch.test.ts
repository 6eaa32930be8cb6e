// `conduit sessions watch` as people run it, in a pipe and in a terminal (tmux), on the whole service with OpenSSH's client and
// server: the picture from the moment of joining on, what happens to the session, and a watch that escorts.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { People } from "../../../recorder/access/people.ts";
import { askAdmin } from "../../../recorder/admin-socket.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import { type RunningProcess, runChecked, runProcess, startProcess } from "../../support/process.ts";
import { stopSaying } from "../../support/stop-saying.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { type EnforcedPlant, startEnforcedPlant } from "../enforcement/enforced-plant.ts";
import { conduitScript } from "./built-conduit.ts";

const password = `watcher-${randomBytes(8).toString("hex")}`;
let plant: EnforcedPlant;
let database: ServiceDatabase;
let folder: TempDir;
const started: RunningProcess[] = [];
const terminals: WatchTerminal[] = [];

beforeAll(async () => {
  folder = await createTempDir("watch");
  plant = await startEnforcedPlant();
  database = await openDatabase(plant.config.recorder.database, { thread: true });
  const people = new People(database.access);
  await people.create({ name: "wanda", roles: ["escort"], password });
  plant.passwords.set("wanda", password);
  await people.create({ name: "ida", roles: ["investigator"], password });
  await people.create({ name: "viktor", roles: ["vendor"], password });
});
afterAll(() =>
  stopSaying(
    [
      { what: "the plant", stop: () => plant?.stop() },
      { what: "the database", stop: () => database?.close() },
      { what: "the folder", stop: () => folder?.remove() },
    ],
    150_000,
  ),
);
afterEach(async () => {
  for (const terminal of terminals.splice(0)) await terminal.close();
  for (const one of started.splice(0)) await one.stop();
  const live = async () => (await askAdmin(plant.config.recorder.adminSocket, "GET", "/sessions")) as unknown[];
  await waitFor(async () => (await live()).length === 0, { what: "the sessions to be over", timeoutMs: 60_000 });
});

const command = (session: string, ...options: string[]) => [
  ...[conduitScript, "--config", plant.config.file ?? ""],
  ...["sessions", "watch", session, ...options],
];

/** In a pipe: who watches gives the password as a line of standard input. */
async function watchPiped(session: string, ...options: string[]): Promise<RunningProcess> {
  const watch = await startProcess(process.execPath, command(session, ...options));
  started.push(watch);
  watch.child.stdin?.end(`${password}\n`);
  return watch;
}

/** A session at this target, with a shell that asks nothing. */
async function startShell(target: string): Promise<{ client: RunningProcess; session: string }> {
  const client = await plant.startSsh(target, ["-tt"], ["sh"]);
  started.push(client);
  const { session } = await plant.live(target);
  return { client, session };
}

async function ready({ client }: { client: RunningProcess }): Promise<void> {
  client.write("stty -echo; PS1=; echo ready-$((1+1))\n");
  await waitFor(() => client.output().includes("ready-2"), { what: "the shell" });
}

interface WatchTerminal {
  screen(): Promise<string>;
  keys(...keys: string[]): Promise<void>;
  resize(cols: number, rows: number): Promise<void>;
  /** To the command that runs in it. */
  signal(name: NodeJS.Signals): Promise<void>;
  close(): Promise<void>;
}

/** The command in a terminal of its own, whose person has typed the password. */
async function watchInTerminal(size: { cols: number; rows: number }, ...args: string[]): Promise<WatchTerminal> {
  const tmux = (...more: string[]) => runProcess("tmux", ["-S", socket, "-f", "/dev/null", ...more]);
  const socket = join(folder.path, `tmux-${randomBytes(4).toString("hex")}`);
  const line = [process.execPath, ...args].map((word) => `'${word}'`).join(" ");
  const shell = `${line}; echo "left with $?"; exec sleep 1000`;
  await runChecked("tmux", [
    ...["-S", socket, "-f", "/dev/null", "new-session", "-d", "-x", String(size.cols), "-y", String(size.rows)],
    shell,
    ...[";", "set", "-g", "status", "off"],
  ]);
  const terminal: WatchTerminal = {
    screen: async () => (await tmux("capture-pane", "-pJ")).stdout,
    keys: async (...keys) => void (await tmux("send-keys", ...keys)),
    resize: async (cols, rows) => void (await tmux("resize-window", "-x", String(cols), "-y", String(rows))),
    signal: async (name) => {
      const shellPid = (await tmux("display-message", "-p", "#{pane_pid}")).stdout.trim();
      process.kill(Number((await runChecked("ps", ["-o", "pid=", "--ppid", shellPid])).trim()), name);
    },
    close: async () => void (await tmux("kill-server")),
  };
  terminals.push(terminal);
  await shows(terminal, "Password of");
  await terminal.keys("-l", password);
  await terminal.keys("Enter");
  return terminal;
}

const shows = (terminal: WatchTerminal, text: string | RegExp) =>
  waitFor(async () => ((await terminal.screen()).match(text) === null ? undefined : true), {
    what: `a terminal that shows ${text}`,
    timeoutMs: 60_000,
  }).catch(async (error: unknown) => {
    throw new Error(`it shows:\n${await terminal.screen()}`, { cause: error });
  });

async function eventsOf(target: string, session: string) {
  await plant.sealed(target);
  return (await plant.read(session)).events;
}

describe("in a pipe", () => {
  it("shows what stands in the terminal, and what comes, and nothing that acts on the watcher's", async () => {
    const shell = await startShell("plc-open");
    await ready(shell);
    const { client, session } = shell;
    client.write("printf 'bef%s\\033]52;c;Y2xpcA==\\007\\033[6n' ore; printf '\\033]0;title\\007'\n");
    await waitFor(() => client.output().includes("before"), { what: "the output" });
    const watch = await watchPiped(session, "--as", "wanda");
    await waitFor(() => watch.stdout().includes("before"), { what: "the picture at joining", timeoutMs: 60_000 });
    client.write("printf 'aft%s\\033]52;c;Y2xpcA==\\007\\033[6n\\033[31m red' er\n");
    await waitFor(() => watch.stdout().includes("after"), { what: "what comes" });
    await waitFor(() => watch.stdout().includes("\u001b[31m red"), { what: "its colour" });
    expect(watch.stdout()).not.toContain("]52;");
    expect(watch.stdout()).not.toContain("]0;");
    expect(watch.stdout()).not.toContain("[6n");
    expect((await plant.live("plc-open")).session).toBe(session);
    await plant.conduit("sessions", "freeze", session, "--reason", "look at valve 3");
    await waitFor(() => watch.stderr().includes("look at valve 3"), { what: "the freeze" });
    await plant.admin("/message", { session, operator: "os:test", text: "the field \u001b]0;x\u0007 is empty" });
    await waitFor(() => watch.stderr().includes("is empty"), { what: "the message" });
    expect(watch.stderr()).not.toContain("\u001b");
    await plant.admin("/unfreeze", { session, person: "emil" });
    await waitFor(() => watch.stderr().includes("let by emil"), { what: "the release" });
    client.write("exit\n");
    expect((await watch.exited).code).toBe(0);
    expect(watch.stderr()).toContain("The session has ended");
    const audited = (await plant.audited("session.watch")).filter(({ subject }) => subject === session);
    expect(audited).toEqual([expect.objectContaining({ actor: "wanda" })]);
    const events = await eventsOf("plc-open", session);
    expect(events.find(({ type }) => type === "watch-begin")?.facts).toMatchObject({ by: "wanda" });
    expect(await plant.verdict(session)).toBe("VALID");
  }, 240_000);

  it("shows what an idle terminal ended with, from segments that are closed", async () => {
    const shell = await startShell("plc-open");
    await ready(shell);
    const { client, session } = shell;
    client.write("echo rest-$((40+2))\n");
    await waitFor(() => client.output().includes("rest-42"), { what: "the output" });
    const first = await watchPiped(session, "--as", "wanda", "--json");
    // Nothing is open any more once what is watched has closed its segments.
    await sleep(14_000);
    const watch = await watchPiped(session, "--as", "ida");
    await waitFor(() => watch.stdout().includes("rest-42"), { what: "the picture", timeoutMs: 60_000 });
    watch.child.kill("SIGINT");
    expect((await watch.exited).code).toBe(0);
    client.write("exit\n");
    await first.exited;
    const events = await eventsOf("plc-open", session);
    const ends = events.filter(({ type }) => type === "watch-end").map(({ facts }) => facts);
    expect(ends).toContainEqual(expect.objectContaining({ by: "ida", reason: "left" }));
  }, 240_000);

  it("begins anew with the present where the watcher takes nothing for a while, and keeps nothing meanwhile", async () => {
    const shell = await startShell("plc-open");
    await ready(shell);
    const { client, session } = shell;
    const watch = await watchPiped(session, "--as", "wanda");
    await waitFor(() => watch.stderr().includes("is shown"), { what: "the watch", timeoutMs: 60_000 });
    watch.child.stdout?.pause();
    const rssKiB = async () => Number((await runChecked("ps", ["-o", "rss=", "-p", String(watch.pid)])).trim());
    const before = await rssKiB();
    client.write(
      "i=0; while [ $i -lt 400 ]; do head -c 30000 /dev/urandom | base64 -w 70; i=$((i+1)); done; echo flood-$((1+1))\n",
    );
    await waitFor(() => client.output().includes("flood-2"), { what: "the end of the flood", timeoutMs: 120_000 });
    await sleep(4000);
    expect((await rssKiB()) - before).toBeLessThan(64 * 1024);
    watch.child.stdout?.resume();
    await waitFor(() => watch.stdout().includes("flood-2"), { what: "the present", timeoutMs: 120_000 });
    await waitFor(() => watch.stderr().includes("More came than"), { what: "the sentence" });
    client.write("echo on-$((1+1))\n");
    await waitFor(() => watch.stdout().includes("on-2"), { what: "what comes" });
    expect(watch.stdout().length).toBeLessThan(16 * 1024 * 1024);
    client.write("exit\n");
    expect((await watch.exited).code).toBe(0);
  }, 300_000);

  it("tells every event as a line of JSON", async () => {
    const shell = await startShell("plc-open");
    await ready(shell);
    const watch = await watchPiped(shell.session, "--as", "wanda", "--json");
    await waitFor(() => watch.stdout().includes('"watching"'), { what: "the first line", timeoutMs: 60_000 });
    await plant.admin("/message", { session: shell.session, operator: "os:test", text: "hello \u009b31m" });
    await waitFor(() => watch.stdout().includes("hello"), { what: "the message" });
    expect(watch.stdout()).not.toContain("\u009b");
    shell.client.write("exit\n");
    expect((await watch.exited).code).toBe(0);
    const lines = watch
      .stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; facts?: Record<string, unknown> });
    expect(lines[0]).toMatchObject({ type: "watching", person: "vera", target: "plc-open", protocol: "ssh" });
    expect(lines.find(({ type }) => type === "message")?.facts).toMatchObject({ text: "hello \u009b31m" });
    expect(lines.at(-1)).toMatchObject({ type: "ended", reason: "session-ended" });
    expect(lines.filter(({ type }) => type === "session-open")).toEqual([]);
  }, 240_000);

  it("tells what happens to a screen, and where it is shown", async () => {
    const viewer = await plant.connectVnc("hmi-open");
    const { session } = await plant.live("hmi-open");
    const watch = await watchPiped(session, "--as", "wanda");
    await waitFor(() => watch.stderr().includes("Ctrl-C leaves"), { what: "the watch", timeoutMs: 60_000 });
    expect(watch.stderr()).toContain("the portal shows it");
    await plant.admin("/message", { session, operator: "os:test", text: "the panel is in use" });
    await waitFor(() => watch.stderr().includes("the panel is in use"), { what: "the message" });
    viewer.close();
    expect((await watch.exited).code).toBe(0);
    expect(watch.stdout()).toBe("");
  }, 240_000);

  it("refuses who may not watch, whose password is wrong, and an escort whom nobody can ask", async () => {
    const { session } = await startShell("plc-open");
    const refused = async (input: string, ...options: string[]) => {
      const { code, stdout, stderr } = await runProcess(process.execPath, command(session, ...options), { input });
      expect(stdout).toBe("");
      expect(code).not.toBe(0);
      return stderr;
    };
    expect(await refused(`${password}\n`, "--as", "viktor")).toContain("AUTH_FORBIDDEN");
    expect(await refused("wrong\n", "--as", "wanda")).toContain("AUTH_FAILED");
    expect(await refused(`${password}\n`, "--as", "wanda", "--escort")).toContain("in a terminal");
    const audited = (await plant.audited("session.watch")).filter(({ subject }) => subject === session);
    expect(audited).toEqual([]);
  }, 240_000);
});

describe("in a terminal", () => {
  it("draws the picture, says that it is too small, and leaves by Ctrl-C", async () => {
    const shell = await startShell("plc-open");
    await ready(shell);
    const { client, session } = shell;
    client.write("stty cols 80 rows 24; printf '\\033[2J\\033[5;10Hplace-%s' five\n");
    await waitFor(() => client.output().includes("place-five"), { what: "the output" });
    const terminal = await watchInTerminal({ cols: 100, rows: 40 }, ...command(session, "--as", "wanda"));
    await shows(terminal, /place-five/);
    const line = (await terminal.screen()).split("\n").find((one) => one.includes("place-five"));
    expect(line).toMatch(/^ {9}place-five/);
    await terminal.resize(60, 20);
    await shows(terminal, "Make it larger");
    await terminal.keys("C-c");
    await shows(terminal, "left with 0");
    await waitFor(async () => (await plant.live("plc-open")).watchers?.length !== 1, { what: "the end of the watch" });
    client.write("exit\n");
    const ends = (await eventsOf("plc-open", session)).filter(({ type }) => type === "watch-end");
    expect(ends.map(({ facts }) => facts)).toEqual([expect.objectContaining({ by: "wanda", reason: "left" })]);
  }, 240_000);

  it("escorts while it is written to and Enter answers; one that stands still loses the session", async () => {
    await plant.setPolicy({ escort: { graceSeconds: 60, presenceSeconds: 8, answerSeconds: 6 } });
    const program = 'stty -echo; (while :; do printf .; sleep 0.2; done) & while read line; do echo "got<$line>"; done';
    const client = await plant.startSsh("plc-escort", ["-tt"], [program]);
    started.push(client);
    await waitFor(() => client.output().includes("waits for its escort"), { what: "the sentence" });
    const { session } = await plant.live("plc-escort");
    const terminal = await watchInTerminal({ cols: 100, rows: 40 }, ...command(session, "--as", "wanda", "--escort"));
    await shows(terminal, "You count as escort");
    await plant.admin("/unfreeze", { session, person: "wanda" });
    client.write("one\n");
    await shows(terminal, "got<one>");
    await shows(terminal, "Are you there");
    await terminal.keys("Enter");
    await sleep(7000);
    expect((await plant.live("plc-escort")).hold ?? null).toBeNull();
    await waitFor(async () => (await plant.live("plc-escort")).hold === "escort-lost", {
      what: "the question that nobody answers",
      timeoutMs: 60_000,
    });
    await terminal.keys("Enter");
    await sleep(500);
    expect((await plant.live("plc-escort")).hold).toBe("escort-lost");
    await plant.admin("/unfreeze", { session, person: "wanda" });
    const isLost = async () => (await plant.live("plc-escort")).hold === "escort-lost";
    await terminal.signal("SIGSTOP");
    await waitFor(isLost, { what: "the escort whose terminal stands still" });
    await terminal.signal("SIGCONT");
    const released = async () =>
      plant.admin("/unfreeze", { session, person: "wanda" }).then(
        () => true,
        () => false,
      );
    await waitFor(released, { what: "the escort to count again" });
    await terminal.keys("C-c");
    await waitFor(isLost, { what: "the escort who left" });
    client.write("\u0003");
    await client.stop();
    const ends = (await eventsOf("plc-escort", session)).filter(({ type }) => type === "escort-end");
    expect(ends.map(({ facts }) => facts["why"])).toEqual(["unanswered", "silent", "left"]);
  }, 240_000);

  it("types in the session once it has control, and agrees to what waits", async () => {
    await plant.setPolicy({
      escort: { control: "exclusive" },
      confirm: [{ id: "erase", when: { command: "erase flash" } }],
    });
    const program = 'stty -echo; while read line; do echo "got<$line>"; done';
    const client = await plant.startSsh("plc-open", ["-tt"], [program]);
    started.push(client);
    const { session } = await plant.live("plc-open");
    client.write("begin\n");
    await waitFor(() => client.output().includes("got<begin>"), { what: "the program" });
    const terminal = await watchInTerminal({ cols: 100, rows: 40 }, ...command(session, "--as", "wanda"));
    await shows(terminal, "got<begin>");
    await terminal.keys("t");
    await shows(terminal, "You have control");
    await terminal.keys("-l", "quit y n");
    await terminal.keys("Enter");
    await waitFor(() => client.output().includes("got<quit y n>"), { what: "what the watcher typed" });
    await terminal.keys("C-]");
    await shows(terminal, "You have handed back control");
    client.write("erase flash\n");
    await shows(terminal, "waits for an escort to agree, as number 1");
    expect(client.output()).not.toContain("got<erase");
    await terminal.keys("y");
    await waitFor(() => client.output().includes("got<erase flash>"), { what: "the line that was agreed to" });
    await terminal.keys("q");
    await shows(terminal, "left with 0");
    client.write("\u0004");
    await client.exited;
    const events = await eventsOf("plc-open", session);
    expect(events.find(({ type }) => type === "control-begin")?.facts["by"]).toBe("wanda");
    expect(events.find(({ type }) => type === "confirm-given")?.facts).toMatchObject({ n: 1, by: "wanda" });
  }, 240_000);
});
