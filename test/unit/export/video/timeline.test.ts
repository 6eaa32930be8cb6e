import { describe, expect, test } from "vitest";
import type { Card, FrameSource } from "../../../../recorder/export/video/frame-source.ts";
import { type Moment, type TimelineOptions, timeline } from "../../../../recorder/export/video/timeline.ts";

const second = 1_000_000;

/** A source that changes at given times and remembers to where it was brought. */
function sourceOf(changes: number[], cards: Card[] = []): FrameSource & { brought: number[] } {
  const source = {
    size: { width: 2, height: 2 },
    startUs: 0,
    endUs: 100 * second,
    openingUs: 0,
    cards,
    picture: { width: 2, height: 2, data: new Uint32Array(4) },
    brought: [] as number[],
    takeDirty: () => [],
    async advance(atUs: number) {
      source.brought.push(atUs);
    },
    async next() {
      return changes.find((us) => us > (source.brought.at(-1) ?? -1)) ?? null;
    },
    again: () => sourceOf(changes, cards),
  };
  return source;
}

async function run(source: FrameSource, options: Partial<TimelineOptions> = {}): Promise<Moment[]> {
  const settings = {
    fromUs: 0,
    toUs: 10 * second,
    speed: 1,
    fps: 10,
    idleLimitUs: null,
    clock: false,
    keys: [],
    ...options,
  };
  const moments: Moment[] = [];
  for await (const moment of timeline(source, settings)) moments.push(moment);
  return moments;
}

const at = (moments: Moment[]) => moments.map(({ atUs, outUs }) => [atUs / second, outUs / second]);

test("a change is shown at its time, a burst no oftener than the frame rate", async () => {
  const burst = [0, 1, 2, 3, 4].map((i) => 2 * second + i * 20_000);
  const moments = await run(sourceOf([...burst, 5 * second]), { toUs: 6 * second });
  const changed = at(moments).filter(([us]) => us === 2 || us === 2.1 || us === 5);
  expect(changed).toEqual([
    [2, 2],
    [2.1, 2.1],
    [5, 5],
  ]);
  expect(at(moments).at(-1)).toEqual([6, 7]);
  for (let i = 1; i < moments.length - 1; i++)
    expect(moments[i]!.atUs - moments[i - 1]!.atUs).toBeGreaterThanOrEqual(100_000);
});

test("what came before a picture's time is in it, nothing later", async () => {
  const source = sourceOf([second, second + 10]);
  await run(source, { toUs: 2 * second });
  expect(source.brought[0]).toBe(0);
  expect(source.brought).toContain(second);
  expect(source.brought).toContain(second + 100_000);
});

test("speed divides the video's time and thins its pictures", async () => {
  const changes = Array.from({ length: 100 }, (_, i) => i * 100_000);
  const moments = await run(sourceOf(changes), { speed: 4 });
  expect(moments.length).toBeLessThan(30);
  const ends = moments.at(-2)!;
  expect([ends.atUs, ends.outUs]).toEqual([10 * second, 2.5 * second]);
});

test("a pause is cut down to the limit, and the times go on from there", async () => {
  const moments = await run(sourceOf([second, 9 * second]), { idleLimitUs: 2 * second });
  expect(at(moments)).toContainEqual([1, 1]);
  expect(at(moments)).toContainEqual([9, 3]);
  expect(at(moments).at(-1)).toEqual([10, 5]);
});

test("a still is repeated, so that a player can jump into it", async () => {
  const moments = await run(sourceOf([]), { toUs: 9 * second });
  expect(moments.filter(({ required }) => required).map(({ atUs }) => atUs / second)).toEqual([0, 2, 4, 6, 8, 9, 9]);
});

test("the clock ticks on whole seconds", async () => {
  const moments = await run(sourceOf([1_500_000]), { clock: true, toUs: 4 * second });
  expect(moments.map(({ atUs }) => atUs / second)).toEqual(expect.arrayContaining([1, 1.5, 2, 3, 4]));
});

describe("cards", () => {
  const card = (fromUs: number, toUs: number): Card => ({
    fromUs,
    toUs,
    title: "NOT RECORDED",
    text: "recorder-crash",
  });

  test("stand over their whole time", async () => {
    const gap = card(2 * second, 7 * second);
    const moments = await run(sourceOf([second], [gap]));
    for (const moment of moments) {
      const within = moment.atUs >= 2 * second && moment.atUs < 7 * second;
      expect(moment.card, String(moment.atUs)).toBe(within ? gap : null);
    }
    expect(at(moments)).toContainEqual([7, 7]);
  });

  test("of no length at all are seen for two seconds", async () => {
    const gap = card(3 * second, 3 * second);
    const moments = await run(sourceOf([], [gap]));
    const first = moments.findIndex((moment) => moment.card === gap);
    expect(moments[first]?.outUs).toBe(3 * second);
    const next = moments.slice(first).find((moment) => moment.card === null);
    expect(next?.outUs).toBe(5 * second);
    expect(next?.atUs).toBe(3_100_000);
  });

  test("that lie between two pictures of a fast video are seen", async () => {
    const gap = card(3_050_000, 3_060_000);
    const changes = Array.from({ length: 100 }, (_, i) => i * 100_000);
    const moments = await run(sourceOf(changes, [gap]), { speed: 20 });
    expect(moments.some((moment) => moment.card === gap)).toBe(true);
    expect(moments.at(-1)?.card).toBe(null);
  });
});

test("keys stand while typing goes on and for three seconds more", async () => {
  const keys = [
    { atUs: 1 * second, text: "l" },
    { atUs: 2 * second, text: "s" },
  ];
  const moments = await run(sourceOf([]), { keys });
  const shown = (us: number) =>
    moments
      .findLast(({ atUs }) => atUs <= us)
      ?.keys.map(({ text }) => text)
      .join("");
  expect([0.5, 1, 2, 4.9, 5].map((s) => shown(s * second))).toEqual(["", "l", "ls", "ls", ""]);
});
