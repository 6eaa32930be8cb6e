// The demo HMI against its own client and against bytes written by hand.
import { connect, type Socket } from "node:net";
import { constants, inflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ScreenClient } from "../../../../recorder/cli/demo/hmi/client.ts";
import { type Hmi, startHmi } from "../../../../recorder/cli/demo/hmi/hmi.ts";
import { inside } from "../../../../recorder/cli/demo/hmi/paint.ts";
import { controls } from "../../../../recorder/cli/demo/hmi/panels.ts";
import { hmiSteps, playHmi } from "../../../../recorder/cli/demo/hmi/script.ts";
import { answerChallenge } from "../../../../recorder/cli/demo/hmi/vnc-auth.ts";
import { waitFor } from "../../../support/wait-for.ts";

let hmi: Hmi;
let nowMs: number;
const sockets: Socket[] = [];

beforeEach(async () => {
  nowMs = Date.parse("2026-11-23T10:00:00Z");
  hmi = await startHmi({ port: 0, now: () => nowMs, frameMs: 0 });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await hmi.close();
});

function open(): Socket {
  const socket = connect(hmi.port, hmi.host);
  socket.on("error", () => {});
  sockets.push(socket);
  return socket;
}

const log = (password = hmi.password) => ScreenClient.connect(open(), { password });

/** Paints until the client shows what the server shows. */
async function same(client: ScreenClient): Promise<void> {
  await waitFor(() => client.updates > 0 && Buffer.from(client.pixels.buffer).equals(bytesOf(hmi.pixels.data)), {
    what: "the viewer's picture",
  });
}

