// What policy enforces within a session: escort, patterns, recording modes, masked keys, files, forwards and clipboard, with
// OpenSSH's programs and TigerVNC's viewer; and what an auditor is told of it afterwards.

import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { runProcess } from "../../support/process.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { scp, sftp, ssh, sshOptions } from "../ssh/clients.ts";
import { cutText } from "../vnc/scripted-target.ts";
import { type EnforcedPlant, startEnforcedPlant } from "./enforced-plant.ts";

let plant: EnforcedPlant;
/** What a forward may reach: says one line to whoever connects. */
const listed = createServer((socket) => socket.on("error", () => undefined).end("through the forward\n"));
beforeAll(async () => {
  await new Promise<void>((resolve) => listed.listen(0, "127.0.0.1", resolve));
  plant = await startEnforcedPlant(portOf(listed));
});
afterAll(async () => {
  await plant?.stop();
  listed.close();
});

afterEach(() => plant.closeViewers());

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const typesOf = (lines: readonly { type: string }[]) => lines.map(({ type }) => type);

async function verified(session: string): Promise<void> {
  await waitFor(async () => (await plant.verdict(session)) === "VALID", { what: `${session} to be VALID` });
}

describe("the escort", () => {
  it("SSH: nothing runs before an escort has released the session, and only an escort can", async () => {
    const client = await plant.startSsh("plc-escort", ["-tt"], ["echo ran-$((1+1)); cat"]);
    await waitFor(() => client.output().includes("This session waits for its escort."), { what: "the sentence" });
    const { session, hold } = await plant.live("plc-escort");
    expect(hold).toBe("escort-awaited");
    await expect(plant.admin("/unfreeze", { session, person: "adam" })).rejects.toThrow("waits for an escort");
    await expect(plant.admin("/unfreeze", { session, person: "vera" })).rejects.toThrow("of their own");
    expect(client.output()).not.toContain("ran-2");
    await expect(plant.admin("/unfreeze", { session, person: "emil" })).rejects.toThrow(
      "Open the session and watch it",
    );
    await plant.watch("emil", session);
    expect(await plant.admin("/unfreeze", { session, person: "emil" })).toEqual({ released: true });
    await waitFor(() => client.output().includes("ran-2"), { what: "the program" });
    expect(client.output()).toContain("*** The escort is there: the session begins. ***");
    expect(await plant.admin("/freeze", { session, operator: "os:x", reason: "hands off" })).toEqual({ frozen: true });
    await waitFor(() => client.output().includes("hands off"), { what: "the reason" });
    client.write("staged\n");
    await sleep(300);
    expect(client.output()).not.toContain("staged");
    await plant.admin("/unfreeze", { session, person: "adam" });
    client.write("afterwards\n");
    await waitFor(() => client.output().includes("afterwards"), { what: "what was typed afterwards" });
    expect(client.output()).not.toContain("staged");
    client.write("\u0004");
    await client.exited;
    const recording = await plant.sealed("plc-escort");
    expect(recording).toMatchObject({ session, escort: true, escortedBy: ["emil"] });
    expect(await plant.conduit("recordings", "show", session)).toMatch(/^escort +released by emil$/m);
    expect(await plant.conduit("policy", "explain", "--session", session)).toContain("escort: released by emil.");
    const { events } = await plant.read(session);
    expect(events.filter(({ type }) => type.endsWith("freeze")).map(({ type, facts }) => [type, facts["by"]])).toEqual([
      ["freeze", "policy"],
      ["unfreeze", "emil"],
      ["freeze", "os:x"],
      ["unfreeze", "adam"],
    ]);
    expect(events.filter(({ type }) => type === "input-dropped").map(({ facts }) => facts)).toEqual([
      { bytes: "staged\n".length, hold: "frozen" },
    ]);
    await verified(session);
  });

  it("SSH: the request's own escorts are the only ones who release it", async () => {
    await plant.approve({ targets: ["plc-named"], escorts: ["emil"] });
    const client = await plant.startSsh("plc-named", ["-T"], ["echo ran"]);
    const { session } = await plant.live("plc-named");
    await waitFor(() => client.output().includes("waits for its escort"), { what: "the sentence" });
    await plant.watch("else", session, { counting: false });
    await expect(plant.admin("/unfreeze", { session, person: "else" })).rejects.toThrow("names who escorts");
    await plant.watch("emil", session);
    await plant.admin("/unfreeze", { session, person: "emil" });
    await client.exited;
    expect(client.stdout()).toBe("ran\n");
  });

  it("VNC: nothing of the screen is shown before", async () => {
    const viewer = await plant.startViewer("hmi-escort");
    const { session, hold } = await plant.live("hmi-escort");
    expect(hold).toBe("escort-awaited");
    await sleep(500);
    await plant.watch("emil", session);
    const before = await plant.live("hmi-escort");
    expect(await plant.admin("/unfreeze", { session, person: "emil" })).toEqual({ released: true });
    const recordedBefore = before.recordedBytes;
    await waitFor(async () => (await plant.live("hmi-escort")).recordedBytes > recordedBefore + 100, {
      what: "the target's picture",
      timeoutMs: 30_000,
    });
    await viewer.stop();
    await verified((await plant.sealed("hmi-escort")).session);
  });
});

