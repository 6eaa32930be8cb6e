// The timeline, finding, the text of a moment and side by side in a browser: what a person does with mouse and keyboard.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { afterMark, byId, launchBrowser, OpenPages, openPage, terminalText } from "../support/browser.ts";
import type { BuiltRecording } from "../support/recording-builder.ts";
import { builtUi, password, type ReplayPlant, startReplayPlant } from "../support/replay-fixtures.ts";

let browser: Browser;
let plant: ReplayPlant;
const pages = new OpenPages();

beforeAll(async () => {
  [browser, plant] = await Promise.all([launchBrowser(), startReplayPlant()]);
});

afterAll(async () => {
  await browser?.close();
  await plant?.server.close();
});

// Nothing was thrown, refused by the security policy, or asked of anybody else.
afterEach(async () => expect(await pages.close(plant.server.url)).toEqual([]));

async function visit(path: string): Promise<Page> {
  const opened = await openPage(browser, plant.server.url, {
    person: { name: "engineer", password },
    width: 1280,
    height: 900,
  });
  pages.keep(opened);
  await opened.page.goto(path);
  return opened.page;
}

async function watch(recording: BuiltRecording, query = ""): Promise<Page> {
  const page = await visit(`/recordings/${recording.summary.session}${query}`);
  await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
  await page.waitForSelector(byId("lanes"));
  return page;
}

/** Of the timeline, in seconds. */
async function shown(page: Page): Promise<[from: number, to: number]> {
  const { from, to } = await page.$eval(byId("lanes"), (element) => ({ ...(element as HTMLElement).dataset }));
  return [Number(from) / 1e6, Number(to) / 1e6];
}

async function seconds(page: Page): Promise<number> {
  const parts = (await page.textContent(byId("session-time")))!.split(":").map(Number);
  return parts.reduce((sum, part) => sum * 60 + part, 0);
}

describe("the timeline", () => {
  it("goes from the whole session to a second and back, by keys, and moves", async () => {
    const page = await watch(plant.maintenance, "?t=100");
    const whole = await shown(page);
    expect(whole).toEqual([0, plant.maintenance.index.durationUs / 1e6]);
    for (let i = 0; i < 12; i++) await page.keyboard.press("+");
    await expect.poll(async () => (await shown(page))[1] - (await shown(page))[0]).toBe(1);
    const [from] = await shown(page);
    expect(from).toBeLessThanOrEqual(100);
    await page.focus(byId("lanes"));
    await page.keyboard.press("ArrowRight");
    await expect.poll(async () => (await shown(page))[0]).toBeCloseTo(from + 0.2, 5);
    expect(await seconds(page)).toBe(100);
    await page.keyboard.press("w");
    await expect.poll(() => shown(page)).toEqual(whole);
  });

  it("has as a list what stands on it, and goes to each", async () => {
    const page = await watch(plant.maintenance, "?t=100");
    await page.click(byId("lanes-as-list"));
    const entry = page.locator(byId("lanes-entry"), { hasText: "tail -n 6" });
    await entry.waitFor();
    expect(await page.locator(byId("lanes-entry"), { hasText: "Uploaded /recipes/reactor-01.new.prg" }).count()).toBe(
      1,
    );
    await afterMark(page, "conduit:seeked", () => entry.click());
    expect(await terminalText(page)).toContain("tail -n 6");

    // On paper it is there without being asked for, and nothing that can be pressed is.
    await page.click(byId("lanes-as-list"));
    await page.emulateMedia({ media: "print" });
    await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
    await page
      .locator(`${byId("lanes-list")}.on-paper`)
      .getByText("sudo calibrate")
      .waitFor();
    expect(await page.isVisible(byId("verify"))).toBe(false);
    await page.getByText(`Recording ${plant.maintenance.summary.session}`).waitFor();
    await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
    await page.waitForSelector(byId("lanes-list"), { state: "detached" });
  });

  it("chooses a stretch by dragging, that lists show alone, and that a link names", async () => {
    const page = await watch(plant.maintenance, "?t=26");
    const box = (await page.locator(byId("lanes")).boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.05, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 62, { steps: 3 });
    await page.mouse.up();
    await page.waitForSelector(byId("range-notice"));
    const times = await page.locator(`${byId("key-row")} .row-time`).allTextContents();
    const total = plant.maintenance.index.durationUs / 1e6;
    expect(times.length).toBeGreaterThan(0);
    for (const time of times) {
      const at = time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
      expect(at >= total * 0.045 && at <= total * 0.31).toBe(true);
    }
    await page.click(byId("range-link"));
    const address = new URL(page.url());
    expect(Number(address.searchParams.get("t"))).toBeCloseTo(total * 0.05, 0);
    expect(Number(address.searchParams.get("to"))).toBeCloseTo(total * 0.3, 0);
    // What is exported then is that stretch alone; evidence leaves whole.
    await page.click(byId("export"));
    await page.waitForSelector(byId("export-stretch"));
    expect(await page.getAttribute(byId("export-bundle"), "href")).not.toContain("fromSeconds");
    const download = page.waitForEvent("download");
    await page.click(byId("export-txt"));
    expect((await download).suggestedFilename()).toContain("_EXCERPT_0-00-");
    await page.keyboard.press("Escape");
    await page.waitForSelector(byId("range-notice"), { state: "detached" });
  });

  it("plays a stretch again and again", async () => {
    const page = await watch(plant.maintenance, "?t=2&to=4");
    await page.click(byId("range-loop"));
    // It is back at the beginning when the clock has gone back once.
    await page.evaluate((id) => {
      const time = document.querySelector(id)!;
      let before = 0;
      new MutationObserver(() => {
        const now = Number(time.textContent!.split(":")[1]);
        if (now < before) document.documentElement.dataset["wentBack"] = String(now);
        before = now;
      }).observe(time, { childList: true, characterData: true, subtree: true });
    }, byId("session-time"));
    await page.keyboard.press("k");
    await page.waitForSelector("[data-went-back]", { state: "attached" });
    expect(Number(await page.getAttribute("html", "data-went-back"))).toBeLessThan(4);
  });
});

