// Streams that nobody meant: captured ones damaged in any way, and rectangles of any content. Decoder and framer end in
// pixels or in one clean error, agree on where messages end, keep little, and never depend on how bytes were split.
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { ClientMessage } from "../../../recorder/rfb/client-messages.ts";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { type WritableMessage, writeClientMessage } from "../../../recorder/rfb/client-writer.ts";
import { loadJpegDecoder } from "../../../recorder/rfb/decoders/jpeg.ts";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { Framebuffer } from "../../../recorder/rfb/framebuffer.ts";
import type { PixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { AppError } from "../../../shared/errors.ts";
import { type Capture, captureNames, openCapture } from "../../golden/rfb/capture.ts";
import { md5, ScreenProbe } from "../../golden/rfb/screen-probe.ts";
import {
  bgr233,
  bgrx,
  bytes,
  compact,
  indexed,
  rect,
  rgb565,
  rgbx,
  u16,
  u32,
  update,
} from "../../unit/rfb/rfb-writer.ts";
import { rectPlan, soundRect, soundScreen } from "./sound-rects.ts";

const limits = { maxSide: 4096, maxPixels: 4_000_000 };
/** The longest that is kept whole is a JPEG of 4 MiB; the queue may hold twice that. */
const maxQueueBytes = 9 * 1024 * 1024;
/** A stream that goes on unharmed is not followed to its end. */
const maxFedBytes = 200_000;

beforeAll(loadJpegDecoder);

interface Damage {
  kind: "set" | "insert" | "splice" | "delete" | "end";
  /** As parts of the stream's length; `from` is where a splice takes its bytes. */
  where: number;
  from: number;
  data: Uint8Array;
  length: number;
}

const where = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }).map((value) => value * value);
const hostileBytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  fc.constantFrom(u32(0xffffffff), u32(0x7fffffff), u32(0x80000000), u16(0), u16(0xffff), u32(0)),
);
const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("set", "insert", "splice", "delete", "end"),
  where,
  from: where,
  data: hostileBytes,
  length: fc.integer({ min: 1, max: 500 }),
});
const pieceBytes = fc.constantFrom(1, 3, 17, 999, 70_000);

function damaged(whole: Buffer, damages: Damage[]): Buffer {
  let data = whole.subarray(0, maxFedBytes);
  for (const one of damages) {
    const at = Math.floor(one.where * data.length);
    if (one.kind === "end") data = data.subarray(0, at);
    else if (one.kind === "delete") data = Buffer.concat([data.subarray(0, at), data.subarray(at + one.length)]);
    else if (one.kind === "insert") data = Buffer.concat([data.subarray(0, at), one.data, data.subarray(at)]);
    else if (one.kind === "set") {
      data = Buffer.from(data);
      data.set(one.data.subarray(0, data.length - at), at);
    } else {
      const from = Math.floor(one.from * whole.length);
      data = Buffer.concat([data.subarray(0, at), whole.subarray(from, from + one.length), data.subarray(at)]);
    }
  }
  return data;
}

/** Runs until the end or the first error, which must be a clean one. */
function attempt(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    const { code, details } = error as AppError;
    expect(code).toMatch(/^PROTOCOL_/);
    expect(details["offset"]).toBeTypeOf("number");
    return code;
  }
}

interface Outcome {
  probe: ScreenProbe;
  decoded: string | undefined;
  framed: string | undefined;
  framer: ServerFramer;
}

function run(init: Capture["init"], data: Buffer, piece: number): Outcome {
  const probe = ScreenProbe.open(init, limits);
  const framer = new ServerFramer(init.format, init, {}, limits);
  const feed = (push: (part: Buffer) => void): string | undefined =>
    attempt(() => {
      for (let at = 0; at < data.length; at += piece) push(data.subarray(at, at + piece));
    });
  const decoded = feed((part) => {
    probe.decoder.push(part);
    expect(probe.decoder.queue.bytes.length).toBeLessThanOrEqual(maxQueueBytes);
  });
  const framed = feed((part) => {
    let given = 0;
    for (const one of framer.push(part)) given += one.kind === "pass" ? one.bytes.length : 0;
    expect(given).toBeLessThanOrEqual(part.length);
  });
  return { probe, decoded, framed, framer };
}

