// Whatever comes in whatever order over however many channels: the recording gives back the same bytes, in order, with
// times that never run backwards and numbers without a gap.
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import {
  facts,
  readRecording,
  removeBases,
  startRecorder,
  type UnderTest,
} from "../../unit/record/recorder-under-test.ts";

let under: UnderTest;
let withBytes = 0;
beforeAll(async () => {
  // Segments so small that every run has many cuts.
  under = await startRecorder({
    segmentMaxSeconds: 0.05,
    segmentMaxBytes: 2048,
    floodSegmentBytes: 6000,
    bulkSegmentBytes: 6000,
    echoWaitMs: 50,
    tickMs: 10,
  });
});
afterAll(async () => {
  await under.stop();
  removeBases();
});

const channel = fc.nat(3);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => Buffer.from(text)),
  fc
    .constantFrom("\x1b", "[31", "m", "\x1b]0;never ends", "\x1b[?1049h", "\r\n$ ", "é日本🙂", "x".repeat(3000))
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ minLength: 4000, maxLength: 9000 }),
  fc.uint8Array({ minLength: 8192, maxLength: 40_000, size: "max" }),
  fc.nat({ max: 3000 }).map((n) => Buffer.from(`line ${n} é日本🙂\n`.repeat(700)).subarray(n % 4, 16_000 - (n % 7))),
);
const event: fc.Arbitrary<SessionEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("output"),
      channel,
      stream: fc.constantFrom("stdout", "stderr"),
      data: bytes,
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("input"), channel, data: bytes }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("resize"), channel, cols: fc.nat(2000), rows: fc.nat(2000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("file"),
      channel,
      event: fc.record({ op: fc.constant("open"), id: fc.nat(), path: fc.string() }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("notice"),
      notice: fc.constant("env"),
      channel,
      facts: fc.dictionary(fc.string(), fc.jsonValue()),
    }),
  },
) as fc.Arbitrary<SessionEvent>;
const step = fc.record({ event, pause: fc.constantFrom(0, 0, 0, 0, 1, 15), durable: fc.boolean() });

it("gives back every byte of every channel", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.constantFrom("strict", "interval"),
      async (steps, durability) => {
        const session = await under.recorder.open(facts({ durability: durability as "strict" | "interval" }));
        const sent = { stdout: [[], [], [], []], stderr: [[], [], [], []], input: [[], [], [], []] } as Record<
          string,
          Buffer[][]
        >;
        let other = 0;
        for (const number of [0, 1])
          session.append({
            type: "channel-open",
            channel: number,
            request: "shell",
            pty: { term: "xterm", cols: 40, rows: 10 },
          });
        session.append({ type: "channel-open", channel: 2, request: "exec", command: "cat" });
        for (const { event: one, pause, durable } of steps) {
          if (one.type === "output") sent[one.stream]?.[one.channel]?.push(Buffer.from(one.data));
          else if (one.type === "input") sent["input"]?.[one.channel]?.push(Buffer.from(one.data));
          else other++;
          if (!session.append(one)) await session.drained();
          if (durable) await session.durable();
          if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
        }
        const manifest = await session.close("client-closed");
        await expect
          .poll(() => under.told.stored.includes(session.session), { timeout: 20_000, interval: 5 })
          .toBe(true);
        const read = readRecording(under.store, session.session);
        expect(manifest).toEqual(read.manifest);
        for (const number of [0, 1, 2, 3]) {
          for (const stream of ["stdout", "stderr"] as const) {
            expect(read.output(number, stream).toString("hex")).toBe(
              Buffer.concat(sent[stream]?.[number] ?? []).toString("hex"),
            );
          }
          expect(read.inputBytes(number).toString("hex")).toBe(
            Buffer.concat(sent["input"]?.[number] ?? []).toString("hex"),
          );
        }
        expect(read.files().length + read.events().filter((line) => line.type === "env").length + resizes(read)).toBe(
          other,
        );
        withBytes += read.manifest.segments.filter((meta) => read.text(meta.name).includes('"version":2,')).length;
        expectNumbers(read, manifest.counts.events);
        expectTimes(read);
      },
    ),
    { numRuns: 60 },
  );
  expect(withBytes, "segments with bytes in them").toBeGreaterThan(20);
});

type Read = ReturnType<typeof readRecording>;

function resizes(read: Read): number {
  return [0, 1, 2, 3].reduce(
    (sum, number) => sum + read.terminal(number).events.filter((line) => line.code === "r").length,
    0,
  );
}

/** Every number from 0 is covered by a segment of some track; within a track they rise, and segments do not overlap. */
function expectNumbers(read: Read, events: number): void {
  const covered = new Set<number>();
  const last = new Map<string, number>();
  for (const { track, firstSeq, lastSeq } of read.manifest.segments) {
    expect(firstSeq, `first number of a segment of ${track}`).toBeGreaterThanOrEqual(last.get(track) ?? 0);
    last.set(track, lastSeq);
    for (let s = firstSeq; s <= lastSeq; s++) covered.add(s);
  }
  for (let s = 0; s < events; s++) expect(covered.has(s), `event ${s} of ${events}`).toBe(true);
  for (const line of [...read.input(), ...read.files(), ...read.events()]) expect(line.s).toBeLessThan(events);
}

function expectTimes(read: Read): void {
  const rising = (times: number[]) => expect(times).toEqual(times.toSorted((a, b) => a - b));
  for (const lines of [read.input(), read.files(), read.events()]) rising(lines.map((line) => line.t));
  for (const number of [0, 1, 2, 3]) rising(read.terminal(number).events.map((line) => line.atUs));
  for (const { startUs, endUs } of read.manifest.segments) expect(endUs).toBeGreaterThanOrEqual(startUs);
}
