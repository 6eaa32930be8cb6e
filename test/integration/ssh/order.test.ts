// The order of things: durable before forward, back-pressure, freeze, end by the service, failure of the recording.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors.ts";
import { runProcess, startProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type GatewayAddress, sftp, ssh, sshOptions } from "./clients.ts";
import { addressOf, type MemorySession, startGateway, type TestGateway } from "./gateway.ts";

let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let session: () => MemorySession;
let earlier: number;
let remote: string;
beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target);
  address = addressOf(gateway);
  session = () => {
    // Of this test: its client may not have come so far, and what is asked of an earlier one's session says nothing.
    if (gateway.sessions.length === earlier) throw new Error("no session was opened");
    return gateway.last();
  };
  remote = join(target.home, `order-${process.pid}-${Date.now()}`);
  await mkdir(remote);
  await runProcess("chown", [target.user, remote]);
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
  if (remote) await rm(remote, { recursive: true, force: true });
});
beforeEach(() => {
  gateway.onSession = undefined;
  earlier = gateway.sessions.length;
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function startSsh(command: string[], args: string[] = [], ready?: RegExp) {
  return startProcess(
    "ssh",
    [...args, ...(await sshOptions(address)), `${address.login}@${address.host}`, ...command],
    {
      ...(ready === undefined ? {} : { ready }),
    },
  );
}

describe("durable before forward", () => {
  it("no program starts before its channel-open is durable", async () => {
    const marker = join(remote, "started");
    gateway.onSession = (opened) => {
      const append = opened.sink.append.bind(opened.sink);
      opened.sink.append = (event) => {
        opened.stuck ||= event.type === "channel-open";
        return append(event);
      };
    };
    const client = await startSsh([`touch ${marker}`]);
    await waitFor(() => session().of("channel-open").length === 1, { what: "the channel's record" });
    await pause(700);
    await expect(readFile(marker)).rejects.toThrow();
    session().stuck = false;
    expect((await client.exited).code).toBe(0);
    await readFile(marker);
  });

  it("no keystroke passes before it is durable, and all pass in order", async () => {
    const client = await startSsh(["cat"]);
    await waitFor(() => session().of("channel-open").length === 1, { what: "the channel" });
    // Not for a time: what is durable when a busy machine comes to look passes in good order.
    session().stuck = true;
    client.write("first\n");
    await waitFor(() => session().input().includes("first"), { what: "the record" });
    client.write("second\n");
    await waitFor(() => session().input().includes("second"), { what: "the second record" });
    await pause(400);
    expect(client.stdout()).toBe("");
    session().stuck = false;
    await waitFor(() => client.stdout() === "first\nsecond\n", { what: "the echo, in order" });
    client.child.stdin?.end();
    expect((await client.exited).code).toBe(0);
  });

  it("SFTP changes nothing and writes nothing before its record is durable", async () => {
    const body = join(gateway.dir, "body");
    await writeFile(body, "setpoint = 7");
    gateway.onSession = (opened) => {
      opened.durableMs = 400;
      const durable = opened.sink.durable.bind(opened.sink);
      opened.sink.durable = async () => {
        const open = opened.files().some((event) => event.op === "open");
        // While the record of the open is on its way, there must be no file.
        if (open && opened.files().length === 1) await expect(readFile(join(remote, "by-sftp"))).rejects.toThrow();
        await durable();
      };
    };
    const result = await sftp(address, [`put ${body} ${remote}/by-sftp`]);
    expect(result.code, result.stderr).toBe(0);
    await session().whenEnded();
    const kinds = session()
      .files()
      .map((event) => `${event.op}${event.partial ? "*" : ""}${event.status === undefined ? "" : `=${event.status}`}`);
    expect(kinds.indexOf("open")).toBeLessThan(kinds.indexOf("open=ok"));
    expect(kinds.indexOf("open=ok")).toBeLessThan(kinds.indexOf("write*"));
    expect(kinds.indexOf("write*")).toBeLessThan(kinds.indexOf("close"));
    expect(kinds.indexOf("close")).toBeLessThan(kinds.indexOf("close=ok"));
  });

  it("output goes on while an input waits for its record", async () => {
    const client = await startSsh(["i=0; while [ $i -lt 200 ]; do echo line-$i; i=$((i+1)); sleep 0.02; done"]);
    await waitFor(() => client.stdout().includes("line-3"), { what: "output" });
    session().durableMs = 1500;
    client.write("typed\n");
    await waitFor(() => session().input().includes("typed"), { what: "the record" });
    const seen = client.stdout().length;
    await pause(500);
    expect(client.stdout().length).toBeGreaterThan(seen);
    await client.stop();
  });
});

describe("a recorder that is behind", () => {
  it("stops the flow in both directions, keeps memory bounded, and resumes where it stopped", async () => {
    const client = await startSsh(["cat /dev/zero | head -c 60000000"]);
    await waitFor(() => session().outputBytes > 1_000_000, { what: "the flood" });
    session().behind = true;
    await pause(400);
    const held = session().outputBytes;
    await pause(400);
    expect(session().outputBytes).toBe(held);
    session().behind = false;
    expect((await client.exited).code).toBe(0);
    expect(client.stdout().length).toBe(60_000_000);
    expect(session().outputBytes).toBe(60_000_000);
  });

  it("gives every byte of what waits, while other connections read on", async () => {
    const file = join(remote, "bulk");
    await writeFile(file, randomBytes(12_000_000).toString("hex"));
    const whole = await readFile(file, "latin1");
    const sessions: MemorySession[] = [];
    gateway.onSession = (opened) => sessions.push(opened);
    let waves = 0;
    const timer = setInterval(() => {
      for (const [i, opened] of sessions.entries()) opened.behind = (waves + i) % 2 === 0;
      waves++;
    }, 3);
    try {
      const clients = await Promise.all([1, 2, 3].map(() => startSsh([`cat ${file}`])));
      for (const client of clients) {
        expect((await client.exited).code).toBe(0);
        expect(client.stdout() === whole).toBe(true);
      }
    } finally {
      clearInterval(timer);
      for (const opened of sessions) opened.behind = false;
    }
    expect(sessions.map((opened) => opened.output().toString("latin1") === whole)).toEqual([true, true, true]);
    expect(waves).toBeGreaterThan(10);
  });
});

describe("the end", () => {
  it("tells the person why, on a terminal too, and closes both sides", async () => {
    const client = await startSsh(["echo up; sleep 60"], ["-tt"], /up/);
    session().terminate({ code: "limit-idle", sentence: "Nothing was typed for 15 minutes." });
    expect((await client.exited).code).toBe(255);
    expect(client.output()).toContain("conduit: Nothing was typed for 15 minutes.");
    await session().whenEnded();
    expect(session().endedWith).toBe("limit-idle");
    expect(session().of("channel-close")).toHaveLength(1);
    await waitFor(async () => (await runProcess("pgrep", ["-u", target.user, "-f", "echo up; sleep 60"])).code !== 0, {
      what: "the program on the target to be gone",
    });
  });

  it("tells a connection that has no channel", async () => {
    const client = await startSsh([], ["-N", "-o", "LogLevel=INFO"]);
    const before = gateway.sessions.length;
    await waitFor(() => session().endedWith === undefined && session().notices("auth").length === 2, {
      what: "the session",
    });
    expect(gateway.sessions.length).toBeGreaterThanOrEqual(before);
    session().terminate({ code: "shutdown", sentence: "The gateway is being restarted." });
    await client.exited;
    expect(client.stderr()).toContain("The gateway is being restarted.");
  });
});

describe("a recording that fails", () => {
  it("ends the session, and nothing passes any more", async () => {
    const client = await startSsh(["cat"]);
    await waitFor(() => session().of("channel-open").length === 1, { what: "the channel" });
    client.write("before\n");
    await waitFor(() => client.stdout() === "before\n", { what: "the echo" });
    session().failure = new AppError("RECORD_FAILED", "The session cannot be recorded any more.", { op: "test" });
    client.write("after\n");
    expect((await client.exited).code).toBe(255);
    expect(client.stdout()).toBe("before\n");
    expect(client.stderr()).toContain("cannot be recorded any more");
    await session().whenEnded();
    expect(session().endedWith).toBe("record-failed");
  });

  it("no program starts when its channel cannot be recorded", async () => {
    const marker = join(remote, "unrecorded");
    gateway.onSession = (opened) => {
      const append = opened.sink.append.bind(opened.sink);
      opened.sink.append = (event) => {
        if (event.type === "channel-open")
          opened.failure = new AppError("RECORD_FAILED", "The spool is gone.", { op: "test" });
        return append(event);
      };
    };
    const result = await ssh(address, [`touch ${marker}`]);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain("The spool is gone.");
    await expect(readFile(marker)).rejects.toThrow();
  });
});
