// What the gateway refuses, what it says to the person, and what the recording says.
import { connect, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scanHostKeys } from "../../../recorder/tap/ssh/host-keys.ts";
import { checkTarget, dialTarget } from "../../../recorder/tap/ssh/upstream.ts";
import { AppError } from "../../../shared/errors.ts";
import { freePort } from "../../support/free-port.ts";
import { startProcess } from "../../support/process.ts";
import { generateSshKey } from "../../support/ssh-key.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { type GatewayAddress, sftp, ssh, sshOptions } from "./clients.ts";
import { accessTo, addressOf, type MemorySession, startGateway, type TestGateway } from "./gateway.ts";

let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let session: () => MemorySession;
beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target);
  address = addressOf(gateway);
  session = () => gateway.last();
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
});

it("a terminal that the target refuses is said to be refused", async () => {
  const without = await startSshd({ config: ["PermitTTY no"] });
  const other = await startGateway(without);
  try {
    const result = await ssh(addressOf(other), ["tty; echo done"], ["-tt"]);
    // OpenSSH's client gives up then; others go on without one.
    expect(result.stderr).toContain("PTY allocation request failed");
    await other.last().whenEnded();
    const [refused] = other.last().notices("request-refused");
    expect(refused).toMatchObject({ request: "pty-req", reason: "refused-by-target", started: false });
    // A client that asks for all at once, and goes on without: the recording has the program without a terminal.
    for (const open of other.last().of("channel-open")) expect(open).not.toHaveProperty("pty");
  } finally {
    await other.stop();
    await without.stop();
  }
});

describe("what a session may not do", () => {
  it("agent forwarding is refused by name", async () => {
    const result = await ssh(address, ["echo [$SSH_AUTH_SOCK]"], ["-A", "-o", "IdentityAgent=none"]);
    expect(result.stdout).toBe("[]\n");
    const agent = await startProcess("ssh-agent", ["-D"], { ready: /SSH_AUTH_SOCK=/ });
    try {
      const socket = /SSH_AUTH_SOCK=([^;]+)/.exec(agent.stdout())?.[1] ?? "";
      const tty = await ssh(address, ["echo [$SSH_AUTH_SOCK]"], ["-A", "-tt", "-o", `IdentityAgent=${socket}`]);
      expect(tty.stdout).toContain("[]");
      expect(tty.stderr + tty.stdout).toContain("Agent forwarding is refused");
    } finally {
      await agent.stop();
    }
    await session().whenEnded();
    expect(session().notices("request-refused")).toMatchObject([
      { request: "auth-agent-req@openssh.com", reason: "capability-not-allowed" },
    ]);
  });

  it("X11 forwarding is refused by name", async () => {
    const result = await ssh(
      address,
      ["echo [$DISPLAY]"],
      ["-X", "-o", "LogLevel=INFO", "-o", "XAuthLocation=/bin/true"],
      { env: { DISPLAY: ":7" } },
    );
    expect(result.stdout).toBe("[]\n");
    await session().whenEnded();
    expect(session().notices("request-refused")).toMatchObject([
      { request: "x11-req", reason: "capability-not-allowed" },
    ]);
  });

  it("port forwarding is refused by name, in both directions", async () => {
    const port = await freePort();
    const client = await startProcess(
      "ssh",
      [
        "-o",
        "LogLevel=INFO",
        "-o",
        "ExitOnForwardFailure=no",
        "-L",
        `127.0.0.1:${port}:127.0.0.1:${target.port}`,
        "-R",
        "0:127.0.0.1:9",
        ...(await sshOptions(address)),
        `${address.login}@${address.host}`,
        "echo up; sleep 20",
      ],
      { ready: /up/ },
    );
    const probe = await whatItSays(port);
    expect(probe).toBe("");
    expect(client.stderr()).toContain("remote port forwarding failed");
    expect(client.stderr()).toMatch(/open failed: administratively prohibited: port forwarding is refused/);
    await client.stop();
    await session().whenEnded();
    expect(session().notices("channel-refused")).toMatchObject([
      { request: "direct-tcpip", address: "127.0.0.1", port: target.port, reason: "capability-not-allowed" },
    ]);
    expect(session().notices("request-refused")).toMatchObject([
      { request: "tcpip-forward", port: 0, reason: "capability-not-allowed" },
    ]);
  });

  it("a kind of program that the rule does not allow is refused in words, with an event", async () => {
    const narrow = await startGateway(target, { capabilities: ["shell"] });
    try {
      const command = await ssh(addressOf(narrow), ["echo never"]);
      expect(command.code).toBe(255);
      expect(command.stderr).toContain(
        "Running a command is refused: The rule that allows this session does not allow",
      );
      const files = await sftp(addressOf(narrow), ["ls"]);
      expect(files.code).not.toBe(0);
      expect(files.stderr).toContain("File transfer by SFTP is refused");
      await narrow.last().whenEnded();
      expect(narrow.last().of("channel-open")).toEqual([]);
      expect(narrow.last().notices("request-refused")).toMatchObject([{ request: "subsystem", command: "sftp" }]);
    } finally {
      await narrow.stop();
    }
  });

  it("an allowed forward runs through the target and is recorded in both directions", async () => {
    const echo = createServer((socket) => socket.on("data", (data) => socket.end(`heard ${data.toString()}`)));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const { port } = echo.address() as { port: number };
    const wide = await startGateway(target, { capabilities: ["shell", "exec", "local-forward"] });
    try {
      const result = await ssh(addressOf(wide), [], ["-W", `127.0.0.1:${port}`], { input: "hello" });
      expect(result.stdout).toBe("heard hello");
      await wide.last().whenEnded();
      expect(wide.last().notices("forward-open")).toMatchObject([{ request: "direct-tcpip", port }]);
      expect(wide.last().of("channel-open")).toMatchObject([
        { request: "exec", command: `direct-tcpip 127.0.0.1:${port}` },
      ]);
      expect(wide.last().input().toString()).toBe("hello");
      expect(wide.last().output().toString()).toBe("heard hello");
      expect(wide.last().of("channel-close")).toHaveLength(1);
    } finally {
      await wide.stop();
      echo.close();
    }
  });
});

