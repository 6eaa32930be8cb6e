// The SFTP parser against bytes that nobody meant: it never keeps more than its bound, fails only with PROTOCOL_*, and a
// split of the bytes never changes what is recorded.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packet } from "../../../recorder/tap/ssh/sftp/protocol.ts";
import { SftpRecorder } from "../../../recorder/tap/ssh/sftp/sftp-recorder.ts";
import { encodePart } from "../../../recorder/tap/ssh/wire.ts";
import { AppError } from "../../../shared/errors.ts";
import { FileEvent } from "../../../shared/events/session-event.ts";
import { memoryGate } from "../../unit/tap/fake-sink.ts";

const uint32 = fc.oneof(fc.nat({ max: 5 }), fc.integer({ min: 0, max: 0xffffffff }));
const text = fc.oneof(
  fc.constantFrom("/a", "/b", "h1", "h2", "posix-rename@openssh.com", "copy-data"),
  fc.string({ maxLength: 40 }),
);
const field = fc.oneof(
  uint32,
  text,
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const anyType = fc.oneof(fc.constantFrom(...Object.values(packet)), fc.integer({ min: 0, max: 255 }));

/** Packets with a right length and fields that may or may not fit their type. */
const loosePacket = fc.tuple(anyType, fc.array(field, { maxLength: 6 })).map(([type, fields]) => {
  const body = Buffer.concat([Buffer.from([type]), ...fields.map((part) => encodePart(part))]);
  return Buffer.concat([encodePart(body.length), body]);
});

const handle = fc.constantFrom("h1", "h2");
const offset = fc.nat({ max: 3 }).map((n) => Buffer.concat([encodePart(0), encodePart(n * 4)]));
const fits = (type: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.from([type]), ...parts]);
  return Buffer.concat([encodePart(body.length), body]);
};
const soundRequest = fc.oneof(
  fc.tuple(fc.nat({ max: 9 }), text).map(([id, path]) => fits(packet.open, ...[id, path, 3, 0].map(encodePart))),
  fc.tuple(fc.nat({ max: 9 }), handle).map(([id, h]) => fits(packet.close, ...[id, h].map(encodePart))),
  fc
    .tuple(fc.nat({ max: 9 }), handle, offset, fc.uint8Array({ maxLength: 64 }))
    .map(([id, h, at, data]) => fits(packet.write, encodePart(id), encodePart(h), at, encodePart(Buffer.from(data)))),
  fc
    .tuple(fc.nat({ max: 9 }), handle, offset)
    .map(([id, h, at]) => fits(packet.read, encodePart(id), encodePart(h), at, encodePart(4))),
  fc.tuple(fc.nat({ max: 9 }), text, text).map(([id, a, b]) => fits(packet.rename, ...[id, a, b].map(encodePart))),
);
const soundAnswer = fc.oneof(
  fc
    .tuple(fc.nat({ max: 9 }), fc.nat({ max: 8 }))
    .map(([id, code]) => fits(packet.status, ...[id, code, "", ""].map(encodePart))),
  fc.tuple(fc.nat({ max: 9 }), handle).map(([id, h]) => fits(packet.handle, ...[id, h].map(encodePart))),
  fc
    .tuple(fc.nat({ max: 9 }), fc.uint8Array({ maxLength: 64 }))
    .map(([id, data]) => fits(packet.data, encodePart(id), encodePart(Buffer.from(data)))),
);

type Step = ["in" | "out", Buffer];
const steps = (inbound: fc.Arbitrary<Buffer>, outbound: fc.Arbitrary<Buffer>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      inbound.map((bytes): Step => ["in", bytes]),
      outbound.map((bytes): Step => ["out", bytes]),
    ),
    { maxLength: 40 },
  );

/** What is recorded of it, and the code of the error that ended it. */
function record(all: Step[], cut: (bytes: Buffer) => Buffer[]): { events: unknown[]; error?: string } {
  const { gate, events } = memoryGate();
  const recorder = new SftpRecorder(gate, 0);
  let error: string | undefined;
  try {
    for (const [way, bytes] of all) {
      for (const piece of cut(Buffer.from(bytes))) {
        if (way === "in") recorder.inbound(piece);
        else recorder.outbound("stdout", piece);
      }
      recorder.endBatch();
    }
  } catch (thrown) {
    if (!(thrown instanceof AppError) || !thrown.code.startsWith("PROTOCOL_")) throw thrown;
    error = thrown.code;
  }
  recorder.end();
  for (const event of events) if (event.type === "file") FileEvent.parse(event.event);
  return { events, ...(error === undefined ? {} : { error }) };
}

const whole = (bytes: Buffer): Buffer[] => [bytes];
const byByte = (bytes: Buffer): Buffer[] => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
const inThrees = (bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / 3) }, (_, i) => bytes.subarray(3 * i, 3 * i + 3));

describe("the SFTP recorder", () => {
  it("fails in its own words only, on raw bytes", () => {
    const raw = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(steps(raw, raw), (all) => void record(all, whole)),
      { numRuns: 2000 },
    );
  });

  it("fails in its own words only, on packets with wrong fields", () => {
    fc.assert(
      fc.property(steps(loosePacket, loosePacket), (all) => void record(all, whole)),
      { numRuns: 3000 },
    );
  });

  it("records the same, however the bytes are split", () => {
    fc.assert(
      fc.property(steps(soundRequest, soundAnswer), (all) => {
        const once = record(all, whole);
        expect(record(all, byByte)).toEqual(once);
        expect(record(all, inThrees)).toEqual(once);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps no more than a packet, whatever length is announced", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 255 }), (length, type) => {
        const { gate } = memoryGate();
        const recorder = new SftpRecorder(gate, 0);
        const before = process.memoryUsage().arrayBuffers;
        try {
          recorder.inbound(Buffer.concat([encodePart(length), Buffer.from([type, 0, 0, 0, 0])]));
        } catch (error) {
          expect((error as AppError).code).toBe("PROTOCOL_MALFORMED");
        }
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
      }),
      { numRuns: 500 },
    );
  });
});
