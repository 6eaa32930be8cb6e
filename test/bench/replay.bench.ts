// `npm run bench -- replay`: open and seek in headless Chromium, the replay UI on a running service against
// asciinema-player playing the same session as one plain file. Interleaved, medians, on loopback.

import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { type BenchContext, type Figure, figure, interleaved, median } from "./harness.ts";
import { type BenchRecording, buildRecording, type RecordingSize } from "./replay/recordings.ts";
import { heapMegabytes, openStage, type SignedIn } from "./replay/stage.ts";

const sizes: RecordingSize[] = [
  { name: "1 MB", megabytes: 1, minutes: 5 },
  { name: "20 MB", megabytes: 20, minutes: 30 },
  { name: "100 MB", megabytes: 100, minutes: 60 },
  { name: "4 hours", megabytes: 10, minutes: 240 },
];
const seekPlaces = [0.9, 0.1, 0.55, 0.9, 0.3];

interface Timing {
  /** From the page's address to the first picture: everything is loaded, the player's code too. */
  loadMs: number;
  /** From a click in the list of recordings to the first picture; the peer has no list. */
  openMs: number | null;
  seekMs: number;
  memoryMegabytes: number;
}

/** One page with the plain player: the file is fetched and parsed whole. */
async function servePeer(files: ReadonlyMap<string, string>): Promise<{ server: Server; url: string }> {
  const bundle = fileURLToPath(new URL("../../node_modules/asciinema-player/dist/bundle/", import.meta.url));
  const page = `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/player.css"><div id="player"></div>
<script src="/player.js"></script><script>
const file = new URLSearchParams(location.search).get("file");
window.player = AsciinemaPlayer.create("/" + file, document.getElementById("player"), { preload: true, fit: "none", terminalFontSize: "13px" });
</script>`;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://peer").pathname;
    const file = files.get(path.slice(1));
    if (path === "/") response.setHeader("content-type", "text/html").end(page);
    else if (path === "/player.js") response.end(readFileSync(join(bundle, "asciinema-player.min.js")));
    else if (path === "/player.css")
      response.setHeader("content-type", "text/css").end(readFileSync(join(bundle, "asciinema-player.css")));
    else if (file !== undefined) response.end(readFileSync(file));
    else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return { server, url: `http://127.0.0.1:${port}` };
}