describe("a session that cannot begin", () => {
  it("policy's words reach a command, a shell, sftp and a connection without channels", async () => {
    gateway.refuseWith = new AppError("POLICY_REFUSED", "No rule of the policy allows it: ask the control room.", {
      op: "test",
    });
    const opened = gateway.sessions.length;
    try {
      for (const [command, args] of [
        [["true"], []],
        [[], ["-tt"]],
      ] as [string[], string[]][]) {
        const result = await ssh(address, command, args);
        expect(result.code).toBe(255);
        expect(result.stderr).toContain("ask the control room");
      }
      expect((await sftp(address, ["ls"])).stderr).toContain("ask the control room");
      const idle = await ssh(address, [], ["-N"], { timeoutMs: 20_000 });
      expect(idle.code).toBe(255);
      expect(idle.stderr).toContain("ask the control room");
      expect(gateway.sessions.length).toBe(opened);
    } finally {
      gateway.refuseWith = undefined;
    }
  });

  it("policy's words reach a channel that was asked for before policy had decided", async () => {
    gateway.refuseWith = new AppError("POLICY_REFUSED", "Not before the shift begins.", { op: "test" });
    gateway.decideMs = 300;
    try {
      const result = await ssh(address, ["true"]);
      expect(result.code).toBe(255);
      // On the channel's stderr, and not as a disconnect message after a wait.
      expect(result.stderr).toBe("conduit: Not before the shift begins.\n");
    } finally {
      gateway.refuseWith = undefined;
      gateway.decideMs = 0;
    }
  });

  it("a name without a target is told how to say one", async () => {
    const result = await ssh(addressOf(gateway, "ada"), ["true"]);
    expect(result.stderr).toContain("ada+TARGET");
  });

  it("an unknown target is told after the log-in, never before", async () => {
    const known = await ssh(addressOf(gateway, "ada+nowhere"), ["true"]);
    expect(known.stderr).toContain("There is no target nowhere");
    const unknown = await ssh(addressOf(gateway, "eve+nowhere"), ["true"]);
    expect(unknown.stderr).toContain("Permission denied");
    expect(unknown.stderr).not.toContain("nowhere for you");
  });

  it("a target that does not answer", async () => {
    gateway.targets.set("dark", { ...accessTo(target), name: "dark", port: await freePort() });
    const result = await ssh(addressOf(gateway, "ada+dark"), ["true"]);
    expect(result.code).toBe(255);
    expect(result.stderr).toMatch(/The target does not answer at 127\.0\.0\.1:\d+ .*ECONNREFUSED/);
    await session().whenEnded();
    expect(session().notices("health")).toMatchObject([{ what: "target", code: "PROTOCOL_TARGET_UNREACHABLE" }]);
    expect(session().endedWith).toBe("protocol-target-unreachable");
  });

  it("a target that refuses the stored credential", async () => {
    gateway.targets.set("locked", {
      ...accessTo(target),
      name: "locked",
      credential: { kind: "password", password: "wrong-one" },
    });
    const result = await ssh(addressOf(gateway, "ada+locked"), ["true"]);
    expect(result.stderr).toContain("refused the stored credential of account");
    expect(result.stderr + JSON.stringify(session().recorded.events)).not.toContain("wrong-one");
  });

  it("a target that is lost in the middle of a session", async () => {
    const wire = await startTcpProxy(target.port);
    gateway.targets.set("lost", { ...accessTo(target), name: "lost", port: wire.port });
    const client = await startProcess(
      "ssh",
      [...(await sshOptions(address)), `ada+lost@${address.host}`, "echo up; sleep 30"],
      { ready: /up/ },
    );
    await wire.close();
    const { code } = await client.exited;
    expect(code).toBe(255);
    expect(client.stderr()).toContain("The target ended the connection.");
    await session().whenEnded();
    expect(session().endedWith).toBe("target-closed");
    expect(session().of("channel-close")).toHaveLength(1);
  });
});

