// npx tsx scripts/screenshots.ts [--out DIR]: the pictures in docs/images, of the built UI over the real API with the
// recordings of the tests: docs/images/player.png for the README, and a gallery on desktop and phone, light and dark.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, openPage } from "../test/support/browser.ts";
import { password, type ReplayPlant, startReplayPlant } from "../test/support/replay-fixtures.ts";

interface Picture {
  name: string;
  path: string;
  /** Who looks; left out, nobody is signed in. */
  as?: string;
  width?: number;
  height?: number;
  dark?: boolean;
  scale?: number;
  /** Brings the page to the state of the picture. */
  prepare?: (page: Page) => Promise<unknown>;
}

const byId = (id: string) => `[data-testid="${id}"]`;

/** A fixed moment, so that a picture changes only when the UI does. */
const now = Date.parse("2026-11-20T14:05:00");

function pictures(plant: ReplayPlant): Picture[] {
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
  const both = (picture: Picture): Picture[] => [
    { ...picture, name: `${picture.name}-light` },
    { ...picture, name: `${picture.name}-dark`, dark: true },
    { ...picture, name: `${picture.name}-phone-light`, width: 390, height: 844, scale: 2 },
    { ...picture, name: `${picture.name}-phone-dark`, width: 390, height: 844, scale: 2, dark: true },
  ];
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

async function take(browser: Browser, plant: ReplayPlant, picture: Picture, directory: string): Promise<void> {
  // The pictures' own sign-ins and views are none of the plant's.
  plant.server.audit = plant.server.audit.filter(({ address }) => address !== "127.0.0.1");
  const { context, page, problems } = await openPage(browser, plant.server.url, {
    ...(picture.width === undefined ? {} : { width: picture.width }),
    ...(picture.height === undefined ? {} : { height: picture.height }),
    ...(picture.scale === undefined ? {} : { scale: picture.scale }),
    dark: picture.dark ?? false,
    ...(picture.as === undefined ? {} : { person: { name: picture.as, password } }),
  });
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
  const plant = await startReplayPlant({ now });
  const browser = await launchBrowser();
  try {
    for (const picture of pictures(plant)) {
      await take(browser, plant, picture, directory);
      console.log(join(directory, `${picture.name}.png`));
    }
  } finally {
    await browser.close();
    await plant.server.close();
  }
}

const defaultDirectory = fileURLToPath(new URL("../docs/images", import.meta.url));
await main();
