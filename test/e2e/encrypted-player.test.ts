// Encrypted recordings in a browser: shown as any other to who is given the keys, after their bytes were hashed; and said
// to be encrypted, not altered, where a key is not given.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { BegunEncryption } from "../../recorder/encryption/recording-encryption.ts";
import {
  afterMark,
  byId,
  launchBrowser,
  type OpenPage,
  OpenPages,
  openPage,
  terminalText,
} from "../support/browser.ts";
import { testEncryption } from "../support/encryption.ts";
import { evidenceOf, exportSource, unzippedBundle } from "../support/evidence-plant.ts";
import { type BuiltRecording, makeSigningKey, sessionOf } from "../support/recording-builder.ts";
import { maintenanceScene } from "../support/recording-scenes.ts";
import { password, type ReplayPlant, startReplayPlant } from "../support/replay-fixtures.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";

let browser: Browser;
let plant: ReplayPlant;
let recording: BuiltRecording;
let begun: BegunEncryption;
const pages = new OpenPages();
const bundles: OpenPage[] = [];
let temp: TempDir;

beforeAll(async () => {
  [browser, plant, temp] = await Promise.all([launchBrowser(), startReplayPlant(), createTempDir("encrypted")]);
  const facts = { person: "vendor-drives", target: "plc-line-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 77 };
  const { encryption } = await testEncryption();
  begun = await encryption.begin(sessionOf(facts), Date.parse(facts.startedAt), 90);
  recording = await maintenanceScene({ ...facts, encryption: begun }, plant.key);
  plant.server.recordings.set(recording.summary.session, recording);
});
afterAll(async () => {
  await browser?.close();
  await plant?.server.close();
  await temp?.remove();
});
afterEach(async () => {
  expect(await pages.close(plant.server.url)).toEqual([]);
  const all = bundles.splice(0);
  for (const { context } of all) await context.close();
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
});

async function watch(keys: Partial<BegunEncryption["keys"]>): Promise<Page> {
  plant.server.dataKeys.set(recording.summary.session, keys);
  const opened = await openPage(browser, plant.server.url, { person: { name: "engineer", password } });
  pages.keep(opened);
  await opened.page.goto(`/recordings/${recording.summary.session}`);
  return opened.page;
}

it("replays a bundle from a disk with the keys that were put in, and without them proves it and shows nothing", async () => {
  const root = makeSigningKey();
  const evidence = evidenceOf(recording, plant.key, root);
  const text = (key: Uint8Array) => Buffer.from(key).toString("base64");
  const dataKeys = { content: text(begun.keys.content), input: text(begun.keys.input) };
  const open = async (folder: string) => {
    const opened = await openPage(browser, "file:///", {});
    bundles.push(opened);
    await opened.page.goto(pathToFileURL(join(folder, "player.html")).href);
    return opened.page;
  };
  const source = exportSource(recording);
  const withKeys = await unzippedBundle(recording, evidence, join(temp.path, "with"), source, dataKeys);
  const page = await open(withKeys);
  await expect.poll(() => terminalText(page), { timeout: 30_000 }).toContain("Reactor line 1");
  const without = await unzippedBundle(recording, evidence, join(temp.path, "without"), source);
  expect(readdirSync(without)).not.toContain("data-keys.json");
  const blind = await open(without);
  await blind.waitForSelector(byId("locked-segment"));
  expect(await blind.locator(byId("bad-segment")).count()).toBe(0);
});

it("plays, seeks and lists keystrokes with the keys of both streams, and every segment passes its check", async () => {
  const page = await watch(begun.keys);
  await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
  expect(await terminalText(page)).toContain("Reactor line 1 · controller shell 4.2");
  await afterMark(page, "conduit:seeked", () => page.keyboard.press("5"));
  const inTheMiddle = await terminalText(page);
  await afterMark(page, "conduit:seeked", () => page.keyboard.press("9"));
  await afterMark(page, "conduit:seeked", () => page.keyboard.press("5"));
  expect(await terminalText(page)).toBe(inTheMiddle);
  await page.waitForSelector(byId("key-row"));
  expect(await page.locator(byId("bad-segment")).count()).toBe(0);
});

it("shows the screen without what was typed where the service gives the content's key alone", async () => {
  const page = await watch({ content: begun.keys.content });
  await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
  expect(await terminalText(page)).toContain("Reactor line 1");
  await page.waitForSelector("text=What was typed is encrypted");
  expect(await page.locator(byId("key-row")).count()).toBe(0);
});

it("says that it is encrypted where there is no key at all", async () => {
  const page = await watch({});
  await page.waitForSelector(byId("locked-segment"));
  expect(await page.textContent(byId("locked-segment"))).toContain("no key for it here");
  expect(await page.locator(byId("bad-segment")).count()).toBe(0);
});
