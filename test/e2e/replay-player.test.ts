import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  afterMark,
  byId,
  launchBrowser,
  OpenPages,
  openPage,
  type PageOptions,
  terminalText,
} from "../support/browser.ts";
import { type BuiltRecording, RecordingBuilder } from "../support/recording-builder.ts";
import { largeScene, longScene, password, type ReplayPlant, startReplayPlant } from "../support/replay-fixtures.ts";

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

const press = (page: Page, key: string) => afterMark(page, "conduit:seeked", () => page.keyboard.press(key));

describe("the player", () => {
  it("opens paused at the first output and plays from there", async () => {
    const page = await watch(plant.maintenance);
    expect(await terminalText(page)).toContain("Reactor line 1 · controller shell 4.2");
    await page.waitForSelector(byId("play"));
    expect(await page.getAttribute(byId("play"), "data-status")).toBe("paused");
    await page.click(byId("big-play"));
    await expect.poll(() => terminalText(page), { timeout: 15_000 }).toContain("firmware");
    await page.keyboard.press("Space");
    const stoppedAt = await seconds(page);
    await page.waitForTimeout(400);
    expect(await seconds(page)).toBe(stoppedAt);
  });

  it("shows any moment that is asked for: by address, digit, arrow and scrub bar", async () => {
    const page = await watch(plant.maintenance, "?t=25.5");
    expect(await seconds(page)).toBe(25.5);
    expect(await terminalText(page)).toContain("100 %");
    await press(page, "9");
    expect(await seconds(page)).toBeCloseTo((plant.maintenance.index.durationUs / 1e6) * 0.9, 0);
    await press(page, "0");
    expect(await terminalText(page)).toBe("");
    await press(page, "ArrowRight");
    expect(await seconds(page)).toBe(5);
    expect(await terminalText(page)).toContain("uncertain");
    const bar = (await page.locator(byId("scrubber")).boundingBox())!;
    await afterMark(page, "conduit:seeked", () => page.mouse.click(bar.x + bar.width / 2, bar.y + 10));
    expect(await seconds(page)).toBeCloseTo(plant.maintenance.index.durationUs / 2e6, 0);
  });

  it("never leaves the picture of another moment as it was while the recorder does not answer", async () => {
    const page = await watch(plant.maintenance, "?t=3");
    // What is not there yet cannot be had.
    await page.route("**/segments/**", (route) => route.abort());
    await page.keyboard.press("9");
    await page.waitForSelector(byId("stalled"));
    await page.unroute("**/segments/**");
    await page.waitForSelector(byId("stalled"), { state: "detached", timeout: 20_000 });
    expect(await terminalText(page)).toContain("status | head");
  });

  it("changes speed and skips idle time while it plays", async () => {
    const page = await watch(plant.maintenance, "?t=28");
    await page.waitForSelector(byId("speed"));
    await page.keyboard.press(">");
    await page.keyboard.press(">");
    expect(await page.textContent(byId("speed"))).toBe("2×");
    await page.keyboard.press("i");
    await page.keyboard.press("Space");
    await page.waitForSelector(byId("skipped"));
    await expect.poll(() => seconds(page)).toBeGreaterThan(110);
    await page.click(byId("speed"));
    await page.click(byId("speed-16"));
    await expect.poll(() => page.getAttribute(byId("play"), "data-status"), { timeout: 30_000 }).toBe("ended");
    expect(await terminalText(page)).toContain("logout");
  });

  it("steps by event and by keystroke", async () => {
    const page = await watch(plant.maintenance, "?t=3");
    await page.waitForSelector(byId("key-forward"));
    const before = await seconds(page);
    await press(page, "]");
    const key = await seconds(page);
    expect(key).toBeGreaterThanOrEqual(before);
    await press(page, ".");
    await press(page, ",");
    await press(page, "[");
    expect(await seconds(page)).toBeLessThanOrEqual(key);
  });

  it("follows a resize", async () => {
    const page = await watch(plant.maintenance);
    const rows = () => page.locator(`${byId("terminal")} .ap-line`).count();
    expect(await rows()).toBe(24);
    await press(page, "9");
    await expect.poll(rows).toBe(30);
    await press(page, "1");
    await expect.poll(rows).toBe(24);
  });

  it("asks once for what it needs, also when it is opened from the list", async () => {
    const opened = await openPage(browser, plant.server.url, { person: { name: "engineer", password } });
    pages.keep(opened);
    const { page } = opened;
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto("/");
    const { session } = plant.maintenance.summary;
    await afterMark(page, "conduit:first-picture", () => page.click(`[data-session="${session}"] a`));
    await page.waitForSelector(byId("verdict"));
    const base = `/api/v1/recordings/${session}`;
    for (const path of [base, `${base}/index`, `${base}/view`]) {
      expect(
        asked.filter((one) => one === path),
        path,
      ).toHaveLength(1);
    }
    await page.click('a[aria-label="All recordings"]');
    await afterMark(page, "conduit:first-picture", () => page.click(`[data-session="${session}"] a`));
    expect(asked.filter((one) => one === `${base}/index`)).toHaveLength(2);
  });

  it("lists its shortcuts", async () => {
    const page = await watch(plant.maintenance);
    await page.waitForSelector(byId("help"));
    await page.keyboard.press("?");
    await page.waitForSelector(byId("shortcuts-dialog"));
    await page.keyboard.press("Escape");
    await page.waitForSelector(byId("shortcuts-dialog"), { state: "detached" });
  });

  it("shows the output of a command without a terminal as text, standard error apart", async () => {
    const page = await watch(plant.maintenance, "?track=terminal-1&t=140");
    const screen = page.locator(byId("text-screen"));
    await expect.poll(() => screen.textContent()).toContain("block 12/12");
    expect(await screen.locator(".err").textContent()).toBe("warning: block 7 was read twice\n");
    expect(await screen.textContent()).toContain("exit status 0");
    await page.click(byId("channel-0"));
    await page.waitForSelector(byId("text-screen"), { state: "hidden" });
    await expect.poll(() => terminalText(page)).toContain("FT-110 written");
  });

  it("loads the index and the segments it needs, of a long recording too", async () => {
    const long = await longScene(plant.key, 1);
    plant.server.recordings.set(long.summary.session, long);
    plant.server.segmentReads.length = 0;
    const page = await watch(long);
    await press(page, "9");
    const text = await terminalText(page);
    expect(text).toContain("sample");
    const terminal = plant.server.segmentReads
      .map((read) => long.index.segments[Number(read.split("/")[1])]!)
      .filter((segment) => segment.track === "terminal-0");
    expect(long.index.segments.filter((s) => s.track === "terminal-0").length).toBeGreaterThan(100);
    expect(terminal.length).toBeLessThanOrEqual(6);
  });

  it("seeks through a flood", async () => {
    const large = await largeScene(plant.key, 4_000_000);
    plant.server.recordings.set(large.summary.session, large);
    const page = await watch(large);
    const numbers: number[] = [];
    for (const key of ["9", "3", "6"]) {
      await press(page, key);
      numbers.push(Number(/^(\d{8}) /m.exec(await terminalText(page))?.[1]));
    }
    const [at90, at30, at60] = numbers as [number, number, number];
    expect(at90 / at30).toBeCloseTo(3, 0);
    expect(at60 / at30).toBeCloseTo(2, 0);
  });
});

