// What passes and what does not, over any course of data, holds, releases, slow records and a channel's end.
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Dropped, InputDrops } from "../../../recorder/tap/input-drops.ts";
import { RecordingGate } from "../../../recorder/tap/recording-gate.ts";
import { dataOf, type HeldCourse, InboundPipeline } from "../../../recorder/tap/ssh/inbound-pipeline.ts";
import type { TapSession } from "../../../recorder/tap/tap.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";

type Step =
  | { do: "data"; bytes: number }
  | { do: "freeze" | "release" | "durable" | "turn" | "signal" | "start" }
  | { do: "freezeWhenRecorded" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("data" as const), bytes: fc.integer({ min: 1, max: 3000 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("freeze", "release", "durable", "turn", "signal", "freezeWhenRecorded" as const),
    }),
  },
) as fc.Arbitrary<Step>;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A channel's pipeline over a recording whose `durable()` answers when it is told to. */
function channel(course: Exclude<HeldCourse, "pass">) {
  const state = { frozen: false, freezeNext: false, cut: false, credited: 0, sent: 0, signals: 0, signalsPassed: 0 };
  const passed: number[] = [];
  const recorded: number[] = [];
  const dropped = { bytes: 0, recorded: 0, requests: 0 };
  const events: SessionEvent[] = [];
  let waiting: (() => void)[] = [];
  const session = {
    get frozen() {
      return state.frozen;
    },
    get hold() {
      return state.frozen ? { code: "frozen", sentence: "" } : null;
    },
  } as unknown as TapSession;
  const gate = new RecordingGate(
    {
      append: (event) => {
        events.push(structuredClone(event));
        return true;
      },
      durable: () => new Promise<void>((resolve) => waiting.push(resolve)),
      drained: async () => undefined,
    },
    () => undefined,
  );
  const drops = new InputDrops(session, gate, 0);
  const freeze = (): void => {
    state.frozen = true;
    pipeline.holdChanged();
  };
  const pipeline: InboundPipeline = new InboundPipeline(session, gate, {
    heldCourse: () => (state.frozen ? course : "pass"),
    dropped: (what: Dropped) => {
      dropped.bytes += what.bytes;
      dropped.recorded += what.recorded ?? 0;
      dropped.requests += what.requests ?? 0;
      drops.add(what);
    },
    cut: () => {
      state.cut = true;
      pipeline.stop();
    },
    waitsFor: () => null,
    record: (item) => {
      if (item.kind === "data") recorded.push(...dataOf(item));
      if (state.freezeNext) {
        state.freezeNext = false;
        freeze();
      }
      return true;
    },
    endBatch: () => false,
    pass: (item) => {
      // The invariant itself: at no moment at all while it is held.
      if (state.frozen) throw new Error("passed while held");
      if (item.kind === "data") {
        passed.push(...dataOf(item));
        state.credited += item.filled;
      } else if (item.kind === "request") state.signalsPassed++;
    },
    discarded: (item) => {
      if (item.kind === "data") state.credited += item.filled;
    },
    failed: (error) => {
      throw error;
    },
  });
  const run = async ({ ...one }: Step): Promise<void> => {
    switch (one.do) {
      case "data": {
        const data = Buffer.alloc(one.bytes);
        for (let at = 0; at < data.length; at++) data[at] = (state.sent + at) % 251;
        state.sent += data.length;
        pipeline.data(data);
        return;
      }
      case "freeze":
        if (!state.frozen) freeze();
        return;
      case "freezeWhenRecorded":
        state.freezeNext = true;
        return;
      case "release":
        if (!state.frozen) return;
        state.frozen = false;
        drops.say();
        pipeline.holdChanged();
        return;
      case "durable": {
        const now = waiting;
        waiting = [];
        for (const resolve of now) resolve();
        return turn().then(() => undefined);
      }
      case "signal":
        state.signals++;
        pipeline.push({ kind: "request", type: "signal", payload: Buffer.alloc(0), reply: () => undefined });
        return;
      default:
        await turn();
    }
  };
  const settle = async (): Promise<void> => {
    state.freezeNext = false;
    await run({ do: "release" });
    for (let n = 0; n < 4; n++) await run({ do: "durable" });
  };
  const said = (fact: string): number =>
    events.reduce(
      (sum, event) => sum + (event.type === "notice" ? Number((event.facts as Record<string, unknown>)[fact] ?? 0) : 0),
      0,
    );
  return { state, passed, recorded, dropped, pipeline, run, settle, said, drops };
}

/** The bytes carry their places: what passed stands in its order, and nothing twice. */
function isInOrder(passed: number[], sent: number): boolean {
  let at = 0;
  for (const byte of passed) {
    while (at < sent && at % 251 !== byte) at++;
    if (at++ >= sent) return false;
  }
  return true;
}

it("a terminal: what is sent either passes once and in order, or is counted as dropped, and nothing passes while held", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { state, passed, recorded, dropped, pipeline, run, settle, said } = channel("drop");
      pipeline.start();
      for (const one of steps) await run(one);
      await settle();
      expect(passed.length + dropped.bytes).toBe(state.sent);
      expect(recorded.length - dropped.recorded).toBe(passed.length);
      expect(state.credited).toBe(state.sent);
      expect(state.signalsPassed + dropped.requests).toBe(state.signals);
      expect([said("bytes"), said("recorded"), said("requests")]).toEqual([
        dropped.bytes,
        dropped.recorded,
        dropped.requests,
      ]);
      expect(isInOrder(passed, state.sent)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

it("a file transfer: nothing passes while held, and all of it passes in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { state, passed, dropped, pipeline, run, settle } = channel("wait");
      pipeline.start();
      for (const one of steps) await run(one);
      await settle();
      expect([passed.length, dropped.bytes]).toEqual([state.sent, 0]);
      expect(passed.every((byte, at) => byte === at % 251)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

it("a stream: it passes without a gap up to the hold that finds data, and then never again", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { state, passed, dropped, pipeline, run, settle } = channel("close");
      pipeline.start();
      for (const one of steps) await run(one);
      await settle();
      expect(passed.every((byte, at) => byte === at % 251)).toBe(true);
      expect(state.cut).toBe(dropped.bytes > 0);
      if (!state.cut) expect(passed.length).toBe(state.sent);
    }),
    { numRuns: 200 },
  );
});

it("a flood while held is one notice a second, and no memory", async () => {
  const { state, pipeline, run, said, dropped } = channel("drop");
  pipeline.start();
  await run({ do: "freeze" });
  for (let n = 0; n < 10_000; n++) await run({ do: "data", bytes: 100 });
  await run({ do: "release" });
  expect([said("bytes"), dropped.bytes, state.credited]).toEqual([1_000_000, 1_000_000, 1_000_000]);
});
