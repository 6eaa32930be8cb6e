// What ends a session, or keeps it from beginning: each rule over SSH with OpenSSH and over VNC with TigerVNC's viewer.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { ssh } from "../ssh/clients.ts";
import { type EnforcedPlant, startEnforcedPlant } from "./enforced-plant.ts";

let plant: EnforcedPlant;
beforeAll(async () => {
  plant = await startEnforcedPlant();
});
afterEach(() => plant.closeViewers());
afterAll(() => plant?.stop());

/** A program that shows something all the time and takes what is typed. */
const busy = ["while :; do echo shown; sleep 0.2; done & cat >/dev/null; kill $!"];

async function endOf(target: string): Promise<string | null> {
  return (await plant.sealed(target)).endReason;
}

describe("SSH", () => {
  it("ends where nothing is typed, however much is shown, and warns before", async () => {
    const client = await plant.startSsh("plc-idle", ["-tt"], busy);
    await client.exited;
    expect(client.output()).toContain("Nothing was typed for a while; the session ends in");
    expect(client.output()).toContain("Nothing was typed for 3 seconds.");
    expect(await endOf("plc-idle")).toBe("limit-idle");
  });

  it("goes on while somebody types, for longer than the idle limit", async () => {
    const client = await plant.startSsh("plc-idle", ["-T"], ["cat"]);
    for (let i = 0; i < 20; i++) {
      client.write(`${i}\n`);
      await sleep(250);
    }
    await waitFor(() => client.stdout().includes("19"), { what: "all that was typed" });
    client.child.stdin?.end();
    expect((await client.exited).code).toBe(0);
  });

  it("ends at the longest time that its rule allows, although somebody types", async () => {
    const client = await plant.startSsh("plc-short", ["-tt"], busy);
    const typing = setInterval(() => client.write("x"), 200);
    await client.exited;
    clearInterval(typing);
    expect(client.output()).toContain("This session reaches its limit of 4 seconds in");
    expect(await endOf("plc-short")).toBe("limit-duration");
  });

  it("needs an approval, ends with its window in mid-session, and does not come back", async () => {
    const before = await ssh(plant.ssh("plc-window"), ["echo in"]);
    expect(before.stderr).toContain("An approved access request is needed first.");
    const request = await plant.approve({ targets: ["plc-window"], seconds: 8 });
    const client = await plant.startSsh("plc-window", ["-tt"], busy);
    expect(await plant.live("plc-window")).toMatchObject({ request });
    await client.exited;
    expect(client.output()).toContain("The window of this access has ended.");
    expect(client.output()).toContain("shown");
    expect(await endOf("plc-window")).toBe("window-ended");
    const after = await ssh(plant.ssh("plc-window"), ["echo in"]);
    expect(after.stderr).toContain("The approved window is over.");
    expect(after.stdout).toBe("");
  });

  it("is refused before its window begins, and told when that is", async () => {
    await plant.approve({ targets: ["plc-later"], leadSeconds: 3600 });
    const { stdout, stderr } = await ssh(plant.ssh("plc-later"), ["echo in"]);
    expect([stdout, stderr]).toEqual([
      "",
      expect.stringContaining("The approved window has not begun yet. It begins at"),
    ]);
  });

  it("ends every session of an access that is revoked, within a second or so, and refuses the next", async () => {
    const request = await plant.approve({ targets: ["plc-window", "plc-named"] });
    const clients = [
      await plant.startSsh("plc-window", ["-tt"], busy),
      await plant.startSsh("plc-window", ["-T"], busy),
    ];
    for (const client of clients) await waitFor(() => client.stdout().includes("shown"), { what: "output" });
    await plant.live("plc-window");
    const revokedAt = Date.now();
    const admin = { name: "adam", roles: ["admin"], factors: ["password", "totp"], address: "local" } as const;
    await plant.requests.revoke(request, admin, "the work permit was withdrawn");
    await Promise.all(clients.map((client) => client.exited));
    // Not a measurement: minutes would be a fault, and a loaded machine is none.
    expect(Date.now() - revokedAt).toBeLessThan(20_000);
    expect(clients[0]?.output()).toContain(
      "The access to this target was revoked. Reason: the work permit was withdrawn",
    );
    expect(await endOf("plc-window")).toBe("access-revoked");
    const { session, end } = await waitFor(
      async () => {
        const recording = await plant.sealed("plc-window");
        return recording.end === undefined ? undefined : recording;
      },
      { what: "who ended it" },
    );
    expect(end).toEqual({
      by: "adam",
      sentence: "The access to this target was revoked. Reason: the work permit was withdrawn",
    });
    const shown = await plant.conduit("policy", "explain", "--session", session);
    expect(shown).toMatch(/It stood on the request \S+\.\n {2}Approved by \S+, \d{4}-\d\d-\d\dT/);
    expect(shown).toContain(
      "the access was revoked, by adam: “The access to this target was revoked. Reason: the work",
    );
    const after = await ssh(plant.ssh("plc-window"), ["echo in"]);
    expect(after.stderr).toContain("Reconnection is refused until there is a new approval.");
  });

  it("is not let in again after an operator has ended it, until it is unblocked", async () => {
    const client = await plant.startSsh("plc-open", ["-tt"], busy);
    const { session } = await plant.live("plc-open");
    await plant.admin("/terminate", { session, operator: "os:erika", reason: "wrong valve" });
    await client.exited;
    expect(client.output()).toContain("The plant ended this session. Reason: wrong valve");
    expect(await endOf("plc-open")).toBe("terminated");
    const again = await ssh(plant.ssh("plc-open"), ["echo in"]);
    expect(again.stderr).toContain("its reconnection is refused until there is a new approval");
    const [block] = await plant.requests.blocks();
    const admin = { name: "adam", roles: ["admin"], factors: ["password", "totp"], address: "local" } as const;
    await plant.requests.unblock(block?.id ?? "", admin, "it was the right valve");
    expect((await ssh(plant.ssh("plc-open"), ["echo in"])).stdout).toBe("in\n");
  });

  it("never reaches a prohibited target, and each attempt is kept", async () => {
    const { stderr, code } = await ssh(plant.ssh("SIS-valves"), ["echo in"]);
    expect([code, stderr]).toEqual([255, expect.stringContaining("This target is prohibited for everybody")]);
    expect(await plant.audited("session.refused")).toContainEqual(
      expect.objectContaining({
        subject: "SIS-valves",
        details: expect.objectContaining({ reason: "prohibited-target" }),
      }),
    );
  });

  it.each([
    ["plc-denied", "No rule of the policy allows it."],
    ["plc-nowhere", "No rule of the policy allows it."],
    ["plc-vnc-only", "No rule of the policy allows it."],
    ["plc-hours", "The rule that allows it does not hold at this time of day."],
    ["plc-mfa", "A second factor is needed"],
    ["plc-unrecorded", "A vendor's session is always recorded"],
    ["hmi-open", "is reached by VNC, not by SSH"],
  ])("is refused at %s: %s", async (target, sentence) => {
    const { stdout, stderr } = await ssh(plant.ssh(target), ["echo in"]);
    expect([stdout, stderr]).toEqual(["", expect.stringContaining(sentence)]);
  });
});