describe("what was typed and done", () => {
  it("stands beside the screen in step, and a click jumps there", async () => {
    const page = await watch(plant.maintenance, "?t=9");
    await page.waitForSelector(`${byId("key-row")}.current`);
    const row = page.locator(byId("key-row"), { hasText: "sudo" });
    await expect.poll(() => row.textContent()).toContain("sudo\u00a0calibrate\u00a0--tag\u00a0FT-110⏎");
    const last = row.locator("button").last();
    const atUs = Number(await last.getAttribute("data-at"));
    await afterMark(page, "conduit:seeked", () => last.click());
    expect(await seconds(page)).toBeCloseTo(atUs / 1e6, 0);
    await page.waitForSelector(`${byId("key-row")}.current >> text=sudo`).catch(() => {});
    expect(await page.locator(`${byId("key-row")}.current`).textContent()).toContain("sudo");
  });

  it("shows that a password was typed and nothing of it", async () => {
    const page = await watch(plant.maintenance);
    const secret = page.locator("[data-kind=secret]");
    await secret.waitFor();
    expect(await secret.textContent()).toBe("password");
    expect(await secret.getAttribute("aria-label")).toBe("password, Suspected password, not kept: prompt not echoed");
    expect(await page.locator("[data-kind=unechoed]").count()).toBe(1);
  });

  it("lists files and events", async () => {
    const page = await watch(plant.maintenance);
    await page.click(byId("tab-files"));
    await page.waitForSelector("text=Uploaded /recipes/reactor-01.new.prg");
    await page.click(byId("tab-events"));
    await page.waitForSelector("text=Request refused");
    const row = page.locator(byId("fact-row"), { hasText: "Password not kept" });
    await afterMark(page, "conduit:seeked", () => row.click());
    expect(await terminalText(page)).toContain("password for service");
  });
});

