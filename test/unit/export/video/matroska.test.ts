import { expect, test } from "vitest";
import { matroskaHead, matroskaPicture } from "../../../../recorder/export/video/matroska.ts";

interface Element {
  id: string;
  size: number;
  body: Buffer;
}

/** The elements of a level, as RFC 8794 writes them. */
function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const idBytes = Math.clz32(bytes.readUInt8(at)) - 23;
    const id = bytes.toString("hex", at, at + idBytes);
    at += idBytes;
    const sizeBytes = Math.clz32(bytes.readUInt8(at)) - 23;
    const raw = bytes.subarray(at, at + sizeBytes);
    const unknown = raw.subarray(1).every((byte) => byte === 0xff);
    const size = unknown
      ? bytes.length - at - sizeBytes
      : Number(BigInt(`0x${raw.toString("hex")}`) & 0xffffffffffffffn);
    at += sizeBytes;
    found.push({ id, size, body: bytes.subarray(at, at + size) });
    at += size;
  }
  return found;
}

const child = (list: Element[], id: string): Element => {
  const element = list.find((candidate) => candidate.id === id);
  if (element === undefined) throw new Error(`no element ${id}`);
  return element;
};

test("the head describes one uncompressed track, and pictures follow as clusters with their times", () => {
  const pixels = Buffer.alloc(16 * 8 * 1.5, 7);
  const file = Buffer.concat([
    matroskaHead({ width: 16, height: 8, layout: "I420" }),
    matroskaPicture(0, pixels.length),
    pixels,
    matroskaPicture(70_000, pixels.length),
    pixels,
  ]);
  const [ebml, segment] = elements(file);
  expect(child(elements(ebml!.body), "4282").body.toString()).toBe("matroska");
  const level1 = elements(segment!.body);
  expect(level1.map(({ id }) => id)).toEqual(["1549a966", "1654ae6b", "1f43b675", "1f43b675"]);
  expect(child(elements(level1[0]!.body), "2ad7b1").body.readUIntBE(0, 3)).toBe(1_000_000);
  const track = elements(child(elements(level1[1]!.body), "ae").body);
  expect(child(track, "86").body.toString()).toBe("V_UNCOMPRESSED");
  const video = elements(child(track, "e0").body);
  expect(child(video, "b0").body).toEqual(Buffer.from([16]));
  expect(child(video, "ba").body).toEqual(Buffer.from([8]));
  expect(child(video, "2eb524").body.toString()).toBe("I420");
  const second = elements(level1[3]!.body);
  expect(child(second, "e7").body).toEqual(Buffer.from([0x01, 0x11, 0x70]));
  expect(child(second, "a3").body).toEqual(Buffer.concat([Buffer.from([0x81, 0, 0, 0x80]), pixels]));
});

test("four-byte pixels say so, and nothing of YUV", () => {
  const head = matroskaHead({ width: 2, height: 2, layout: "RGBA" });
  expect(head.includes("RGBA")).toBe(true);
  expect(head.includes(Buffer.from([0x55, 0xb0]))).toBe(false);
});
