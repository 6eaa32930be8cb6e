// The journal: what is acknowledged can be read back, in order, whatever else lies in its files.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  batchRecords,
  blockBytes,
  recordHeaderBytes,
  recordKind,
  scanFile,
  writeRecordHeader,
} from "../../../recorder/record/journal/format.ts";
import { type Batch, Journal, type JournalSession } from "../../../recorder/record/journal/journal.ts";
import { type ReadHandle, readWhatReads } from "../../../recorder/record/journal/read-file.ts";
import {
  type JournalFound,
  type ReadJournalFile,
  replayJournal,
  surveyJournal,
} from "../../../recorder/record/journal/read-journal.ts";
import { JournalRing, listJournalFiles } from "../../../recorder/record/journal/ring.ts";
import { makeSessionId, parseSessionId } from "../../../shared/ids.ts";

const fileBytes = 1024 * 1024;
const limits = { batchBytes: 64 * 1024, lingerMs: 5, fastBytes: 16 * 1024 };

let directory: string;
let ring: JournalRing;
let journal: Journal;
let sentOn: Buffer[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "conduit-journal-"));
  await start(8);
});
afterEach(async () => {
  await stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(files: number): Promise<void> {
  ring = new JournalRing(directory, fileBytes, files);
  await listJournalFiles(directory);
  await ring.whenReady();
  journal = new Journal(ring, limits);
  sentOn = [];
  journal.onWritten = (batch: Batch) => {
    sentOn.push(Buffer.from(batch.buffer.subarray(0, batch.used)));
    for (const [session, { bytes }] of batch.sessions) session.landed(bytes);
    journal.recycle(batch.buffer);
  };
}

async function stop(): Promise<void> {
  await journal.flush();
  journal.close();
  await ring.close();
}

class Writer implements JournalSession {
  readonly id = makeSessionId(randomBytes(10), 1_700_000_000_000);
  lane: "fast" | "bulk" = "fast";
  readonly unwritten = new Set<Batch>();
  unwrittenBytes = 0;
  readonly unsent = new Set<Batch>();
  onSent: (() => void) | null = null;
  watched = false;
  next = 0;
  readonly sent: string[] = [];

  landed(): void {}

  append(payload: Buffer): void {
    const recordNo = this.next++;
    const { buffer, at } = journal.reserve(this, payload.length, recordNo);
    const fields = { kind: recordKind.stdout, flags: 0, channel: 7, recordNo, seq: recordNo, atUs: 1000 + recordNo };
    writeRecordHeader(buffer, at, parseSessionId(this.id), fields, payload.length);
    payload.copy(buffer, at + recordHeaderBytes);
    this.sent.push(payload.toString("hex"));
  }
}

async function readBack(...writers: Writer[]): Promise<Map<string, string[]>> {
  const found = await surveyJournal(await listJournalFiles(directory), new Set(writers.map((writer) => writer.id)));
  const read = new Map<string, string[]>(writers.map((writer) => [writer.id, []]));
  await replayJournal(found, async (bytes) => {
    for (const record of batchRecords(bytes, bytes.length))
      read.get(record.session)?.push(record.payload.toString("hex"));
  });
  return read;
}

function sentToWorker(writer: Writer): string[] {
  const payloads: string[] = [];
  for (const bytes of sentOn) {
    for (const record of batchRecords(bytes, bytes.length))
      if (record.session === writer.id) payloads.push(record.payload.toString("hex"));
  }
  return payloads;
}

describe("what is durable", () => {
  it("is in the files and with the worker, each session's in its order, whatever the lanes", async () => {
    const step = fc.record({
      who: fc.nat(2),
      bytes: fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 40_000 })),
      wait: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const writers = [new Writer(), new Writer(), new Writer()];
        for (const { who, bytes, wait } of steps) {
          const writer = writers[who] as Writer;
          writer.append(randomBytes(bytes));
          if (wait) await journal.durable(writer);
        }
        await Promise.all(writers.map((writer) => journal.sent(writer)));
        const read = await readBack(...writers);
        for (const writer of writers) {
          expect(read.get(writer.id)).toEqual(writer.sent);
          expect(sentToWorker(writer)).toEqual(writer.sent);
          ring.forget(writer.id);
        }
        sentOn = [];
      }),
      { numRuns: 25 },
    );
  });

  it("is written without anybody waiting, after a moment", async () => {
    const writer = new Writer();
    writer.append(Buffer.from("output"));
    await expect.poll(async () => (await readBack(writer)).get(writer.id)).toEqual(writer.sent);
    expect(journal.oldestUnwrittenMs(writer)).toBeNull();
  });

  it("shares its writes: of many sessions in one turn the first two, in a quiet journal, are written, then all others together", async () => {
    const writers = Array.from({ length: 50 }, () => new Writer());
    await Promise.all(
      writers.map((writer) => {
        writer.append(Buffer.from("k"));
        return journal.durable(writer);
      }),
    );
    journal.handOver();
    // A disk that is slow is not waited for by the second.
    const most = 3;
    expect(sentOn.length).toBeLessThanOrEqual(most);
    const before = sentOn.length;
    await Promise.all(
      writers.map((writer) => {
        writer.append(Buffer.from("k"));
        return journal.durable(writer);
      }),
    );
    journal.handOver();
    expect(sentOn.length - before).toBeLessThanOrEqual(most);
  });

  it("gives what is watched to the workers together, a moment after a key: its echo goes first", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const writer = new Writer();
      writer.watched = true;
      writer.append(Buffer.from("k"));
      await journal.durable(writer);
      writer.append(Buffer.from("echo"));
      await journal.durable(writer);
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(sentOn.length).toBe(0);
      vi.advanceTimersByTime(8);
      expect(sentOn.length).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("has a keystroke on the disk before anything else runs, when it is quiet", async () => {
    const writer = new Writer();
    writer.append(Buffer.from("k"));
    const durable = journal.durable(writer);
    expect(writer.unwrittenBytes).toBe(0);
    await durable;
    await expect.poll(async () => (await readBack(writer)).get(writer.id)).toEqual(writer.sent);
  });

  it("never has a later record without an earlier one, when a session changes its lane", async () => {
    const quick = new Writer();
    const flood = new Writer();
    quick.append(Buffer.alloc(10));
    for (let i = 0; i < 40; i++) flood.append(randomBytes(4000));
    const seen: number[] = [];
    const onWritten = journal.onWritten;
    journal.onWritten = (batch) => {
      for (const record of batchRecords(batch.buffer, batch.used))
        if (record.session === flood.id) seen.push(record.recordNo);
      onWritten(batch);
    };
    await journal.durable(flood);
    await journal.sent(flood);
    expect(flood.lane).toBe("bulk");
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i));
    flood.append(Buffer.from("small again"));
    expect(flood.lane).toBe("fast");
  });
});

