// Control and agreement with real clients: what an escort types at a terminal and a screen reaches the target as theirs, the
// person's own does not meanwhile; commands, uploads and combinations of keys wait until somebody else agrees.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askAdmin } from "../../../recorder/admin-socket.ts";
import type { Confirmation, LiveSession } from "../../../shared/api/types.ts";
import { InputLine } from "../../../shared/events/stored.ts";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type EnforcedPlant, startEnforcedPlant } from "../enforcement/enforced-plant.ts";
import { sshOptions } from "../ssh/clients.ts";

let plant: EnforcedPlant;
const clients: RunningProcess[] = [];

beforeAll(async () => {
  plant = await startEnforcedPlant();
  await plant.setPolicy({
    fileTransfer: "allow",
    escort: { control: "exclusive" },
    confirm: [
      { id: "uploads", when: { upload: true }, by: "approver", timeoutSeconds: 30 },
      { id: "erase", when: { command: "erase\\s+flash" }, timeoutSeconds: 30 },
      { id: "wipe", when: { command: "^wipe$" }, timeoutSeconds: 5 },
      { id: "keys", when: { keys: "Ctrl+Alt+Delete" }, timeoutSeconds: 30 },
    ],
  });
});
afterEach(async () => {
  await plant.closeViewers();
  for (const client of clients.splice(0)) await client.stop();
  await waitFor(async () => (await sessions()).length === 0, { what: "the sessions to be over", timeoutMs: 30_000 });
});
afterAll(() => plant.stop());

const sessions = async () => (await askAdmin(plant.config.recorder.adminSocket, "GET", "/sessions")) as LiveSession[];

async function startTerminal() {
  const program = 'stty -echo; while read line; do echo "got<$line>"; done';
  const client = await plant.startSsh("plc-open", ["-tt"], [program]);
  clients.push(client);
  const { session } = await plant.live("plc-open");
  await waitFor(async () => (await plant.live("plc-open")).channels > 0, { what: "the program" });
  client.write("begin\n");
  await waitFor(() => client.output().includes("got<begin>"), { what: "the program" });
  return { client, session };
}