describe("VNC", () => {
  it("ends where nothing is done, and says so in the viewer's title before", async () => {
    const viewer = await plant.startViewer("hmi-idle");
    await viewer.exited;
    expect(await endOf("hmi-idle")).toBe("limit-idle");
    const { events } = await plant.read((await plant.sealed("hmi-idle")).session);
    expect(events.filter(({ type }) => type === "warned")).toMatchObject([{ facts: { code: "limit-idle" } }]);
  });

  it("ends at the longest time that its rule allows", async () => {
    const viewer = await plant.startViewer("hmi-short");
    await viewer.exited;
    expect(await endOf("hmi-short")).toBe("limit-duration");
  });

  it("needs an approval, ends with its window in mid-session, and does not come back", async () => {
    // Of an access to other targets it says that this one is not in it.
    expect(await plant.vncAnswer("hmi-window")).toMatch(/access request (is needed first|includes this)\./);
    await plant.approve({ targets: ["hmi-window"], seconds: 10 });
    const viewer = await plant.startViewer("hmi-window");
    await viewer.exited;
    expect(await endOf("hmi-window")).toBe("window-ended");
    expect(await plant.vncAnswer("hmi-window")).toContain("The approved window is over.");
  });

  it("is refused before its window begins", async () => {
    await plant.approve({ targets: ["hmi-later"], leadSeconds: 3600 });
    expect(await plant.vncAnswer("hmi-later")).toContain("The approved window has not begun yet.");
  });

  it("ends when its access is revoked, and the next is refused", async () => {
    const request = await plant.approve({ targets: ["hmi-window"] });
    const viewer = await plant.startViewer("hmi-window");
    const admin = { name: "adam", roles: ["admin"], factors: ["password", "totp"], address: "local" } as const;
    await plant.requests.revoke(request, admin, "the work permit was withdrawn");
    await viewer.exited;
    expect(await endOf("hmi-window")).toBe("access-revoked");
    expect(await plant.vncAnswer("hmi-window")).toContain("Reconnection is refused until there is a new approval.");
  });

  it("is not let in again after an operator has ended it", async () => {
    const viewer = await plant.startViewer("hmi-open");
    const { session } = await plant.live("hmi-open");
    await plant.admin("/terminate", { session, operator: "os:erika", reason: "wrong valve" });
    await viewer.exited;
    expect(await endOf("hmi-open")).toBe("terminated");
    expect(await plant.vncAnswer("hmi-open")).toContain("its reconnection is refused until there is a new approval");
  });

  it.each([
    ["SAFETY-panel", "This target is prohibited for everybody"],
    ["hmi-denied", "No rule of the policy allows it."],
    ["hmi-nowhere", "No rule of the policy allows it."],
    ["hmi-ssh-only", "No rule of the policy allows it."],
    ["hmi-hours", "The rule that allows it does not hold at this time of day."],
    ["hmi-mfa", "A second factor is needed"],
    ["hmi-unrecorded", "A vendor's session is always recorded"],
    ["plc-open", "is reached by SSH, not by VNC"],
  ])("is refused at %s: %s", async (target, sentence) => {
    expect(await plant.vncAnswer(target)).toContain(sentence);
  });
});

describe("a protocol that policy blocks", () => {
  it.each(["ssh", "vnc"])("is refused by name, whatever a rule says: %s", async (protocol) => {
    await plant.setPolicy({ blockedProtocols: ["telnet", protocol] });
    const answer =
      protocol === "ssh"
        ? (await ssh(plant.ssh("plc-escort"), ["true"])).stderr
        : await plant.vncAnswer("hmi-without-input");
    expect(answer).toContain("This protocol is blocked by the policy");
    await plant.setPolicy({});
  });
});
