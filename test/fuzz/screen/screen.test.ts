// Whatever is drawn and however it is reported, a reader has the framebuffer's pixels; whatever is done to a stored
// segment, a reader ends with INTEGRITY_FORMAT or with a picture within the limits.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors.ts";
import { type ScreenRecord, type ScreenRect, screenLimits } from "../../../shared/screen/format.ts";
import { encodeFrame, framesHeaderLine, readFrames } from "../../../shared/screen/frames.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { black, noise, Picture, play, samePixels } from "../../unit/screen/picture.ts";

type Step =
  | { do: "paint"; at: number[]; look: number; split: number }
  | { do: "copy"; at: number[]; from: number[]; split: boolean; reported: boolean }
  | {
      do: "scroll";
      by: number;
      sideways: boolean;
      reported: boolean;
      times: number;
      bands: number;
      pointer: boolean;
      painted: boolean;
    }
  | { do: "resize"; size: number[] }
  | { do: "state"; what: number }
  | { do: "sample" | "cut" };

const share = fc.integer({ min: 0, max: 1000 });
const shares = fc.array(share, { minLength: 4, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("paint" as const), at: shares, look: fc.nat(5), split: fc.nat(3) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("copy" as const),
      at: shares,
      from: shares,
      split: fc.boolean(),
      reported: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("scroll" as const),
      by: fc.integer({ min: 1, max: 40 }),
      sideways: fc.boolean(),
      reported: fc.boolean(),
      times: fc.integer({ min: 1, max: 4 }),
      bands: fc.integer({ min: 1, max: 4 }),
      pointer: fc.boolean(),
      painted: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resize" as const), size: shares }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("state" as const), what: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("sample" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
);

function rectOf(picture: Picture, [a, b, c, d]: number[]): ScreenRect {
  const x = Math.floor(((a as number) / 1001) * picture.width);
  const y = Math.floor(((b as number) / 1001) * picture.height);
  const width = 1 + Math.floor(((c as number) / 1001) * (picture.width - x));
  const height = 1 + Math.floor(((d as number) / 1001) * (picture.height - y));
  return { x, y, width, height };
}

const looks: ((random: () => number) => (x: number, y: number) => number)[] = [
  () => () => 0x445566,
  () => (x, y) => ((x * y) & 8 ? 0xffffff : 0x102030),
  (random) => () => Math.floor(random() * 3) * 0x111111,
  (random) => () => Math.floor(random() * 12) * 0x0a0b0c,
  (random) => () => random() * 0xffffff,
  () => (x, y) => (x * 3) | ((y * 5) << 8) | ((x + y) << 16),
];

function run(picture: Picture, one: Step, random: () => number): void {
  switch (one.do) {
    case "paint": {
      const rect = rectOf(picture, one.at);
      const colourAt = (looks[one.look] as (typeof looks)[0])(random);
      // The same area, reported in one piece or in several that overlap.
      for (let part = 0; part <= one.split; part++) {
        const top = rect.y + Math.floor((rect.height * part) / (one.split + 1));
        const bottom = Math.min(rect.y + rect.height, top + Math.ceil(rect.height / (one.split + 1)) + 1);
        if (bottom > top) picture.paint({ ...rect, y: top, height: bottom - top }, colourAt);
      }
      break;
    }
    case "copy": {
      const to = rectOf(picture, one.at);
      const [fromX, fromY] = [rectOf(picture, one.from).x, rectOf(picture, one.from).y];
      const width = Math.min(to.width, picture.width - fromX);
      const height = Math.min(to.height, picture.height - fromY);
      // A server may send one move in halves, the one first that takes nothing from the other.
      const half = Math.ceil(height / 2);
      const halves = [
        { from: fromY, y: to.y, height: half },
        { from: fromY + half, y: to.y + half, height: height - half },
      ];
      if (to.y > fromY) halves.reverse();
      const parts = one.split ? halves : [{ from: fromY, y: to.y, height }];
      for (const part of parts) {
        if (part.height > 0)
          picture.copy(fromX, part.from, { x: to.x, y: part.y, width, height: part.height }, one.reported);
      }
      break;
    }
    case "scroll":
      for (let time = 0; time < one.times; time++) scroll(picture, one, random);
      break;
    case "resize":
      picture.resize(1 + Math.floor((one.size[0] as number) / 5), 1 + Math.floor((one.size[1] as number) / 5));
      break;
    case "state":
      if (one.what === 0) picture.encoder.bell();
      else if (one.what === 1) picture.encoder.pointer(random() * 300, random() * 300);
      else if (one.what === 2) picture.encoder.name("\u0000\u2028 \ud800 Name");
      else picture.encoder.cursor({ hotX: 0, hotY: 0, width: 2, height: 2, rgba: new Uint8Array(16) });
      break;
    case "sample":
      picture.sample();
      break;
    case "cut":
      picture.sample();
      picture.cut();
      break;
  }
}

/** As a server sends it: in bands, around a pointer that stays, with a new line at the end. */
function scroll(picture: Picture, one: Step & { do: "scroll" }, random: () => number): void {
  const { width, height } = picture;
  const length = one.sideways ? width : height;
  const across = one.sideways ? height : width;
  const by = Math.min(one.by, length - 1);
  if (by < 1) return;
  const rect = (along: number, from: number, size: number, breadth: number): ScreenRect =>
    one.sideways
      ? { x: along, y: from, width: size, height: breadth }
      : { x: from, y: along, width: breadth, height: size };
  const copy = (to: ScreenRect): void => {
    if (to.width < 1 || to.height < 1) return;
    picture.copy(to.x + (one.sideways ? by : 0), to.y + (one.sideways ? 0 : by), to, one.reported);
  };
  const moved = length - by;
  for (let band = 0; band < one.bands; band++) {
    const from = Math.floor((moved * band) / one.bands);
    const size = Math.floor((moved * (band + 1)) / one.bands) - from;
    if (one.pointer && band === one.bands - 1 && across > 20) {
      copy(rect(from, 0, size, 8));
      copy(rect(from, 13, size, across - 13));
    } else copy(rect(from, 0, size, across));
  }
  if (!one.painted) return;
  const line = rect(moved, 0, by, across);
  picture.paint(line, (looks[1 + Math.floor(random() * 5)] as (typeof looks)[0])(random));
}

function realSegment(seed: number): Uint8Array {
  const random = noise(seed);
  const picture = new Picture(130, 100);
  picture.encoder.name("Pump station");
  picture.encoder.cursor({ hotX: 1, hotY: 1, width: 4, height: 4, rgba: new Uint8Array(64).fill(200) });
  picture.encoder.pointer(5, 6);
  picture.sample();
  picture.cut();
  const steps: Step[] = [
    { do: "paint", at: [0, 0, 1000, 1000], look: 4, split: 0 },
    { do: "sample" },
    { do: "paint", at: [100, 100, 600, 600], look: 2, split: 1 },
    { do: "copy", at: [0, 0, 500, 500], from: [300, 300, 0, 0], split: false, reported: true },
    { do: "sample" },
    { do: "paint", at: [500, 0, 400, 900], look: 5, split: 0 },
    { do: "paint", at: [0, 700, 900, 300], look: 3, split: 0 },
    { do: "state", what: 0 },
    { do: "sample" },
    { do: "resize", size: [700, 500] },
    { do: "paint", at: [0, 0, 1000, 100], look: 0, split: 0 },
    { do: "sample" },
  ];
  for (const one of steps) run(picture, one, random);
  return picture.cut();
}

function lossySegment(): Uint8Array {
  const random = noise(9);
  const picture = new Picture(320, 320, { video: "lossy-while-moving" });
  for (let time = 0; time < 9; time++) {
    picture.sample();
    if (time === 7) picture.cut();
    run(picture, { do: "paint", at: [0, 0, 1000, 1000], look: 4, split: 0 }, random);
  }
  picture.sample();
  // Only what moved, on a keyframe of one colour.
  const segment = picture.cut();
  const reader = new ScreenReader(segment);
  const keyframe = reader.next();
  const still = new Picture(320, 320).cut();
  return new Uint8Array(
    Buffer.concat([still, segment.subarray((keyframe?.offset ?? 0) + (keyframe?.payload.length ?? 0))]),
  );
}

function* records(segment: Uint8Array): Generator<ScreenRecord> {
  const reader = new ScreenReader(segment);
  for (let record = reader.next(); record; record = reader.next()) yield record;
}

function readAll(segment: Uint8Array): void {
  const canvas = new ScreenCanvas();
  const reader = new ScreenReader(segment);
  for (let record = reader.next(); record; record = reader.next()) {
    for (const rect of canvas.apply(record)) {
      expect(rect.x + rect.width <= canvas.width && rect.y + rect.height <= canvas.height).toBe(true);
    }
    expect(canvas.width * canvas.height).toBeLessThanOrEqual(screenLimits.area);
  }
}

function endsWell(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "INTEGRITY_FORMAT") throw error;
  }
}