async function post(person: string, path: string, body: unknown): Promise<number> {
  const { url, cookie, csrfToken } = await plant.portal(person);
  const response = await fetch(`${url}/api/v1/sessions/${path}`, {
    method: "POST",
    headers: { cookie, "x-csrf-token": csrfToken, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.status;
}

const answer = (person: string, session: string, n: number, given: boolean, reason = "") =>
  post(person, `${session}/confirmations/${n}`, { given, reason });
const freeze = (session: string) => post("adam", `${session}/freeze`, { reason: "stop" });

const waiting = (target: string): Promise<Confirmation> =>
  waitFor(async () => (await sessions()).find((one) => one.target === target)?.confirmations?.[0], {
    what: "something to wait",
    timeoutMs: 30_000,
  });

async function recorded(target: string, session: string) {
  await waitFor(async () => (await plant.sealed(target)).session === session, { what: "its recording" });
  const { events, everything } = await plant.read(session);
  const input = everything.split("\n").flatMap((line) => {
    const { track, ...rest } = (line === "" ? {} : JSON.parse(line)) as { track?: string };
    return track === "input" ? [InputLine.parse(rest)] : [];
  });
  const facts = (type: string) => events.filter((event) => event.type === type).map((event) => event.facts);
  return { events, input, facts };
}

describe("control of a terminal", () => {
  it("lets the escort type in the person's place, as theirs, and gives it back", async () => {
    const { client, session } = await startTerminal();
    const page = await plant.watch("emil", session, { counting: false });
    page.tell({ type: "control", want: true });
    await waitFor(() => page.told()?.ok, { what: "control" });
    await waitFor(() => client.output().includes("emil of the plant types in your place"), { what: "the sentence" });
    client.write("in vain\n");
    page.tell({ type: "text", channel: 0, text: "pump 3 off\r" });
    await waitFor(() => client.output().includes("got<pump 3 off>"), { what: "the escort's line" });
    expect(await plant.live("plc-open")).toMatchObject({
      hold: "controlled",
      control: { by: "emil", exclusive: true },
    });
    page.tell({ type: "control", want: false });
    await waitFor(() => client.output().includes("You have control of the session again"), { what: "the hand-over" });
    page.tell({ type: "text", channel: 0, text: "too late\r" });
    client.write("mine again\n");
    await waitFor(() => client.output().includes("got<mine again>"), { what: "the person's line" });
    expect(client.output()).not.toMatch(/in vain|too late/);
    client.write("\u0004");
    await client.exited;
    const { input, facts } = await recorded("plc-open", session);
    const typed = (by: string | undefined) =>
      input
        .filter((line) => line.by === by && line.k !== "key")
        .map(({ d }) => d)
        .join("");
    expect(typed("emil")).toBe("pump 3 off");
    expect(typed(undefined)).toBe("beginmine again");
    expect(facts("control-begin")).toMatchObject([{ by: "emil", exclusive: true, watch: page.watch }]);
    expect(facts("control-end")).toMatchObject([{ by: "emil", why: "given-back" }]);
    expect(facts("input-dropped")).toMatchObject([{ hold: "controlled", bytes: 8 }]);
    expect((await plant.audited("session.control")).map(({ details }) => details["step"]).sort()).toEqual([
      "begun",
      "ended",
    ]);
  }, 60_000);

  it("ends when the escort's line is cut, and with a freeze, in which neither types", async () => {
    const { client, session } = await startTerminal();
    const first = await plant.watch("emil", session, { counting: false });
    first.tell({ type: "control", want: true });
    await waitFor(() => first.told()?.ok, { what: "control" });
    first.cut();
    await waitFor(async () => (await plant.live("plc-open")).hold === null, { what: "the person to be let in again" });
    const page = await plant.watch("else", session, { counting: false });
    page.tell({ type: "control", want: true });
    await waitFor(() => page.told()?.ok, { what: "control" });
    expect(await freeze(session)).toBe(204);
    await waitFor(() => page.told()?.reason === "held", { what: "control to end" });
    page.tell({ type: "text", channel: 0, text: "frozen escort\r" });
    client.write("frozen vendor\n");
    await sleep(500);
    expect(await plant.live("plc-open")).toMatchObject({ hold: "frozen", control: null });
    await plant.admin("/unfreeze", { session, person: "emil" });
    client.write("on\n");
    await waitFor(() => client.output().includes("got<on>"), { what: "the person's line" });
    expect(client.output()).not.toContain("got<frozen");
    client.write("\u0004");
    await client.exited;
    const { facts } = await recorded("plc-open", session);
    expect(facts("control-end").map(({ by, why }) => [by, why])).toEqual([
      ["emil", "left"],
      ["else", "held"],
    ]);
  }, 60_000);
});

describe("commands that somebody has to agree to", () => {
  it("wait at their end, and go on or are cleared", async () => {
    const { client, session } = await startTerminal();
    client.write("erase fl");
    client.write("ash 1\n");
    const first = await waiting("plc-open");
    expect(first).toMatchObject({ rule: "erase", what: "command", needs: "escort" });
    await waitFor(() => client.output().includes("waits until an escort agrees"), { what: "the sentence" });
    client.write("meanwhile\n");
    expect(await answer("arno", session, first.n, true)).toBe(403);
    expect(await answer("emil", session, first.n, true)).toBe(204);
    await waitFor(() => client.output().includes("got<erase flash 1>"), { what: "the line" });
    expect(client.output()).toContain("emil has agreed");
    client.write("erase flash 2\n");
    const second = await waiting("plc-open");
    const page = await plant.watch("emil", session, { counting: false });
    page.tell({ type: "confirm", n: second.n, given: false, reason: "ask the shift leader" });
    await waitFor(() => page.told()?.ok, { what: "the answer" });
    await waitFor(() => client.output().includes("Reason: ask the shift leader"), { what: "the sentence" });
    client.write("wipe\n");
    await waiting("plc-open");
    await waitFor(() => client.output().includes("Nobody agreed in time"), { what: "the end", timeoutMs: 15_000 });
    client.write("erase flash 3\n");
    await waiting("plc-open");
    client.write("\u0003");
    await client.exited;
    expect(client.output()).not.toMatch(/got<(erase flash [23]|wipe|meanwhile)/);
    const { facts, input } = await recorded("plc-open", session);
    const steps = ["asked", "given", "refused", "expired", "cancelled"];
    expect(steps.map((step) => facts(`confirm-${step}`).map(({ n }) => n))).toEqual([[1, 2, 3, 4], [1], [2], [3], [4]]);
    expect(facts("confirm-given")).toMatchObject([{ rule: "erase", by: "emil" }]);
    expect(facts("confirm-cancelled")).toMatchObject([{ why: "taken-back" }]);
    expect(facts("input-dropped").every(({ hold }) => hold === "confirmation")).toBe(true);
    // What the gateway itself typed to clear the lines, as its own.
    expect(input.filter(({ by }) => by === "conduit").map(({ name }) => name)).toEqual([
      ...["Ctrl+E", "Ctrl+U"],
      ...["Ctrl+E", "Ctrl+U"],
    ]);
  }, 90_000);

  it("without a terminal wait as a whole, and are cancelled by a freeze", async () => {
    const first = await plant.startSsh("plc-open", [], ["echo erase flash"]);
    clients.push(first);
    const { n } = await waiting("plc-open");
    const { session } = await plant.live("plc-open");
    expect(first.stdout()).toBe("");
    expect(await answer("emil", session, n, true)).toBe(204);
    await first.exited;
    expect(first.stdout()).toBe("erase flash\n");
    await waitFor(async () => (await sessions()).length === 0, { what: "the session to be over" });
    const second = await plant.startSsh("plc-open", [], ["echo erase flash"]);
    clients.push(second);
    await waiting("plc-open");
    expect(await freeze((await plant.live("plc-open")).session)).toBe(204);
    await second.exited;
    expect(second.stdout()).toBe("");
  }, 60_000);
});

describe("lines of a script that somebody has to agree to", () => {
  it.each(["echo erase flash\n", "echo erase flash", "echo erase \\\nflash"])(
    "%j is run where somebody agrees, and nothing of it else",
    async (script) => {
      for (const given of [false, true]) {
        const client = await plant.startSsh("plc-open", [], ["sh"]);
        clients.push(client);
        client.child.stdin?.end(`echo before\n${script}`);
        const { n, text } = await waiting("plc-open");
        expect(text).toBe("echo erase flash");
        await waitFor(() => client.stdout() === "before\n", { what: "the line before it" });
        expect(await answer("emil", (await plant.live("plc-open")).session, n, given, "not now")).toBe(204);
        await client.exited;
        expect(client.stdout()).toBe(given ? "before\nerase flash\n" : "before\n");
        await waitFor(async () => (await sessions()).length === 0, { what: "the session to be over" });
      }
    },
    60_000,
  );
});

describe("uploads that somebody has to agree to", () => {
  const remote = `/tmp/conduit-agreed-${process.pid}`;
  afterEach(() => rmSync(remote, { force: true }));

  async function put(protocol: "sftp" | "scp") {
    const address = plant.ssh("plc-open");
    const local = join(address.dir, "firmware");
    writeFileSync(local, "new firmware");
    const to = `${address.login}@${address.host}`;
    const options = await sshOptions(address);
    const batch = join(address.dir, "put.batch");
    writeFileSync(batch, `put ${local} ${remote}\n`);
    const client =
      protocol === "sftp"
        ? await startProcess("sftp", ["-b", batch, ...options, to])
        : await startProcess("scp", ["-O", ...options, local, `${to}:${remote}`]);
    clients.push(client);
    return client;
  }

  it.each(["sftp", "scp"] as const)(
    "%s: arrive when agreed to, and are refused else",
    async (protocol) => {
      const first = await put(protocol);
      const asked = await waiting("plc-open");
      expect(asked).toMatchObject({ rule: "uploads", what: "upload", needs: "approver" });
      expect(asked.text).toContain(remote);
      await sleep(300);
      expect(existsSync(remote)).toBe(false);
      const { session } = await plant.live("plc-open");
      expect(await answer("emil", session, asked.n, true)).toBe(403);
      expect(await answer("arno", session, asked.n, true)).toBe(204);
      expect((await first.exited).code).toBe(0);
      expect(readFileSync(remote, "utf8")).toBe("new firmware");
      rmSync(remote);
      await waitFor(async () => (await sessions()).length === 0, { what: "the session to be over" });
      const second = await put(protocol);
      const again = await waiting("plc-open");
      expect(await answer("arno", (await plant.live("plc-open")).session, again.n, false, "not today")).toBe(204);
      expect((await second.exited).code).not.toBe(0);
      expect(second.output()).toContain("not today");
      expect(existsSync(remote)).toBe(false);
    },
    60_000,
  );
});

describe("a screen", () => {
  let xev: RunningProcess;
  beforeAll(async () => {
    xev = await startProcess("xev", ["-geometry", "640x480+0+0", "-event", "keyboard", "-event", "button"], {
      env: { DISPLAY: plant.display },
    });
    const env = { DISPLAY: plant.display };
    const window = await waitFor(
      async () =>
        (await runProcess("xdotool", ["search", "--name", "Event Tester"], { env })).stdout.trim().split("\n")[0],
      { what: "the window of the target" },
    );
    await runProcess("xdotool", ["windowfocus", "--sync", window ?? ""], { env });
  });
  afterAll(() => xev.stop());
  /** What the target saw since then: `+name` and `-name`. */
  const seen = (from: number) =>
    [
      ...xev
        .output()
        .slice(from)
        .matchAll(/(KeyPress|KeyRelease) event[\s\S]*?\(keysym 0x[0-9a-f]+, (\w+)\)/g),
    ].map(([, what, name]) => `${what === "KeyPress" ? "+" : "-"}${name}`);

  it("takes keys and pointer of whoever has control, and lets go of both hands' keys", async () => {
    await plant.startViewer("hmi-open");
    const { session } = await plant.live("hmi-open");
    const page = await plant.watch("emil", session, { counting: false });
    const from = xev.output().length;
    page.tell({ type: "control", want: true });
    await waitFor(() => page.told()?.ok, { what: "control" });
    await plant.typeInViewer("x");
    page.tell({ type: "key", channel: 0, sym: 0x61, down: true });
    page.tell({ type: "key", channel: 0, sym: 0x61, down: false });
    page.tell({ type: "pointer", channel: 0, x: 123, y: 77, buttons: 0 });
    page.tell({ type: "key", channel: 0, sym: 0xffe1, down: true });
    await waitFor(() => seen(from).includes("+Shift_L"), { what: "the escort's keys" });
    const pointer = await runProcess("xdotool", ["getmouselocation"], { env: { DISPLAY: plant.display } });
    expect(pointer.stdout).toContain("x:123 y:77");
    page.tell({ type: "control", want: false });
    await waitFor(() => seen(from).includes("-Shift_L"), { what: "Shift to be let go of" });
    expect(seen(from)).toEqual(["+a", "-a", "+Shift_L", "-Shift_L"]);
    await plant.typeInViewer("y");
    await waitFor(() => seen(from).includes("-y"), { what: "the person's key" });
    await plant.closeViewers();
    const { input, facts } = await recorded("hmi-open", session);
    const keys = (by: string | undefined) =>
      input.filter((line) => line.k === "vkey" && line.by === by && line.down === true).length;
    expect([keys("emil"), keys(undefined)]).toEqual([2, 1]);
    expect(input.some(({ k, by, x, y }) => k === "pointer" && by === "emil" && x === 123 && y === 77)).toBe(true);
    expect(facts("control-end")).toMatchObject([{ by: "emil", why: "given-back" }]);
  }, 90_000);

  it("keeps a combination back until somebody agrees, and then the target has it whole", async () => {
    await plant.startViewer("hmi-open");
    const { session } = await plant.live("hmi-open");
    const from = xev.output().length;
    await plant.typeInViewer("ctrl+alt+Delete");
    const first = await waiting("hmi-open");
    expect(first).toMatchObject({ rule: "keys", what: "keys", text: "Ctrl+Alt+Delete" });
    await plant.typeInViewer("z");
    expect(seen(from).filter((key) => /Delete|z/.test(key))).toEqual([]);
    expect(await answer("emil", session, first.n, false)).toBe(204);
    await plant.typeInViewer("q");
    await waitFor(() => seen(from).includes("-q"), { what: "the next key" });
    expect(seen(from)).not.toContain("+Delete");
    const again = xev.output().length;
    await plant.typeInViewer("ctrl+alt+Delete");
    const second = await waiting("hmi-open");
    expect(await answer("emil", session, second.n, true)).toBe(204);
    await waitFor(() => seen(again).includes("-Control_L"), { what: "the combination" });
    const keys = seen(again);
    const whole = ["+Control_L", "+Alt_L", "+Delete", "-Delete", "-Alt_L", "-Control_L"];
    expect(keys.slice(-6)).toEqual(whole);
    await plant.closeViewers();
    const { facts } = await recorded("hmi-open", session);
    expect(facts("confirm-asked").map(({ keys: said }) => said)).toEqual(["Ctrl+Alt+Delete", "Ctrl+Alt+Delete"]);
  }, 90_000);
});
