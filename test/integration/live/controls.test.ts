// What the plant does to live sessions, with real ssh and real VNC: messages, notes, bookmarks, safe ends and the kill switch,
// each through the portal's API or the command line, each read back from the record.
import { writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askAdmin } from "../../../recorder/admin-socket.ts";
import { startService } from "../../../recorder/main.ts";
import type { LiveSession, RunningItem } from "../../../shared/api/types.ts";
import { type RunningProcess, startProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type EnforcedPlant, startEnforcedPlant } from "../enforcement/enforced-plant.ts";
import { ssh, sshOptions } from "../ssh/clients.ts";

let plant: EnforcedPlant;
const clients: RunningProcess[] = [];
let isStopped = false;

beforeAll(async () => {
  plant = await startEnforcedPlant();
  await plant.setPolicy({ fileTransfer: "allow" });
});
afterEach(async () => {
  await plant.closeViewers();
  for (const client of clients.splice(0)) await client.stop();
  if (isStopped) return;
  await waitFor(async () => (await sessions()).length === 0, { what: "the sessions to be over", timeoutMs: 30_000 });
  const admin = { name: "adam", roles: ["admin"], factors: ["password", "totp"], address: "local" } as const;
  for (const { id } of await plant.requests.blocks()) await plant.requests.unblock(id, admin, "the test goes on");
});
afterAll(() => plant.stop());

const sessions = async () => (await askAdmin(plant.config.recorder.adminSocket, "GET", "/sessions")) as LiveSession[];

/** As a page of the portal asks. `stale`: its last code was given ten minutes ago. */
async function ask(person: string, method: string, path: string, body?: unknown, options: { stale?: boolean } = {}) {
  const { url, cookie, csrfToken } = await plant.portal(person, options);
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      cookie,
      "x-csrf-token": csrfToken,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, answer: text === "" ? null : (JSON.parse(text) as Record<string, unknown>) };
}

async function startTerminal(target = "plc-open") {
  const client = await plant.startSsh(target, ["-tt"], ['stty -echo; while read line; do echo "got<$line>"; done']);
  clients.push(client);
  const { session } = await plant.live(target);
  await waitFor(async () => (await plant.live(target)).channels > 0, { what: "the program" });
  return { client, session };
}

async function eventsOf(target: string, session: string) {
  await waitFor(async () => (await plant.sealed(target)).session === session, { what: "its recording" });
  return (await plant.read(session)).events;
}

describe("a message", () => {
  it("SSH: stands in the terminal and in the record", async () => {
    const { client, session } = await startTerminal();
    expect(
      await ask("emil", "POST", `/sessions/${session}/message`, { text: "pump 3 is\u001b[2J yours" }),
    ).toMatchObject({
      status: 204,
    });
    await waitFor(() => client.output().includes("Message of emil: pump 3 is"), { what: "the message" });
    expect(client.output()).not.toContain("\u001b[2J");
    await plant.conduit("sessions", "message", session, "valve 7 as well");
    await waitFor(() => client.output().includes("Message of the plant: valve 7 as well"), {
      what: "the second message",
    });
    await client.stop();
    const said = (await eventsOf("plc-open", session)).filter(({ type }) => type === "message");
    expect(said.map(({ facts }) => facts["text"])).toEqual(["pump 3 is\u001b[2J yours", "valve 7 as well"]);
    expect(said[0]?.facts["by"]).toBe("emil");
    expect(await plant.audited("session.message")).toContainEqual(
      expect.objectContaining({ subject: session, details: { text: "valve 7 as well" } }),
    );
  });

  it("VNC: a viewer is told", async () => {
    const viewer = await plant.connectVnc("hmi-open");
    const { session } = await plant.live("hmi-open");
    viewer.send(viewer.updateRequest());
    await viewer.whenReceived(100, "the picture");
    const before = viewer.receivedBytes;
    expect((await ask("emil", "POST", `/sessions/${session}/message`, { text: "hands off" })).status).toBe(204);
    await waitFor(() => viewer.receivedBytes > before, { what: "something to be told" });
    viewer.close();
    expect((await eventsOf("hmi-open", session)).find(({ type }) => type === "message")?.facts).toEqual({
      by: "emil",
      text: "hands off",
    });
  });

  it("of nobody who may not, to no session that is not there, and of no more than 500 characters", async () => {
    const { session } = await startTerminal();
    expect((await ask("arno", "POST", `/sessions/${session}/message`, { text: "x" })).status).toBe(403);
    expect((await ask("emil", "POST", `/sessions/${session}/message`, { text: "x".repeat(501) })).status).toBe(400);
    const nobody = "01a2061a-33bf-7a59-915f-1aeaf229edbe";
    expect((await ask("emil", "POST", `/sessions/${nobody}/message`, { text: "x" })).status).toBe(404);
  });
});