describe("patterns", () => {
  it("SSH: a command is stopped before its last key passes, and the person does not come back", async () => {
    const marker = `wiped-${process.pid}-${Date.now()}`;
    const client = await plant.startSsh("plc-pattern", ["-tt"], ["sh"]);
    const { session } = await plant.live("plc-pattern");
    await sleep(300);
    for (const key of `: ; rm -`) client.write(key);
    await sleep(300);
    client.write(`rf /nonexistent; echo ${marker}-$((1+1))\n`);
    await client.exited;
    expect(client.output()).toContain("Not at this plant.");
    expect(client.output()).not.toContain(`${marker}-2`);
    const recording = await plant.sealed("plc-pattern");
    expect(recording.endReason).toBe("pattern-matched");
    const { events } = await plant.read(session);
    expect(events.find(({ type }) => type === "pattern-matched")?.facts).toEqual({
      pattern: "wipe",
      in: "input",
      action: "terminate",
      channel: 0,
    });
    const again = await ssh(plant.ssh("plc-pattern"), ["true"]);
    expect(again.stderr).toContain("its reconnection is refused until there is a new approval");
    await unblockAll();
  });

  it("SSH: a line that was typed with a slip and mended freezes the session at its Enter", async () => {
    const client = await plant.startSsh("plc-pattern", ["-tt"], ["stty -echo; echo ready; cat"]);
    await waitFor(() => client.stdout().includes("ready"), { what: "the program" });
    client.write("relaod\u007f\u007f\u007foad");
    await sleep(200);
    expect((await plant.live("plc-pattern")).state).toBe("active");
    client.write("\r");
    await waitFor(async () => (await plant.live("plc-pattern")).hold === "frozen", { what: "the freeze" });
    const { session } = await plant.live("plc-pattern");
    await plant.admin("/unfreeze", { session, person: "adam" });
    await sleep(500);
    // The Enter that completed it is gone: whoever was let go on presses it again.
    expect(client.stdout()).not.toContain("reload");
    client.write("\r");
    await waitFor(() => client.stdout().includes("reload"), { what: "the line that was let pass" });
    client.write("\u0004");
    await client.exited;
  });

  it("SSH: what a target shows ends the session, also when it comes in pieces and in colours", async () => {
    const client = await plant.startSsh(
      "plc-pattern",
      ["-T"],
      ["printf 'REACTOR \\033[31mAL'; sleep 0.3; printf 'ARM\\033[0m 7'; sleep 30"],
    );
    await client.exited;
    expect(client.output()).toContain("The plant's policy ended this session.");
    expect((await plant.sealed("plc-pattern")).endReason).toBe("pattern-matched");
    await unblockAll();
  });

  it("VNC: what the keys type is stopped before the last one passes", async () => {
    const viewer = await plant.startViewer("hmi-pattern");
    await plant.typeInViewer("r", "m", "space", "minus", "r", "f");
    await viewer.exited;
    const { session, endReason } = await plant.sealed("hmi-pattern");
    expect(endReason).toBe("pattern-matched");
    const { events } = await plant.read(session);
    expect(events.find(({ type }) => type === "pattern-matched")?.facts).toMatchObject({
      pattern: "wipe",
      in: "input",
    });
    expect(await plant.vncAnswer("hmi-pattern")).toContain("its reconnection is refused");
    await unblockAll();
  });

  async function unblockAll(): Promise<void> {
    const admin = { name: "adam", roles: ["admin"], factors: ["password", "totp"], address: "local" } as const;
    for (const { id } of await plant.requests.blocks()) await plant.requests.unblock(id, admin, "the test goes on");
  }
});

