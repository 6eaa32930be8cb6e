import { expect, test } from "vitest";
import { Painter } from "../../../../recorder/cli/demo/hmi/paint.ts";
import { label } from "../../../../recorder/cli/demo/hmi/style.ts";
import { languageFile, type Recogniser, TesseractRecogniser } from "../../../../recorder/search/screens/recogniser.ts";
import { screenTexts } from "../../../../recorder/search/screens/screen-texts.ts";
import { exportSource } from "../../../support/evidence-plant.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../../support/recording-builder.ts";
import { ScreenRecording } from "../../../support/screen-scenes.ts";

const key = makeSigningKey();
const size = { width: 320, height: 96 };
const all = { x: 0, y: 0, ...size };

/** Each text stands from its second on. */
async function recorded(texts: readonly (readonly [number, string])[]): Promise<BuiltRecording> {
  const facts = { person: "erika", target: "hmi", startedAt: "2026-11-23T02:00:00.000000Z", seed: 7 };
  const builder = new RecordingBuilder({ ...facts, protocol: "vnc" }, key);
  const pixels = { ...size, data: new Uint32Array(size.width * size.height) };
  const paint = new Painter(pixels);
  paint.fill(all, 0x161b21);
  const screen = new ScreenRecording(builder, { ...size, pixels: pixels.data });
  for (const [second, text] of texts) {
    paint.fill(all, 0x161b21);
    paint.text(label, text, 40, 40, 0xdfe6ec);
    screen.encoder.changed(0, 0, size.width, size.height);
    await screen.sample(second * 1_000_000);
  }
  screen.finish(60_000_000);
  return builder.finish(60_000_000);
}

function read(built: BuiltRecording, recogniser: () => Recogniser, secondsPerHour = 120) {
  const { index } = built;
  const job = { session: index.session, index, languages: ["eng"], secondsPerHour, share: 1 };
  return screenTexts(exportSource(built), job, recogniser);
}

/** Sees one line, with the number of the picture. */
function counting(workMs = 0) {
  const seen = { pictures: 0, closed: 0 };
  const recogniser = (): Recogniser => ({
    recognise: async () => {
      const text = `picture ${++seen.pictures}`;
      return { lines: [{ text, confidence: 90, box: { x: 90, y: 84, width: 120, height: 20 } }], workMs };
    },
    close: async () => void seen.closed++,
  });
  return { seen, recogniser };
}

test("a line is found from when it stood on the screen to when it was gone", async () => {
  const built = await recorded([
    [2, "Coolant valve slow"],
    [20, "Pump stopped"],
  ]);
  const { found, leftOut, failure } = await read(built, () => new TesseractRecogniser(["eng"]));
  expect({ leftOut, failure }).toEqual({ leftOut: 0, failure: null });
  const [valve, pump] = ["valve", "Pump"].map((word) => found.find(({ text }) => text.includes(word)));
  expect(valve).toMatchObject({ kind: "screen-text", track: "screen-0", text: "Coolant valve slow", atUs: 2_000_000 });
  expect(valve?.endUs).toBe(20_000_000);
  expect(pump).toMatchObject({ text: "Pump stopped", atUs: 20_000_000 });
}, 60_000);

test("the data of a language comes out of its package, and one without a package is said", () => {
  expect(languageFile("eng")).toMatch(/node_modules\/@tesseract\.js-data\/eng\/.*eng\.traineddata\.gz$/);
  expect(() => languageFile("zzz")).toThrow("@tesseract.js-data/zzz is not installed");
});

test("a picture that was seen before is not recognised again", async () => {
  const built = await recorded([
    [2, "One"],
    [12, "Two"],
    [22, "One"],
    [32, "Two"],
  ]);
  const { seen, recogniser } = counting();
  await read(built, recogniser);
  expect(seen.pictures).toBeLessThanOrEqual(3);
  expect(seen.closed).toBe(1);
});

test("what the bound of work leaves out is counted", async () => {
  const built = await recorded([
    [2, "One"],
    [12, "Two"],
    [22, "Three"],
  ]);
  const { seen, recogniser } = counting(100_000);
  const { leftOut, failure } = await read(built, recogniser);
  expect(seen.pictures).toBe(1);
  expect(leftOut).toBeGreaterThan(0);
  expect(failure).toBeNull();
});

test("a recogniser that fails twice is asked no more, and the rest counts as left out", async () => {
  const built = await recorded([
    [2, "One"],
    [12, "Two"],
    [22, "Three"],
    [32, "Four"],
  ]);
  let asked = 0;
  const { found, leftOut, failure } = await read(built, () => ({
    recognise: () => {
      asked++;
      return Promise.reject(new Error("out of memory"));
    },
    close: async () => {},
  }));
  expect({ asked, found, failure }).toEqual({ asked: 2, found: [], failure: "out of memory" });
  expect(leftOut).toBeGreaterThan(0);
});