describe("notes and bookmarks", () => {
  it("stand on the timeline, and the person is told nothing", async () => {
    const { client, session } = await startTerminal();
    expect((await ask("emil", "POST", `/sessions/${session}/marks`, { kind: "note", text: "asked why" })).status).toBe(
      204,
    );
    const bookmark = { kind: "bookmark", atUs: 1000 };
    expect((await ask("emil", "POST", `/sessions/${session}/marks`, bookmark)).status).toBe(204);
    const future = { kind: "bookmark", atUs: 3_600_000_000 };
    expect((await ask("emil", "POST", `/sessions/${session}/marks`, future)).status).toBe(400);
    expect((await ask("emil", "POST", `/sessions/${session}/marks`, { kind: "note" })).status).toBe(400);
    await plant.conduit("sessions", "bookmark", session, "here");
    await sleep(300);
    expect(client.output()).not.toMatch(/asked why|here/);
    await client.stop();
    const marks = (await eventsOf("plc-open", session)).filter(({ type }) => type === "note" || type === "bookmark");
    expect(marks.map(({ type, facts }) => [type, facts["text"], facts["atUs"]])).toEqual([
      ["note", "asked why", undefined],
      ["bookmark", "", 1000],
      ["bookmark", "here", undefined],
    ]);
  });
});

describe("a safe end", () => {
  async function startUpload(name: string, bytes: number) {
    const address = plant.ssh("plc-open");
    const local = join(address.dir, name);
    const remote = `/tmp/${name}-${process.pid}`;
    writeFileSync(local, Buffer.alloc(bytes, name));
    const batch = join(address.dir, `${name}.batch`);
    writeFileSync(batch, `put ${local} ${remote}\n`);
    // 800 kbit/s: some seconds.
    const args = ["-l", "800", "-b", batch, ...(await sshOptions(address)), `${address.login}@${address.host}`];
    const client = await startProcess("sftp", args);
    clients.push(client);
    const { session } = await plant.live("plc-open");
    const running = async () => (await sessions()).find((one) => one.session === session)?.running ?? [];
    await waitFor(async () => (await running()).some(({ kind, bytes: so }) => kind === "file" && (so ?? 0) > 0), {
      what: "the upload",
      timeoutMs: 20_000,
    });
    return { client, session, remote, running };
  }

  it("says what runs, lets the file come whole, and ends then by itself", async () => {
    const { client, session, remote } = await startUpload("firmware", 600_000);
    const { status, answer } = await ask("emil", "POST", `/sessions/${session}/terminate`, {
      mode: "when-finished",
      reason: "permit withdrawn",
    });
    expect(status).toBe(200);
    expect(answer?.["running"]).toMatchObject([{ kind: "file", what: remote, direction: "inbound" }]);
    const live = await plant.live("plc-open");
    expect(live).toMatchObject({ state: "frozen", hold: "ending", ending: { by: "emil", whenFinished: true } });
    await client.exited;
    expect((await stat(remote)).size).toBe(600_000);
    const events = await eventsOf("plc-open", session);
    expect((await plant.sealed("plc-open")).endReason).toBe("terminated");
    expect(events.find(({ type }) => type === "freeze")?.facts).toEqual({
      by: "emil",
      reason: "permit withdrawn",
      hold: "ending",
    });
    const again = await ssh(plant.ssh("plc-open"), ["true"]);
    expect(again.stderr).toContain("its reconnection is refused");
  });

  it("can be taken back, and be made an end at once", async () => {
    const { client, session } = await startTerminal();
    const safe = await ask("emil", "POST", `/sessions/${session}/terminate`, { mode: "safe" });
    expect(safe.answer?.["running"]).toMatchObject([{ kind: "command" } satisfies Partial<RunningItem>]);
    client.write("in vain\n");
    await sleep(500);
    const held = await plant.live("plc-open");
    expect([held.session, held.state, client.output()]).toEqual([
      session,
      "frozen",
      expect.not.stringContaining("conduit:"),
    ]);
    expect((await ask("emil", "POST", `/sessions/${session}/unfreeze`)).status).toBe(204);
    expect(await plant.live("plc-open")).toMatchObject({ state: "active", hold: null, ending: null });
    client.write("on\n");
    await waitFor(() => client.output().includes("got<on>"), { what: "the program" });
    expect(client.output()).not.toContain("in vain");
    const said = await plant.conduit("sessions", "terminate", session, "--safe");
    expect(said).toContain("command stty -echo");
    expect((await ask("emil", "POST", `/sessions/${session}/terminate`, { reason: "now" })).status).toBe(204);
    await client.exited;
    expect(client.output()).toContain("The plant ended this session. Reason: now");
  });
});

