// Peers that mean harm, on either side, once the session is open: each costs its own session and bounded memory.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fenceMessage } from "../../../recorder/tap/vnc/format-pin.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { type MemorySession, personName, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { rawUpdate, type ScriptedTarget, startScriptedTarget } from "./scripted-target.ts";
import { connectViewer, type ScriptedViewer } from "./scripted-viewer.ts";

let target: ScriptedTarget;
let neighbour: ScriptedTarget;
let gateway: VncTestGateway;

beforeEach(async () => {
  target = await startScriptedTarget();
  neighbour = await startScriptedTarget();
  gateway = await startVncGateway(vncAccess(target));
  gateway.targets.set("hmi-2", vncAccess(neighbour, {}, { name: "hmi-2" }));
});
afterEach(async () => {
  await gateway.stop();
  await target.stop();
  await neighbour.stop();
});

async function open(name = "hmi-1"): Promise<{ viewer: ScriptedViewer; session: MemorySession }> {
  const { ticket } = gateway.tickets.issue({ person: personName, target: name }, "viewer");
  const viewer = await connectViewer(gateway, { ticket });
  const session = gateway.last();
  await waitFor(() => session.of("channel-open").length === 1, { what: "the channel" });
  return { viewer, session };
}

/** The neighbour's session still works. */
async function expectUnharmed({ viewer, session }: { viewer: ScriptedViewer; session: MemorySession }): Promise<void> {
  const before = neighbour.messages.length;
  viewer.send(viewer.key(0x61, true));
  await waitFor(() => neighbour.messages.length > before, { what: "the neighbour's key" });
  expect([viewer.closed, session.endedWith]).toEqual([false, undefined]);
  viewer.close();
}

const bytes = (...list: number[]): Buffer => Buffer.from(list);
const rectangle = (x: number, y: number, width: number, height: number, encoding: number): Buffer => {
  const message = Buffer.alloc(16);
  for (const [at, value] of [1, x, y, width, height].entries()) message.writeUInt16BE(value, 2 + 2 * at);
  message.writeInt32BE(encoding, 12);
  return message;
};

describe("a target that sends", () => {
  it.each([
    ["a message of unknown type", bytes(99, 0, 0, 0), "protocol-unknown-message", /unknown type 99/],
    ["a rectangle of unknown encoding", rectangle(0, 0, 8, 8, 4711), "protocol-unknown-encoding", /4711/],
    ["a rectangle outside of the screen", rectangle(60, 40, 8, 9, 0), "protocol-malformed", /outside/],
    ["a clipboard of 2 GiB", bytes(3, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff), "protocol-limit", /2147483647/],
    ["a screen of 65535 × 65535", rectangle(0, 0, 65_535, 65_535, -223), "protocol-limit", /screen/],
    [
      "a ZRLE rectangle of 4 GiB",
      Buffer.concat([rectangle(0, 0, 8, 8, 16), bytes(255, 255, 255, 255)]),
      "protocol-limit",
      /4294967295/,
    ],
  ])("%s ends its own session, with a clear event", async (_name, message, reason, sentence) => {
    const other = await open("hmi-2");
    const { viewer, session } = await open();
    target.send(rawUpdate(0, 0, 4, 4), message);
    await viewer.whenClosed();
    expect(session.endedWith).toBe(reason);
    expect(session.notices("decode-error")).toMatchObject([
      { what: "protocol", sentence: expect.stringMatching(sentence) },
    ]);
    // What was sent is in the record, also what nobody could read.
    expect(session.output().subarray(80).equals(message)).toBe(true);
    await waitFor(() => target.connections === 0, { what: "the target's connection to end" });
    await expectUnharmed(other);
    expect(gateway.errors).toEqual([]);
  });

  it("fences without end and reads no answer is cut off", async () => {
    const { session } = await open();
    target.socket?.pause();
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => fenceMessage(0x8000_0000, Buffer.alloc(64))));
    const feed = setInterval(() => target.send(flood), 5);
    try {
      await waitFor(() => session.endedWith, { what: "the end", timeoutMs: 20_000 });
    } finally {
      clearInterval(feed);
    }
    expect(session.endedWith).toBe("protocol-limit");
  });
});

describe("a viewer that sends", () => {
  it.each([
    ["a message of unknown type", bytes(77), "protocol-unknown-message"],
    ["65535 encodings", bytes(2, 0, 255, 255), "protocol-limit"],
    ["a clipboard of 2 GiB", bytes(6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff), "protocol-limit"],
    ["a pixel format with seven bits", Buffer.concat([bytes(0, 0, 0, 0, 7), Buffer.alloc(15)]), "protocol-malformed"],
    ["a fence of 255 bytes", bytes(248, 0, 0, 0, 0, 0, 0, 0, 255), "protocol-malformed"],
  ])("%s ends its own session, and what came before has passed", async (_name, message, reason) => {
    const other = await open("hmi-2");
    const { viewer, session } = await open();
    viewer.send(viewer.key(0x61, true));
    await waitFor(() => target.messages.length === 1, { what: "the key" });
    viewer.send(message);
    await viewer.whenClosed();
    expect(session.endedWith).toBe(reason);
    expect(session.notices("decode-error")).toHaveLength(1);
    await expectUnharmed(other);
    expect(gateway.errors).toEqual([]);
  });

  it("wishes without end, each to be noted, is ended with a reason, and harms nobody", async () => {
    const other = await open("hmi-2");
    const { viewer, session } = await open();
    const wishes = Array.from({ length: 20_300 }, (_, i) => {
      const message = Buffer.from([2, 0, 0, 1, 0, 0, 0, 0]);
      message.writeInt32BE(100_000 + i, 4);
      return message;
    });
    viewer.send(Buffer.concat(wishes));
    await viewer.whenClosed();
    expect(session.endedWith).toBe("protocol-limit");
    expect(session.notices("decode-error")).toHaveLength(1);
    await expectUnharmed(other);
  });

  it("formats upon formats is cut off", async () => {
    const { viewer, session } = await open();
    const format = Buffer.concat([bytes(0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0), Buffer.alloc(3)]);
    viewer.send(viewer.updateRequest(true), ...Array.from({ length: 600 }, () => format));
    await viewer.whenClosed();
    expect(session.endedWith).toBe("protocol-limit");
  });

  it("a flood of input while the disk is slow is read no faster than it can be recorded", async () => {
    const { viewer, session } = await open();
    session.durableMs = 200;
    const keys = Buffer.concat(Array.from({ length: 8000 }, () => viewer.key(0x61, true)));
    for (let n = 0; n < 100; n++) viewer.send(keys);
    await waitFor(() => session.inputBytes > 0, { what: "the first of it" });
    await sleep(500);
    expect(session.inputBytes).toBeLessThan(4 * 1024 * 1024);
    viewer.close();
    await session.whenEnded();
  });

  it("nothing, and reads nothing, holds its target back", async () => {
    const { viewer, session } = await open();
    viewer.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 200 }, () => rawUpdate(0, 0, 64, 48)));
    let sent = 0;
    const feed = setInterval(() => {
      if (sent > 64 * 1024 * 1024) return;
      sent += flood.length;
      target.send(flood);
    }, 2);
    await waitFor(() => sent > 48 * 1024 * 1024, { what: "the flood" });
    await sleep(300);
    clearInterval(feed);
    expect(session.outputBytes).toBeLessThan(16 * 1024 * 1024);
    viewer.close();
    await session.whenEnded();
  });
});
