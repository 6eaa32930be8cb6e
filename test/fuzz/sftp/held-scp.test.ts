// scp's protocol through the hold, in both directions, in whatever pieces it comes: clean files arrive whole and in order,
// what the scanner finds does not, and bytes that nobody meant end with PROTOCOL_* alone.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteSource } from "../../../recorder/tap/ssh/held-files/byte-source.ts";
import type { HoldChannel } from "../../../recorder/tap/ssh/held-files/channel-hold.ts";
import { ScpHold } from "../../../recorder/tap/ssh/held-files/scp-hold.ts";
import { inTurn } from "../../../recorder/tap/ssh/held-files/target-turns.ts";
import { AppError } from "../../../shared/errors.ts";
import { bad, memoryHold } from "./memory-sftp.ts";

type Direction = "inbound" | "outbound";

let runs = 0;

function cutter(seed: number): (bytes: Buffer) => Buffer[] {
  let state = seed | 1;
  return (bytes) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const length = 1 + ((state >>> 16) % 30);
      pieces.push(Buffer.from(bytes.subarray(at, at + length)));
      at += length;
    }
    return pieces;
  };
}

class Bench {
  readonly giver = new ByteSource(() => undefined);
  readonly taker = new ByteSource(() => undefined);
  readonly refused: string[] = [];
  error: unknown;
  readonly #hold: ScpHold;
  readonly #cut: (bytes: Buffer) => Buffer[];
  readonly #direction: Direction;

  constructor(direction: Direction, seed: number) {
    const target = `scp-${runs++}`;
    const { signal } = new AbortController();
    const nothing = async (): Promise<void> => undefined;
    this.#cut = cutter(seed);
    this.#direction = direction;
    const [client, other] = direction === "inbound" ? [this.giver, this.taker] : [this.taker, this.giver];
    const channel: HoldChannel = {
      signal,
      hold: memoryHold,
      toClient: (bytes) => client.feed(bytes),
      toTarget: (bytes) => other.feed(bytes),
      eofToTarget: () => undefined,
      clientRoom: nothing,
      targetRoom: nothing,
      clientConsumed: () => undefined,
      targetConsumed: () => undefined,
      say: () => undefined,
      notice: (notice, facts) => {
        if (notice === "file-refused") this.refused.push(String(facts["path"]));
      },
      durable: nothing,
      mayPass: nothing,
      open: (path) => memoryHold.open({ session: "s", person: "p", target, path, direction }),
      alone: (step) => inTurn(target, signal, step),
      failed: (error) => {
        this.error ??= error;
        this.end();
      },
    };
    this.#hold = new ScpHold(channel, direction);
  }

  fromGiver(bytes: Buffer): void {
    for (const piece of this.#cut(bytes)) {
      if (this.#direction === "inbound") this.#hold.fromClient(piece);
      else this.#hold.fromTarget(piece);
    }
  }

  fromTaker(bytes: Buffer): void {
    for (const piece of this.#cut(bytes)) {
      if (this.#direction === "inbound") this.#hold.fromTarget(piece);
      else this.#hold.fromClient(piece);
    }
  }

  end(): void {
    this.#hold.end();
    this.giver.end();
    this.taker.end();
  }
}

interface Entry {
  name: string;
  contents: Uint8Array;
  times: boolean;
  /** In a folder of its own. */
  folder: boolean;
}

/** scp's source: what it was told of each file. */
async function give(bench: Bench, entries: readonly Entry[]): Promise<string[]> {
  const told: string[] = [];
  const ack = async (): Promise<boolean> => {
    const first = await bench.giver.byte();
    if (first === 0) return true;
    told.push(`${await bench.giver.line()}`);
    return false;
  };
  const line = (text: string): Promise<boolean> => {
    bench.fromGiver(Buffer.from(`${text}\n`));
    return ack();
  };
  await ack();
  for (const { name, contents, times, folder } of entries) {
    if (folder) await line("D0755 0 folder");
    if (times) await line("T1700000000 0 1700000001 0");
    if (await line(`C0644 ${contents.length} ${name}`)) {
      bench.fromGiver(Buffer.concat([contents, Buffer.from([0])]));
      await ack();
    }
    if (folder) await line("E");
  }
  return told;
}

/** scp's sink: what arrived, in order. */
async function take(bench: Bench): Promise<{ name: string; contents: string; times: boolean; depth: number }[]> {
  const arrived: { name: string; contents: string; times: boolean; depth: number }[] = [];
  const ok = (): void => bench.fromTaker(Buffer.from([0]));
  let times = false;
  let depth = 0;
  ok();
  for (;;) {
    const line = await bench.taker.line();
    if (line === undefined) return arrived;
    const kind = String.fromCharCode(line[0] ?? 0);
    if (kind === "\x01") continue;
    if (kind === "T") times = true;
    else if (kind === "D") depth++;
    else if (kind === "E") depth--;
    else {
      ok();
      const [, size = "", ...name] = line.toString().split(" ");
      const pieces: Buffer[] = [];
      for (let left = Number(size); left > 0; ) {
        const piece = await bench.taker.piece(left);
        if (piece === undefined) return arrived;
        pieces.push(piece);
        left -= piece.length;
      }
      expect(await bench.taker.byte()).toBe(0);
      arrived.push({ name: name.join(" "), contents: Buffer.concat(pieces).toString("hex"), times, depth });
      times = false;
    }
    ok();
  }
}

const entry: fc.Arbitrary<Entry> = fc.record({
  name: fc.constantFrom("a", "with space", "ü", "-x"),
  contents: fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .tuple(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }))
      .map(([before, behind]) => Buffer.concat([before, bad, behind])),
  ),
  times: fc.boolean(),
  folder: fc.boolean(),
});

describe.each<Direction>(["inbound", "outbound"])("scp, %s", (direction) => {
  it("brings clean files whole and in order, and no other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), fc.nat(), async (entries, seed) => {
        const bench = new Bench(direction, seed);
        const arrived = take(bench);
        const told = await give(bench, entries);
        for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
        bench.end();
        expect(bench.error).toBeUndefined();
        const isBad = ({ contents }: Entry): boolean => Buffer.from(contents).includes(bad);
        expect(await arrived).toEqual(
          entries
            .filter((one) => !isBad(one))
            .map(({ name, contents, times, folder }) => ({
              name,
              contents: Buffer.from(contents).toString("hex"),
              times,
              depth: folder ? 1 : 0,
            })),
        );
        const paths = entries.filter(isBad).map(({ name, folder }) => (folder ? `folder/${name}` : name));
        expect(bench.refused).toEqual(paths);
        if (direction === "inbound") expect(told).toHaveLength(paths.length);
      }),
      { numRuns: 300 },
    );
  });

  it("ends with PROTOCOL_* alone on bytes that nobody meant", async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          "C0644 5 a\n",
          "C0644 5 ../a\n",
          "C0644 99999999999999999 a\n",
          "D0755 0 .\n",
          "T1 0 1 0\n",
          "E\n",
          "\0",
        )
        .map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), anything), { maxLength: 15 }), fc.nat(), async (all, seed) => {
        const bench = new Bench(direction, seed);
        for (const [giver, bytes] of all) {
          if (giver) bench.fromGiver(bytes);
          else bench.fromTaker(bytes);
          await new Promise((resolve) => setImmediate(resolve));
        }
        bench.end();
        if (bench.error === undefined) return;
        expect(bench.error).toBeInstanceOf(AppError);
        expect((bench.error as AppError).code).toMatch(/^PROTOCOL_/);
      }),
      { numRuns: 300 },
    );
  });
});
