// Peers that mean harm, on both sides: what they send costs a bounded amount and ends nobody else's session.
import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { algorithmsOfKeyType } from "../../../recorder/tap/ssh/algorithms.ts";
import type { ChannelEnd } from "../../../recorder/tap/ssh/channel-end.ts";
import { requestPayload } from "../../../recorder/tap/ssh/channel-end.ts";
import { Mux } from "../../../recorder/tap/ssh/mux.ts";
import { connectTarget, type TargetConnection } from "../../../recorder/tap/ssh/target-connection.ts";
import { encode, message } from "../../../recorder/tap/ssh/wire.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh } from "./clients.ts";
import { accessTo, addressOf, type MemorySession, startGateway, type TestGateway } from "./gateway.ts";

let target: SshTarget;
let gateway: TestGateway;
let session: () => MemorySession;
beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target);
  session = () => gateway.last();
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
});
beforeEach(() => {
  gateway.onSession = undefined;
});

interface Attacker {
  connection: TargetConnection;
  mux: Mux;
  gone: Promise<void>;
  isGone(): boolean;
}

/** Signed in, and free to send what it likes. */
async function attacker(): Promise<Attacker> {
  const connection = await connectTarget({
    host: gateway.host,
    port: gateway.port,
    timeoutMs: 10_000,
    legacy: false,
    serverHostKey: algorithmsOfKeyType("ssh-ed25519", false),
  }).login({
    account: "ada+plc-1",
    credential: { kind: "private-key", privateKey: gateway.personKey.privatePem },
    acceptHostKey: () => true,
  });
  let isGone = false;
  let tell = (): void => undefined;
  const gone = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const mux = new Mux(connection.transport, {
    onOffer: (offer) => offer.refuse(1, ""),
    onGlobalRequest: (_name, _payload, reply) => reply(false),
    onGone: () => {
      isGone = true;
      tell();
    },
  });
  return { connection, mux, gone, isGone: () => isGone };
}

/** The newest session waits for its escort, under a policy by which what comes for a command waits, too. */
function hold(): void {
  session().earlyInput = "deliver";
  session().holdCode = "escort-awaited";
  session().freeze();
}

function silent(channel: ChannelEnd): ChannelEnd {
  channel.handlers = {
    onData: (_stream, data) => channel.consumed(data.length),
    onEof: () => undefined,
    onClose: () => channel.close(),
    onRequest: () => undefined,
    onSent: () => undefined,
  };
  return channel;
}

async function others(): Promise<void> {
  expect((await ssh(addressOf(gateway), ["echo fine"])).stdout).toBe("fine\n");
}

describe("before the log-in", () => {
  it.each([
    ["garbage", Buffer.alloc(100_000, 0xee)],
    ["an endless first line", Buffer.alloc(1_000_000, 0x41)],
    ["a greeting instead of a version", Buffer.from("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")],
    [
      "a huge packet",
      Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(64)]),
    ],
    [
      "a connection message",
      Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), Buffer.from([0, 0, 0, 12, 4, 90]), Buffer.alloc(10)]),
    ],
  ])("%s is cut off", async (_what, bytes) => {
    const socket = connect(gateway.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(bytes);
    await closed;
    await others();
  });

  it("hundreds of half-open connections leave the way free for others, from elsewhere", async () => {
    const sockets: Socket[] = Array.from({ length: 300 }, () =>
      connect(gateway.port, "127.0.0.1").on("error", () => undefined),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const socket of sockets) socket.destroy();
    await waitFor(async () => (await ssh(addressOf(gateway), ["echo fine"])).stdout === "fine\n", { what: "a log-in" });
  });
});