describe("what is recorded", () => {
  const secret = "only-typed-never-echoed";
  const typeSecretAt = async (target: string): Promise<string> => {
    const client = await plant.startSsh(target, ["-tt"], ["stty -echo; echo shown-$((1+1)); read answer; echo done"]);
    await waitFor(() => client.stdout().includes("shown-2"), { what: "the program" });
    client.write(`${secret}\r`);
    await client.exited;
    const { session } = await plant.sealed(target);
    await verified(session);
    return session;
  };

  it("SSH, without input: nothing of what was typed, and the record says so", async () => {
    const { open, manifest, events, everything } = await plant.read(await typeSecretAt("plc-without-input"));
    expect(everything).not.toContain(secret);
    expect(everything).toContain("shown-2");
    expect([open.recording.mode, manifest.recordingMode]).toEqual(["without-input", "without-input"]);
    expect(typesOf(events)).toContain("content-withheld");
    const shown = await plant.conduit("recordings", "show", open.session);
    expect(shown).toContain("output and events; nothing of what was typed");
  });

  it("SSH, metadata: nothing of what was typed or shown", async () => {
    const { open, manifest, events, everything } = await plant.read(await typeSecretAt("plc-metadata"));
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain("shown-2");
    expect(manifest.tracks.map(({ kind }) => kind)).toEqual(["events"]);
    expect(open.recording.mode).toBe("metadata");
    expect(typesOf(events)).toEqual(expect.arrayContaining(["channel-open", "exit", "channel-close", "session-close"]));
    expect(await plant.conduit("recordings", "list")).toContain("plc-metadata");
  });

  it("VNC, metadata: no picture and no key", async () => {
    const viewer = await plant.startViewer("hmi-metadata");
    await plant.typeInViewer("a", "b");
    await viewer.stop();
    const { session, recordingMode } = await plant.sealed("hmi-metadata");
    await verified(session);
    const { manifest, events } = await plant.read(session);
    expect([recordingMode, manifest.tracks.map(({ kind }) => kind)]).toEqual(["metadata", ["events"]]);
    expect(typesOf(events)).toContain("content-withheld");
  });

  it("VNC, without input: the picture and no key", async () => {
    const viewer = await plant.startViewer("hmi-without-input");
    await plant.typeInViewer("a", "b");
    await viewer.stop();
    const { session } = await plant.sealed("hmi-without-input");
    await verified(session);
    const { manifest } = await plant.read(session);
    expect(manifest.tracks.map(({ kind }) => kind).toSorted()).toEqual(["events", "frames", "screen"]);
    expect(manifest.counts.keystrokes).toBe(0);
  });

  it("SSH, keystrokes masked: that something was typed and when, not what; control keys stand there", async () => {
    const { open, everything, manifest } = await plant.read(await typeSecretAt("plc-masked"));
    expect(everything).not.toContain(secret);
    const typed = everything
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { track: string; k?: string; name?: string; d?: string })
      .filter(({ track }) => track === "input");
    expect(typed).toContainEqual(expect.objectContaining({ name: "\u2022" }));
    expect(typed.some(({ d }) => d !== undefined && /[a-z]/.test(d))).toBe(false);
    expect(typed).toContainEqual(expect.objectContaining({ k: "key", name: "Enter" }));
    expect(open.recording.keystrokes).toBe("masked");
    expect(open.retentionDays).toBe(400);
    expect(manifest.counts.keystrokes).toBeGreaterThan(0);
  });
});

describe("a session that policy leaves unrecorded", () => {
  const because = "the works council keeps this training target private";

  it("SSH: takes place for the plant's own staff, and that it did is recorded, audited and said", async () => {
    const { stdout } = await ssh(plant.sshOfOwnStaff("plc-unrecorded"), ["echo in"]);
    expect(stdout).toBe("in\n");
    const recording = await plant.sealed("plc-unrecorded");
    expect(recording.recordingMode).toBe("none");
    await verified(recording.session);
    const { open, manifest, events, everything } = await plant.read(recording.session);
    expect([open.recording.mode, open.recording.because]).toEqual(["none", because]);
    expect(manifest.tracks.map(({ kind }) => kind)).toEqual(["events"]);
    expect(new Set(typesOf(events))).toEqual(new Set(["session-open", "auth", "decision", "session-close"]));
    expect(everything).not.toContain("echo in");
    expect(await plant.audited("session.open")).toContainEqual(
      expect.objectContaining({
        subject: recording.session,
        details: expect.objectContaining({ recording: "none" }),
      }),
    );
  });

  it("VNC: the same", async () => {
    const viewer = await plant.connectVnc("hmi-unrecorded", "ines");
    viewer.send(viewer.updateRequest());
    await viewer.whenReceived(100, "an update");
    viewer.close();
    const { session, recordingMode } = await plant.sealed("hmi-unrecorded");
    expect(recordingMode).toBe("none");
    await verified(session);
    const { manifest } = await plant.read(session);
    expect(manifest.tracks.map(({ kind }) => kind)).toEqual(["events"]);
  });
});

