// What a person is told while a session goes on, and what a session does that is held from its beginning: real clients.
import { Client, type ClientChannel } from "ssh2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RunningProcess, startProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type GatewayAddress, sshOptions } from "./clients.ts";
import { addressOf, startGateway, type TestGateway } from "./gateway.ts";

let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target, { capabilities: ["shell", "exec", "sftp", "local-forward"] });
  address = addressOf(gateway);
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
});
beforeEach(() => {
  gateway.onSession = undefined;
});

async function start(args: readonly string[], command: readonly string[]): Promise<RunningProcess> {
  return startProcess("ssh", [...args, ...(await sshOptions(address)), `${address.login}@${address.host}`, ...command]);
}

const warning = {
  code: "window-ended",
  sentence: "The window of this access ends in 5 minutes; the session ends with it.",
  secondsLeft: 300,
};

describe("a warning", () => {
  it("stands on the terminal, and not in the recording of what the target showed", async () => {
    const client = await start(["-tt"], ["echo ready; cat"]);
    await waitFor(() => client.stdout().includes("ready"), { what: "the program" });
    gateway.last().warn(warning);
    await waitFor(() => client.output().includes(`*** ${warning.sentence} ***`), { what: "the warning" });
    expect(gateway.last().output().toString()).not.toContain("5 minutes");
    client.write("\u0004");
    await client.exited;
  });

  it("steers no terminal, whatever somebody wrote into its reason", async () => {
    const client = await start(["-tt"], ["echo ready; cat"]);
    await waitFor(() => client.stdout().includes("ready"), { what: "the program" });
    gateway.last().warn({ ...warning, sentence: "Reason: \u001b]0;x\u0007\u001b[2J\u202e" });
    await waitFor(() => client.output().includes("*** Reason: ?]0;x??[2J? ***"), { what: "the warning" });
    client.write("\u0004");
    await client.exited;
  });

  it("is not put among the bytes of a program without a terminal", async () => {
    const client = await start(["-T"], ["echo ready; cat"]);
    await waitFor(() => client.stdout().includes("ready"), { what: "the program" });
    gateway.last().warn(warning);
    client.write("on it goes\n");
    await waitFor(() => client.stdout().includes("on it goes"), { what: "the echo" });
    client.child.stdin?.end();
    await client.exited;
    expect(client.output()).not.toContain("5 minutes");
  });
});

it("a window that changes its size is no sign that somebody is there", async () => {
  const client = new Client();
  await new Promise((resolve, reject) => {
    client.once("ready", () => resolve(undefined)).once("error", reject);
    const { host, port, personKey } = gateway;
    client.connect({ host, port, username: address.login, privateKey: personKey.privatePem });
  });
  const shell = await new Promise<ClientChannel>((resolve, reject) => {
    client.shell((error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
  const session = gateway.last();
  await waitFor(() => session.of("channel-open").length === 1, { what: "the shell" });
  const before = session.touches;
  shell.setWindow(30, 100, 0, 0);
  await waitFor(() => session.of("resize").length === 1, { what: "the new size" });
  expect(session.touches).toBe(before);
  shell.write("x");
  await waitFor(() => session.touches === before + 1, { what: "the key" });
  client.end();
});

describe("a session that waits for its escort", () => {
  beforeEach(() => {
    gateway.onSession = (session) => {
      session.earlyInput = "deliver";
      session.holdCode = "escort-awaited";
      session.freeze();
    };
  });

  it.each([
    ["a terminal", ["-tt"], "\r\n*** The plant has stopped this session. ***"],
    ["a command", ["-T"], "conduit: The plant has stopped this session."],
  ])("says so to %s, and runs nothing before it is released", async (_what, args, said) => {
    const client = await start(args, ["echo it-$((40+2)); cat"]);
    await waitFor(() => client.output().includes(said), { what: `${said} in ${client.output()}` });
    client.write("typed while it waited\n");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(gateway.last().of("channel-open")).toEqual([]);
    expect(client.output()).not.toContain("it-42");
    gateway.last().unfreeze();
    await waitFor(() => client.output().includes("it-42"), { what: "the program" });
    // Input of a command waits for it; on a terminal it would be typed before anybody saw it.
    const wasTyped = args.includes("-tt") ? "dropped" : "kept";
    if (wasTyped === "kept") {
      await waitFor(() => client.output().includes("typed while it waited"), { what: "its input" });
    } else {
      client.write("typed afterwards\n");
      await waitFor(() => client.output().includes("typed afterwards"), { what: "what was typed afterwards" });
      expect(client.output()).not.toContain("typed while it waited");
    }
    if (args.includes("-tt")) client.write("\u0004");
    else client.child.stdin?.end();
    await client.exited;
  });

  it("opens no forward, and says why", async () => {
    const port = 20_000 + (process.pid % 20_000);
    const client = await start(["-N", "-v", "-o", "ExitOnForwardFailure=yes", "-W", `127.0.0.1:${port}`], []);
    await waitFor(() => client.output().includes("The plant has stopped this session."), { what: client.output() });
    expect(gateway.last().notices("channel-refused")).toMatchObject([
      { request: "direct-tcpip", address: "127.0.0.1", reason: "escort-awaited" },
    ]);
    expect(gateway.last().notices("forward-open")).toEqual([]);
    await client.stop();
  });

  it("ends cleanly when the person does not wait", async () => {
    const client = await start(["-T"], ["echo never"]);
    await waitFor(() => client.output().includes("stopped this session"), { what: "the sentence" });
    await client.stop();
    await gateway.last().whenEnded();
    expect(gateway.last().of("channel-open")).toEqual([]);
  });
});
