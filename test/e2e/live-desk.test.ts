// An escort at the portal while a vendor works: the session as it goes on, and everything that may be done about it. The
// built service, OpenSSH's ssh and sshd, TigerVNC's viewer and server, two pages in Chromium.
import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LiveSession } from "../../shared/api/types.ts";
import { afterMark, byId, launchBrowser, OpenPages, openPage, terminalText, wrongPixels } from "../support/browser.ts";
import { xTruth } from "../support/framebuffer-truth.ts";
import { releaseOn, showsState, watchLive } from "../support/live-pages.ts";
import { type LivePlant, noConditions, startLivePlant } from "../support/live-plant.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { waitFor } from "../support/wait-for.ts";

const escorted = { name: "emil", password: "five patient garden stones" };
const second = { name: "edda", password: "eight silent winter fields" };
const investigator = { name: "ines", password: "six honest paper lamps" };

let plant: LivePlant;
let browser: Browser;
const pages = new OpenPages();
const movers: RunningProcess[] = [];

beforeAll(async () => {
  plant = await startLivePlant({
    label: "live-desk",
    people: [
      { ...escorted, roles: ["escort"] },
      { ...second, roles: ["escort"] },
      { ...investigator, roles: ["investigator"] },
    ],
    targets: ["plc-free", "plc-ended", "plc-escorted", "hmi-free"],
    policy: {
      signIn: { mfa: "optional" },
      rules: [
        { id: "free", people: ["role:vendor"], targets: ["*-free", "plc-ended"], require: noConditions },
        {
          id: "escorted",
          people: ["role:vendor"],
          targets: ["plc-escorted"],
          require: { ...noConditions, escort: "vendors" },
        },
      ],
    },
  });
  browser = await launchBrowser();
});

