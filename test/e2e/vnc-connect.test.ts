// A person operates a target's screen in the browser, through the real gateway: from the list of targets to the end of the
// session in words; and an investigator sees it again.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Hmi, startHmi } from "../../recorder/cli/demo/hmi/hmi.ts";
import {
  afterMark,
  byId,
  launchBrowser,
  OpenPages,
  openPage,
  type PageOptions,
  wrongPixels as wrongPixelsOf,
} from "../support/browser.ts";
import { openRules } from "../support/open-rules.ts";
import { type RunningService, startRunningService } from "../support/service.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";

const vendor = { name: "vendor", password: "seven slow river boats" };
const investigator = { name: "investigator", password: "nine quiet mountain owls" };
const admin = { name: "admin", password: "five patient garden stones" };
const target = "hmi-reactor-01";
/** The field of the reactor's set point, on the HMI's screen. */
const setpointField = { x: 1210, y: 120 };

let directory: TempDir;
let hmi: Hmi;
let service: RunningService;
let browser: Browser;
const pages = new OpenPages();

beforeAll(async () => {
  directory = await createTempDir("e2e-vnc");
  hmi = await startHmi({ port: 0, password: "reactor7", frameMs: 0 });
  service = await startRunningService({
    directory: directory.path,
    people: [
      { ...vendor, roles: ["vendor"] },
      { ...investigator, roles: ["investigator", "escort"] },
      { ...admin, roles: ["admin"] },
    ],
    secrets: [{ name: target, password: hmi.password }],
    targets: [
      { name: target, protocol: "vnc", host: hmi.host, port: hmi.port, secret: target, vnc: { maskKeys: false } },
    ],
    policy: openRules({ id: "vendors", people: ["role:vendor"], targets: ["*"] }),
  });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
  await hmi?.close();
  await directory?.remove();
});

// Whatever a test did, nothing was thrown, refused by the security policy, or asked of anybody else.
afterEach(async () => expect(await pages.close(service.httpUrl)).toEqual([]));

async function visit(
  person: { name: string; password: string },
  path: string,
  options: PageOptions = {},
): Promise<Page> {
  const opened = await openPage(browser, service.httpUrl, { person, ...options });
  pages.keep(opened);
  await opened.page.goto(path);
  return opened.page;
}

async function connect(page: Page): Promise<void> {
  await page.click(byId("connect-open"));
  await page.waitForSelector(byId("recorded-notice"));
  await page.waitForSelector(`${byId("live-screen")} canvas`);
  await page.waitForFunction(() => document.querySelector("[data-testid=connecting]") === null);
  await page.waitForFunction(
    () => document.querySelector<HTMLCanvasElement>("[data-testid=live-screen] canvas")?.width === 1280,
  );
}

/** How many pixels of the canvas are not the HMI's. */
const wrongPixels = (page: Page, selector: string) => wrongPixelsOf(page, selector, hmi.pixels.data);

/** A click on the HMI's own pixels, wherever they are on the page. */
async function clickOn(page: Page, { x, y }: { x: number; y: number }): Promise<void> {
  const box = (await page.locator(`${byId("live-screen")} canvas`).boundingBox())!;
  await page.mouse.click(box.x + (x / 1280) * box.width, box.y + (y / 800) * box.height, { delay: 60 });
}

const painted = () => {
  hmi.paint();
  return new Promise((resolve) => setTimeout(resolve, 150));
};

