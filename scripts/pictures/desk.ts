// The pictures of the investigator's pages: search, timeline, side by side, a case, an evidence bundle.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { byId } from "../../test/support/browser.ts";
import { evidenceOf, unzippedBundle } from "../../test/support/evidence-plant.ts";
import { writeCase } from "../../test/support/portal-looks.ts";
import { makeSigningKey } from "../../test/support/recording-builder.ts";
import { maintenanceScene } from "../../test/support/recording-scenes.ts";
import { password, startReplayPlant } from "../../test/support/replay-fixtures.ts";
import { hmiScene } from "../../test/support/screen-scenes.ts";
import { createTempDir } from "../../test/support/temp-dir.ts";
import { both, look, type Picture } from "./picture.ts";

/** The time of the day: notes and alarms of a case have the time at which they are written. */
const now = Date.now();
const settleMs = 600;

const desktopAndPhone = (picture: Picture): Picture[] =>
  both(picture).filter(({ width, dark }) => (width === undefined) !== (dark === true));
const light = (picture: Picture): Picture => ({ ...picture, name: `${picture.name}-light` });

async function save(page: Page, directory: string, { name }: Picture): Promise<void> {
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.evaluate(() => document.fonts.ready);
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(settleMs);
  await page.screenshot({ path: join(directory, `${name}.png`) });
  console.log(join(directory, `${name}.png`));
}

export async function takeDeskPages(browser: Browser, directory: string): Promise<void> {
  await takeReplayPages(browser, directory);
  await takeBundle(browser, directory);
}

async function takeReplayPages(browser: Browser, directory: string): Promise<void> {
  const plant = await startReplayPlant({ now });
  const { server, maintenance } = plant;
  try {
    const startedMs = Date.parse(maintenance.summary.startedAt);
    // At the HMI somebody clicks while the engineer is at the shell.
    const startedAt = new Date(startedMs + 15_500).toISOString();
    const facts = { person: "integrator-dcs", target: "hmi-reactor-01", startedAt, seed: 44 };
    const hmi = await hmiScene(facts, plant.key, { masked: false });
    server.recordings.set(hmi.summary.session, hmi);
    const id = await writeCase(plant);
    const { session } = maintenance.summary;
    const at = new Date(startedMs + 26_000).toISOString();
    const pictured = async (page: Page) => {
      await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
      await page.waitForSelector(byId("verdict"));
    };
    const openTimeline = async (page: Page) => {
      await pictured(page);
      if ((await page.locator(byId("lanes")).count()) === 0) await page.click(byId("lanes-toggle"));
      await page.locator(byId("lanes-area")).scrollIntoViewIfNeeded();
    };
    const all: Picture[] = [
      ...desktopAndPhone({
        name: "search",
        path: "/search?q=FT-110",
        prepare: (page) => page.waitForSelector(byId("search-hit")),
      }),
      ...desktopAndPhone({
        name: "timeline",
        path: `/recordings/${session}?t=12&to=40`,
        height: 900,
        prepare: openTimeline,
      }),
      light({
        name: "find",
        path: `/recordings/${session}?t=10`,
        height: 900,
        prepare: async (page) => {
          await openTimeline(page);
          await page.locator("h1").click();
          await page.keyboard.press("/");
          await page.fill(byId("find-input"), "FT-110");
          await page.waitForSelector(`${byId("find-state")}[data-done=true]`);
          for (const n of [1, 2, 3]) {
            await page.press(byId("find-input"), "Enter");
            await page.waitForSelector(`${byId("find-hit")}.current`);
            await page.waitForTimeout(n * 100);
          }
        },
      }),
      light({
        name: "magnifier",
        path: `/recordings/${hmi.summary.session}?t=10.5`,
        prepare: async (page) => {
          await pictured(page);
          await page.keyboard.press("x");
          await page.waitForSelector(".pixel-lens:not([hidden])");
        },
      }),
      ...desktopAndPhone({
        name: "compare",
        path: `/compare?sessions=${session},${hmi.summary.session}&t=${at}`,
        prepare: async (page) => {
          await page.waitForSelector(`${byId("compare-pane")} .ap-line`);
          await page.waitForSelector(`${byId("compare-pane")} canvas`);
        },
      }),
      light({
        name: "case",
        path: `/cases/${id}`,
        height: 1000,
        prepare: (page) => page.waitForSelector(`${byId("case-timeline")} .on-imported`),
      }),
    ];
    for (const picture of all) {
      const { page, context, problems } = await look(browser, server.url, picture, "engineer", password);
      await page.goto(picture.path);
      await picture.prepare?.(page);
      await save(page, directory, picture);
      await context.close();
      if (problems.length > 0) throw new Error(`${picture.name}: ${problems.join("\n")}`);
    }
  } finally {
    await server.close();
  }
}

/** The page of an evidence bundle, from a disk. */
async function takeBundle(browser: Browser, directory: string): Promise<void> {
  const folder = await createTempDir("pictures");
  try {
    const [key, root] = [makeSigningKey(), makeSigningKey()];
    const policy = Buffer.from('{"rules":[]}');
    const policyHash = createHash("sha256").update(policy).digest("hex");
    const startedAt = "2026-11-20T10:53:00.000000Z";
    const facts = { person: "vendor-drives", target: "plc-reactor-01", startedAt, seed: 41, policyHash };
    const recording = await maintenanceScene(facts, key);
    const bundle = await unzippedBundle(recording, evidenceOf(recording, key, root, policy), folder.path);
    const picture = light({ name: "bundle", path: pathToFileURL(join(bundle, "player.html")).href, height: 900 });
    const { page, context } = await look(browser, "file:///", picture, "", "");
    await page.goto(picture.path);
    await page.locator(`${byId("examination")}[data-done=true]`).waitFor();
    await page.keyboard.press("1");
    await save(page, directory, picture);
    await context.close();
  } finally {
    await folder.remove();
  }
}