describe("after the log-in", () => {
  it("thousands of channels: the first ones open, the rest are refused, the connection lives", async () => {
    const { connection, mux } = await attacker();
    const results = await Promise.allSettled(Array.from({ length: 3000 }, () => mux.open("session")));
    const open = results.filter((result) => result.status === "fulfilled").length;
    expect(open).toBe(128);
    expect(session().notices("channel-refused").length).toBe(3000 - 128);
    connection.end();
    await session().whenEnded();
    await others();
  });

  it("refusals without end are ended", async () => {
    const { mux, gone } = await attacker();
    const channel = silent(await mux.open("session"));
    for (let i = 0; i < 30_000; i++) channel.request("nonsense", Buffer.alloc(0));
    await gone;
    await session().whenEnded();
    expect(session().recorded.events.length).toBeLessThan(21_000);
  });

  it("more bytes than the window ends the connection", async () => {
    const { connection, mux, gone } = await attacker();
    hold();
    const channel = silent(await mux.open("session"));
    channel.request("exec", requestPayload("cat"));
    const piece = Buffer.alloc(32_000);
    const head = encode(message.channelData, channel.remoteId, piece.length);
    for (let i = 0; i < 80; i++) connection.transport.send(head, piece);
    await gone;
    session().unfreeze();
    await session().whenEnded();
    await others();
  });

  it("a window of single bytes that waits for the escort costs its bytes", async () => {
    const { connection, mux, isGone } = await attacker();
    hold();
    const channel = silent(await mux.open("session"));
    channel.request("exec", requestPayload("cat >/dev/null"), () => undefined);
    session().countOnly = true;
    const before = process.memoryUsage();
    const one = Buffer.from("x");
    const head = encode(message.channelData, channel.remoteId, 1);
    for (let i = 0; i < 400_000; i++) {
      connection.transport.send(head, one);
      while (!connection.transport.writable) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await waitFor(() => connection.transport.socket.writableLength === 0, {
      what: "the bytes to leave",
      timeoutMs: 60_000,
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(process.memoryUsage().heapUsed - before.heapUsed).toBeLessThan(150_000_000);
    session().unfreeze();
    await waitFor(() => session().inputBytes === 400_000, { what: "all of it, passed on", timeoutMs: 60_000 });
    expect(isGone()).toBe(false);
    connection.end();
    await session().whenEnded();
  });

  it("questions without end, whose answers are not read, are ended", async () => {
    const { connection, mux, gone } = await attacker();
    await mux.open("session");
    connection.transport.socket.pause();
    const question = encode(message.globalRequest, "keepalive@openssh.com", true);
    const ended = waitFor(() => session().endedWith !== undefined, { what: "the end", timeoutMs: 60_000 });
    let over = false;
    void ended.then(() => {
      over = true;
    });
    while (!over) {
      for (let i = 0; i < 2000 && connection.transport.writable; i++) connection.transport.send(question);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    connection.transport.socket.resume();
    await gone;
    await others();
  });

  it("a flood of requests on a channel that waits is ended", async () => {
    const { mux, gone } = await attacker();
    hold();
    const channel = silent(await mux.open("session"));
    for (let i = 0; i < 2000; i++) channel.request("env", requestPayload("LANG", String(i)));
    await gone;
    session().unfreeze();
    await session().whenEnded();
    await others();
  });

  it.each([
    [
      "a channel request cut short",
      (id: number) => encode(message.channelRequest, id, { raw: Buffer.from([0, 0, 0, 9, 1]) }),
    ],
    [
      "a pty-req of nonsense",
      (id: number) => encode(message.channelRequest, id, "pty-req", true, { raw: Buffer.from([0, 0, 1, 0]) }),
    ],
    [
      "a string longer than its message",
      (id: number) => encode(message.channelData, id, { raw: Buffer.from([0x7f, 0, 0, 0]) }),
    ],
    ["a window larger than any", (id: number) => encode(message.channelWindowAdjust, id, 0xffffffff)],
    ["a message for a channel that is not there", () => encode(message.channelData, 4711, "x")],
  ])("%s harms nobody", async (_what, build) => {
    const { connection, mux } = await attacker();
    const channel = silent(await mux.open("session"));
    connection.transport.send(build(channel.remoteId));
    await others();
    connection.end();
  });

  it("a malformed SFTP packet ends its channel, in words and with an event", async () => {
    const { connection, mux } = await attacker();
    const channel = await mux.open("session");
    let said = "";
    let closed = false;
    silent(channel);
    channel.handlers = {
      ...(channel.handlers as NonNullable<typeof channel.handlers>),
      onData: (stream, data) => {
        if (stream === "stderr") said += data.toString();
        channel.consumed(data.length);
      },
      onClose: () => {
        closed = true;
        channel.close();
      },
    };
    channel.request("subsystem", requestPayload("sftp"), () => undefined);
    channel.write("stdout", Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3, 0x7f, 0xff, 0xff, 0xff, 6]));
    await waitFor(() => closed, { what: "the channel to be closed" });
    expect(said).toContain("File transfer was ended: a packet of 2147483647 bytes");
    expect(session().notices("health")).toMatchObject([{ what: "channel", code: "PROTOCOL_MALFORMED" }]);
    // The connection is not at fault.
    const second = silent(await mux.open("session"));
    const ok = await new Promise((resolve) => second.request("exec", requestPayload("true"), resolve));
    expect(ok).toBe(true);
    connection.end();
    await session().whenEnded();
  });

  it("a terminal of four billion columns is cut to one that can be drawn", async () => {
    const { connection, mux } = await attacker();
    const channel = silent(await mux.open("session"));
    const pty = Buffer.concat([requestPayload("xterm", 0xffffffff, 0xffffffff, 0, 0), requestPayload("")]);
    await new Promise((resolve) => channel.request("pty-req", pty, resolve));
    let out = "";
    channel.handlers = {
      ...(channel.handlers as NonNullable<typeof channel.handlers>),
      onData: (_s, data) => {
        out += data.toString();
      },
    };
    await new Promise((resolve) => channel.request("exec", requestPayload("stty size"), resolve));
    await waitFor(() => out.includes("\n"), { what: "the size" });
    expect(out.trim()).toBe("1000 2000");
    expect(session().of("channel-open")).toMatchObject([{ pty: { cols: 2000, rows: 1000 } }]);
    connection.end();
  });
});

describe("a target that means harm", () => {
  it.each([
    ["says nothing", () => undefined],
    [
      "talks without end",
      (socket: Socket) => void setInterval(() => socket.write(Buffer.alloc(8192, 0x41)), 5).unref(),
    ],
    ["hangs up", (socket: Socket) => void socket.destroy()],
    [
      "sends a huge packet",
      (socket: Socket) =>
        void socket.write(
          Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(64)]),
        ),
    ],
  ])("%s: the person is told", async (_what, behave) => {
    const quick = await startGateway(target, { tap: { limits: { dialTimeoutMs: 1500 } } });
    const trap = createServer((socket) => {
      socket.on("error", () => undefined);
      behave(socket);
    });
    await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
    try {
      quick.targets.set("trap", { ...accessTo(target), port: (trap.address() as { port: number }).port });
      const result = await ssh(addressOf(quick, "ada+trap"), ["true"]);
      expect(result.code).toBe(255);
      expect(result.stderr).toContain("The target does not answer at");
    } finally {
      await quick.stop();
      trap.close();
    }
  });
});