function agree({ probe, decoded, framed, framer }: Outcome): void {
  // What the framer refuses the decoder refuses; the decoder sees more.
  if (framed !== undefined) expect(decoded).toBeDefined();
  if (decoded !== undefined) return;
  expect(framer.atBoundary).toBe(probe.decoder.atBoundary);
  expect([framer.width, framer.height]).toEqual([probe.decoder.framebuffer.width, probe.decoder.framebuffer.height]);
  expect(md5(probe.shown)).toBe(probe.md5());
}

describe.each(captureNames)("damaged: %s", (name) => {
  const capture = openCapture(name);
  const server = Buffer.concat(capture.server.map((step) => step.data));
  // The scripted tour changes its format at each step; from its start only what has the first one can be read.
  const init = { ...capture.init, format: capture.server[0]!.format };

  it("the target's bytes", () => {
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), pieceBytes, (damages, piece) => {
        agree(run(init, damaged(server, damages), piece));
      }),
      { numRuns: 120 },
    );
  });

  it("the viewer's bytes, written anew, are the same messages", () => {
    fc.assert(
      fc.property(fc.array(damage, { maxLength: 3 }), (damages) => {
        const given: ClientMessage[] = [];
        const data = damaged(capture.client, damages);
        attempt(() => {
          const parser = new ClientParser();
          for (const byte of data) given.push(...parser.push(Uint8Array.of(byte)));
        });
        for (const message of given) {
          if (!isPlainlyWritable(message)) continue;
          const written = writeClientMessage(message);
          const [again, ...more] = new ClientParser().push(written);
          expect(more).toEqual([]);
          expect(written).toHaveLength(message.raw.length);
          expect(fieldsOf(again)).toEqual(fieldsOf(message));
          expect(again?.raw).toEqual(written);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("the viewer's bytes", () => {
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), pieceBytes, (damages, piece) => {
        const data = damaged(capture.client, damages);
        const outcome = (size: number): [string | undefined, number] => {
          const parser = new ClientParser();
          let given = 0;
          const code = attempt(() => {
            for (let at = 0; at < data.length; at += size) {
              for (const { raw } of parser.push(data.subarray(at, at + size))) given += raw.length;
            }
          });
          expect(given).toBeLessThanOrEqual(data.length);
          return [code, code === undefined ? given : 0];
        };
        expect(outcome(piece)).toEqual(outcome(data.length + 1));
      }),
      { numRuns: 200 },
    );
  });
});

/** An extended clipboard is compressed anew, and its bytes are others. */
function isPlainlyWritable(message: ClientMessage): message is WritableMessage & ClientMessage {
  const others = ["cut-text-extended", "cut-text-oversize", "file-transfer", "qemu-audio"];
  return !others.includes(message.type);
}

/** Of a fence the flags that are known; of a format what has a place in it. */
function fieldsOf(message: ClientMessage | undefined): object {
  const { raw: _raw, ...fields } = message ?? { raw: undefined };
  return message?.type === "fence" ? { ...fields, flags: (message.flags & 0x8000_0007) >>> 0 } : fields;
}

const small = fc.nat({ max: 40 });
const format = fc.constantFrom<PixelFormat>(rgbx, bgrx, { ...rgb565, bigEndian: true }, bgr233, indexed);
const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .array(fc.tuple(fc.nat(255), fc.nat(20)), { maxLength: 40 })
    .map((runs) => Buffer.concat(runs.map(([byte, count]) => Buffer.alloc(count, byte)))),
);
const deflated = content.map((data) => deflateSync(data));
const body = fc.oneof(
  content,
  deflated.map((data) => bytes(u32(data.length), data)),
  fc
    .tuple(fc.constantFrom(0, 0x0f, 0x10, 0x20), deflated)
    .map(([control, data]) => bytes(control, compact(data.length), data)),
  fc
    .tuple(fc.constantFrom(0x40, 0x50), fc.nat(3), fc.nat(4), content, deflated)
    .map(([control, filter, count, colours, data]) =>
      bytes(
        control,
        filter,
        ...(filter === 1 ? [count, colours.subarray(0, 3 * (count + 1))] : []),
        compact(data.length),
        data,
      ),
    ),
);
const anyRect = fc
  .tuple(small, small, small, small, fc.constantFrom<number>(...Object.values(encoding)), body)
  .map(([x, y, width, height, number, data]) => rect(x, y, width, height, number, data));
