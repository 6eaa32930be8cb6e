// A segment's encryption in the memory of its pieces.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { decryptSegment, encryptSegment } from "../../../recorder/encryption/segment-cipher.ts";

const session = "01980000-0000-7000-8000-000000000001";
const place = { track: "terminal-0", index: 3 };
const key = randomBytes(32);

it("puts the ciphertext in the place of the bytes, whatever the pieces' sizes", () => {
  const memory = randomBytes(600_000);
  const before = Buffer.from(memory);
  const sizes = [1, 0, 16_383, 16_384, 131_072, 131_073, 262_144, 11];
  let at = 0;
  const pieces = sizes.map((size) => {
    at += size;
    return memory.subarray(at - size, at);
  });
  const stored = encryptSegment(key, session, place, pieces);
  // Nonce and tag are all that is added.
  const whole = pieces.filter((piece) => piece.length > 0);
  expect(stored).toHaveLength(whole.length + 2);
  expect(whole.every((piece, i) => stored[i + 1] === piece)).toBe(true);
  for (let from = 1; from + 4096 <= at; from += 4096) {
    expect(memory.subarray(from, from + 4096).equals(before.subarray(from, from + 4096))).toBe(false);
  }
  expect(memory.subarray(at).equals(before.subarray(at))).toBe(true);
  const opened = decryptSegment(key, session, { ...place, name: "3" }, Buffer.concat(stored));
  expect(Buffer.from(opened).equals(before.subarray(0, at))).toBe(true);
});

it("encrypts nothing at all as well", () => {
  const stored = encryptSegment(key, session, place, []);
  expect(decryptSegment(key, session, { ...place, name: "3" }, Buffer.concat(stored))).toHaveLength(0);
});