describe("the kill switch", () => {
  const lift = (scope: string) => ask("adam", "DELETE", `/stops/${scope}?reason=over`);

  it("freezes every session within a second, lets none begin, and only an administrator lifts it", async () => {
    const { client, session } = await startTerminal();
    const viewer = await plant.connectVnc("hmi-open");
    await plant.live("hmi-open");
    const begunMs = Date.now();
    const { status, answer } = await ask("emil", "PUT", "/stops/all", { action: "freeze", reason: "fire alarm" });
    expect([status, answer?.["sessions"]]).toEqual([200, 2]);
    expect((await sessions()).map(({ hold }) => hold)).toEqual(["stopped", "stopped"]);
    expect(Date.now() - begunMs).toBeLessThan(1000);
    await waitFor(() => client.output().includes("fire alarm"), { what: "the reason" });
    client.write("stopped\n");
    const other = await ssh(plant.ssh("plc-window"), ["true"]);
    expect(other.stderr).not.toContain("fire alarm");
    const refused = await ssh(plant.ssh("plc-open"), ["true"]);
    expect(refused.stderr).toContain("The plant has stopped all sessions of this scope");
    expect(refused.stderr).toContain("fire alarm");
    expect(await plant.vncAnswer("hmi-open")).toContain("fire alarm");
    expect(await plant.conduit("sessions", "stops")).toMatch(/all +freeze .*emil +fire alarm/);
    const release = await ask("emil", "POST", `/sessions/${session}/unfreeze`);
    expect([release.status, release.answer?.["detail"]]).toEqual([409, expect.stringContaining("lift the stop first")]);
    expect((await ask("emil", "DELETE", "/stops/all")).status).toBe(403);
    const stale = await ask("adam", "DELETE", "/stops/all", undefined, { stale: true });
    expect(stale).toMatchObject({ status: 403, answer: { code: "AUTH_CONFIRM" } });
    expect((await lift("all")).status).toBe(204);
    expect((await lift("all")).status).toBe(404);
    // Input does not begin to pass because a switch was thrown elsewhere.
    expect((await plant.live("plc-open")).hold).toBe("frozen");
    expect((await ask("emil", "POST", `/sessions/${session}/unfreeze`)).status).toBe(204);
    client.write("on\n");
    await waitFor(() => client.output().includes("got<on>"), { what: "the program" });
    expect(client.output()).not.toContain("got<stopped>");
    expect((await ssh(plant.ssh("plc-open"), ["echo in"])).stdout).toBe("in\n");
    viewer.close();
    for (const action of ["stop.set", "stop.lifted"]) {
      await waitFor(async () => (await plant.audited(action)).some(({ subject }) => subject === "all"), {
        what: action,
      });
    }
  });

  it("of a conduit: ends its sessions, without taking anybody's access away", async () => {
    const { client } = await startTerminal();
    expect((await ask("emil", "PUT", "/stops/conduit:nowhere", { action: "end", reason: "x" })).status).toBe(404);
    const said = await plant.conduit(
      "sessions",
      "stop",
      "--conduit",
      "CELL-1",
      "--end",
      "--reason",
      "work on the cell",
    );
    expect(said).toContain("Sessions through cell-1 stopped: 1 session ended.");
    await client.exited;
    expect(client.output()).toContain("work on the cell");
    expect((await plant.sealed("plc-open")).endReason).toBe("stopped");
    expect((await lift("conduit:cell-1")).status).toBe(204);
    expect((await ssh(plant.ssh("plc-open"), ["echo in"])).stdout).toBe("in\n");
  });

  it("a session that waits for its escort waits for it still when the stop is lifted", async () => {
    const client = await plant.startSsh("plc-escort", ["-tt"], ["echo ran-$((1+1)); cat"]);
    clients.push(client);
    const { session } = await plant.live("plc-escort");
    await ask("emil", "PUT", "/stops/all", { action: "freeze", reason: "look around" });
    await plant.watch("emil", session);
    await expect(plant.admin("/unfreeze", { session, person: "emil" })).rejects.toThrow("lift the stop first");
    expect((await lift("all")).status).toBe(204);
    expect((await plant.live("plc-escort")).hold).toBe("escort-awaited");
    expect(client.output()).not.toContain("ran-2");
    await plant.admin("/unfreeze", { session, person: "emil" });
    await waitFor(() => client.output().includes("ran-2"), { what: "the program" });
  });

  it("holds over a restart of the service", async () => {
    await ask("emil", "PUT", "/stops/all", { action: "end", reason: "flood in hall 2" });
    isStopped = true;
    await plant.service.stop();
    const again = await startService(plant.config, { logger: pino({ level: "silent" }) });
    try {
      const address = { ...plant.ssh("plc-open"), port: again.ssh.port };
      const refused = await ssh(address, ["true"]);
      expect(refused.stderr).toContain("flood in hall 2");
      const { cookie, csrfToken } = await plant.portal("adam");
      const headers = { cookie, "x-csrf-token": csrfToken };
      const lifted = await fetch(`${again.http.url}/api/v1/stops/all`, { method: "DELETE", headers });
      expect(lifted.status).toBe(204);
      expect((await ssh(address, ["echo in"])).stdout).toBe("in\n");
    } finally {
      await again.stop();
    }
  });
});
