// Recordings of screens in the browser: that the canvas shows exactly the pixels that the recorder was given, whatever way
// one gets to a moment, and what stands around them.
import { createHash } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { decompressSegment } from "../../recorder/store/codec.ts";
import { ScreenCanvas } from "../../shared/screen/player.ts";
import { ScreenReader } from "../../shared/screen/reader.ts";
import { afterMark, byId, launchBrowser, OpenPages, openPage, type PageOptions } from "../support/browser.ts";
import { runProcess } from "../support/process.ts";
import { type BuiltRecording, RecordingBuilder } from "../support/recording-builder.ts";
import { password, type ScreenPlant, startScreenPlant, tamper } from "../support/replay-fixtures.ts";
import { hmiScene, ScreenRecording, type ScreenScene } from "../support/screen-scenes.ts";

const SECOND_US = 1_000_000;

let browser: Browser;
let plant: ScreenPlant;
/** Typed keys readable, resized on the way. */
let resized: ScreenScene;
let tampered: ScreenScene;
const pages = new OpenPages();

beforeAll(async () => {
  [browser, plant] = await Promise.all([
    launchBrowser(),
    startScreenPlant({ hmi: { seconds: 40, truthAt: [0, 7, 10, 25.5, 33, 40] } }),
  ]);
  const facts = { person: "vendor-drives", target: "hmi-line-2", startedAt: "2026-11-20T06:11:00.000Z" };
  resized = await hmiScene({ ...facts, seed: 71 }, plant.key, {
    seconds: 16,
    masked: false,
    resizeAtSeconds: 6,
    truthAt: [5, 8, 15],
    withFrames: false,
  });
  tampered = await hmiScene({ ...facts, seed: 72 }, plant.key, { seconds: 25, withFrames: false });
  tamper(tampered, "screen-0", 1);
  for (const scene of [resized, tampered]) plant.server.recordings.set(scene.summary.session, scene);
});

afterAll(async () => {
  await browser?.close();
  await plant?.server.close();
});

// Whatever a test did, nothing was thrown, refused by the security policy, or asked of anybody else.
afterEach(async () => expect(await pages.close(plant.server.url)).toEqual([]));

async function watch(recording: BuiltRecording, query = "", options: PageOptions = {}): Promise<Page> {
  const opened = await openPage(browser, plant.server.url, { person: { name: "engineer", password }, ...options });
  pages.keep(opened);
  await opened.page.goto(`/recordings/${recording.summary.session}${query}`);
  await opened.page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
  return opened.page;
}

async function seconds(page: Page): Promise<number> {
  const parts = (await page.textContent(byId("session-time")))!.split(":").map(Number);
  return parts.reduce((sum, part) => sum * 60 + part, 0);
}

interface Seen {
  width: number;
  height: number;
  /** Of the pixels as RGBA. */
  sha256: string;
}

/** What is on the canvas, all of it. */
async function pixels(page: Page): Promise<Seen> {
  return page.evaluate(async () => {
    const canvas = document.querySelector<HTMLCanvasElement>("canvas.pixels")!;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return { width: canvas.width, height: canvas.height, sha256 };
  });
}