describe("a long list", () => {
  it("costs what is visible, and can be scrolled to its end", async () => {
    const builder = new RecordingBuilder(
      { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 61 },
      plant.key,
    );
    builder.channel(0, { request: "shell", pty: true });
    await builder.output(0, 1_000, "ready\r\n");
    const count = 100_000;
    for (let i = 0; i < count; i++) builder.event({ t: 2_000 + i * 100_000, type: "health", facts: { number: i } });
    const recording = builder.finish();
    plant.server.recordings.set(recording.summary.session, recording);
    plant.server.segmentReads.length = 0;
    const page = await watch(recording);
    await page.click(byId("tab-events"));
    const list = page.locator(byId("events-list"));
    await page.waitForSelector("text=number 0");
    expect(await list.locator("li").count()).toBeLessThan(60);
    await list.hover();
    await page.mouse.wheel(0, 1);
    await list.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    await page.waitForSelector(`text=number ${count - 1}`);
    expect(await list.locator("li").count()).toBeLessThan(60);
    const row = list.locator("button", { hasText: `number ${count - 3}` });
    await afterMark(page, "conduit:seeked", () => row.click());
    expect(await seconds(page)).toBeCloseTo((2_000 + (count - 3) * 100_000) / 1e6, 0);
    expect(plant.server.segmentReads.length).toBeLessThan(recording.index.segments.length / 10);
  });
});

describe("on a phone", () => {
  it("shows a terminal that can be read, and all of it on demand", async () => {
    const page = await watch(plant.maintenance, "?t=26", { width: 390, height: 844 });
    const fontSize = () =>
      page.evaluate(() => Number.parseFloat(getComputedStyle(document.querySelector(".ap-term-text")!).fontSize));
    await expect.poll(fontSize).toBeGreaterThan(10);
    await page.click(byId("zoom"));
    await expect.poll(fontSize).toBeLessThan(10);
    const screen = (await page.locator(".ap-term").boundingBox())!;
    expect(screen.width).toBeLessThanOrEqual(390);
  });
});