describe("finding", () => {
  it("reads the whole session and goes to what it found", async () => {
    const page = await watch(plant.maintenance);
    await page.keyboard.press("Control+f");
    await page.fill(byId("find-input"), "revision 118");
    await page.waitForSelector(`${byId("find-state")}[data-done=true]`);
    expect(await page.textContent(byId("find-state"))).toBe("1 found");
    await afterMark(page, "conduit:seeked", () => page.press(byId("find-input"), "Enter"));
    expect(await terminalText(page)).toContain("FT-110 written, 3 values, revision 118");
  });

  it("goes from what was found in all recordings to that second of one", async () => {
    const page = await visit('/search?q="revision 118"');
    const link = page.locator(`a[href^="/recordings/${plant.maintenance.summary.session}?"]`).first();
    await link.waitFor();
    const asked = new URL((await link.getAttribute("href"))!, plant.server.url).searchParams.get("t");
    await link.click();
    await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
    await page.waitForSelector(byId("lanes"));
    expect(await seconds(page)).toBeCloseTo(Number(asked), 0);
    await expect.poll(() => terminalText(page)).toContain("revision 118");
  });

  it("marks it on the screen as it is at that moment, and goes on and back by keys", async () => {
    const page = await watch(plant.maintenance);
    const marked = () =>
      page.evaluate(() =>
        [...(CSS.highlights.get("found") ?? [])].map((place) => {
          const range = document.createRange();
          range.setStart(place.startContainer, place.startOffset);
          range.setEnd(place.endContainer, place.endOffset);
          return range.toString();
        }),
      );
    const places = async () => (await terminalText(page)).split("FT-110").length - 1;
    await page.keyboard.press("/");
    await page.fill(byId("find-input"), "ft-110");
    await page.waitForSelector(`${byId("find-state")}[data-done=true]`);
    await page.press(byId("find-input"), "Enter");
    // As many as can be read there, each of them the words themselves; and said in words beside.
    const all = async () => {
      await expect.poll(async () => (await marked()).length).toBe(await places());
      expect(new Set(await marked())).toEqual(new Set(["FT-110"]));
      expect(await page.textContent(byId("find-on-screen"))).toBe(`${await places()} on the screen now`);
    };
    await expect.poll(places).toBeGreaterThan(0);
    await all();
    const first = await seconds(page);
    await page.focus(byId("find-hit"));
    await afterMark(page, "conduit:seeked", () => page.keyboard.press("n"));
    expect(await seconds(page)).toBeGreaterThan(first);
    await all();
    await afterMark(page, "conduit:seeked", () => page.keyboard.press("N"));
    expect(await seconds(page)).toBe(first);
    await page.fill(byId("find-input"), "");
    await expect.poll(marked).toEqual([]);
  });
});

describe("with the keyboard alone", () => {
  it("a recording is opened, looked through, a stretch chosen, a note written and evidence taken", async () => {
    const page = await visit("/");
    await page.waitForSelector(byId("recording-row"));
    /** As many steps as a long list may take; the focus is where it is looked for by then. */
    const tabTo = async (selector: string) => {
      for (let step = 0; step < 120; step++) {
        if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector)) return;
        await page.keyboard.press("Tab");
      }
      expect.unreachable(`no way to ${selector}`);
    };
    const { session } = plant.maintenance.summary;
    await tabTo(`a[href="/recordings/${session}"]`);
    await page.keyboard.press("Enter");
    await page.waitForSelector(byId("lanes"));
    await page.keyboard.press("/");
    await page.waitForSelector(`${byId("find-input")}:focus`);
    await page.keyboard.type("revision 118");
    await page.waitForSelector(`${byId("find-state")}[data-done=true]`);
    await afterMark(page, "conduit:seeked", () => page.keyboard.press("Enter"));
    const at = await seconds(page);
    await tabTo(byId("find-hit"));
    await page.keyboard.press("b");
    await afterMark(page, "conduit:seeked", () => page.keyboard.press("ArrowLeft"));
    await page.keyboard.press("a");
    await page.waitForSelector("text=Only");
    await page.keyboard.press("e");
    await page.waitForSelector(`${byId("note-text")}:focus`);
    await page.keyboard.type("Written here");
    await tabTo(byId("note-save"));
    await page.keyboard.press("Enter");
    await page.locator(byId("note"), { hasText: "Written here" }).waitFor();
    expect(await seconds(page)).toBeCloseTo(at - 5, 1);
    await page.keyboard.press("?");
    await page.waitForSelector(byId("shortcuts-dialog"));
    await page.keyboard.press("Escape");
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await tabTo(byId("export"));
    await page.keyboard.press("Enter");
    await tabTo(byId("export-jsonl"));
    const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
    expect(download.suggestedFilename()).toContain(".jsonl");
  });
});