const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  kind: fc.constantFrom("set", "flip", "remove", "insert", "cut"),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
});

function changed(segment: Uint8Array, changes: { at: number; kind: string; bytes: Uint8Array }[]): Uint8Array {
  let bytes = Buffer.from(segment);
  for (const { at, kind, bytes: other } of changes) {
    // Most of a segment is pixels: half of the changes go where it is described.
    const place = Math.floor(at < 0.5 ? at * 2 * Math.min(600, bytes.length) : (at - 0.5) * 2 * bytes.length);
    if (kind === "set")
      other.forEach((value, i) => {
        bytes[place + i] = value;
      });
    else if (kind === "flip") bytes[place] = (bytes[place] ?? 0) ^ (1 << ((other[0] as number) & 7));
    else if (kind === "remove") bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + other.length)]);
    else if (kind === "insert") bytes = Buffer.concat([bytes.subarray(0, place), other, bytes.subarray(place)]);
    else bytes = bytes.subarray(0, place);
  }
  return bytes;
}

describe("screens", () => {
  it("are read as they were drawn, whatever the steps and their splits", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 260 }), fc.constantFrom(256, 300)),
        fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constantFrom(192, 250)),
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.integer(),
        (width, height, steps, seed) => {
          const random = noise(seed);
          const picture = new Picture(width, height);
          const canvas = new ScreenCanvas();
          picture.paint({ x: 0, y: 0, width, height }, (x, y) => x * 5 + y * 1009);
          picture.sample();
          for (const one of steps) {
            if (one.do === "cut") {
              // Through all segments, and from the keyframe alone.
              picture.sample();
              const segment = picture.cut();
              expect(samePixels(play(segment, canvas), picture)).toBe(true);
              expect(samePixels(play(segment), picture)).toBe(true);
            } else run(picture, one, random);
          }
          picture.sample();
          expect(picture.encoder.dirty).toBe(false);
          const last = picture.cut();
          expect(samePixels(play(last, canvas), picture)).toBe(true);
          expect(samePixels(play(picture.cut()), picture)).toBe(true);
          expect(canvas.words.every((word) => word >>> 24 === black >>> 24)).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("that may be stored with loss are the same for every reader, and exact when that is asked for", () => {
    const film = { do: "paint" as const, at: [0, 0, 1000, 1000], look: 4, split: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 2, arbitrary: step }, fc.constant("film" as const)), { maxLength: 12 }),
        fc.integer(),
        (steps, seed) => {
          const random = noise(seed);
          const picture = new Picture(384, 320, { video: "lossy-while-moving" });
          const through = new ScreenCanvas();
          for (const one of ["film" as const, ...steps]) {
            for (let frames = 0; one === "film" && frames < 7; frames++) {
              run(picture, film, random);
              picture.sample();
            }
            // Everything in one segment.
            if (one !== "film" && one.do !== "cut") run(picture, one, random);
            picture.sample();
          }
          const segment = picture.cut();
          play(segment, through);
          const rest = picture.cut();
          const fromKeyframe = play(rest);
          expect(samePixels(fromKeyframe, { ...through, pixels: through.words })).toBe(true);
          const atOnce = new ScreenCanvas();
          atOnce.applyAll(records(segment));
          expect(samePixels(atOnce, { ...through, pixels: through.words })).toBe(true);
          picture.sample(100_000, true);
          expect(samePixels(play(picture.cut()), picture)).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("that were damaged are refused or shown, and take no more memory than a screen may", () => {
    const segments = [...[1, 2, 3].map(realSegment), lossySegment()];
    for (const segment of segments) readAll(segment);
    fc.assert(
      fc.property(
        fc.constantFrom(...segments),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (segment, changes) => {
          endsWell(() => readAll(changed(segment, changes)));
        },
      ),
      { numRuns: 4000 },
    );
  });

  it("that end anywhere are refused or shown", () => {
    const segment = realSegment(4);
    for (let length = 0; length < segment.length; length += length < 700 ? 1 : 97) {
      endsWell(() => readAll(segment.subarray(0, length)));
    }
  });
});

describe("frames", () => {
  it("that were damaged are refused or read", () => {
    const conduit = { version: 1, session: "s", track: "frames-0", index: 0, startUs: 0, firstSeq: 0 } as const;
    const frame = {
      atUs: 5,
      seq: 1,
      width: 192,
      height: 120,
      why: "change",
      webp: new Uint8Array(50).fill(7),
    } as const;
    const frames = [frame, { ...frame, atUs: 9, why: "click" as const }];
    const segment = Buffer.concat([Buffer.from(framesHeaderLine(conduit)), ...frames.map(encodeFrame)]);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        endsWell(() => readFrames(new Uint8Array(changed(segment, changes))));
      }),
      { numRuns: 2000 },
    );
  });
});
