// The recorder's session number: gapless, durable, whoever asks at the same time.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Sequence } from "../../../recorder/record/sequence.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let directory: TempDir;
let path: string;
beforeEach(async () => {
  directory = await createTempDir("sequence");
  path = join(directory.path, "sequence");
});
afterEach(() => directory.remove());

describe("the sequence", () => {
  it("is kept by many at once, and is the highest in the end", async () => {
    const sequence = await Sequence.load(path);
    const kept: Promise<void>[] = [];
    for (let n = 1; n <= 40; n++)
      kept.push(sequence.take(async (given) => expect(given).toBe(n)).then(() => sequence.keep()));
    await Promise.all(kept);
    expect(await readFile(path, "utf8")).toBe("40\n");
    expect(await (await Sequence.load(path)).take(async (next) => next)).toBe(41);
  });

  it("gives a number again that was not used, and goes on behind what was seen", async () => {
    const sequence = await Sequence.load(path);
    await expect(sequence.take(() => Promise.reject(new Error("no room")))).rejects.toThrow("no room");
    expect(await sequence.take(async (given) => given)).toBe(1);
    sequence.saw(7);
    expect(await sequence.take(async (given) => given)).toBe(8);
  });

  it("says of a file that holds no number what to write into it", async () => {
    await writeFile(path, "many\n");
    await expect(Sequence.load(path)).rejects.toThrow("write the highest recorder sequence number");
  });
});
