// SFTP through the hold, against whatever an operator's program may ask, in whatever pieces it comes: what the scanner would
// find never stands at the target and never comes down, and clean files end up as they would without a gateway.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HoldChannel } from "../../../recorder/tap/ssh/held-files/channel-hold.ts";
import { SftpHold } from "../../../recorder/tap/ssh/held-files/sftp-hold.ts";
import { PacketAssembler, sftpPacket, uint64 } from "../../../recorder/tap/ssh/held-files/sftp-packets.ts";
import { inTurn } from "../../../recorder/tap/ssh/held-files/target-turns.ts";
import { packet } from "../../../recorder/tap/ssh/sftp/protocol.ts";
import { type WirePart, WireReader } from "../../../recorder/tap/ssh/wire.ts";
import { AppError } from "../../../shared/errors.ts";
import { bad, MemorySftp, memoryHold } from "./memory-sftp.ts";

let runs = 0;

/** Cuts bytes at pseudo-random places that follow from `seed`. */
function cutter(seed: number): (bytes: Buffer) => Buffer[] {
  let state = seed | 1;
  return (bytes) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const length = 1 + ((state >>> 16) % 40);
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    return pieces;
  };
}

class Bench {
  readonly server: MemorySftp;
  readonly #send: (bytes: Buffer) => void;
  readonly #answers = new Map<number, (answer: { type: number; body: Buffer }) => void>();
  readonly abort = new AbortController();
  /** What came down in DATA packets, each. */
  readonly down: Buffer[] = [];
  error: unknown;
  #nextId = 1;

  /** @param held without it, the program speaks with the server itself. */
  constructor(seed: number, held: boolean) {
    const cut = cutter(seed);
    const answers = new PacketAssembler((type, body) => this.#answered(type, body));
    let hold: SftpHold | undefined;
    this.server = new MemorySftp((bytes) => {
      setImmediate(() => {
        for (const piece of cut(bytes)) {
          if (hold === undefined) answers.feed(piece);
          else this.#attempt(() => hold?.fromTarget(Buffer.from(piece)));
        }
      });
    });
    if (held) hold = new SftpHold(this.#channel(cut, (bytes) => answers.feed(bytes)));
    this.#send = (bytes) => {
      for (const piece of cut(bytes)) {
        if (hold === undefined) this.server.receive(piece);
        else this.#attempt(() => hold?.fromClient(Buffer.from(piece)));
      }
    };
  }

  async start(): Promise<void> {
    this.#send(sftpPacket(packet.init, 3));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }

  raw(bytes: Buffer): void {
    this.#send(bytes);
  }

  ask(type: number, ...rest: WirePart[]): Promise<{ type: number; body: Buffer }> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#send(sftpPacket(type, id, ...rest));
    });
  }

  #answered(type: number, body: Buffer): void {
    if (type === packet.version) return;
    this.#answers.get(body.readUInt32BE(0))?.({ type, body: body.subarray(4) });
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.error ??= error;
    }
  }

  #channel(cut: (bytes: Buffer) => Buffer[], toClient: (bytes: Buffer) => void): HoldChannel {
    const target = `memory-${runs++}`;
    const { signal } = this.abort;
    const nothing = async (): Promise<void> => undefined;
    return {
      signal,
      hold: memoryHold,
      toClient,
      toTarget: (bytes) => {
        for (const piece of cut(bytes)) this.server.receive(piece);
      },
      eofToTarget: () => undefined,
      clientRoom: nothing,
      targetRoom: nothing,
      clientConsumed: () => undefined,
      targetConsumed: () => undefined,
      say: () => undefined,
      notice: () => undefined,
      durable: nothing,
      mayPass: nothing,
      open: () => memoryHold.open({ session: "s", person: "p", target, path: "", direction: "inbound" }),
      alone: (step) => inTurn(target, signal, step),
      failed: (error) => {
        this.error ??= error;
      },
    };
  }
}

const paths = ["/a", "/b"];
const path = fc.constantFrom(...paths);
const open = fc.record({
  op: fc.constant("open" as const),
  path,
  flags: fc.constantFrom(0x01, 0x02, 0x1a, 0x0a, 0x0e, 0x06, 0x2a, 0x1b, 0x3a, 0x0b),
});
const writes = 0x02;
const slot = fc.nat({ max: 3 });
const offset = fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 12 }));
const clean = fc.uint8Array({ maxLength: 10, max: 0x7f });
const dirty = fc.oneof(
  clean,
  fc.constantFrom(...[[0xb1], [0xb2], [0xb2, 3], [...bad]].map((bytes) => Uint8Array.from(bytes))),
);

function operations(data: fc.Arbitrary<Uint8Array>) {
  return fc.oneof(
    { weight: 3, arbitrary: open },
    { weight: 4, arbitrary: fc.record({ op: fc.constant("write" as const), slot, offset, data }) },
    {
      weight: 2,
      arbitrary: fc.record({ op: fc.constant("read" as const), slot, offset, length: fc.nat({ max: 20 }) }),
    },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("close" as const), slot }) },
    fc.record({ op: fc.constant("resize" as const), slot, size: offset }),
    fc.record({ op: fc.constant("fsync" as const), slot }),
    fc.record({ op: fc.constant("rename" as const), path, to: fc.constantFrom("/a", "/b", "/c") }),
    fc.record({ op: fc.constant("copy" as const), slot, to: slot }),
  );
}
type Operation = ReturnType<typeof operations> extends fc.Arbitrary<infer T> ? T : never;