async function openFromList(
  browser: Browser,
  url: string,
  state: SignedIn,
  { session }: BenchRecording,
): Promise<number> {
  const context = await browser.newContext({ storageState: state, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${url}/recordings`);
  const row = page.locator(`a[href*="${session}"]`).first();
  await row.waitFor();
  // Somebody looks at the list for a moment before picking a line of it.
  await page.waitForTimeout(500);
  await page.evaluate(() => {
    const timed = window as unknown as { openMs?: number };
    let pressedMs = 0;
    window.addEventListener("pointerdown", () => (pressedMs = performance.now()), { capture: true });
    window.addEventListener("conduit:first-picture", () => (timed.openMs = performance.now() - pressedMs));
  });
  await row.click();
  await page.waitForFunction(() => (window as unknown as { openMs?: number }).openMs !== undefined);
  const openMs = await page.evaluate(() => (window as unknown as { openMs: number }).openMs);
  await context.close();
  return openMs;
}

async function timeOurs(browser: Browser, url: string, state: SignedIn, recording: BenchRecording): Promise<Timing> {
  const context = await browser.newContext({ storageState: state, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.addEventListener("conduit:first-picture", () => {
      (window as unknown as { firstPictureMs: number }).firstPictureMs ??= performance.now();
    });
  });
  await page.goto(`${url}/recordings/${recording.session}`);
  await page.waitForFunction(() => (window as unknown as { firstPictureMs?: number }).firstPictureMs !== undefined);
  const loadMs = await page.evaluate(() => (window as unknown as { firstPictureMs: number }).firstPictureMs);
  const seeks: number[] = [];
  for (const place of seekPlaces) {
    seeks.push(
      await page.evaluate(
        (digit) =>
          new Promise<number>((resolve) => {
            const startedAt = performance.now();
            window.addEventListener("conduit:seeked", () => resolve(performance.now() - startedAt), { once: true });
            (document.activeElement ?? document.body).dispatchEvent(
              new KeyboardEvent("keydown", { key: digit, code: `Digit${digit}`, bubbles: true }),
            );
          }),
        String(Math.round(place * 10)),
      ),
    );
  }
  const memory = await heapMegabytes(page);
  await context.close();
  const openMs = await openFromList(browser, url, state, recording);
  return { loadMs, openMs, seekMs: median(seeks), memoryMegabytes: memory };
}

async function timePeer(browser: Browser, url: string, file: string): Promise<Timing> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${url}/?file=${file}`);
  interface PlainPlayer {
    seek(place: string): Promise<void>;
    getDuration(): Promise<number>;
  }
  const loadMs = await page.evaluate(async () => {
    const { player } = window as unknown as { player: PlainPlayer };
    await player.seek("0%");
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
    return performance.now();
  });
  const seeks: number[] = [];
  for (const place of seekPlaces) {
    seeks.push(
      await page.evaluate(
        async (where) => {
          const { player } = window as unknown as { player: PlainPlayer };
          const startedAt = performance.now();
          await player.seek(where);
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
          return performance.now() - startedAt;
        },
        `${place * 100}%`,
      ),
    );
  }
  const memory = await heapMegabytes(page);
  await context.close();
  return { loadMs, openMs: null, seekMs: median(seeks), memoryMegabytes: memory };
}

export async function run(bench: BenchContext): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-replay-"));
  const rounds = Number(bench.settings["rounds"] ?? 3);
  const castDirectory = join(directory, "cast");
  mkdirSync(castDirectory);
  const recordings: BenchRecording[] = [];
  const stage = await openStage(directory, async (key, store) => {
    for (const [i, size] of sizes.entries()) {
      bench.log(`building the recording of ${size.name}`);
      recordings.push(await buildRecording(size, i + 1, key, store, castDirectory));
    }
    return recordings.length;
  });
  const { browser, url, state } = stage;
  const files = new Map(recordings.map((recording) => [`${recording.session}.cast`, recording.castFile]));
  const peer = await servePeer(files);
  try {
    const figures: Figure[] = [];
    const memory: number[] = [];
    for (const recording of recordings) {
      const ours: Timing[] = [];
      const theirs: Timing[] = [];
      await interleaved(
        {
          ours: async (round) => {
            const timing = await timeOurs(browser, url, state, recording);
            if (round >= 0) ours.push(timing);
            return timing.loadMs;
          },
          theirs: async (round) => {
            const timing = await timePeer(browser, peer.url, `${recording.session}.cast`);
            if (round >= 0) theirs.push(timing);
            return timing.loadMs;
          },
        },
        rounds,
      );
      const of = (timings: Timing[], pick: (timing: Timing) => number) => median(timings.map(pick));
      const goal = { measure: "value", at: "most", bound: 100 } as const;
      figures.push(
        figure(
          `${recording.name}: from the list to the first picture`,
          "ms",
          of(ours, (t) => t.openMs ?? Number.NaN),
          null,
          goal,
        ),
      );
      figures.push(
        figure(
          `${recording.name}: from an empty page to the first picture`,
          "ms",
          of(ours, (t) => t.loadMs),
          of(theirs, (t) => t.loadMs),
        ),
      );
      figures.push(
        figure(
          `${recording.name}: seek`,
          "ms",
          of(ours, (t) => t.seekMs),
          of(theirs, (t) => t.seekMs),
          goal,
        ),
      );
      memory.push(of(ours, (t) => t.memoryMegabytes));
      figures.push(
        figure(
          `${recording.name}: JavaScript heap after seeking`,
          "MB",
          memory.at(-1) ?? 0,
          of(theirs, (t) => t.memoryMegabytes),
        ),
      );
    }
    const [small = 0, , large = 0] = memory;
    figures.push(
      figure("heap of 100 MB over heap of 1 MB", "MB", large, small, { measure: "difference", at: "most", bound: 32 }),
    );
    return figures;
  } finally {
    await stage.stop();
    peer.server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