describe("files", () => {
  it("are used again once their sessions are covered, and what they held before is not read", async () => {
    const before = new Writer();
    const after = new Writer();
    for (let round = 0; round < 30; round++) {
      before.append(randomBytes(100_000));
      await journal.durable(before);
      ring.cover(before.id, before.next - 1);
    }
    expect((await listJournalFiles(directory)).length).toBeLessThan(6);
    after.append(Buffer.from("new"));
    await journal.durable(after);
    expect((await readBack(after)).get(after.id)).toEqual(after.sent);
  });

  it("all in use make appends wait, until something is covered", async () => {
    await stop();
    await start(2);
    const stalls: boolean[] = [];
    const pressed: string[][] = [];
    journal.onStall = (stalled) => stalls.push(stalled);
    ring.onPressure = (sessions) => pressed.push(sessions);
    const writer = new Writer();
    for (let i = 0; i < 30; i++) writer.append(randomBytes(100_000));
    let done = false;
    const durable = journal.durable(writer).then(() => {
      done = true;
    });
    await expect.poll(() => stalls).toEqual([true]);
    expect(done).toBe(false);
    expect(pressed.flat()).toContain(writer.id);
    // The worker covers what it was given, bit by bit.
    const cover = setInterval(() => {
      const last = sentToWorker(writer).length - 1;
      ring.cover(writer.id, last);
      journal.retry();
    }, 5);
    await durable;
    clearInterval(cover);
    expect(stalls.at(-1)).toBe(false);
    expect(sentToWorker(writer)).toEqual(writer.sent);
  });

  it("are not kept for what came too late for a recording that is sealed", async () => {
    const writer = new Writer();
    for (let round = 0; round < 30; round++) {
      const late = new Writer();
      late.append(Buffer.from("on its way when its session is sealed"));
      ring.forget(late.id);
      await journal.durable(late);
      writer.append(randomBytes(200_000));
      await journal.durable(writer);
      ring.cover(writer.id, writer.next - 1);
    }
    expect((await listJournalFiles(directory)).length).toBeLessThan(6);
  });

  it("found at start-up are kept until their sessions are sealed", async () => {
    const left = new Writer();
    left.append(Buffer.from("from before the crash"));
    await journal.durable(left);
    await stop();
    ring = new JournalRing(directory, fileBytes, 8);
    const found = await surveyJournal(await listJournalFiles(directory), new Set([left.id]));
    ring.adopt(found.files);
    await ring.whenReady();
    journal = new Journal(ring, limits);
    journal.onWritten = (batch) => journal.recycle(batch.buffer);
    const writer = new Writer();
    for (let i = 0; i < 12; i++) {
      writer.append(randomBytes(200_000));
      await journal.durable(writer);
      ring.cover(writer.id, writer.next - 1);
    }
    expect((await readBack(left)).get(left.id)).toEqual(left.sent);
    ring.forget(left.id);
    for (let i = 0; i < 12; i++) {
      writer.append(randomBytes(200_000));
      await journal.durable(writer);
      ring.cover(writer.id, writer.next - 1);
    }
    expect((await listJournalFiles(directory)).length).toBeLessThan(6);
  });
});