afterEach(async () => {
  for (const mover of movers.splice(0)) await mover.stop("SIGKILL");
  await plant.stopClients();
  // The next test has the list of live sessions to itself, and nobody throws or asks elsewhere.
  expect(await pages.close(plant.service.httpUrl)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await plant?.stop();
});

async function pageOf(person: { name: string; password: string }): Promise<Page> {
  const { page } = pages.keep(await openPage(browser, plant.service.httpUrl, { person }));
  await page.goto("/live");
  return page;
}

const watch = (page: Page, target: string) => watchLive(page, plant.service.httpUrl, target);
const shows = (page: Page, text: string) =>
  waitFor(async () => (await terminalText(page)).includes(text), { what: `${text} on the screen` });
const told = (client: RunningProcess, text: string) =>
  waitFor(() => client.output().includes(text), { what: `the terminal says ${text}` });
const type = (client: RunningProcess, line: string) => client.write(`${line}\r`);

describe("a screen that is watched", () => {
  const canvas = "canvas.pixels";
  const follow = (page: Page, pressed: boolean) =>
    page.locator(`${byId("follow-live")}[aria-pressed=${pressed}]`).waitFor();
  /** Seconds: what is on the page, and how long the session is by now. */
  const moment = async (page: Page) =>
    page.evaluate(() => {
      const toSeconds = (text: string) =>
        text
          .replace(/[^\d:.]/g, "")
          .split(":")
          .reduce((sum, part) => sum * 60 + Number(part), 0);
      const shown = document.querySelector("[data-testid=session-time]")?.textContent ?? "";
      const total = document.querySelector(".time-total")?.textContent ?? "";
      return { shown: toSeconds(shown), total: toSeconds(total) };
    });

  it("is gone back in while it goes on, caught up with at four times the pace, and left for the present", async () => {
    const display = plant.panel?.display ?? "";
    await plant.typedAtPanel();
    const numbers = "i=0; while :; do i=$((i+1)); echo $((i*i*i*7919)); sleep 0.1; done";
    const window = ["-display", display, "-geometry", "40x16+180+120", "-bg", "#202020", "-fg", "#60e0ff"];
    const mover = await startProcess("xterm", [...window, "-e", "bash", "-c", numbers]);
    movers.push(mover);
    const still = (isStill: boolean) => process.kill(-mover.pid, isStill ? "SIGSTOP" : "SIGCONT");
    const wrong = async (page: Page) => wrongPixels(page, canvas, (await xTruth(display)).pixels);
    const asTarget = (page: Page) =>
      waitFor(async () => (await wrong(page)) === 0, {
        what: "the page to show what the target shows",
        timeoutMs: 30_000,
        intervalMs: 200,
      });

    const viewer = await plant.startViewer("hmi-free");
    // While its pointer is not where the target has it, TigerVNC draws the target's into the picture.
    await viewer.key("v");
    const page = await pageOf(escorted);
    await watch(page, "hmi-free");
    await follow(page, true);
    await waitFor(async () => (await moment(page)).total > 5, { what: "five seconds of work", timeoutMs: 60_000 });
    await afterMark(page, "conduit:seeked", () => page.keyboard.press("Home"));
    await follow(page, false);
    const back = await moment(page);
    expect(back.shown).toBeLessThan(back.total - 2);
    expect(await wrong(page)).toBeGreaterThan(0);
    // It goes on meanwhile, and so does what can be watched.
    await waitFor(async () => (await moment(page)).total > back.total + 1, { what: "the session to go on" });
    expect(await page.getAttribute(byId("play"), "data-status")).toBe("playing");
    await page.click(byId("speed"));
    await page.click(byId("speed-4"));
    const from = { atMs: Date.now(), ...(await moment(page)) };
    await follow(page, true);
    const caughtUp = await moment(page);
    expect(caughtUp.total - caughtUp.shown).toBeLessThan(1);
    // Faster than the session, or it would never have been there.
    expect((caughtUp.shown - from.shown) * 1000).toBeGreaterThan((Date.now() - from.atMs) * 1.2);
    await page.locator(byId("speed")).getByText("1×").waitFor();
    still(true);
    await asTarget(page);

    still(false);
    const bar = await page.locator(byId("scrubber")).boundingBox();
    if (bar === null) throw new Error("the page has no scrubber");
    await afterMark(page, "conduit:seeked", () => page.mouse.click(bar.x + bar.width * 0.4, bar.y + 10));
    await follow(page, false);
    expect(await wrong(page)).toBeGreaterThan(0);
    await page.click(byId("follow-live"));
    await follow(page, true);
    still(true);
    await asTarget(page);
  });
});

describe("the desk of a live session", () => {
  it("shows what happens as it happens, goes back in it and comes back to it", async () => {
    const client = await plant.startSsh("plc-free");
    await told(client, "$");
    const page = await pageOf(escorted);
    await watch(page, "plc-free");
    type(client, "echo marker-$((40+2))");
    await shows(page, "marker-42");
    await page.keyboard.press("Home");
    await waitFor(async () => !(await terminalText(page)).includes("marker-42"), { what: "the beginning" });
    type(client, "echo later-$((50+1))");
    await told(client, "later-51");
    expect(await terminalText(page)).not.toContain("later-51");
    await page.click(byId("follow-live"));
    await shows(page, "later-51");
    // What is typed is beside it in the same moment.
    await showsState(page, "Live");

    // A store that is away is red, and the session goes on; when it is back, nothing is wrong any more.
    const store = join(plant.service.directory, "data", "store");
    const wrong = page.locator(`${byId("live-health")} .text-bad`);
    expect(await wrong.count()).toBe(0);
    await rename(store, `${store}-away`);
    await wrong.first().waitFor();
    expect((await wrong.allTextContents()).join()).toMatch(/store/);
    type(client, "echo away-$((60+1))");
    await shows(page, "away-61");
    await rename(`${store}-away`, store);
    await wrong.first().waitFor({ state: "detached", timeout: 90_000 });
  });

  it("freezes and releases, says something, keeps notes, and ends", async () => {
    const client = await plant.startSsh("plc-ended");
    await told(client, "$");
    const page = await pageOf(escorted);
    const session = await watch(page, "plc-ended");

    await page.click(byId("freeze"));
    await showsState(page, "Frozen");
    type(client, "echo never-$((1+1))");
    await told(client, "has stopped this session");
    await page.click(byId("unfreeze"));
    await showsState(page, "Live");
    type(client, "echo again-$((2+1))");
    await told(client, "again-3");
    expect(client.output()).not.toContain("never-2");

    await page.click(byId("message"));
    await page.fill(byId("message-dialog-reason"), "the pump has to rest");
    await page.click(byId("message-dialog-confirm"));
    await told(client, "the pump has to rest");
    await page.click(byId("note"));
    await page.fill(byId("note-dialog-reason"), "asked for the pump");
    await page.click(byId("note-dialog-confirm"));
    await page.getByText("Noted").waitFor();
    await page.click(byId("bookmark"));
    await page.getByText("Bookmarked").waitFor();

    await page
      .locator(byId("live-controls-end"))
      .or(page.locator(byId("terminate")))
      .click();
    await page.check(byId("terminate-now"));
    await page.fill(byId("terminate-reason"), "enough for today");
    await page.click(byId("terminate-confirm"));
    await told(client, "enough for today");
    await client.exited;
    await page.locator(byId("watch-ended")).waitFor();

    // All of it is in the recording.
    const { page: desk } = pages.keep(await openPage(browser, plant.service.httpUrl, { person: investigator }));
    const events = await (
      await desk.request.get(`/api/v1/recordings/${session}/export?format=jsonl&track=events`)
    ).text();
    for (const text of [
      "watch-begin",
      "freeze",
      "unfreeze",
      "the pump has to rest",
      "asked for the pump",
      "bookmark",
    ]) {
      expect(events).toContain(text);
    }
  });

  it("is released by an escort who watches, and freezes when that one has left", async () => {
    const client = await plant.startSsh("plc-escorted");
    await told(client, "waits for its escort");
    type(client, "echo early-$((3+3))");
    const page = await pageOf(escorted);
    const card = page.locator(byId("live-session"), { hasText: "plc-escorted" });
    await card.waitFor();
    // From the list nobody is let in: who releases it has to see it.
    expect(await card.locator(byId("unfreeze")).count()).toBe(0);
    await watch(page, "plc-escorted");
    await releaseOn(page);
    type(client, "echo seen-$((4+4))");
    await told(client, "seen-8");
    await shows(page, "seen-8");
    expect(client.output()).not.toContain("early-6");

    const other = await pageOf(second);
    await watch(other, "plc-escorted");
    // Both count: until the second does, the first is the last one to leave.
    for (const name of ["emil", "You"]) {
      await other
        .locator(`${byId("escort-panel")} [data-counts=true]`)
        .getByText(name)
        .waitFor();
    }
    // The first leaves: the second is there. The second goes: nobody is.
    await page.goto("/");
    type(client, "echo still-$((5+5))");
    await told(client, "still-10");
    await other.close();
    const live = async () =>
      (await page.evaluate(async () => (await fetch("/api/v1/sessions")).json())) as { items: LiveSession[] };
    await waitFor(
      async () => (await live()).items.find(({ target }) => target === "plc-escorted")?.hold === "escort-lost",
      {
        what: "frozen, for no escort watches",
      },
    );
    type(client, "echo gone-$((6+6))");
    await told(client, "escort");
    await watch(page, "plc-escorted");
    await releaseOn(page);
    type(client, "echo back-$((7+7))");
    await told(client, "back-14");
    expect(client.output()).not.toContain("gone-12");
  });

  it("shows all of them on a wall, and stops them together", async () => {
    const client = await plant.startSsh("plc-free");
    await told(client, "$");
    const page = await pageOf(escorted);
    await page.click(byId("wall-toggle"));
    const tile = page.locator(byId("wall-tile"), { hasText: "plc-free" });
    await tile.waitFor();
    type(client, "echo wall-$((8+8))");
    await waitFor(async () => ((await tile.textContent()) ?? "").includes("wall-16"), { what: "the tile shows it" });
    await page.click(byId("stop"));
    await page.fill(byId("stop-dialog-reason"), "alarm in hall 2");
    await page.click(byId("stop-dialog-confirm"));
    await page.locator(byId("stop-banner")).getByText("alarm in hall 2").waitFor();
    await told(client, "alarm in hall 2");
    const late = await plant.startSsh("plc-free");
    expect((await late.exited).code).toBe(255);
  });
});