function seenAs({ width, height, pixels: words }: Picture): Seen {
  const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  return { width, height, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function expectSame(seen: Seen, wanted: Picture | undefined): void {
  if (wanted === undefined) throw new Error("the scene kept no picture of that moment");
  expect(seen).toEqual(seenAs(wanted));
}

interface Picture {
  width: number;
  height: number;
  pixels: Uint32Array;
}

/** The picture of a moment as Node's reader has it. */
function inNode(recording: BuiltRecording, atUs: number): Picture {
  const canvas = new ScreenCanvas();
  const segment = recording.index.segments.findLast((one) => one.track === "screen-0" && one.startUs <= atUs)!;
  const stored = recording.objects.get(segment.name)!;
  const reader = new ScreenReader(new Uint8Array(decompressSegment(stored, segment.codec)));
  for (let record = reader.next(); record !== null; record = reader.next()) {
    if (record.atUs <= atUs) canvas.apply(record);
  }
  return { width: canvas.width, height: canvas.height, pixels: canvas.words };
}

const press = (page: Page, key: string) => afterMark(page, "conduit:seeked", () => page.keyboard.press(key));

async function seekTo(page: Page, recording: BuiltRecording, second: number): Promise<void> {
  const bar = (await page.locator(byId("scrubber")).boundingBox())!;
  const part = (second * SECOND_US) / recording.index.durationUs;
  await afterMark(page, "conduit:seeked", () => page.mouse.click(bar.x + part * bar.width, bar.y + 10));
}

describe("the picture", () => {
  it("has exactly the pixels that the target's screen had, wherever one opens it", async () => {
    for (const second of [7, 10, 25.5, 33, 40]) {
      const page = await watch(plant.hmi, `?t=${second}`);
      expectSame(await pixels(page), plant.hmi.truth.get(second * SECOND_US));
      expect(await pages.close(plant.server.url)).toEqual([]);
    }
  });

  it("has them after seeks on and back, within a segment and across, and is what Node's reader has", async () => {
    const page = await watch(plant.hmi, "?t=33");
    await page.waitForSelector(byId("scrubber"));
    for (const second of [36, 31, 12, 13, 11.5, 39, 0.4, 21]) {
      await seekTo(page, plant.hmi, second);
      const atUs = Math.round((await exactTime(page)) * SECOND_US);
      expect(Math.abs(atUs / SECOND_US - second)).toBeLessThan(0.3);
      expectSame(await pixels(page), inNode(plant.hmi, atUs));
    }
  });

  it("has them after playback at 32 times the pace, and at its end", async () => {
    const page = await watch(plant.hmi);
    await page.click(byId("speed"));
    await page.click(byId("speed-32"));
    await page.keyboard.press("Space");
    await expect.poll(() => page.getAttribute(byId("play"), "data-status"), { timeout: 30_000 }).toBe("ended");
    expectSame(await pixels(page), plant.hmi.truth.get(40 * SECOND_US));
  });

  it("steps from change to change", async () => {
    const page = await watch(plant.hmi, "?t=7");
    await press(page, ".");
    expect(await seconds(page)).toBeCloseTo(7.1, 1);
    expectSame(await pixels(page), inNode(plant.hmi, 7.1 * SECOND_US));
    await press(page, ",");
    expectSame(await pixels(page), plant.hmi.truth.get(7 * SECOND_US));
  });

  it("follows a resize, and the page does not jump", async () => {
    const page = await watch(resized, "?t=5");
    await page.waitForSelector(byId("scrubber"));
    expectSame(await pixels(page), resized.truth.get(5 * SECOND_US));
    const stage = () => page.locator(byId("stage")).boundingBox();
    const before = await stage();
    await seekTo(page, resized, 8);
    const atUs = Math.round((await exactTime(page)) * SECOND_US);
    expectSame(await pixels(page), inNode(resized, atUs));
    expect((await pixels(page)).width).toBe(1024);
    expect(await stage()).toEqual(before);
    await seekTo(page, resized, 5);
    expect((await pixels(page)).width).toBe(1280);
  });

  it("is never shown of a segment that was changed", async () => {
    const bad = tampered.index.segments.find((one) => one.track === "screen-0" && one.index === 1)!;
    const page = await watch(tampered, `?t=${(bad.startUs / SECOND_US + 3).toFixed(1)}`);
    await page.waitForSelector(byId("bad-segment"));
    const black = { width: 1280, height: 800, pixels: new Uint32Array(1280 * 800).fill(0xff000000) };
    expectSame(await pixels(page), black);
    await afterMark(page, "conduit:seeked", () => page.click(`${byId("bad-segment")} button`));
    expectSame(await pixels(page), inNode(tampered, Math.round((await exactTime(page)) * SECOND_US)));
  });
});

/** The moment on the screen to the microsecond, from the page's own mark. */
async function exactTime(page: Page): Promise<number> {
  return page.evaluate(() => {
    const mark = performance.getEntriesByName("conduit:seeked").at(-1) as PerformanceMark;
    return (mark.detail as { timeUs: number }).timeUs / 1e6;
  });
}

describe("around the picture", () => {
  it("draws the cursor where it was, and a ring where a button was pressed", async () => {
    const page = await watch(plant.hmi, "?t=10.5");
    await page.waitForSelector(".click-ring:not([hidden])");
    const frame = (await page.locator(".pixel-frame").boundingBox())!;
    const ring = (await page.locator(".click-ring:not([hidden])").boundingBox())!;
    const scale = frame.width / 1280;
    expect(ring.x + ring.width / 2 - frame.x).toBeCloseTo(1216.5 * scale, 0);
    expect(ring.y + ring.height / 2 - frame.y).toBeCloseTo(436.5 * scale, 0);
    const cursor = (await page.locator(".pixel-cursor").boundingBox())!;
    expect(cursor.x - frame.x).toBeCloseTo(1216 * scale, 0);
    expect(cursor.y - frame.y).toBeCloseTo(436 * scale, 0);
    await seekTo(page, plant.hmi, 13);
    expect(await page.locator(".click-ring:not([hidden])").count()).toBe(0);
  });

  it("zooms to whole pixels, and is dragged about", async () => {
    const page = await watch(plant.hmi, "?t=7");
    const width = () => page.evaluate(() => document.querySelector<HTMLElement>(".pixel-frame")!.offsetWidth);
    await page.waitForSelector(byId("screen-zoom"));
    const box = (await page.locator(byId("pixel-screen")).boundingBox())!;
    expect(await width()).toBeLessThanOrEqual(box.width);
    await page.click(byId("screen-zoom"));
    await page.click(byId("screen-zoom-2"));
    expect(await width()).toBe(2560);
    const scroll = () => page.evaluate(() => document.querySelector("[data-testid=pixel-screen]")!.scrollLeft);
    const before = await scroll();
    await page.mouse.move(box.x + 300, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + 200, box.y + 200, { steps: 4 });
    await page.mouse.up();
    expect(await scroll()).toBe(before + 100);
    await page.keyboard.press("z");
    expect(await width()).toBe(5120);
    await page.keyboard.press("z");
    expect(await width()).toBeLessThanOrEqual(box.width);
  });

  it("magnifies what is around the pointer in whole pixels, moved by arrow keys, and put away", async () => {
    const page = await watch(plant.hmi, "?t=10.5");
    await page.waitForSelector(byId("screen-zoom"));
    await page.keyboard.press("x");
    const lens = page.locator(".pixel-lens:not([hidden])");
    await lens.waitFor();
    /** Each square of it is one colour, that of the recorded pixel. */
    const looked = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>(".pixel-lens")!;
        const scale = Number(canvas.dataset["scale"]);
        const [x, y] = canvas.dataset["from"]!.split(",").map(Number) as [number, number];
        const [width, height] = [canvas.width / scale, canvas.height / scale];
        const large = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data;
        const screen = document.querySelector<HTMLCanvasElement>("canvas.pixels")!.getContext("2d")!;
        const small = screen.getImageData(x, y, width, height).data;
        let wrong = 0;
        for (let row = 0; row < canvas.height; row++) {
          for (let column = 0; column < canvas.width; column++) {
            const at = (Math.floor(row / scale) * width + Math.floor(column / scale)) * 4;
            const here = (row * canvas.width + column) * 4;
            for (let part = 0; part < 3; part++) if (large[here + part] !== small[at + part]) wrong++;
          }
        }
        return { x, y, width, height, scale, wrong };
      });
    const before = await looked();
    expect(before).toMatchObject({ wrong: 0, scale: Math.round(before.scale) });
    // Around the click that was made just now.
    expect([before.x < 1216, before.x + before.width > 1216]).toEqual([true, true]);
    expect([before.y < 436, before.y + before.height > 436]).toEqual([true, true]);
    const at = await seconds(page);
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("ArrowUp");
    expect(await looked()).toMatchObject({ y: before.y - 16, wrong: 0 });
    expect((await looked()).x).toBeLessThan(before.x);
    expect(await seconds(page)).toBe(at);
    await page.keyboard.press("Escape");
    await lens.waitFor({ state: "detached" });
  });

  it("saves the frame as PNG: the recorded pixels, without cursor and rings", async () => {
    const page = await watch(plant.hmi, "?t=10");
    await page.click(byId("frame"));
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(byId("frame-save"))]);
    expect(download.suggestedFilename()).toMatch(/^hmi-reactor-01_[0-9a-f]{8}_0-00-10\.0\.png$/);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    const { default: sharp } = await import("sharp");
    const { data, info } = await sharp(Buffer.concat(chunks)).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const sha256 = createHash("sha256").update(data).digest("hex");
    expectSame({ width, height, sha256 }, plant.hmi.truth.get(10 * SECOND_US));
  });

  it("copies the frame to the clipboard", async () => {
    const page = await watch(plant.hmi, "?t=10");
    await pages.newest.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.waitForSelector(byId("frame"));
    await page.keyboard.press("p");
    await page.waitForSelector("text=Frame copied as PNG");
    const size = await page.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const bitmap = await createImageBitmap(await item!.getType("image/png"));
      return [bitmap.width, bitmap.height];
    });
    expect(size).toEqual([1280, 800]);
  });

  it("shows a thumbnail of the time below the mouse", async () => {
    const page = await watch(plant.hmi, "?t=7");
    const bar = (await page.locator(byId("scrubber")).boundingBox())!;
    await page.mouse.move(bar.x + bar.width * 0.8, bar.y + 12);
    const thumbnail = page.locator(byId("thumbnail"));
    await thumbnail.waitFor();
    expect(await thumbnail.getAttribute("data-at")).toBe(String(30 * SECOND_US));
    await expect.poll(() => thumbnail.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(384);
    await page.mouse.move(bar.x + bar.width * 0.3, bar.y + 12);
    await expect.poll(() => thumbnail.getAttribute("data-at")).toBe(String(10 * SECOND_US));
  });

  it("lists keys and clicks in step, masked ones as masked, and a click on one jumps there", async () => {
    const page = await watch(plant.hmi, "?t=6.5");
    const rows = page.locator(byId("key-row"));
    await expect.poll(() => rows.allTextContents()).toContain("0:05.0•••⏎");
    expect(await page.locator("[data-kind=masked]").first().getAttribute("aria-label")).toContain("not kept");
    await expect.poll(() => page.locator(`${byId("key-row")}.current`).textContent()).toContain("⏎");
    const texts = await rows.allTextContents();
    expect(texts.map((text) => text.replace(/^\d+:[\d.]+/, ""))).toEqual([
      "Click 1210, 120",
      "•••⏎",
      "Click 1216, 436",
      "Click 1210, 560",
      "Drag 300, 660 → 520, 670",
      "Scroll ↓ ×3",
      "Esc",
      "Right click 700, 300",
      "Click 1138, 436",
    ]);
    const drag = page.locator("[data-kind=pointer]", { hasText: "Drag" });
    await afterMark(page, "conduit:seeked", () => drag.click());
    expect(await seconds(page)).toBeCloseTo(18.2, 1);
    await press(page, "]");
    expect(await seconds(page)).toBeCloseTo(20.1, 1);
  });

  it("shows typed text where policy keeps it", async () => {
    const page = await watch(resized, "?t=5.9");
    await expect.poll(() => page.locator(byId("key-row")).allTextContents()).toContain("0:05.0138⏎");
  });

  it.each([
    ["soon", 0],
    ["after the session waited for its escort, in black", 24],
  ])("begins with the first picture, and says what is before it: %s", async (_when, waits) => {
    const startedAt = "2026-11-20T07:11:00.000Z";
    const facts = { person: "vendor-drives", target: "hmi-line-3", startedAt, seed: 73 + waits };
    const builder = new RecordingBuilder({ protocol: "vnc", ...facts }, plant.key);
    const words = new Uint32Array(64 * 48).fill(0xff000000);
    const recording = new ScreenRecording(builder, { width: 64, height: 48, pixels: words });
    const draw = async (second: number, colour: number, rows: number) => {
      words.fill(colour, 0, 64 * rows);
      recording.encoder.changed(0, 0, 64, rows);
      await recording.sample((waits + second) * SECOND_US);
    };
    // Each in a segment of its own.
    for (let at = 12; at <= waits; at += 12) await recording.sample(at * SECOND_US);
    await draw(2, 0xff336699, 20);
    await draw(2.5, 0xff336699, 48);
    await draw(9, 0xff996633, 48);
    recording.finish((waits + 10) * SECOND_US);
    const late = builder.finish((waits + 10) * SECOND_US);
    plant.server.recordings.set(late.summary.session, late);
    const painted = { width: 64, height: 48, pixels: new Uint32Array(64 * 48).fill(0xff336699) };
    const page = await watch(late);
    await expect.poll(() => seconds(page)).toBe(waits + 2.5);
    plant.server.recordings.delete(late.summary.session);
    expectSame(await pixels(page), painted);
    expect(await page.locator(byId("before-picture")).count()).toBe(0);
    await seekTo(page, late, 1);
    await page.waitForSelector(byId("before-picture"));
    for (const key of ["Home", "End", "0"]) {
      await press(page, key);
      if (key !== "End") {
        expect(await seconds(page)).toBe(waits + 2.5);
        expectSame(await pixels(page), painted);
        expect(await page.locator(byId("before-picture")).count()).toBe(0);
      }
    }
  });

  it("exports a video or a picture, with its progress, and gives it up with the dialog", async () => {
    const page = await watch(plant.hmi, "?t=7");
    const ask = async (format: string) => {
      await page.click(byId("export"));
      await page.click(byId("export-picture"));
      await page.selectOption(byId("picture-format"), format);
    };
    await ask("mp4");
    await page.fill(byId("picture-from"), "0:02");
    await page.fill(byId("picture-to"), "1");
    await page.click(byId("picture-begin"));
    await page.getByText("The end is not after the beginning.").waitFor();
    await page.fill(byId("picture-to"), "0:06");
    await page.selectOption(byId("picture-speed"), "2");
    await page.check(byId("picture-keys"));
    await page.click(byId("picture-begin"));
    await page.waitForSelector(byId("picture-progress"));
    await page.waitForSelector(byId("picture-save"), { timeout: 60_000 });
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(byId("picture-save"))]);
    expect(download.suggestedFilename()).toMatch(/\.mp4$/);
    const { stdout } = await runProcess("ffprobe", [
      ...["-v", "error", "-of", "csv=p=0", "-show_entries", "stream=width,height:format=duration"],
      await download.path(),
    ]);
    const [size, duration] = stdout.trim().split("\n");
    expect(size).toBe("1280,826");
    expect(Math.abs(Number(duration) - 3)).toBeLessThan(0.2);
    const exported = plant.server.audit.find(({ action }) => action === "recording.export");
    expect(exported).toMatchObject({ actor: "engineer", subject: plant.hmi.summary.session });
    expect(exported?.details).toMatchObject({
      format: "mp4",
      fromSeconds: 2,
      toSeconds: 6,
      speed: 2,
      burnIn: ["keys"],
    });
    await page.click(byId("picture-close"));
    await ask("png");
    await page.click(byId("picture-begin"));
    await page.waitForSelector(byId("picture-save"), { timeout: 60_000 });
    const [picture] = await Promise.all([page.waitForEvent("download"), page.click(byId("picture-save"))]);
    const { data, info } = await sharp(await picture.path())
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
    expectSame(seenAs({ width: info.width, height: info.height, pixels: words }), plant.hmi.truth.get(7 * SECOND_US));
    await page.click(byId("picture-close"));
    await ask("gif");
    await page.click(byId("picture-begin"));
    await page.waitForSelector(byId("picture-progress"));
    const given = page.waitForResponse((answer) => answer.request().method() === "DELETE");
    await page.click(byId("picture-close"));
    expect((await given).status()).toBe(204);
  });

  it("offers no export of a terminal", async () => {
    const page = await watch(plant.hmi, "?t=7");
    await page.click(byId("export"));
    await page.waitForSelector(byId("export-zip"));
    expect(await page.locator(byId("export-cast")).count()).toBe(0);
  });
});

