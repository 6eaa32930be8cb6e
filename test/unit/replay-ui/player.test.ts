import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { decompressSegment } from "../../../recorder/store/codec.ts";
import { Player } from "../../../replay-ui/player/player.ts";
import { RenderError, type Renderer, type RenderOp } from "../../../replay-ui/player/renderer.ts";
import { SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { growthOf } from "../../../replay-ui/sources/growth.ts";
import { OpenSegments, OutOfStepError } from "../../../replay-ui/sources/open-segments.ts";
import type { LiveWatch } from "../../../replay-ui/sources/source.ts";
import { Store } from "../../../replay-ui/store.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { type MemorySource, memorySource } from "../../support/memory-source.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { LiveScene } from "../../support/recording-scenes.ts";

const SECOND = 1_000_000;
const key = makeSigningKey();
const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };

/** Frames that come when the test says so. */
class Frames {
  private waiting = new Map<number, (ms: number) => void>();
  private next = 1;
  private nowMs = 1_000;

  request = (run: (ms: number) => void): number => {
    this.waiting.set(this.next, run);
    return this.next++;
  };

  cancel = (id: number): void => {
    this.waiting.delete(id);
  };

  /** One frame every 20 ms of wall time, with time for promises between. */
  async run(wallMs: number): Promise<void> {
    for (let passed = 0; passed < wallMs; passed += 20) {
      this.nowMs += 20;
      const due = [...this.waiting.values()];
      this.waiting.clear();
      for (const run of due) run(this.nowMs);
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Frames without wall time, until something holds. */
  async until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!holds()) {
      if (Date.now() > deadline) throw new Error("it did not come about in 10 s");
      const due = [...this.waiting.values()];
      this.waiting.clear();
      for (const run of due) run(this.nowMs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

class Paper implements Renderer {
  text = "";
  resets = 0;
  playing = false;
  /** A segment whose content it cannot draw. */
  undrawable: number | null = null;

  apply(ops: readonly RenderOp[]): void {
    if (this.undrawable !== null && ops.some(({ op }) => op === "write")) {
      throw new RenderError(this.undrawable, "follows an unknown operation");
    }
    for (const op of ops) {
      if (op.op === "reset") {
        this.resets++;
        this.text = "";
      }
      if (op.op === "write") this.text += op.data;
      if (op.op === "unreadable") this.text = "unreadable";
    }
  }

  setPlaying(playing: boolean): void {
    this.playing = playing;
  }
}

let frames: Frames;
const marks: string[] = [];

beforeEach(() => {
  frames = new Frames();
  marks.length = 0;
  vi.stubGlobal("requestAnimationFrame", frames.request);
  vi.stubGlobal("cancelAnimationFrame", frames.cancel);
  vi.stubGlobal("document", { visibilityState: "visible" });
  vi.stubGlobal("window", { dispatchEvent: (event: Event) => marks.push(event.type) });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Says its number each second from 1 to 40, but for the pause from 20 to 35. */
async function counting(): Promise<BuiltRecording> {
  const builder = new RecordingBuilder(facts, key);
  builder.channel(0, { request: "exec", pty: false, command: "count" });
  for (let second = 1; second <= 40; second++) {
    if (second > 20 && second < 35) continue;
    await builder.output(0, second * SECOND, `${second} `);
    builder.input({ t: second * SECOND - 1_000, ch: 0, k: "text", d: "k" });
  }
  return builder.finish(42 * SECOND);
}

interface Open {
  player: Player;
  paper: Paper;
  source: MemorySource;
}

/** With the first picture drawn; `warm` with every segment in memory, so that time alone decides. */
async function open(recording: BuiltRecording, warm = true): Promise<Open> {
  const source = memorySource(recording);
  const loader = new SegmentLoader(source, new Integrity(recording.index));
  if (warm) for (const segment of recording.index.segments) await loader.load(segment.n);
  const player = new Player(source, loader);
  const paper = new Paper();
  player.open("terminal-0", 0, 0);
  player.setRenderer(paper);
  await frames.until(() => marks.includes("conduit:first-picture"));
  return { player, paper, source };
}

async function seek({ player }: Open, toUs: number): Promise<void> {
  const before = marks.length;
  void player.seek(toUs);
  await frames.until(() => marks.length > before);
}

/** What is on the paper at the end, whatever the keyframe before it held. */
const last = (paper: Paper) => paper.text.trim().split(" ").at(-1);

describe("playing", () => {
  it("shows everything in its time and stops at the end", async () => {
    const { player, paper } = await open(await counting());
    player.play();
    await frames.run(5_500);
    expect(last(paper)).toBe("5");
    expect(player.timeUs.get() / SECOND).toBeCloseTo(5.5, 0);
    player.setSpeed(16);
    await frames.run(4_000);
    expect(player.state.get().status).toBe("ended");
    expect(player.timeUs.get()).toBe(42 * SECOND);
    expect(last(paper)).toBe("40");
    expect(paper.playing).toBe(false);
    // Once for the empty screen at the start, once for the first keyframe; then on and on.
    expect(paper.resets).toBe(2);
  });

  it("changes speed while it plays", async () => {
    const { player } = await open(await counting());
    player.play();
    player.setSpeed(0.5);
    await frames.run(2_000);
    expect(player.timeUs.get() / SECOND).toBeCloseTo(1, 0);
    player.setSpeed(4);
    await frames.run(2_000);
    expect(player.timeUs.get() / SECOND).toBeCloseTo(9, 0);
  });

  it("skips idle time while it plays, and says what it skipped", async () => {
    const opened = await open(await counting());
    const { player } = opened;
    await seek(opened, 19 * SECOND);
    player.play();
    player.setSkipIdle(true);
    await frames.run(2_500);
    expect(player.timeUs.get()).toBeGreaterThan(34 * SECOND);
    expect(player.state.get().skipped?.fromUs).toBeLessThan(22 * SECOND);
    const before = player.timeUs.get();
    player.setSkipIdle(false);
    await frames.run(1_000);
    expect(player.timeUs.get() - before).toBeLessThan(1.2 * SECOND);
  });

  it("counts a segment that has the right hash but cannot be drawn as bad, and says so", async () => {
    const opened = await open(await counting());
    const { player, paper } = opened;
    paper.undrawable = player.timeline.get().segments("terminal-0")[0]!.n;
    await seek(opened, 3 * SECOND);
    expect(paper.text).toBe("unreadable");
    expect(player.loader.isBad(paper.undrawable)).toBe(true);
    expect(player.state.get().loading).toBe(false);
  });

  it("starts over when it had ended", async () => {
    const opened = await open(await counting());
    const { player } = opened;
    await seek(opened, 41.9 * SECOND);
    player.play();
    await frames.run(400);
    expect(player.state.get().status).toBe("ended");
    player.play();
    await frames.run(200);
    expect(player.timeUs.get()).toBeLessThan(SECOND);
    expect(player.state.get().status).toBe("playing");
  });

  it("waits for a segment that is not there yet, and goes on from the same moment", async () => {
    const { player, source, paper } = await open(await counting(), false);
    player.play();
    const answer = held(source);
    void player.seek(37 * SECOND);
    await frames.run(1_000);
    expect(player.state.get()).toMatchObject({ status: "playing", loading: true });
    expect(player.timeUs.get()).toBe(37 * SECOND);
    answer();
    await frames.until(() => !player.state.get().loading);
    expect(last(paper)).toBe("37");
    await frames.run(1_200);
    expect(last(paper)).toBe("38");
  });

  it("asks again while the service does not answer", async () => {
    const { player, source, paper } = await open(await counting(), false);
    source.unreachable.add(player.timeline.get().segments("terminal-0").at(-1)!.n);
    void player.seek(39 * SECOND);
    await frames.until(() => player.state.get().stalled);
    expect(player.state.get().loading).toBe(true);
    source.unreachable.clear();
    await frames.until(() => last(paper) === "39");
    expect(player.state.get()).toMatchObject({ stalled: false, loading: false });
  });
});

/** Answers wait until the function is called. */
function held(source: MemorySource): () => void {
  let free: () => void = () => {};
  source.hold = new Promise((resolve) => {
    free = resolve;
  });
  return () => {
    source.hold = null;
    free();
  };
}

describe("seeking", () => {
  it("shows the moment that was asked for last", async () => {
    const { player, source, paper } = await open(await counting(), false);
    const answer = held(source);
    void player.seek(36 * SECOND);
    void player.seek(14 * SECOND);
    void player.seek(3 * SECOND);
    answer();
    await frames.until(() => marks.includes("conduit:seeked"));
    expect(player.timeUs.get()).toBe(3 * SECOND);
    expect(last(paper)).toBe("3");
    expect(marks.filter((mark) => mark === "conduit:seeked")).toHaveLength(1);
  });

  it("marks the picture after it was drawn, and the first one apart", async () => {
    const opened = await open(await counting());
    expect(marks).toEqual(["conduit:first-picture"]);
    await seek(opened, 12 * SECOND);
    expect(marks).toEqual(["conduit:first-picture", "conduit:seeked"]);
    expect(last(opened.paper)).toBe("12");
  });

  it("stays within the recording", async () => {
    const { player } = await open(await counting());
    void player.seek(-5 * SECOND);
    expect(player.timeUs.get()).toBe(0);
    void player.seek(1e12);
    expect(player.timeUs.get()).toBe(42 * SECOND);
  });
});

describe("stepping", () => {
  it("goes from event to event and from keystroke to keystroke", async () => {
    const opened = await open(await counting());
    const { player, paper } = opened;
    const timeAfter = async (step: () => Promise<void>) => {
      const before = marks.length;
      void step();
      await frames.until(() => marks.length > before);
      return player.timeUs.get();
    };
    expect(await timeAfter(() => player.step(1))).toBe(1 * SECOND);
    expect(await timeAfter(() => player.step(1))).toBe(2 * SECOND);
    expect(last(paper)).toBe("2");
    expect(await timeAfter(() => player.stepKey(1))).toBe(3 * SECOND - 1_000);
    expect(await timeAfter(() => player.stepKey(-1))).toBe(2 * SECOND - 1_000);
    expect(await timeAfter(() => player.step(-1))).toBe(1 * SECOND);
    expect(last(paper)).toBe("1");
    await seek(opened, 20 * SECOND);
    expect(await timeAfter(() => player.step(1))).toBe(35 * SECOND);
  });

  it("pauses, and stays where it is when there is nothing more", async () => {
    const opened = await open(await counting());
    const { player } = opened;
    await seek(opened, 40.5 * SECOND);
    player.play();
    await player.step(1);
    expect(player.state.get().status).toBe("paused");
    expect(player.timeUs.get()).toBe(40.5 * SECOND);
  });
});

describe("a recording in progress", () => {
  it("goes on at the live edge while it grows, and ends when the session ends", async () => {
    const scene = new LiveScene(facts, key);
    const early = await scene.growTo(25);
    const { player, source } = await open(early);
    const edgeOf = ({ index }: BuiltRecording) => Math.max(...index.segments.map((segment) => segment.endUs));
    void player.follow();
    await frames.run(500);
    expect(player.timeUs.get()).toBe(edgeOf(early));
    expect(player.state.get()).toMatchObject({ status: "playing", following: true });

    const grow = (to: BuiltRecording) => {
      source.segment = memorySource(to).segment;
      source.index.set(to.index);
    };
    // Much at once: it catches up to a segment behind the newest moment, and goes on from there at the session's pace.
    const later = await scene.growTo(60);
    grow(later);
    await frames.until(() => !player.state.get().loading);
    expect(edgeOf(later) - player.timeUs.get()).toBe(10 * SECOND);
    await frames.run(2_000);
    expect((edgeOf(later) - player.timeUs.get()) / SECOND).toBeCloseTo(8, 0);
    expect(player.state.get().following).toBe(true);

    const ended = scene.end();
    grow(ended);
    for (let i = 0; i < 60 && player.state.get().status !== "ended"; i++) await frames.run(1_000);
    expect(player.state.get().status).toBe("ended");
    expect(player.timeUs.get()).toBe(ended.index.durationUs);
  });

  it("does not follow any more after a seek", async () => {
    const opened = await open(await new LiveScene(facts, key).growTo(25));
    void opened.player.follow();
    await frames.run(100);
    await seek(opened, 2 * SECOND);
    expect(opened.player.state.get().following).toBe(false);
  });
});

describe("a session that is watched", () => {
  const terminal = {
    id: 0,
    meta: { name: "terminal-0", kind: "terminal", channel: 0, request: "shell", pty: true },
  } as const;
  const connected: LiveWatch = {
    connected: true,
    watch: "w",
    session: null,
    escort: null,
    prompt: null,
    answer: null,
    ended: null,
  };

  /** A recording of 25 s that is stored, and the bytes of the segment that comes next, before they are. */
  async function watched() {
    const scene = new LiveScene(facts, key);
    const early = await scene.growTo(25);
    const later = await scene.growTo(60);
    const next = later.index.segments[early.index.segments.length] as SegmentMeta;
    expect(next.track).toBe("terminal-0");
    const raw = decompressSegment(later.objects.get(next.name) as Uint8Array, next.codec);
    const segments = new OpenSegments(growthOf);
    let edgeUs = early.index.durationUs;
    const source = {
      ...memorySource(early),
      open: segments,
      live: new Store(connected),
      edgeUs: () => Math.max(edgeUs, segments.edgeUs),
    };
    const loader = new SegmentLoader(source, new Integrity(early.index));
    const player = new Player(source, loader);
    const paper = new Paper();
    player.open("terminal-0", 0, 0);
    player.setRenderer(paper);
    await frames.until(() => marks.includes("conduit:first-picture"));
    void player.follow();
    await frames.until(() => marks.includes("conduit:seeked"));
    const store = () => {
      source.segment = memorySource(later).segment;
      source.index.set({ ...early.index, segments: later.index.segments.slice(0, next.n + 1) });
      segments.closed(next);
    };
    return { player, paper, source, loader, segments, next, raw, store, edge: (us: number) => (edgeUs = us) };
  }
  /** What stands on the paper when the segment is shown as it is stored. */
  const wholeText = (raw: Uint8Array) => {
    const [, , ...lines] = Buffer.from(raw).toString().trimEnd().split("\n");
    return lines.map((line) => (JSON.parse(line) as [number, string, string])[2]).join("");
  };

  it("is on the screen as it is written, in whatever pieces it comes, and stays there when it is stored", async () => {
    const { player, paper, loader, segments, next, raw, store } = await watched();
    segments.begin(terminal, next.index, raw.subarray(0, 700), next.startUs);
    for (let at = 700; at < raw.length; at += 333) {
      segments.add(terminal, next.index, at, raw.subarray(at, at + 333), next.startUs + at);
      if (at % 5 === 0) await frames.run(20);
    }
    segments.add(terminal, next.index, raw.length, new Uint8Array(0), next.endUs);
    await frames.run(20);
    expect(paper.text.slice(-200)).toBe(wholeText(raw).slice(-200));
    expect(paper.text.endsWith(wholeText(raw))).toBe(true);
    expect(player.timeUs.get()).toBe(next.endUs);
    expect(player.state.get()).toMatchObject({ following: true, loading: false });
    const { resets } = paper;

    store();
    await frames.run(100);
    // What was shown goes on without a new beginning, and is fetched to be checked.
    expect(paper.resets).toBe(resets);
    expect(player.state.get()).toMatchObject({ following: true, loading: false });
    await frames.until(() => loader.isBad(next.n) || segments.decoded(next.n) === undefined);
    expect(loader.isBad(next.n)).toBe(false);
    expect(loader.peek(next.n)?.kind).toBe("terminal");
  });

  it("can be rewound while it goes on, is caught up with at a higher speed, and is left with the pause", async () => {
    const { player, paper, segments, next, raw, edge } = await watched();
    segments.begin(terminal, next.index, raw, next.endUs);
    await frames.run(40);
    await seek({ player, paper, source: null as never }, next.startUs - 8 * SECOND);
    expect(player.state.get().following).toBe(false);
    player.setSpeed(4);
    await frames.run(1_000);
    expect(player.timeUs.get() / SECOND).toBeCloseTo(next.startUs / SECOND - 4, 0);
    for (let i = 0; i < 30 && !player.state.get().following; i++) await frames.run(500);
    expect(player.state.get()).toMatchObject({ following: true, speed: 1 });
    edge(next.endUs + 3 * SECOND);
    await frames.run(40);
    expect(player.timeUs.get()).toBe(next.endUs + 3 * SECOND);
    player.pause();
    edge(next.endUs + 9 * SECOND);
    await frames.run(40);
    expect(player.timeUs.get()).toBe(next.endUs + 3 * SECOND);
  });

  it("does not fit where bytes are missing", async () => {
    const { segments, next, raw } = await watched();
    expect(() => segments.add(terminal, next.index, 10, raw.subarray(10), 0)).toThrow(OutOfStepError);
    segments.begin(terminal, next.index, raw.subarray(0, 10), 0);
    expect(() => segments.add(terminal, next.index, 11, raw.subarray(11), 0)).toThrow("byte 10 of segment");
    segments.add(terminal, next.index, 10, raw.subarray(10), 0);
  });
});
