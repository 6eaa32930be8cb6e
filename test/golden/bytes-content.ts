// What recording-2 holds, made again by its test.
import { createHash } from "node:crypto";

/** Bytes that do not compress. */
export function dense(bytes: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < bytes; i++) blocks.push(createHash("sha256").update(`block ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, bytes);
}

export function lines(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, i) => `${i} Zustände: 日本 ok\n`).join(""));
}

export const content = {
  text: lines(700),
  binary: dense(40_000),
  errors: lines(500),
  stdin: Buffer.concat([lines(600), dense(9000)]),
};