describe("host keys", () => {
  it("scans every key that a target shows", async () => {
    const keys = await scanHostKeys(target.host, target.port);
    expect(keys).toEqual([
      {
        type: "ssh-ed25519",
        fingerprint: target.hostKey.fingerprint,
        line: target.hostKey.publicLine.split(" ").slice(0, 2).join(" "),
      },
    ]);
    await expect(scanHostKeys("127.0.0.1", await freePort())).rejects.toMatchObject({
      code: "PROTOCOL_TARGET_UNREACHABLE",
    });
  });

  it("takes a pin as a line or as a fingerprint, also of the second of two keys", async () => {
    const rsa = await generateSshKey(gateway.dir, "second-host-key", "rsa");
    const two = await startSshd({ config: [`HostKey ${rsa.privatePath}`] });
    try {
      const line = (key: { publicLine: string }): string => key.publicLine.split(" ").slice(0, 2).join(" ");
      for (const pin of [line(rsa), rsa.fingerprint, two.hostKey.fingerprint, line(two.hostKey)]) {
        const { hostKey } = await checkTarget({ ...accessTo(two), hostKeys: [pin] });
        expect([hostKey.line, hostKey.fingerprint]).toContain(pin);
      }
      expect((await scanHostKeys(two.host, two.port)).map((key) => key.type).sort()).toEqual([
        "ssh-ed25519",
        "ssh-rsa",
      ]);
    } finally {
      await two.stop();
    }
  });

  it("a changed key is refused, naming both fingerprints and the way to mend it", async () => {
    const other = await generateSshKey(gateway.dir, "other-host-key");
    const logged = target.log().length;
    for (const pin of [other.publicLine.split(" ").slice(0, 2).join(" "), other.fingerprint]) {
      gateway.targets.set("changed", { ...accessTo(target), name: "changed", hostKeys: [pin] });
      const result = await ssh(addressOf(gateway, "ada+changed"), ["true"]);
      expect(result.code).toBe(255);
      expect(result.stderr).toContain(other.fingerprint);
      expect(result.stderr).toContain(target.hostKey.fingerprint);
      expect(result.stderr).toContain("conduit target scan changed");
      await session().whenEnded();
      expect(session().notices("health")).toMatchObject([{ code: "PROTOCOL_TARGET_HOST_KEY" }]);
    }
    // It never came to a log-in: nothing secret was sent.
    expect(target.log().slice(logged)).not.toMatch(/Accepted|Failed/);
  });

  it("a target without a pin, or with one that cannot be read, is refused", async () => {
    await expect(
      dialTarget({ ...accessTo(target), hostKeys: [] }, { timeoutMs: 5000, legacy: false }),
    ).rejects.toMatchObject({
      code: "PROTOCOL_TARGET_HOST_KEY",
    });
    await expect(
      dialTarget({ ...accessTo(target), hostKeys: ["ssh-ed25519 nonsense"] }, { timeoutMs: 5000, legacy: false }),
    ).rejects.toThrow(/neither a key line/);
  });
});

/** Until the other side closes. */
function whatItSays(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (data) => {
      said += data.toString();
    });
    socket.once("error", reject);
    socket.once("close", () => resolve(said));
  });
}