describe("the lists", () => {
  it("say which protocol, and filter by it", async () => {
    const { page, context, problems, origins } = await openPage(browser, plant.server.url, {
      person: { name: "engineer", password },
    });
    pages.keep({ page, context, problems, origins });
    await page.goto("/");
    await page.waitForSelector(byId("recording-row"));
    await page.selectOption(byId("filter-protocol"), "vnc");
    await expect.poll(() => page.locator(byId("recording-row")).count()).toBe(3);
    expect(await page.locator(`${byId("recording-row")} ${byId("protocol")}`).allTextContents()).toEqual([
      "VNC",
      "VNC",
      "VNC",
    ]);
    expect(page.url()).toContain("protocol=vnc");
    await page.goto("/live");
    await page.waitForSelector(byId("live-session"));
    expect(await page.locator(`${byId("live-session")} ${byId("protocol")}`).allTextContents()).toEqual([
      "SSH",
      "SSH",
      "VNC",
    ]);
  });
});

describe("on a phone", () => {
  it.each([320, 390])("fits %i px, in width and in the controls", async (width) => {
    const page = await watch(plant.hmi, "?t=10.5", { width, height: 844, scale: 2 });
    expectSame(await pixels(page), inNode(plant.hmi, 10.5 * SECOND_US));
    await page.waitForSelector(byId("screen-zoom"));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    const frame = (await page.locator(".pixel-frame").boundingBox())!;
    expect(frame.width).toBeLessThanOrEqual(width);
  });
});