describe("the text of a moment", () => {
  it("has what scrolled off, to be selected and copied", async () => {
    const page = await watch(plant.maintenance, "?t=125");
    await page.keyboard.press("t");
    await page.waitForSelector(byId("scrollback"));
    const text = await page.textContent(byId("scrollback"));
    expect(text).toContain("Reactor line 1 · controller shell 4.2");
    expect(text).toContain("100 %");
    expect(text).not.toContain("logout");
  });
});

describe("side by side", () => {
  it("plays recordings that were chosen in the list on one clock", async () => {
    const page = await visit("/");
    await page.click(byId("compare-start"));
    for (const { summary } of [plant.maintenance, plant.interrupted]) {
      await page.check(`[data-session="${summary.session}"] ${byId("compare-check")}`);
    }
    await page.click(byId("compare-open"));
    const pane = ({ summary }: BuiltRecording) => `${byId("compare-pane")}[data-session="${summary.session}"]`;
    // It opens where the last of them begins: the other has ended the day before.
    await page.waitForSelector(`${pane(plant.maintenance)}[data-place=during]`);
    await page.waitForSelector(`${pane(plant.interrupted)}[data-place=after]`);
    await page.click(byId("compare-play"));
    await expect
      .poll(() => page.locator(`${pane(plant.maintenance)} .ap-line`).allTextContents(), { timeout: 15_000 })
      .toContainEqual(expect.stringContaining("status"));
    await page.keyboard.press("Home");
    await page.waitForSelector(`${pane(plant.maintenance)}[data-place=before]`);
    await page.waitForSelector(`${pane(plant.interrupted)}[data-place=during]`);
    await expect.poll(() => new URL(page.url()).searchParams.get("t")).toContain("T");
    // On a phone one stands above the other, and each fills its width.
    await page.setViewportSize({ width: 390, height: 844 });
    const widths = page.locator(`${byId("compare-pane")} ${byId("stage")}`);
    await expect
      .poll(() => widths.evaluateAll((all) => all.map((stage) => stage.getBoundingClientRect().width > 340)))
      .toEqual([true, true]);
  });
});

describe("the first load", () => {
  it("without the player is less than 200 kB, compressed", () => {
    const read = (path: string) => readFileSync(join(builtUi, path));
    const index = read("index.html").toString();
    const waiting = [
      ...[...index.matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, path]) => path!),
      ...[...index.matchAll(/<link[^>]* rel="stylesheet"[^>]* href="([^"]+)"/g)].map(([, path]) => path!),
    ];
    const seen = new Map<string, number>();
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (seen.has(path)) continue;
      const content = read(path);
      seen.set(path, gzipSync(content).length);
      // What a part imports comes with it; what it loads later does not.
      const imports = /(?:^|[;}\s])(?:import|export)(?:[^"'()]*?from)?\s*["']\.\/([^"']+\.js)["']/g;
      if (path.endsWith(".js")) {
        for (const [, name] of content.toString().matchAll(imports)) waiting.push(`/assets/${name}`);
      } else for (const [, font] of content.toString().matchAll(/url\((\/assets\/[^)]+)\)/g)) waiting.push(font!);
    }
    const kinds = [...seen.keys()].map((path) => path.slice(path.lastIndexOf(".") + 1));
    for (const kind of ["js", "css", "woff2"]) expect(kinds).toContain(kind);
    expect([...seen.values()].reduce((sum, size) => sum + size, 0)).toBeLessThan(200_000);
  });
});

describe("colours and time zone", () => {
  it("are kept in the browser, and count for every time on the page", async () => {
    const page = await visit("/");
    await page.waitForSelector(byId("recording-row"));
    await page.click(byId("account-menu"));
    await page.click(byId("display"));
    await page.check(byId("theme-contrast"));
    await page.selectOption(byId("zone"), "Asia/Dubai");
    expect(await page.getAttribute("html", "data-theme")).toBe("contrast");
    expect(await page.textContent(".th-zone")).toBe("UTC+4");
    await page.reload();
    await page.waitForSelector(byId("recording-row"));
    expect(await page.textContent(".th-zone")).toBe("UTC+4");
    expect(await page.getAttribute("html", "data-theme")).toBe("contrast");
  });
});