describe("files, forwards, clipboard", () => {
  it("SSH: SFTP and scp are refused by name where no file passes, and a shell still opens", async () => {
    const local = join(plant.ssh("x").dir, "to-send");
    writeFileSync(local, "x");
    const up = await sftp(plant.ssh("plc-no-files"), [`put ${local} /tmp/never-${process.pid}`]);
    expect(up.code).not.toBe(0);
    expect(up.stderr).toContain("File transfer is refused:");
    const legacy = await scp(plant.ssh("plc-no-files"), [local, `remote:/tmp/never-${process.pid}`], ["-O"]);
    expect(legacy.code).not.toBe(0);
    expect(legacy.stderr).toContain("File transfer is refused:");
    expect((await ssh(plant.ssh("plc-no-files"), ["echo in"])).stdout).toBe("in\n");
  });

  it("SSH: a forward reaches the address that its rule lists, and no other", async () => {
    const through = async (port: number) => {
      const address = plant.ssh("plc-forward");
      const args = ["-W", `127.0.0.1:${port}`, ...(await sshOptions(address)), `${address.login}@${address.host}`];
      return runProcess("ssh", args, { input: "", timeoutMs: 30_000 });
    };
    expect((await through(portOf(listed))).stdout).toBe("through the forward\n");
    const other = await through(plant.service.vnc.port);
    expect([other.stdout, other.code]).toEqual(["", 255]);
    const { session } = await plant.sealed("plc-forward");
    const { events } = await plant.read(session);
    expect(events.find(({ type }) => type === "channel-refused")?.facts).toMatchObject({
      request: "direct-tcpip",
      port: plant.service.vnc.port,
      reason: "forward-not-listed",
      rule: "forward",
    });
  });

  it("VNC: the clipboard passes neither way unless the rule says so, and that is kept", async () => {
    const viewer = await plant.connectVnc("hmi-open");
    await plant.live("hmi-open");
    viewer.send(viewer.updateRequest(), cutText(6, "from the vendor's desk"));
    await viewer.whenReceived(100, "an update");
    viewer.close();
    const { session } = await plant.sealed("hmi-open");
    const { events, everything } = await plant.read(session);
    expect(events.find(({ type }) => type === "clipboard-refused")?.facts).toMatchObject({
      direction: "inbound",
      reason: "clipboard-off",
    });
    expect(everything).not.toContain("from the vendor's desk");
  });

  it("SSH: only the environment that the policy lists passes", async () => {
    const address = plant.ssh("plc-open");
    const result = await ssh(address, ["echo [$LANG][$CONDUIT_SECRET]"], ["-o", "SendEnv=CONDUIT_SECRET"], {
      env: { CONDUIT_SECRET: "x" },
    });
    expect(result.stdout).toMatch(/\[\]\n$/);
    const { events } = await plant.read((await plant.sealed("plc-open")).session);
    expect(events.find(({ type }) => type === "env-refused")?.facts).toMatchObject({ name: "CONDUIT_SECRET" });
  });
});

describe("what an auditor can ask of a session", () => {
  it("SSH: why it was allowed and why it ended, in the record, the index and the command line", async () => {
    const request = await plant.approve({ targets: ["plc-window"] });
    expect((await ssh(plant.ssh("plc-window"), ["true"])).code).toBe(0);
    const recording = await plant.sealed("plc-window");
    expect(recording).toMatchObject({
      request,
      rule: "window",
      reason: "allowed-by-rule",
      authMethod: "publickey",
      factors: ["publickey"],
      recordingMode: "full",
      breakGlass: false,
      escort: false,
      escortedBy: [],
    });
    const { open } = await plant.read(recording.session);
    expect(open).toMatchObject({ request, grant: { kind: "request" }, policy: { rule: "window" } });
    expect(open.limits.windowEndsAt).toBe(open.grant?.to);
    expect(open.retentionDays).toBe(90);
    const shown = await plant.conduit("recordings", "show", recording.session);
    expect(shown).toContain(`approved request ${request}`);
    expect(shown).toMatch(/because +the person closed the connection|because +the target closed/);
    expect(await plant.audited("session.open")).toContainEqual(
      expect.objectContaining({ subject: recording.session, details: expect.objectContaining({ request }) }),
    );
    const { items } = { items: await plant.audited("session.ended") };
    expect(items).toContainEqual(expect.objectContaining({ subject: recording.session }));
  });
});
