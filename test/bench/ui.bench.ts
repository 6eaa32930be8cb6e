// `npm run bench -- ui`: frame times in headless Chromium while a timeline of 100,000 keystrokes is zoomed and moved and
// while their list scrolls, beside an empty page in the same rounds; and the JavaScript heap of a long replay. `--set` takes:
// only=frames or only=heap, rounds=N, keys=N, minutes=N (of the replay at 32×; 8 are all four hours).
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { byId } from "../support/browser.ts";
import { type BenchContext, type Figure, figure, interleaved, percentile } from "./harness.ts";
import { buildRecording, buildTypedRecording } from "./replay/recordings.ts";
import { heapMegabytes, openStage, type Stage } from "./replay/stage.ts";

interface Frames {
  /** Between the time stamps of one frame and the next. */
  ms: number[];
  /** In which a row that is in view was not read yet. */
  unread: number;
}

/** One frame's share of what somebody does: a turn of the wheel over the lanes, or so many pixels of the list. */
interface Step {
  frames: number;
  deltaY: number;
  shift?: boolean;
}

const zoomIn: Step = { frames: 140, deltaY: -24 };
const zoomOut: Step = { frames: 140, deltaY: 24 };
const timelineSteps: Step[] = [
  zoomIn,
  { frames: 100, deltaY: 30, shift: true },
  zoomOut,
  { frames: 60, deltaY: -24 },
  { frames: 200, deltaY: 40, shift: true },
  zoomOut,
];
const listSteps: Step[] = [
  { frames: 500, deltaY: 100 },
  { frames: 200, deltaY: 400 },
];
/** Two of the display's. */
const lateMs = 25;

/** Each frame one step, in the page itself. */
function takeSteps(page: Page, selector: string, steps: readonly Step[]): Promise<Frames> {
  return page.evaluate(
    async ([wanted, all]) => {
      const element = document.querySelector<HTMLElement>(wanted);
      if (element === null) throw new Error(`the page has no ${wanted}`);
      const isList = element.classList.contains("virtual-list");
      const box = element.getBoundingClientRect();
      const middle = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
      const ms: number[] = [];
      let unread = 0;
      if (isList) element.dispatchEvent(new WheelEvent("wheel", { ...middle, deltaY: 1, bubbles: true }));
      let lastMs = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
      for (const { frames, deltaY, shift } of all) {
        for (let n = 0; n < frames; n++) {
          if (isList) element.scrollTop += deltaY;
          else {
            const wheel = { ...middle, deltaY, shiftKey: shift === true, bubbles: true, cancelable: true };
            element.dispatchEvent(new WheelEvent("wheel", wheel));
          }
          const atMs = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
          ms.push(Math.round((atMs - lastMs) * 10) / 10);
          lastMs = atMs;
          const waiting = isList ? [...element.querySelectorAll(".skeleton")] : [];
          const boxes = waiting.map((one) => one.getBoundingClientRect());
          if (boxes.some(({ top, bottom }) => bottom > box.top && top < box.bottom)) unread++;
        }
      }
      return { ms, unread };
    },
    [selector, steps] as const,
  );
}

async function opened(stage: Stage, session: string): Promise<Page> {
  const context = await stage.browser.newContext({ storageState: stage.state, viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${stage.url}/recordings/${session}`);
  await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
  await page.waitForSelector(`${byId("lanes")} canvas`);
  await page.waitForSelector(byId("key-row"));
  return page;
}

async function framesOf(stage: Stage, session: string, rounds: number, log: BenchContext["log"]): Promise<Figure[]> {
  const taken = { lanes: [] as Frames[], list: [] as Frames[], empty: [] as Frames[] };
  const measured = (name: keyof typeof taken, open: () => Promise<Page>, selector: string, steps: Step[]) => {
    return async (round: number) => {
      const page = await open();
      const frames = await takeSteps(page, selector, steps);
      await page.context().close();
      if (round >= 0) taken[name].push(frames);
      log(`round ${round + 1}, ${name}: 95 % of ${frames.ms.length} frames within ${percentile(frames.ms, 95)} ms`);
      return 0;
    };
  };
  const empty = async () => {
    const context = await stage.browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.goto("about:blank");
    return page;
  };
  await interleaved(
    {
      lanes: measured("lanes", () => opened(stage, session), byId("lanes"), timelineSteps),
      list: measured("list", () => opened(stage, session), byId("key-list"), listSteps),
      empty: measured("empty", empty, "body", timelineSteps),
    },
    rounds,
    0,
  );
  const all = (frames: readonly Frames[]) => frames.flatMap(({ ms }) => ms);
  const late = (ms: readonly number[]) => (100 * ms.filter((one) => one > lateMs).length) / ms.length;
  const emptyMs = all(taken.empty);
  const figuresOf = (name: string, frames: readonly Frames[]) => {
    const ms = all(frames);
    const goal = { measure: "difference", at: "most", bound: 1 } as const;
    return [
      figure(`${name}: 95 % of frame times, empty page`, "ms", percentile(ms, 95), percentile(emptyMs, 95), goal),
      figure(`${name}: 99 % of frame times, empty page`, "ms", percentile(ms, 99), percentile(emptyMs, 99)),
      figure(`${name}: frames that came late, empty page`, "%", late(ms), late(emptyMs)),
    ];
  };
  const shown = taken.list.reduce((sum, { unread }) => sum + unread, 0) / all(taken.list).length;
  return [
    ...figuresOf("timeline zoomed and moved", taken.lanes),
    ...figuresOf("list of keystrokes scrolled", taken.list),
    figure("list: frames with rows that were not read yet", "%", 100 * shown, null),
  ];
}

/** After the first minute of the replay and at its end. */
async function heapOf(stage: Stage, session: string, minutes: number, log: BenchContext["log"]): Promise<Figure[]> {
  const page = await opened(stage, session);
  await page.click(byId("speed"));
  await page.click(byId("speed-32"));
  await page.keyboard.press("Home");
  await page.keyboard.press("k");
  const heap: number[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    await page.waitForTimeout(60_000);
    heap.push(await heapMegabytes(page));
    log(`heap ${heap.at(-1)?.toFixed(1)} MB at ${await page.textContent(byId("session-time"))} of the recording`);
  }
  await page.context().close();
  const goal = { measure: "difference", at: "most", bound: 8 } as const;
  return [figure("heap after the replay, after its first minute", "MB", heap.at(-1) ?? 0, heap[0] ?? 0, goal)];
}

export async function run(bench: BenchContext): Promise<Figure[]> {
  const { settings, log } = bench;
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-ui-"));
  const casts = join(directory, "cast");
  mkdirSync(casts);
  const { only } = settings;
  let typed: string | null = null;
  let long: string | null = null;
  let stage: Stage | undefined;
  try {
    stage = await openStage(directory, async (key, store) => {
      if (only !== "heap") typed = await buildTypedRecording(Number(settings["keys"] ?? 100_000), 1, key, store);
      if (only !== "frames") {
        const size = { name: "4 hours", megabytes: 10, minutes: 240 };
        ({ session: long } = await buildRecording(size, 2, key, store, casts));
      }
      return [typed, long].filter((session) => session !== null).length;
    });
    log("the recordings are there");
    const figures: Figure[] = [];
    if (typed !== null) figures.push(...(await framesOf(stage, typed, Number(settings["rounds"] ?? 3), log)));
    if (long !== null) figures.push(...(await heapOf(stage, long, Number(settings["minutes"] ?? 8), log)));
    return figures;
  } finally {
    await stage?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