function bytesOf(data: Uint32Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function pass(ms: number): void {
  nowMs += ms;
  hmi.paint();
}

test("VncAuth is single DES under the bit-reversed password", () => {
  // The known answer of DES for a key and a block of zeros.
  expect(answerChallenge("", Buffer.alloc(8)).toString("hex")).toBe("8ca64de9c1b123a7");
  expect(answerChallenge("password-and-more", Buffer.alloc(16, 1))).toEqual(
    answerChallenge("password", Buffer.alloc(16, 1)),
  );
});

test("a viewer sees exactly the server's picture, at first and as it moves", async () => {
  const client = await log();
  expect([client.width, client.height]).toEqual([1280, 800]);
  await same(client);
  for (let i = 0; i < 12; i++) {
    pass(700);
    await same(client);
  }
});

test("several viewers each follow at their own pace", async () => {
  const first = await log();
  await same(first);
  pass(3000);
  const second = await log();
  await same(second);
  pass(2000);
  await same(first);
  await same(second);
  expect(hmi.viewers).toBe(2);
  first.close();
  await waitFor(() => hmi.viewers === 1, { what: "one viewer left" });
});

test("the wrong password is refused with its reason", async () => {
  await expect(log("wrong")).rejects.toThrow("refused: wrong password");
});

test("clicks stop and start a pump, which raises an alarm that can be acknowledged", async () => {
  const client = await log();
  const centre = (find: (action: string) => boolean): [number, number] => {
    const box = controls(hmi.process).find(({ action }) => find(JSON.stringify(action)))?.box;
    if (box === undefined) throw new Error("no such control");
    return [box.x + Math.floor(box.width / 2), box.y + Math.floor(box.height / 2)];
  };
  const pump = () => hmi.process.pumps[1]?.running;
  await client.click(...centre((action) => action === '{"do":"pump","name":"P-102","run":false}'));
  await waitFor(() => pump() === false, { what: "the pump to stop" });
  pass(100);
  await waitFor(() => client.name.includes("2 open"), { what: "the name with the alarm" });
  await client.click(...centre((action) => action.includes("acknowledge-all")));
  await waitFor(() => hmi.process.openAlarms === 0, { what: "the alarms' acknowledgement" });
  await client.click(...centre((action) => action === '{"do":"pump","name":"P-102","run":true}'));
  await waitFor(() => pump() === true, { what: "the pump to start" });
});

test("a set point is typed into its field, and one out of range is refused", async () => {
  const client = await log();
  const [x, y] = [1212, 120];
  await client.type("9");
  await client.click(x, y);
  await client.type("15\b46\r");
  await waitFor(() => hmi.process.tag("TIC-101").setpoint === 146, { what: "the set point" });
  await client.click(x, y);
  await client.type("999\r");
  await client.click(x, y);
  await client.type("12\x1b");
  pass(100);
  await same(client);
  expect(hmi.process.tag("TIC-101").setpoint).toBe(146);
});

test("a button let go elsewhere does nothing", async () => {
  const client = await log();
  const stop = controls(hmi.process).find(({ action }) => action.do === "pump" && !action.run)?.box;
  client.pointer((stop?.x ?? 0) + 5, (stop?.y ?? 0) + 5, 1);
  client.pointer(5, 5, 0);
  await client.type("1");
  pass(100);
  await same(client);
  expect(hmi.process.pumps.every(({ running }) => running)).toBe(true);
});

test("the scripted session's clicks are on controls", () => {
  const places = hmiSteps.flatMap((step) => ("click" in step ? [step.click] : []));
  const hit = places.map(([x, y]) => controls(hmi.process).find(({ box }) => inside(box, x, y))?.action.do);
  expect(hit).toEqual(["edit", "pump", "pump", "edit", "acknowledge", "acknowledge-all"]);
});

test("the scripted session ends quietly when it is aborted", async () => {
  const abort = new AbortController();
  const played = playHmi({
    open: async () => open(),
    password: hmi.password,
    signal: abort.signal,
    connected: async () => {
      abort.abort();
      return "seen";
    },
  });
  expect(await played).toBe("seen");
});

describe("bytes by hand", () => {
  class Wire {
    readonly socket = open();
    #bytes = Buffer.alloc(0);
    closed = false;

    constructor() {
      this.socket.on("data", (data: Buffer) => {
        this.#bytes = Buffer.concat([this.#bytes, data]);
      });
      this.socket.on("close", () => {
        this.closed = true;
      });
    }

    async take(bytes: number): Promise<Buffer> {
      await waitFor(() => this.#bytes.length >= bytes || this.closed, { what: `${bytes} bytes` });
      const taken = this.#bytes.subarray(0, bytes);
      this.#bytes = this.#bytes.subarray(bytes);
      return taken;
    }

    async enter(version: string): Promise<void> {
      expect((await this.take(12)).toString()).toBe("RFB 003.008\n");
      this.socket.write(version);
      if (version.includes("003.003")) expect(await this.take(4)).toEqual(Buffer.from([0, 0, 0, 2]));
      else {
        expect(await this.take(2)).toEqual(Buffer.from([1, 2]));
        this.socket.write(Buffer.from([2]));
      }
      this.socket.write(answerChallenge(hmi.password, await this.take(16)));
      expect(await this.take(4)).toEqual(Buffer.alloc(4));
      this.socket.write(Buffer.from([1]));
      const init = await this.take(24);
      await this.take(init.readUInt32BE(20));
    }

    encodings(...list: number[]): void {
      const bytes = Buffer.alloc(4 + list.length * 4);
      bytes[0] = 2;
      bytes.writeUInt16BE(list.length, 2);
      for (const [i, encoding] of list.entries()) bytes.writeInt32BE(encoding, 4 + i * 4);
      this.socket.write(bytes);
    }

    async rects(count = 1): Promise<{ box: number[]; encoding: number }> {
      const head = await this.take(4);
      expect(head.readUInt16BE(2)).toBe(count);
      return this.rect();
    }

    async rect(): Promise<{ box: number[]; encoding: number }> {
      const head = await this.take(12);
      return { box: [0, 2, 4, 6].map((at) => head.readUInt16BE(at)), encoding: head.readInt32BE(8) };
    }
  }

  const ask = (x: number, y: number, width: number, height: number) => {
    const bytes = Buffer.alloc(10);
    bytes[0] = 3;
    for (const [i, value] of [x, y, width, height].entries()) bytes.writeUInt16BE(value, 2 + i * 2);
    return bytes;
  };

  test.each(["RFB 003.003\n", "RFB 003.007\n", "RFB 003.008\n"])("%j is spoken", async (version) => {
    const wire = new Wire();
    await wire.enter(version);
    wire.socket.write(ask(0, 0, 20, 20));
    expect(await wire.rects()).toEqual({ box: [0, 0, 32, 32], encoding: 0 });
    const body = await wire.take(32 * 32 * 4);
    const pixel = hmi.pixels.data[0] ?? 0;
    expect([body[2], body[1], body[0]]).toEqual([pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255]);
  });

  test("16 bits of true colour, big-endian, are honoured", async () => {
    const wire = new Wire();
    await wire.enter("RFB 003.008\n");
    wire.socket.write(Buffer.from([0, 0, 0, 0, 16, 16, 1, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0]));
    wire.socket.write(ask(0, 0, 1280, 800));
    expect((await wire.rects()).box).toEqual([0, 0, 1280, 800]);
    const body = await wire.take(1280 * 800 * 2);
    const at = 30 * 1280 + 830;
    const pixel = hmi.pixels.data[at] ?? 0;
    const scaled = [pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255].map((level, i) =>
      Math.round((level * (i === 1 ? 63 : 31)) / 255),
    ) as [number, number, number];
    expect(body.readUInt16BE(at * 2)).toBe((scaled[0] << 11) | (scaled[1] << 5) | scaled[2]);
  });

  test("Hextile and ZRLE hold the same pixels", async () => {
    for (const encoding of [5, 16]) {
      const wire = new Wire();
      await wire.enter("RFB 003.008\n");
      wire.encodings(encoding, 0);
      wire.socket.write(ask(896, 0, 64, 64));
      const head = await wire.rects();
      expect(head).toEqual({ box: [896, 0, 64, 64], encoding });
      const got = encoding === 5 ? await readHextile(wire) : await readZrle(wire);
      const want: number[] = [];
      for (let y = 0; y < 64; y++) for (let x = 896; x < 960; x++) want.push(hmi.pixels.data[y * 1280 + x] ?? 0);
      expect(got.map(swap)).toEqual(want);
    }
  });

  test("the pointer's shape comes once to who asks for it", async () => {
    const wire = new Wire();
    await wire.enter("RFB 003.008\n");
    wire.encodings(0, -239);
    wire.socket.write(ask(0, 0, 8, 8));
    const { box, encoding } = await wire.rects(2);
    expect([box, encoding]).toEqual([[0, 0, 12, 17], -239]);
    await wire.take(12 * 17 * 4 + 2 * 17);
    expect((await wire.rect()).encoding).toBe(0);
    await wire.take(32 * 32 * 4);
    wire.socket.write(ask(0, 0, 8, 8));
    expect((await wire.rects()).encoding).toBe(0);
  });

  test("a scrolled chart comes as CopyRect to who asks for it", async () => {
    const wire = new Wire();
    await wire.enter("RFB 003.008\n");
    wire.encodings(1, 0);
    wire.socket.write(ask(0, 0, 1280, 800));
    await wire.rects();
    await wire.take(1280 * 800 * 4);
    wire.socket.write(Buffer.concat([Buffer.from([3, 1]), ask(0, 0, 1280, 800).subarray(2)]));
    await waitFor(() => wire.socket.bytesWritten > 50, { what: "the request" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    pass(1000);
    await wire.take(4);
    expect(await wire.rect()).toEqual({ box: [62, 578, 758, 180], encoding: 1 });
    expect(await wire.take(4)).toEqual(Buffer.from([0, 64, 578 >> 8, 578 & 255]));
  });

  test.each([
    ["no version", Buffer.from("GET / HTTP/1.1\r\n")],
    ["another security type", Buffer.from("RFB 003.008\n\x01")],
  ])("%s ends the connection", async (_name, bytes) => {
    const wire = new Wire();
    wire.socket.write(bytes);
    await waitFor(() => wire.closed, { what: "the end" });
  });

  test.each([
    ["an unknown message", Buffer.from([99])],
    ["a clipboard of 4 GiB", Buffer.from([6, 0, 0, 0, 255, 255, 255, 255])],
    ["a colour map", Buffer.from([0, 0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ["60000 encodings", Buffer.from([2, 0, 0xea, 0x60])],
  ])("%s ends the connection", async (_name, bytes) => {
    const wire = new Wire();
    await wire.enter("RFB 003.008\n");
    wire.socket.write(bytes);
    await waitFor(() => wire.closed, { what: "the end" });
    expect(hmi.viewers).toBe(0);
  });

  async function readHextile(wire: Wire): Promise<number[]> {
    const out = Array<number>(64 * 64).fill(0);
    for (let ty = 0; ty < 64; ty += 16) {
      for (let tx = 0; tx < 64; tx += 16) {
        const [flags] = await wire.take(1);
        const body = await wire.take(flags === 1 ? 1024 : 4);
        for (let i = 0; i < 256; i++)
          out[(ty + (i >> 4)) * 64 + tx + (i & 15)] = body.readUInt32LE(flags === 1 ? i * 4 : 0);
      }
    }
    return out;
  }

  async function readZrle(wire: Wire): Promise<number[]> {
    const packed = await wire.take((await wire.take(4)).readUInt32BE(0));
    const data = inflateSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
    const colours = data.readUInt8(0);
    const colour = (i: number) => data.readUIntLE(1 + i * 3, 3);
    if (colours === 0) return Array.from({ length: 4096 }, (_, i) => colour(i));
    if (colours === 1) return Array<number>(4096).fill(colour(0));
    const bits = colours > 4 ? 4 : colours > 2 ? 2 : 1;
    return Array.from({ length: 4096 }, (_, i) => {
      const byte = data.readUInt8(1 + colours * 3 + ((i * bits) >> 3));
      return colour((byte >> (8 - bits - ((i * bits) % 8))) & ((1 << bits) - 1));
    });
  }

  function swap(value: number): number {
    return ((0xff << 24) | ((value & 255) << 16) | (value & 0xff00) | ((value >>> 16) & 255)) >>> 0;
  }
});
