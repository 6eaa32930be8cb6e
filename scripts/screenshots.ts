// npx tsx scripts/screenshots.ts [--out DIR] [--access | --desk]: the pictures in docs/images, of the built UI over the real API with the
// recordings of the tests: docs/images/player.png for the README, and a gallery on desktop and phone, light and dark. The
// live screen is that of the demo HMI through the built service; the pages about access (alone with --access) and those of the
// investigator (alone with --desk) are of plants of their own, at the time of the day.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { startHmi } from "../recorder/cli/demo/hmi/hmi.ts";
import { type people, startAccessPlant } from "../test/support/access-plant.ts";
import { byId, launchBrowser } from "../test/support/browser.ts";
import { openRules } from "../test/support/open-rules.ts";
import { password, type ScreenPlant, startScreenPlant } from "../test/support/replay-fixtures.ts";
import { startRunningService } from "../test/support/service.ts";
import { createTempDir } from "../test/support/temp-dir.ts";
import { takeDeskPages } from "./pictures/desk.ts";
import { both, look, type Picture } from "./pictures/picture.ts";

/** A fixed moment, so that a picture changes only when the UI does. */
const now = Date.parse("2026-11-20T14:05:00");

function pictures(plant: ScreenPlant): Picture[] {
  const recording = (of: { summary: { session: string } }, query = "") => `/recordings/${of.summary.session}${query}`;
  const checkAll = async (page: Page) => {
    await page.click(byId("verdict"));
    await page.waitForSelector("text=Every segment follows from the one before");
    await page.click(byId("check-all"));
    await page.waitForSelector(`${byId("verdict")}.good`);
    await page.keyboard.press("Escape");
    await page.mouse.move(0, 0);
  };
  const nudge = async (page: Page) => {
    await page.keyboard.press(".");
    await page.keyboard.press(",");
  };
  const engineer = { as: "engineer" };
  const bad = plant.tampered.index.segments.find((s) => s.track === "terminal-0" && s.index === 2);
  const gap = plant.interrupted.index.gaps[0];
  const seconds = (us: number | undefined) => ((us ?? 0) / 1e6 + 4).toFixed(1);
  return [
    {
      ...engineer,
      name: "player",
      path: recording(plant.maintenance, "?t=24.4"),
      scale: 2,
      prepare: async (page) => {
        await checkAll(page);
        await nudge(page);
      },
    },
    ...both({ name: "sign-in", path: "/" }),
    ...both({
      ...engineer,
      name: "recordings",
      path: "/",
      prepare: (page) => page.waitForSelector(byId("recording-row")),
    }),
    ...both({ ...engineer, name: "recording", path: recording(plant.maintenance, "?t=26"), prepare: nudge }),
    ...both({
      ...engineer,
      name: "screen",
      path: recording(plant.hmi, "?t=10.5"),
      prepare: async (page) => {
        await nudge(page);
        await page.waitForSelector(".click-ring:not([hidden])");
      },
    }),
    {
      ...engineer,
      name: "thumbnail",
      path: recording(plant.hmi, "?t=6.6"),
      prepare: async (page) => {
        await nudge(page);
        const bar = await page.locator(byId("scrubber")).boundingBox();
        if (bar !== null) await page.mouse.move(bar.x + bar.width * 0.68, bar.y + 12);
        await page.waitForSelector(byId("thumbnail"));
      },
    },
    {
      ...engineer,
      name: "screen-zoomed",
      path: recording(plant.hmi, "?t=10.5"),
      dark: true,
      prepare: async (page) => {
        await nudge(page);
        await page.click(byId("screen-zoom"));
        await page.click(byId("screen-zoom-2"));
      },
    },
    ...both({
      ...engineer,
      name: "targets",
      path: "/targets",
      prepare: (page) => page.waitForSelector(byId("target")),
    }),
    ...both({
      ...engineer,
      name: "connect",
      path: "/connect/hmi-reactor-01",
      prepare: (page) => page.waitForSelector(byId("connect-start")),
    }),
    ...both({
      ...engineer,
      name: "live",
      path: "/live",
      prepare: (page) => page.waitForSelector(byId("live-session")),
    }),
    ...both({ ...engineer, name: "audit", path: "/audit", prepare: (page) => page.waitForSelector(byId("audit-row")) }),
    {
      ...engineer,
      name: "verdict",
      path: recording(plant.maintenance, "?t=26"),
      prepare: async (page) => {
        await nudge(page);
        await page.click(byId("verdict"));
        await page.waitForSelector("text=are signed with");
      },
    },
    { ...engineer, name: "tampered", path: recording(plant.tampered, `?t=${seconds(bad?.startUs)}`) },
    { ...engineer, name: "gap", path: recording(plant.interrupted, `?t=${seconds(gap?.fromUs)}`), dark: true },
    {
      ...engineer,
      name: "command-output",
      path: recording(plant.maintenance, "?track=terminal-1&t=140"),
      prepare: nudge,
    },
    {
      ...engineer,
      name: "files",
      path: recording(plant.maintenance, "?t=150"),
      dark: true,
      prepare: async (page) => {
        await nudge(page);
        await page.click(byId("tab-files"));
        await page.waitForSelector(byId("fact-row"));
      },
    },
    {
      ...engineer,
      name: "verify",
      path: recording(plant.maintenance, "?t=26"),
      prepare: async (page) => {
        await page.click(byId("verify"));
        await page.waitForSelector(byId("verify-verdict"));
      },
    },
    {
      ...engineer,
      name: "shortcuts",
      path: recording(plant.maintenance, "?t=26"),
      prepare: async (page) => {
        await page.waitForSelector(byId("help"));
        await page.keyboard.press("?");
      },
    },
  ];
}

