import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  byId,
  launchBrowser,
  type OpenPage,
  OpenPages,
  openPage,
  type PageOptions,
  settlingOf,
} from "../support/browser.ts";
import { password, type ReplayPlant, startReplayPlant } from "../support/replay-fixtures.ts";

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

type Visit = OpenPage & { settled: () => Promise<void> };

async function visit(path: string, options: PageOptions & { as?: string } = {}): Promise<Visit> {
  const person = options.as === undefined ? {} : { person: { name: options.as, password } };
  const opened = await openPage(browser, plant.server.url, { ...options, ...person });
  pages.keep(opened);
  const settled = settlingOf(opened.page);
  await opened.page.goto(path);
  return { ...opened, settled };
}

describe("signing in", () => {
  it("says when the password is wrong, then shows the recordings and signs out", async () => {
    const { page } = await visit("/");
    await page.fill(byId("sign-in-name"), "engineer");
    await page.fill(byId("sign-in-password"), "not the password");
    await page.click(byId("sign-in-submit"));
    await page.waitForFunction(() => document.querySelector("[data-testid=sign-in-error]")?.textContent !== "");
    expect(await page.textContent(byId("sign-in-error"))).toContain("wrong");
    await page.fill(byId("sign-in-password"), password);
    await page.keyboard.press("Enter");
    await page.waitForSelector(byId("recording-row"));
    await page.click(byId("account-menu"));
    await page.click(byId("sign-out"));
    await page.waitForSelector(byId("sign-in-form"));
    await page.goto("/live");
    await page.waitForSelector(byId("sign-in-form"));
  });

  it("has a one-time password changed before anything else", async () => {
    const { page } = await visit("/", { as: "newcomer" });
    await page.waitForSelector(byId("change-password"));
    await page.fill(byId("password-current"), password);
    await page.fill(byId("password-next"), "short");
    await page.fill(byId("password-again"), "short");
    await page.click(byId("password-submit"));
    await page.waitForSelector("text=At least 12 characters");
    await page.fill(byId("password-next"), "quite a different password");
    await page.fill(byId("password-again"), "quite a different password");
    await page.click(byId("password-submit"));
    await page.waitForSelector(byId("recording-row"));
  });

  it("asks to sign in again when the sign-in has ended", async () => {
    const { page, context } = await visit("/", { as: "engineer" });
    await page.waitForSelector(byId("recording-row"));
    await context.clearCookies();
    await page.click('nav a[href="/audit"]');
    await page.waitForSelector(byId("sign-in-form"));
  });
});

describe("the list of recordings", () => {
  it("filters by person, target and state, keeps the filters in the address, and clears them", async () => {
    const { page } = await visit("/", { as: "engineer" });
    await page.waitForSelector(byId("recording-row"));
    const rows = () => page.locator(byId("recording-row"));
    await page.fill(byId("filter-person"), "vendor-dr");
    await page.waitForFunction(() => location.search === "?person=vendor-dr");
    await page.waitForFunction(() =>
      [...document.querySelectorAll("[data-testid=recording-row]")].every((row) =>
        row.textContent?.includes("vendor-drives"),
      ),
    );
    await page.fill(byId("filter-target"), "hmi");
    await expect.poll(() => rows().count()).toBe(1);
    expect(await rows().first().getAttribute("data-state")).toBe("interrupted");
    await page.reload();
    await expect.poll(() => rows().count()).toBe(1);
    await page.fill(byId("filter-target"), "nothing has this name");
    await page.waitForSelector(byId("recordings-empty"));
    await page.click(byId("filters-clear"));
    await expect.poll(() => rows().count()).toBe(50);
    await page.check(byId("filter-state-recording"), { force: true });
    await expect.poll(() => rows().count()).toBe(1);
    expect(await page.textContent(byId("state-badge"))).toBe("Live");
  });

  it("filters by time", async () => {
    const { page } = await visit("/", { as: "engineer" });
    await page.waitForSelector(byId("recording-row"));
    await page.selectOption(byId("filter-range"), "1h");
    await expect.poll(() => page.locator(byId("recording-row")).count()).toBe(1);
    await page.selectOption(byId("filter-range"), "custom");
    await page.fill(byId("filter-from"), "2001-01-01T00:00");
    await page.fill(byId("filter-to"), "2001-01-02T00:00");
    await page.waitForSelector(byId("recordings-empty"));
  });

  it("shows more on demand", async () => {
    const { page } = await visit("/", { as: "engineer" });
    await page.click(byId("recordings-more"));
    await expect.poll(() => page.locator(byId("recording-row")).count()).toBeGreaterThan(50);
    const shown = await page.locator(byId("recording-row")).count();
    expect(await page.textContent(byId("recordings-total"))).toBe(`${shown} recordings`);
    const sessions = await page.$$eval(byId("recording-row"), (rows) =>
      rows.map((row) => row.getAttribute("data-session")),
    );
    expect(new Set(sessions).size).toBe(shown);
  });

  it("shows a vendor his own sessions, and opens none", async () => {
    const { page } = await visit("/", { as: "vendor-drives" });
    await page.waitForSelector(byId("recording-row"));
    expect(await page.locator(`${byId("recording-row")} a`).count()).toBe(0);
    const others = page.locator(byId("recording-row"), { hasNotText: "vendor-drives" });
    expect(await others.count()).toBe(0);
    expect(await page.locator("nav a").allTextContents()).toEqual(["Recordings", "My access", "Targets"]);
    await page.goto(`/recordings/${plant.maintenance.summary.session}`);
    await page.waitForSelector(byId("error-state"));
    expect(await page.textContent(byId("error-state"))).toContain("Not allowed");
  });

  it("says when the service does not answer, and recovers by itself", async () => {
    const { page, context } = await visit("/", { as: "engineer" });
    await page.waitForSelector(byId("recording-row"));
    await context.setOffline(true);
    await page.waitForSelector("text=The recorder does not answer", { timeout: 15_000 });
    expect(await page.locator(byId("recording-row")).count()).toBeGreaterThan(0);
    await context.setOffline(false);
    await page.waitForSelector("text=The recorder does not answer", { state: "detached", timeout: 15_000 });
  });

  it("says when the first answer fails, and tries again", async () => {
    const { page } = await visit("/live", { as: "engineer" });
    await page.route("**/api/v1/recordings?*", (route) => route.abort());
    await page.click('nav a[href="/"]');
    await page.waitForSelector(byId("error-state"));
    await page.unroute("**/api/v1/recordings?*");
    await page.click(`${byId("error-state")} button`);
    await page.waitForSelector(byId("recording-row"));
  });
});