const anyUpdate = fc.array(anyRect, { minLength: 1, maxLength: 4 }).map((rects) => update(...rects));
const anyMessage = fc.oneof(
  { weight: 8, arbitrary: anyUpdate },
  fc.constantFrom(bytes(2), bytes(150), bytes(250, 0, 1, 1), bytes(1, 0, u16(3), u16(1), u16(9), u16(9), u16(9))),
  content.map((data) => bytes(3, 0, 0, 0, u32(data.length), data)),
  deflated.map((data) => bytes(3, 0, 0, 0, u32(-(4 + data.length)), u32(0x10000001), data)),
);

describe("rectangles that fit", () => {
  const updates = fc.array(fc.array(rectPlan, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });

  it("give pixels, the same in any split and over checkpoints, and are framed alike", () => {
    fc.assert(
      fc.property(format, updates, pieceBytes, (pixelFormat, plans, piece) => {
        const init = { ...soundScreen, format: pixelFormat, name: "" };
        const messages = plans.map((rects) => update(...rects.map((plan) => soundRect(plan, pixelFormat))));
        const data = Buffer.concat(messages);
        const outcomes = [run(init, data, data.length), run(init, data, piece)];
        for (const outcome of outcomes) {
          expect([outcome.decoded, outcome.framed]).toEqual([undefined, undefined]);
          expect(outcome.probe.decoder.atBoundary).toBe(true);
          agree(outcome);
        }
        let resumed = ScreenProbe.open(init, limits);
        for (const message of messages) {
          resumed.decoder.push(message);
          resumed = resume(resumed);
        }
        expect([outcomes[1]!.probe.md5(), resumed.md5()]).toEqual(Array(2).fill(outcomes[0]!.probe.md5()));
      }),
      { numRuns: 400 },
    );
  });

  it("end cleanly when damaged", () => {
    fc.assert(
      fc.property(
        format,
        fc.array(rectPlan, { minLength: 1, maxLength: 3 }),
        fc.array(damage, { minLength: 1, maxLength: 2 }),
        pieceBytes,
        (pixelFormat, plans, damages, piece) => {
          const init = { ...soundScreen, format: pixelFormat, name: "" };
          const data = damaged(update(...plans.map((plan) => soundRect(plan, pixelFormat))), damages);
          const [whole, pieces] = [run(init, data, data.length + 1), run(init, data, piece)];
          agree(whole);
          agree(pieces);
          expect(pieces.decoded === undefined).toBe(whole.decoded === undefined);
          if (whole.decoded === undefined) expect(pieces.probe.md5()).toBe(whole.probe.md5());
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** A probe made of a checkpoint and the pixels of another. */
function resume({ decoder }: ScreenProbe): ScreenProbe {
  const { width, height, pixels } = decoder.framebuffer;
  const copy = new Framebuffer(width, height);
  copy.pixels.set(pixels);
  const next = new ScreenProbe(width, height);
  next.decoder = ScreenDecoder.restore(decoder.checkpoint(), copy, next, limits);
  return next;
}

describe("rectangles of any content", () => {
  it("decoder and framer agree, whatever the split", () => {
    fc.assert(
      fc.property(format, fc.array(anyMessage, { maxLength: 4 }), pieceBytes, (pixelFormat, messages, piece) => {
        const data = Buffer.concat(messages);
        const init = { width: 64, height: 64, format: pixelFormat, name: "" };
        const whole = run(init, data, data.length + 1);
        const pieces = run(init, data, piece);
        agree(whole);
        agree(pieces);
        expect(pieces.decoded === undefined).toBe(whole.decoded === undefined);
        expect(pieces.framed).toBe(whole.framed);
        if (whole.decoded === undefined) expect(pieces.probe.md5()).toBe(whole.probe.md5());
      }),
      { numRuns: 3000 },
    );
  });

  it("a checkpoint goes on as if nothing had been", () => {
    fc.assert(
      fc.property(format, anyUpdate, anyUpdate, (pixelFormat, first, second) => {
        const init = { width: 64, height: 64, format: pixelFormat, name: "" };
        const { probe, decoded } = run(init, first, first.length);
        if (decoded !== undefined || !probe.decoder.atBoundary || !probe.decoder.resumable) return;
        const next = resume(probe);
        const straight = attempt(() => probe.decoder.push(second));
        expect(attempt(() => next.decoder.push(second))).toBe(straight);
        expect(next.md5()).toBe(probe.md5());
      }),
      { numRuns: 1000 },
    );
  });
});