describe("the live screen", () => {
  it("is opened from the list of targets, operated, left, and seen again to the pixel", async () => {
    const page = await visit(vendor, "/targets");
    await page.click(byId("open-target"));
    await page.waitForSelector(byId("connect-start"));
    expect(await page.textContent(byId("connect-start"))).toContain("recorded");
    await connect(page);
    expect(await page.textContent(byId("recorded-notice"))).toContain("This session is recorded");
    await painted();
    await expect.poll(() => wrongPixels(page, `${byId("live-screen")} canvas`)).toBe(0);

    await clickOn(page, setpointField);
    await painted();
    await page.keyboard.type("137", { delay: 40 });
    await page.keyboard.press("Enter");
    await expect.poll(() => hmi.process.tag("TIC-101").setpoint).toBe(137);
    await painted();
    await expect.poll(() => wrongPixels(page, `${byId("live-screen")} canvas`)).toBe(0);
    await page.click(byId("ctrl-alt-del"));
    await page.waitForTimeout(300);
    await page.click(byId("leave"));
    await page.waitForSelector(byId("session-ended"));
    expect(await page.textContent(byId("end-reason"))).toBe("You closed the session.");
    expect(await page.locator(byId("recorded-notice")).count()).toBe(0);

    const again = await visit(investigator, "/?protocol=vnc");
    await expect
      .poll(
        async () => {
          await again.reload();
          await again.waitForSelector(byId("recording-row"));
          return again.textContent(byId("state-badge"));
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe("Sealed");
    await again.click(`${byId("recording-row")} a`);
    await again.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
    await again.waitForSelector(byId("scrubber"));
    await afterMark(again, "conduit:seeked", () => again.keyboard.press("End"));
    expect(await wrongPixels(again, "canvas.pixels")).toBe(0);
    const rows = () => again.locator(byId("key-row")).allTextContents();
    await expect.poll(async () => (await rows()).some((row) => row.endsWith("137⏎"))).toBe(true);
    await expect.poll(async () => (await rows()).some((row) => row.includes("Ctrl+Alt+"))).toBe(true);
    await expect
      .poll(async () => (await rows()).some((row) => /Click 1(209|210|211), (119|120|121)/.test(row)))
      .toBe(true);
  });

  it("scales, shows single pixels, and says in words why it was ended by somebody else", async () => {
    const page = await visit(vendor, `/connect/${target}`);
    await connect(page);
    const width = () =>
      page.locator(`${byId("live-screen")} canvas`).evaluate((canvas) => canvas.getBoundingClientRect().width);
    await expect.poll(width).toBeLessThan(1280);
    await page.click(byId("connect-fit"));
    await expect.poll(width).toBe(1280);
    await page.click(byId("connect-fit"));
    await expect.poll(width).toBeLessThan(1280);

    const escort = await visit(investigator, "/live");
    await escort.click(byId("freeze"));
    const told = page.locator(byId("told"));
    await expect.poll(() => told.textContent()).toContain("The plant has stopped this session");
    expect(await told.isVisible()).toBe(true);
    await escort.click(byId("unfreeze"));
    await expect.poll(() => told.textContent()).toBe("The session goes on.");
    await escort.click(byId("terminate"));
    await escort.fill(byId("terminate-reason"), "maintenance window is over");
    await escort.click(byId("terminate-confirm"));
    await page.waitForSelector(byId("session-ended"));
    const words = await page.textContent(byId("end-reason"));
    expect(words).toContain("maintenance window is over");
    expect(await page.textContent(byId("session-ended"))).toContain("The session has ended");

    // Whom somebody of the plant has ended is not let in again, until that is lifted.
    await page.click(byId("connect-again"));
    await expect.poll(() => page.textContent(byId("connect-error"))).toContain("reconnection is refused");
    const unblock = ["access", "unblock", vendor.name, target, "--as", admin.name, "--reason", "on with the work"];
    await service.conduit(unblock, `${admin.password}\n`);

    // On with a new ticket only, into a new session.
    const [asked] = await Promise.all([
      page.waitForRequest((request) => request.url().endsWith("/vnc-ticket")),
      page.click(byId("connect-open")),
    ]);
    expect(asked.method()).toBe("POST");
    await page.waitForSelector(byId("recorded-notice"));
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=live-screen] canvas").length === 1);
  });

  it("is watched while it goes on", async () => {
    const page = await visit(vendor, `/connect/${target}`);
    await connect(page);
    const moving = setInterval(() => hmi.paint(), 200);
    try {
      const watcher = await visit(investigator, "/live");
      await watcher.waitForSelector(byId("live-session"));
      expect(await watcher.textContent(byId("protocol"))).toBe("VNC");
      await watcher.click("text=Watch");
      await watcher.waitForSelector(`${byId("follow-live")}[aria-pressed=true]`);
      const drawn = () =>
        watcher.evaluate(() => {
          const canvas = document.querySelector<HTMLCanvasElement>("canvas.pixels")!;
          const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, 60);
          return data.some((value, i) => i % 4 !== 3 && value > 40);
        });
      await expect.poll(drawn, { timeout: 40_000, interval: 500 }).toBe(true);
    } finally {
      clearInterval(moving);
    }
  });

  it("keeps the notice in full screen", async () => {
    const page = await visit(vendor, `/connect/${target}`);
    await connect(page);
    await page.click(byId("connect-full-screen"));
    await page.waitForFunction(() => document.fullscreenElement !== null);
    const inside = await page.evaluate(
      () => document.fullscreenElement?.querySelector("[data-testid=recorded-notice]") != null,
    );
    expect(inside).toBe(true);
    expect(await page.isVisible(byId("recorded-notice"))).toBe(true);
  });

  it("is operated on a touch screen, with its keyboard", async () => {
    const page = await visit(vendor, `/connect/${target}`, { width: 390, height: 844, touch: true });
    await connect(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    const box = (await page.locator(`${byId("live-screen")} canvas`).boundingBox())!;
    await page.touchscreen.tap(
      box.x + (setpointField.x / 1280) * box.width,
      box.y + (setpointField.y / 800) * box.height,
    );
    // A tap counts as one when no second follows it.
    await page.waitForTimeout(1_500);
    await page.tap(byId("touch-keyboard"));
    await page.keyboard.type("1419", { delay: 40 });
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Enter");
    await expect.poll(() => hmi.process.tag("TIC-101").setpoint).toBe(141);
  });

  it("is not left by mistake: every way out of the page asks first", async () => {
    const page = await visit(vendor, "/targets");
    await page.click(byId("open-target"));
    await connect(page);
    const dialog = page.locator(byId("leave-dialog"));
    const stillOn = async () => {
      await dialog.waitFor({ state: "detached" });
      expect(new URL(page.url()).pathname).toBe(`/connect/${target}`);
      expect(await page.locator(byId("session-ended")).count()).toBe(0);
    };
    for (const wayOut of [
      () => page.click("[aria-label='All targets']"),
      () => page.click(".nav-link >> text=Recordings"),
      () => page.evaluate(() => history.back()),
      () => page.evaluate(() => history.back()),
    ]) {
      await wayOut();
      await dialog.waitFor();
      await page.keyboard.press("Escape");
      await stillOn();
    }
    // Return stays too; the way to the other button is Tab.
    await page.evaluate(() => history.back());
    await dialog.waitFor();
    await page.keyboard.press("Enter");
    await stillOn();
    await page.evaluate(() => history.back());
    await dialog.waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/targets");
    await page.waitForSelector(byId("targets"));
    // Nothing asks where nothing is open.
    await page.evaluate(() => history.forward());
    await page.waitForSelector(byId("connect-start"));
    await page.evaluate(() => history.back());
    await page.waitForSelector(byId("targets"));
    expect(await dialog.count()).toBe(0);
  });

  it("says why it does not open", async () => {
    const page = await visit(vendor, "/connect/plc-of-somebody-else");
    await page.click(byId("connect-open"));
    await page.waitForSelector(byId("connect-error"));
    expect((await page.textContent(byId("connect-error")))!.length).toBeGreaterThan(10);
  });

  it("gives a password for a viewer of one's own", async () => {
    const page = await visit(vendor, `/connect/${target}`);
    await page.click(byId("native-viewer"));
    const dialog = page.locator(byId("native-viewer-dialog"));
    await dialog.waitFor();
    expect(await dialog.textContent()).toMatch(/127\.0\.0\.1::\d+/);
    expect(await dialog.locator("code").nth(1).textContent()).toMatch(new RegExp(`^[^+]+\\+${target}$`));
    expect(await dialog.locator("code").nth(2).textContent()).toMatch(/^[A-Za-z2-9]{8}$/);
    expect(await dialog.textContent()).toMatch(/pin-sha256="[A-Za-z0-9+/]{43}="/);
  });

  it("cannot be opened by a page of another origin's WebSocket address: the policy allows its own alone", async () => {
    const page = await visit(vendor, `/connect/${target}`);
    const refused = await page.evaluate(
      () =>
        new Promise<boolean>((resolve) => {
          document.addEventListener("securitypolicyviolation", (event) =>
            resolve(event.violatedDirective === "connect-src"),
          );
          try {
            new WebSocket("ws://127.0.0.1:9/");
          } catch {
            resolve(true);
          }
          setTimeout(() => resolve(false), 2_000);
        }),
    );
    expect(refused).toBe(true);
    pages.newest.problems.length = 0;
  });
});