describe("live sessions", () => {
  it("are shown with their alarms, and ended with a reason by who may", async () => {
    const { page } = await visit("/live", { as: "escort" });
    await page.waitForSelector(byId("live-session"));
    expect(await page.locator(byId("live-session")).count()).toBe(2);
    await page.waitForSelector("text=The object store does not answer");
    const second = plant.server.live[1]!.session;
    const card = `[data-session="${second}"]`;
    await page.click(`${card} ${byId("freeze")}`);
    await page.waitForSelector(`${card} >> text=Frozen`);
    expect(plant.server.live[1]).toMatchObject({ state: "frozen", hold: "frozen" });
    await page.click(`${card} ${byId("unfreeze")}`);
    await page.waitForSelector(`${card} ${byId("freeze")}`);
    await page.click(`[data-session="${second}"] ${byId("terminate")}`);
    await page.fill(byId("terminate-reason"), "maintenance window is over");
    await page.click(byId("terminate-confirm"));
    await expect.poll(() => page.locator(byId("live-session")).count()).toBe(1);
    expect(plant.server.terminated).toEqual([{ session: second, by: "escort", reason: "maintenance window is over" }]);
  });
});

describe("the audit log", () => {
  it("lists who did what, with links to recordings", async () => {
    const { page } = await visit("/audit", { as: "engineer" });
    await page.waitForSelector(byId("audit-row"));
    const link = page.locator(`${byId("audit-row")} a`).first();
    expect(await link.getAttribute("href")).toMatch(/^\/recordings\//);
    await page.waitForSelector("text=maintenance window is over");
  });

  it("is not for everybody", async () => {
    const { page } = await visit("/audit", { as: "escort" });
    await page.waitForSelector(byId("error-state"));
    expect(await page.locator('nav a[href="/audit"]').count()).toBe(0);
  });
});

describe("every page", () => {
  const paths = () => [
    "/",
    "/targets",
    "/access",
    "/access/new",
    "/approvals",
    "/policy",
    "/report",
    "/connect/hmi-reactor-01",
    "/live",
    "/audit",
    `/recordings/${plant.maintenance.summary.session}`,
    "/no/such/page",
  ];

  it("fits every window, and each control has a name", async () => {
    for (const path of paths()) {
      // Opened as narrow as it gets: what a page makes of its first width is of a telephone.
      const { page, settled } = await visit(path, { as: "engineer", width: 320, height: 844 });
      await page.waitForSelector("main h1, main h2");
      await settled();
      for (const width of [320, 390, 1280]) {
        await page.setViewportSize({ width, height: 844 });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow, `${path} at ${width} px`).toBeLessThanOrEqual(0);
        const nameless = await page.$$eval("button, a, input, select, [role=slider]", (controls) =>
          controls
            .filter((control) => {
              const label =
                control.getAttribute("aria-label") ?? control.closest("label")?.textContent ?? control.textContent;
              return (label ?? "").trim() === "" && !(control instanceof HTMLElement && control.hidden);
            })
            .map((control) => control.outerHTML.slice(0, 120)),
        );
        expect(nameless, `${path} at ${width} px`).toEqual([]);
      }
    }
  });

  it("follows the system's theme, and a choice that is kept", async () => {
    const background = () => getComputedStyle(document.documentElement).backgroundColor;
    const { page } = await visit("/", { as: "engineer", dark: true });
    await page.waitForSelector(byId("recording-row"));
    const dark = await page.evaluate(background);
    await page.click(byId("theme-toggle"));
    const light = await page.evaluate(background);
    expect(light).not.toBe(dark);
    await page.reload();
    await page.waitForSelector(byId("recording-row"));
    expect(await page.evaluate(background)).toBe(light);
  });
});