/** The program opens handles into slots; `inOrder` awaits each answer, and opens no path twice. */
async function run(bench: Bench, all: readonly Operation[], inOrder: boolean): Promise<string[]> {
  await bench.start();
  const slots: ({ handle: Buffer; path: string; flags: number } | undefined)[] = [];
  const seen: string[] = [];
  const under: Promise<unknown>[] = [];
  const ask = async (type: number, ...rest: WirePart[]): Promise<{ type: number; body: Buffer }> => {
    const answer = bench.ask(type, ...rest);
    under.push(answer);
    return answer;
  };
  const close = async (index: number): Promise<void> => {
    const open = slots[index];
    slots[index] = undefined;
    if (open !== undefined) await ask(packet.close, open.handle);
  };
  for (const operation of all) {
    const step = async (): Promise<void> => {
      if (operation.op === "open") {
        if (inOrder && slots.some((open) => open?.path === operation.path)) return;
        const answer = await ask(packet.open, operation.path, operation.flags, 0);
        if (answer.type === packet.handle) {
          const free = [0, 1, 2, 3].find((index) => slots[index] === undefined);
          const handle = new WireReader(answer.body).string();
          if (free === undefined) await ask(packet.close, handle);
          else slots[free] = { handle, path: operation.path, flags: operation.flags };
        }
        return;
      }
      if (operation.op === "rename") {
        if (inOrder && slots.some((open) => open !== undefined)) return;
        await ask(packet.rename, operation.path, operation.to);
        return;
      }
      const { handle, flags = 0 } = slots[operation.slot] ?? {};
      if (handle === undefined) return;
      if (operation.op === "close") await close(operation.slot);
      else if (operation.op === "fsync") await ask(packet.extended, "fsync@openssh.com", handle);
      else if (operation.op === "resize") {
        await ask(packet.fsetstat, handle, 1, uint64(operation.size));
      } else if (operation.op === "write") {
        await ask(packet.write, handle, uint64(operation.offset), Buffer.from(operation.data));
      } else if (operation.op === "read") {
        const answer = await ask(packet.read, handle, uint64(operation.offset), operation.length);
        if (answer.type !== packet.data) return;
        const data = new WireReader(answer.body).string();
        seen.push(data.toString("hex"));
        // Through a handle that writes a new file its writer reads what it wrote itself, and nothing of the target's.
        if ((flags & writes) === 0) bench.down.push(data);
      } else {
        const to = slots[operation.to]?.handle;
        if (to !== undefined) await ask(packet.extended, "copy-data", handle, uint64(0), uint64(0), to, uint64(0));
      }
    };
    const done = step();
    if (inOrder) await done;
    else if (all.indexOf(operation) % 2 === 0)
      await Promise.race([done, new Promise((resolve) => setImmediate(resolve))]);
  }
  await Promise.all(under);
  for (const index of [0, 1, 2, 3]) await close(index);
  return seen;
}

describe("an operator's program that asks for anything, in any pieces", () => {
  it("never gets what the scanner finds to the target, nor from it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operations(dirty), { maxLength: 30 }),
        fc.constantFrom(Buffer.from([1, 0xb1]), Buffer.from([0xb2, 2]), bad, Buffer.alloc(0)),
        fc.nat(),
        fc.boolean(),
        async (all, before, seed, inOrder) => {
          const bench = new Bench(seed, true);
          bench.server.files.set("/a", before);
          await run(bench, all, inOrder);
          expect(bench.error).toBeUndefined();
          for (const { contents } of bench.server.states) {
            // A file that was there and bad from the start may be moved.
            if (!before.equals(bad)) expect(contents.includes(bad), contents.toString("hex")).toBe(false);
          }
          for (const data of bench.down) expect(data.includes(bad)).toBe(false);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("finds clean files as they would be without a gateway", async () => {
    // What is read and changed through one handle is refused, so no program asks for it here.
    const both = new Set([0x0b]);
    await fc.assert(
      fc.asyncProperty(fc.array(operations(clean), { maxLength: 30 }), fc.nat(), async (all, seed) => {
        const asked = all.filter((one) => one.op !== "copy" && !(one.op === "open" && both.has(one.flags)));
        const before = Buffer.from("before-it-began");
        const benches = [new Bench(seed, true), new Bench(seed, false)] as const;
        for (const bench of benches) bench.server.files.set("/a", before);
        const [held, direct] = await Promise.all(benches.map((bench) => run(bench, asked, true)));
        expect(benches[0].error).toBeUndefined();
        expect(held).toEqual(direct);
        expect([...benches[0].server.files].sort()).toEqual([...benches[1].server.files].sort());
      }),
      { numRuns: 300 },
    );
  });

  it("ends with PROTOCOL_* alone on bytes that nobody meant", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), fc.nat(), async (all, seed) => {
        const bench = new Bench(seed, true);
        await bench.start();
        for (const bytes of all) {
          const head = Buffer.alloc(4);
          head.writeUInt32BE(Math.max(5, bytes.length));
          bench.raw(Buffer.concat([head, Buffer.from(bytes), Buffer.alloc(Math.max(0, 5 - bytes.length))]));
        }
        await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
        if (bench.error === undefined) return;
        expect(bench.error).toBeInstanceOf(AppError);
        expect((bench.error as AppError).code).toMatch(/^PROTOCOL_/);
      }),
      { numRuns: 300 },
    );
  });
});
