// SFTP's requests while a session is stopped, in whatever pieces they come.
import fc from "fast-check";
import { expect, it } from "vitest";
import { statusCode, statusPacket } from "../../../recorder/tap/ssh/held-files/sftp-packets.ts";
import { FrozenRequests, PacketBoundary } from "../../../recorder/tap/ssh/sftp/frozen-requests.ts";
import { packet } from "../../../recorder/tap/ssh/sftp/protocol.ts";
import { encode } from "../../../recorder/tap/ssh/wire.ts";

function sftp(type: number, ...parts: Parameters<typeof encode>[1][]): Buffer {
  const payload = encode(type, ...parts);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

const handle = "\0\0\0\u0001";
const write = (bytes: number) => sftp(packet.write, 1, handle, 0, 0, Buffer.alloc(bytes, 7));
const ofHandle = [
  () => write(5000),
  () => sftp(packet.close, 2, handle),
  () => sftp(packet.read, 3, handle, 0, 0, 32_768),
  () => sftp(packet.extended, 4, "fsync@openssh.com", handle),
  () => sftp(packet.readdir, 4, handle),
];
const starting = [
  () => sftp(packet.open, 5, "/plant/logic", 2, 0),
  () => sftp(packet.remove, 6, "/plant/logic"),
  () => sftp(packet.rename, 7, "/plant/logic", "/plant/old"),
  () => sftp(packet.mkdir, 8, "/plant/new", 0),
  () => sftp(packet.setstat, 9, "/plant/logic", 0),
  () => sftp(packet.stat, 10, "/plant"),
  () => sftp(packet.extended, 11, "posix-rename@openssh.com", "/a", "/b"),
  () => sftp(packet.extended, 12, "something-else", "/a"),
];

interface Piece {
  bytes: Buffer;
  starts: boolean;
  stopped: boolean;
}

const pieces: fc.Arbitrary<Piece[]> = fc
  .array(
    fc.record({
      bytes: fc
        .constantFrom(...ofHandle, ...starting)
        .map((make) => ({ bytes: make(), starts: starting.includes(make) })),
      stopped: fc.boolean(),
    }),
    { maxLength: 30 },
  )
  .map((all) => all.map(({ bytes, stopped }) => ({ ...bytes, stopped })));

it("whole packets pass in their order, and of what would begin something while stopped no byte does", () => {
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 7000 }), (all, most) => {
      let stopped = false;
      let weight = 0;
      const passed: Buffer[] = [];
      const refused: number[] = [];
      const requests = new FrozenRequests({
        asksUploads: () => false,
        ask: () => null,
        failed: () => undefined,
        stopped: () => stopped,
        pass: (bytes) => passed.push(Buffer.from(bytes)),
        refuse: ({ id }, bytes) => {
          refused.push(id);
          weight += bytes;
        },
      });
      for (const piece of all) {
        ({ stopped } = piece);
        for (let at = 0; at < piece.bytes.length; at += most) requests.feed(piece.bytes.subarray(at, at + most));
      }
      const isRefused = (piece: Piece): boolean => piece.starts && piece.stopped;
      const passes = Buffer.concat(all.filter((piece) => !isRefused(piece)).map(({ bytes }) => bytes));
      expect(Buffer.concat(passed).equals(passes)).toBe(true);
      expect(refused).toEqual(all.filter(isRefused).map(({ bytes }) => bytes.readUInt32BE(5)));
      expect(weight).toBe(all.filter(isRefused).reduce((sum, { bytes }) => sum + bytes.length, 0));
    }),
    { numRuns: 300 },
  );
});

it("a packet that began before the stop is not torn by it, nor by its end", () => {
  let stopped = false;
  const passed: Buffer[] = [];
  const refused: number[] = [];
  const requests = new FrozenRequests({
    asksUploads: () => false,
    ask: () => null,
    failed: () => undefined,
    stopped: () => stopped,
    pass: (bytes) => passed.push(Buffer.from(bytes)),
    refuse: ({ id }) => refused.push(id),
  });
  const [begun, late] = [sftp(packet.remove, 1, "/before"), sftp(packet.remove, 2, "/after")];
  requests.feed(begun.subarray(0, 2));
  stopped = true;
  requests.feed(Buffer.concat([begun.subarray(2), late.subarray(0, 9)]));
  stopped = false;
  requests.feed(late.subarray(9));
  expect(Buffer.concat(passed)).toEqual(begun);
  expect(refused).toEqual([2]);
});

it("what is no packet passes, to end the channel where it is read", () => {
  const passed: Buffer[] = [];
  const requests = new FrozenRequests({
    asksUploads: () => false,
    ask: () => null,
    failed: () => undefined,
    stopped: () => true,
    pass: (bytes) => passed.push(Buffer.from(bytes)),
    refuse: () => undefined,
  });
  const nonsense = Buffer.from("GET / HTTP/1.1\r\n\r\n");
  for (const byte of nonsense) requests.feed(Buffer.from([byte]));
  expect(Buffer.concat(passed)).toEqual(nonsense);
});

it("the end of a packet is found in any split", () => {
  const answer = statusPacket(1, statusCode.ok, "as it should be");
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), (most) => {
      const boundary = new PacketBoundary();
      const stream = Buffer.concat([answer, answer, answer]);
      for (let at = 0; at < stream.length; at += most) {
        const chunk = stream.subarray(at, at + most);
        const end = boundary.feed(chunk);
        const next = Math.ceil((at + 1) / answer.length) * answer.length;
        expect(end).toBe(next <= at + chunk.length ? next - at : -1);
        expect(boundary.isHere).toBe((at + chunk.length) % answer.length === 0);
      }
    }),
  );
});