describe("damage", () => {
  async function damaged(
    change: (file: Buffer) => void,
  ): Promise<{ writer: Writer; read: string[]; holes: number; damagedFiles: string[] }> {
    const writer = new Writer();
    for (let i = 0; i < 20; i++) {
      writer.append(Buffer.from(`record ${i}`));
      await journal.durable(writer);
    }
    await stop();
    const [path = ""] = await listJournalFiles(directory);
    const file = readFileSync(path);
    change(file);
    writeFileSync(path, file);
    const found = await surveyJournal([path], new Set([writer.id]));
    const read: string[] = [];
    await replayJournal(found, async (bytes) => void read.push(bytes.subarray(recordHeaderBytes).toString()));
    await start(8);
    return { writer, read, holes: found.sessions.get(writer.id)?.holes.length ?? 0, damagedFiles: found.damaged };
  }

  it("in the middle costs that record alone, and the hole is known", async () => {
    const { read, holes } = await damaged((file) => {
      file[6 * blockBytes + 70] = (file[6 * blockBytes + 70] ?? 0) ^ 1;
    });
    expect(read.length).toBe(19);
    expect(read).not.toContain("record 5");
    expect(holes).toBe(1);
  });

  it("at the end is a torn write, and no hole", async () => {
    const { read, holes } = await damaged((file) => void file.fill(0, 20 * blockBytes + 30, 21 * blockBytes));
    expect(read).toEqual(Array.from({ length: 19 }, (_, i) => `record ${i}`));
    expect(holes).toBe(0);
  });

  it("of a file's header does not hide its records", async () => {
    const { read, damagedFiles } = await damaged((file) => void file.fill(255, 0, 64));
    expect(read.length).toBe(20);
    expect(damagedFiles).toEqual(["000.journal"]);
  });

  /** One batch of 20 records of 700 bytes, of which several lie in one block. */
  async function inOneBatch(change: (file: Buffer, at: (n: number) => number) => void) {
    const writer = new Writer();
    for (let i = 0; i < 20; i++) writer.append(Buffer.alloc(700, i));
    await journal.durable(writer);
    await stop();
    const [path = ""] = await listJournalFiles(directory);
    const file = readFileSync(path);
    change(file, (n) => blockBytes + n * (recordHeaderBytes + 700));
    writeFileSync(path, file);
    const found = await surveyJournal([path], new Set([writer.id]));
    const read: number[] = [];
    await replayJournal(found, async (bytes) => void read.push(bytes[recordHeaderBytes] ?? -1));
    await start(8);
    const all = Array.from({ length: 20 }, (_, i) => i);
    return { lost: all.filter((i) => !read.includes(i)), holes: found.sessions.get(writer.id)?.holes, found };
  }

  it.each([
    ["its length", 0],
    ["its checksum", 4],
    ["its nonce", 9],
    ["its session", 20],
    ["its payload", 500],
  ])("in the middle of a batch costs that record alone: %s", async (_where, offset) => {
    const { lost, holes } = await inOneBatch((file, at) => {
      file[at(7) + offset] = (file[at(7) + offset] ?? 0) ^ 0x41;
    });
    expect(lost).toEqual([7]);
    expect(holes).toEqual([{ fromUs: 1006, toUs: 1008 }]);
  });

  it("that makes a record look longer costs no record behind it", async () => {
    const { lost } = await inOneBatch((file, at) => {
      // To the beginning of another record, as a stale or flipped length can say by chance.
      file.writeUInt32LE(at(15) - at(7) - recordHeaderBytes, at(7));
    });
    expect(lost).toEqual([7]);
  });

  it("of a whole block costs the records that reach into it", async () => {
    const { lost, holes } = await inOneBatch((file) => void file.fill(0, 2 * blockBytes, 3 * blockBytes));
    expect(lost).toEqual([5, 6, 7, 8, 9, 10]);
    expect(holes).toEqual([{ fromUs: 1004, toUs: 1011 }]);
  });

  it("of the header and of the first batch does not hide the next one", async () => {
    const { read, damagedFiles } = await damaged((file) => void file.fill(0, 0, blockBytes + 20));
    expect(read).toEqual(Array.from({ length: 19 }, (_, i) => `record ${i + 1}`));
    expect(damagedFiles).toEqual(["000.journal"]);
  });

  it("of all that says what the file is makes it unreadable, not empty", async () => {
    const writer = new Writer();
    writer.append(Buffer.from("only"));
    await journal.durable(writer);
    await stop();
    const [path = ""] = await listJournalFiles(directory);
    const file = readFileSync(path);
    file.fill(1, 0, 2 * blockBytes);
    writeFileSync(path, file);
    const found = await surveyJournal([path], new Set([writer.id]));
    expect([found.files, found.unreadable.map((one) => one.path)]).toEqual([[], [path]]);
    await start(8);
  });

  it("that looks like a record is not taken for one", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2 * blockBytes, maxLength: 2 * blockBytes + 500 }), (bytes) => {
        expect([...scanFile(Buffer.from(bytes), randomBytes(8))]).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("cannot be forged by what a peer sends: a record needs the file's nonce", async () => {
    const victim = new Writer();
    victim.append(Buffer.from("true"));
    await journal.durable(victim);
    const [path = ""] = await listJournalFiles(directory);
    const whole = readFileSync(path);
    // A valid record of another file, as output, laid out so that it begins at a block.
    const copy = Buffer.from(whole.subarray(blockBytes, blockBytes + recordHeaderBytes + 4));
    copy.fill(9, 8, 16);
    const attacker = new Writer();
    const payload = Buffer.alloc(3 * blockBytes);
    for (let at = 0; at < payload.length - copy.length; at += 16) copy.copy(payload, at);
    attacker.append(payload);
    await journal.durable(attacker);
    expect((await readBack(victim)).get(victim.id)).toEqual(victim.sent);
  });
});