/** A session in the browser, while it goes on and when it was ended. */
async function takeLiveScreens(browser: Browser, directory: string): Promise<void> {
  const folder = await createTempDir("pictures");
  const hmi = await startHmi({ port: 0, password: "reactor7", now: () => now });
  const target = "hmi-reactor-01";
  const people = ["integrator-dcs", "escort"] as const;
  const service = await startRunningService({
    directory: folder.path,
    people: people.map((name) => ({ name, password, roles: [name === "escort" ? "escort" : "vendor"] })),
    secrets: [{ name: target, password: hmi.password }],
    targets: [{ name: target, protocol: "vnc", host: hmi.host, port: hmi.port, secret: target }],
    policy: openRules({ id: "vendors", people: ["role:vendor"], targets: ["*"] }),
  });
  try {
    for (const picture of both({ name: "operate", path: `/connect/${target}` })) {
      const { page, context } = await look(browser, service.httpUrl, picture, people[0], password);
      const save = (name: string) => page.screenshot({ path: join(directory, `${name}.png`) });
      await page.goto(picture.path);
      await page.click(byId("connect-open"));
      await page.waitForSelector(byId("connecting"), { state: "detached" });
      await page.waitForTimeout(1_500);
      await save(picture.name);
      console.log(join(directory, `${picture.name}.png`));
      if (picture.name === "operate-light") {
        const { context: other, page: live } = await look(browser, service.httpUrl, picture, people[1], password);
        await live.goto("/live");
        await live.click(byId("terminate"));
        await live.fill(byId("terminate-reason"), "The maintenance window is over");
        await live.click(byId("terminate-confirm"));
        await page.waitForSelector(byId("session-ended"));
        await save("session-ended");
        await other.close();
      }
      await context.close();
    }
  } finally {
    await service.stop();
    await hmi.close();
    await folder.remove();
  }
}

/** The pages about access, on a desktop and a phone. */
async function takeAccessPages(browser: Browser, directory: string): Promise<void> {
  const plant = await startAccessPlant();
  const pages: [name: string, path: string, as: keyof typeof people, ready: string][] = [
    ["access", "/access", "erika", "open-target-card"],
    ["approvals", "/approvals", "anna", "policy-said"],
    ["request", `/requests/${plant.open.id}`, "anna", "sessions"],
    ["policy", "/policy", "anna", "explain-decision"],
  ];
  try {
    for (const [name, path, as, ready] of pages) {
      for (const picture of both({ name, path }).filter(
        ({ width, dark }) => (width === undefined) !== (dark === true),
      )) {
        const { page, context, problems } = await look(browser, plant.api.origin, picture, "", "");
        await plant.signIn(context, as);
        await page.goto(path);
        await page.waitForSelector(byId(ready));
        await page.evaluate(() => document.fonts.ready);
        await page.waitForLoadState("networkidle");
        // What waits for somebody is asked for when the page stands.
        await page.waitForTimeout(1_800);
        await page.screenshot({ path: join(directory, `${picture.name}.png`) });
        console.log(join(directory, `${picture.name}.png`));
        await context.close();
        if (problems.length > 0) throw new Error(`${picture.name}: ${problems.join("\n")}`);
      }
    }
  } finally {
    await plant.close();
  }
}

async function take(browser: Browser, plant: ScreenPlant, picture: Picture, directory: string): Promise<void> {
  // The pictures' own sign-ins and views are none of the plant's.
  plant.server.audit = plant.server.audit.filter(({ address }) => address !== "127.0.0.1");
  const { context, page, problems } = await look(browser, plant.server.url, picture, picture.as ?? "", password);
  await page.addInitScript((fixed) => {
    Date.now = () => fixed;
  }, now);
  await page.goto(picture.path);
  if (picture.path.startsWith("/recordings/")) {
    await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
    await page.waitForSelector(byId("verdict"));
  }
  await picture.prepare?.(page);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.evaluate(() => document.fonts.ready);
  await page.waitForLoadState("networkidle");
  // The lists follow the moment, and the scrub bar is drawn, shortly after.
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(directory, `${picture.name}.png`) });
  await context.close();
  if (problems.length > 0) throw new Error(`${picture.name}: ${problems.join("\n")}`);
}

async function main(): Promise<void> {
  const out = process.argv.indexOf("--out");
  const directory = process.argv[out + 1] !== undefined && out > 0 ? process.argv[out + 1]! : defaultDirectory;
  mkdirSync(directory, { recursive: true });
  const alone = [takeAccessPages, takeDeskPages].filter((_, i) => process.argv.includes(["--access", "--desk"][i]!));
  if (alone.length > 0) {
    const browser = await launchBrowser();
    try {
      for (const takePages of alone) await takePages(browser, directory);
    } finally {
      await browser.close();
    }
    return;
  }
  const plant = await startScreenPlant({ now, hmi: { masked: false } });
  const browser = await launchBrowser();
  try {
    for (const picture of pictures(plant)) {
      await take(browser, plant, picture, directory);
      console.log(join(directory, `${picture.name}.png`));
    }
    await takeLiveScreens(browser, directory);
    await takeAccessPages(browser, directory);
    await takeDeskPages(browser, directory);
  } finally {
    await browser.close();
    await plant.server.close();
  }
}

const defaultDirectory = fileURLToPath(new URL("../docs/images", import.meta.url));
await main();