describe("integrity", () => {
  it("verifies in the browser: segments, chain, signatures", async () => {
    const page = await watch(plant.maintenance);
    const total = plant.maintenance.index.segments.length;
    await page.click(byId("verdict"));
    await page.waitForSelector("text=Every segment follows from the one before");
    await page.waitForSelector(`text=are signed with the recorder's key ${plant.key.keyId}`);
    await page.click(byId("check-all"));
    await expect.poll(() => page.textContent(byId("verdict-text"))).toBe(`All ${total} segments verified`);
  });

  it("puts its verdict away with Escape, also when the button that had the focus is gone", async () => {
    const page = await watch(plant.maintenance);
    await page.click(byId("verdict"));
    await page.click(byId("check-all"));
    await page.waitForSelector(`${byId("verdict")}.good`);
    await page.waitForSelector(byId("check-all"), { state: "detached" });
    await page.keyboard.press("Escape");
    await page.waitForSelector(".menu-panel", { state: "detached" });
  });

  it("never shows a segment that was changed, and says so at once", async () => {
    const bad = plant.tampered.index.segments.find((s) => s.track === "terminal-0" && s.index === 2)!;
    const page = await watch(plant.tampered, `?t=${(bad.startUs / 1e6 + 3).toFixed(1)}`);
    await page.waitForSelector(byId("bad-segment"));
    expect(await terminalText(page)).toBe("");
    await expect
      .poll(() => page.textContent(byId("verdict-text")))
      .toBe(`1 of ${plant.tampered.index.segments.length} segments fails`);
    await afterMark(page, "conduit:seeked", () => page.click(`${byId("bad-segment")} button`));
    await page.waitForSelector(byId("bad-segment"), { state: "detached" });
    expect(await terminalText(page)).toContain("zero 4.002 mA");
  });

  it("draws a gap as a gap", async () => {
    const gap = plant.interrupted.index.gaps[0]!;
    const page = await watch(plant.interrupted, `?t=${(gap.fromUs / 1e6 + 5).toFixed(1)}`);
    expect(await page.textContent(byId("gap-overlay"))).toContain("40 s missing");
  });

  it("shows the findings of the recorder's own verification", async () => {
    plant.server.verdicts.set(plant.tampered.summary.session, {
      session: plant.tampered.summary.session,
      verdict: "TAMPERED",
      checkedBytes: 9_000,
      checkedSegments: 19,
      keyId: plant.key.keyId,
      findings: [{ place: "terminal-0/000002.cast.gz", code: "INTEGRITY_HASH", message: "the hash differs" }],
    });
    const page = await watch(plant.tampered);
    await page.click(byId("verify"));
    await page.waitForSelector(byId("verify-verdict"));
    expect(await page.getAttribute(byId("verify-verdict"), "data-verdict")).toBe("TAMPERED");
    expect(await page.textContent(byId("findings"))).toContain("INTEGRITY_HASH");
  });

  it("exports what is on the screen, and all of it", async () => {
    const page = await watch(plant.maintenance, "?track=terminal-1&t=140");
    for (const [format, track] of [
      ["cast", "terminal-1"],
      ["txt", "terminal-1"],
      ["jsonl", "all tracks"],
      ["zip", "all tracks"],
    ]) {
      await page.click(byId("export"));
      const [download] = await Promise.all([page.waitForEvent("download"), page.click(byId(`export-${format}`))]);
      const chunks: Buffer[] = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString()).toContain(`as ${format}, ${track}`);
    }
  });

  it("offers no export to who may not", async () => {
    const page = await watch(plant.maintenance, "", { person: { name: "escort", password } });
    await page.waitForSelector(byId("verdict"));
    expect(await page.locator(byId("export")).count()).toBe(0);
  });
});

describe("a recording in progress", () => {
  it("opens at the live edge, grows, and becomes a sealed one when the session ends", async () => {
    const page = await watch(plant.live);
    await page.waitForSelector(`${byId("follow-live")}[aria-pressed=true]`);
    await page.waitForSelector(byId("live-edge"));
    const early = await seconds(page);
    expect(early).toBeGreaterThan(20);
    await plant.growLive(75);
    await expect.poll(() => seconds(page), { timeout: 15_000 }).toBeGreaterThan(early + 10);
    await page.keyboard.press("2");
    await page.waitForSelector(`${byId("follow-live")}[aria-pressed=false]`);
    plant.endLive();
    await page.waitForSelector(byId("follow-live"), { state: "detached", timeout: 15_000 });
    await expect.poll(() => page.textContent(byId("state-badge"))).toBe("Sealed");
    await page.click(byId("verdict"));
    await page.waitForSelector("text=The OPEN record and the manifest are signed");
  });
});