describe("a disk that does not give all", () => {
  /** The file but for some of its blocks, as a failing disk gives it. */
  function without(...blocks: number[]) {
    return async (path: string): Promise<ReadHandle> => {
      const handle = await open(path, "r");
      const read = async (into: Buffer, at: number, length: number, position: number) => {
        const bad = blocks.some(
          (block) => position < (block + 1) * blockBytes && position + length > block * blockBytes,
        );
        if (bad) throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
        return handle.read(into, at, length, position);
      };
      const stat = (() => handle.stat()) as ReadHandle["stat"];
      return { read: read as ReadHandle["read"], stat, close: () => handle.close() };
    };
  }

  const reading =
    (...blocks: number[]) =>
    (path: string) =>
      readWhatReads(path, without(...blocks));

  async function twoFiles(): Promise<{ writer: Writer; paths: string[] }> {
    const writer = new Writer();
    for (let i = 0; i < 40; i++) {
      writer.append(Buffer.alloc(30_000, i));
      await journal.durable(writer);
    }
    await stop();
    const paths = await listJournalFiles(directory);
    expect(paths.length).toBe(2);
    return { writer, paths };
  }

  async function numbersOf(found: JournalFound, read?: ReadJournalFile): Promise<number[]> {
    const numbers: number[] = [];
    await replayJournal(found, async (bytes) => void numbers.push(bytes[recordHeaderBytes] ?? -1), read);
    return numbers;
  }

  const all = Array.from({ length: 40 }, (_, i) => i);

  it("costs what is in the bad blocks, and says how much", async () => {
    const { writer, paths } = await twoFiles();
    const found = await surveyJournal(paths, new Set([writer.id]), reading(0, 20));
    const numbers = await numbersOf(found, reading(0, 20));
    // Of the first file one record, of the second one too.
    expect(all.filter((i) => !numbers.includes(i))).toHaveLength(2);
    expect(found.files.map(({ lostBytes }) => lostBytes)).toEqual([2 * blockBytes, 2 * blockBytes]);
    expect(found.sessions.get(writer.id)?.holes).toHaveLength(2);
    expect(found.lost).toEqual([]);
    await start(8);
  });

  it("costs the whole file when nothing of it reads", async () => {
    const { writer, paths } = await twoFiles();
    const blocks = Array.from({ length: fileBytes / blockBytes }, (_, i) => i);
    const read: ReadJournalFile = (path) => (path === paths[0] ? reading(...blocks)(path) : readWhatReads(path));
    const found = await surveyJournal(paths, new Set([writer.id]), read);
    expect(found.unreadable).toEqual([{ path: paths[0], error: expect.objectContaining({ code: "EIO" }) as unknown }]);
    const numbers = await numbersOf(found, read);
    expect(numbers.at(0)).toBeGreaterThan(10);
    expect(numbers.at(-1)).toBe(39);
    expect(found.sessions.get(writer.id)?.first?.recordNo).toBe(numbers[0]);
    await start(8);
  });

  it("the second time only, costs what it does not give then, and holds up nothing behind it", async () => {
    const { writer, paths } = await twoFiles();
    const survey = () => surveyJournal(paths, new Set([writer.id]));
    const whole = await survey();
    const perFile = whole.files.map(({ numbers }) => numbers.get(writer.id) ?? []);
    const fails = (bad: string | undefined): ReadJournalFile => {
      return (path) => (path === bad ? Promise.reject(new Error("EIO")) : readWhatReads(path));
    };

    const first = await survey();
    expect(await numbersOf(first, fails(paths[0]))).toEqual(perFile[1]);
    expect(first.lost.map(({ path }) => path)).toEqual([paths[0]]);
    expect(first.sessions.get(writer.id)?.first?.recordNo).toBe(perFile[1]?.[0]);

    const second = await survey();
    expect(await numbersOf(second, fails(paths[1]))).toEqual(perFile[0]);
    expect(second.sessions.get(writer.id)?.holes).toEqual([{ fromUs: 1000 + (perFile[0]?.at(-1) ?? 0), toUs: 1039 }]);

    const part = await survey();
    const read: ReadJournalFile = (path) => (path === paths[0] ? reading(20)(path) : readWhatReads(path));
    expect((await numbersOf(part, read)).length).toBe(39);
    expect(part.sessions.get(writer.id)?.holes).toHaveLength(1);
    expect(part.lost.map(({ path }) => path)).toEqual([paths[0]]);
    await start(8);
  });
});
