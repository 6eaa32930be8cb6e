// An investigator's work from the first note to the case that leaves as a file, in the browser.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { afterMark, byId, launchBrowser, OpenPages, openPage } from "../support/browser.ts";
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
afterEach(async () => {
  expect(await pages.close(plant.server.url)).toEqual([]);
});

async function open(name: string, path: string): Promise<Page> {
  const opened = pages.keep(await openPage(browser, plant.server.url, { person: { name, password } }));
  await opened.page.goto(path);
  return opened.page;
}

async function openNotes(name: string): Promise<Page> {
  const page = await open(name, `/recordings/${plant.maintenance.summary.session}?t=26`);
  await page.waitForSelector(byId("verdict"));
  await page.click(byId("tab-notes"));
  await page.waitForSelector(byId("notes-panel"));
  return page;
}

const noteOf = (page: Page, text: string) => page.locator(byId("note")).filter({ hasText: text });

it("notes are written by keys, seen by colleagues, changed by their author alone, and struck out to be read", async () => {
  const page = await openNotes("escort");
  await page.locator("h1").click();
  await page.keyboard.press("e");
  await page.fill(byId("note-text"), "Sets the <b>limit</b>");
  await page.fill(byId("note-tags"), "#Valve limit");
  await page.click(byId("note-save"));
  const written = noteOf(page, "Sets the <b>limit</b>");
  await written.waitFor();
  expect(await written.textContent()).toContain("0:26");
  await page.locator("h1").click();
  await page.keyboard.press("m");
  await expect.poll(() => page.locator(byId("note")).count()).toBe(2);
  await page.selectOption(byId("note-filter"), "valve");
  await expect.poll(() => page.locator(byId("note")).count()).toBe(1);

  const colleague = await openNotes("engineer");
  const seen = noteOf(colleague, "Sets the <b>limit</b>");
  await seen.waitFor();
  expect(await seen.locator(byId("note-edit")).count()).toBe(0);

  // Their author has it open in two windows: the second is told, and keeps what was typed.
  const second = await openNotes("escort");
  await noteOf(second, "Sets the").locator(byId("note-edit")).click();
  await written.locator(byId("note-edit")).click();
  await page.fill(byId("note-text"), "Sets the limit to 12 bar");
  await page.click(byId("note-save"));
  await noteOf(page, "12 bar").waitFor();
  await second.fill(byId("note-text"), "Sets the limit to 14 bar");
  await second.click(byId("note-save"));
  await second.getByText("changed this note meanwhile").waitFor();
  expect(await second.inputValue(byId("note-text"))).toBe("Sets the limit to 14 bar");
  await second.getByText("It says now, by escort: Sets the limit to 12 bar").waitFor();
  await second.click(byId("note-save"));
  await noteOf(second, "14 bar").locator("summary").click();
  await second.locator(".note-history").getByText("Sets the limit to 12 bar").waitFor();

  await colleague.reload();
  await colleague.waitForSelector(byId("verdict"));
  await colleague.click(byId("tab-notes"));
  const changed = noteOf(colleague, "14 bar");
  await changed.locator(byId("note-strike")).click();
  await colleague.click(byId("note-strike-send"));
  await changed.locator("s").getByText("Sets the limit to 14 bar").waitFor();
  await changed.locator(byId("note-jump")).click();
});

it("a case is opened, has recordings and alarms in the order of time, and leaves as a file", async () => {
  const page = await open("engineer", "/cases");
  await page.waitForSelector(byId("cases-empty"));
  await page.click(byId("case-open"));
  await page.fill(byId("case-title-field"), "A valve opened");
  await page.click(byId("case-open-send"));
  await page.waitForSelector(byId("case-page"));
  const { session, startedAt } = plant.maintenance.summary;
  await page.click(byId("case-add"));
  await page.fill(byId("case-add-session"), `${plant.server.url}/recordings/${session}?t=26`);
  await page.fill(byId("case-add-dialog-reason"), "That night");
  await page.click(`${byId("case-add-dialog")} button[type=submit]`);
  await page.waitForSelector(`${byId("case-recording")}[data-session="${session}"]`);

  await page.click(byId("case-import"));
  const alarm = new Date(Date.parse(startedAt) + 27_000).toISOString();
  const buffer = Buffer.from(`time;text\nnever;x\n${alarm};PSV-101 open\n`);
  await page.setInputFiles(byId("import-file"), { name: "alarms.csv", mimeType: "text/csv", buffer });
  await page.fill(byId("import-at"), "time");
  await page.fill(byId("import-text"), "text");
  await page.click(byId("import-send"));
  await page.locator(byId("import-errors")).getByText("Line 2").waitFor();
  const mended = Buffer.from(`time;text\n${alarm};PSV-101 open\n`);
  await page.setInputFiles(byId("import-file"), { name: "alarms.csv", mimeType: "text/csv", buffer: mended });
  await page.click(byId("import-send"));
  await page.waitForSelector(byId("import-sample"));
  await page.click(byId("import-send"));
  const event = page.locator(`${byId("case-timeline")} .on-imported`);
  await event.getByText("PSV-101 open").waitFor();
  expect(await event.locator("a").getAttribute("href")).toBe(`/recordings/${session}?t=27.0`);

  // Beside the recording it has a lane of its own, with the clock that it was stated with.
  const watching = await open("engineer", `/recordings/${session}`);
  await watching.getByText("alarms.csv: clock as it was").waitFor();
  await watching.click(byId("lanes-as-list"));
  const onLane = watching.locator(byId("lanes-entry"), { hasText: "PSV-101 open" });
  await afterMark(watching, "conduit:seeked", () => onLane.click());
  expect(await watching.textContent(byId("session-time"))).toContain("0:27");

  const download = page.waitForEvent("download");
  await page.click(byId("case-export"));
  expect((await download).suggestedFilename()).toMatch(/^CASE-\d{4}-0001\.case\.zip$/);
  await page.click(byId("case-turn"));
  await page.fill(byId("case-turn-dialog-reason"), "Found");
  await page.click(`${byId("case-turn-dialog")} button[type=submit]`);
  await page.locator(byId("case-state-tag")).getByText("Closed").waitFor();
  expect(await page.locator(byId("case-add")).count()).toBe(0);
});

it("recordings that were chosen in the list are added to a case, and looked at side by side from there", async () => {
  const page = await open("engineer", "/");
  await page.click(byId("compare-start"));
  const chosen = [plant.maintenance, plant.interrupted].map(({ summary }) => summary.session);
  for (const session of chosen) await page.check(`[data-session="${session}"] ${byId("compare-check")}`);
  await page.click(byId("chosen-add-to-case"));
  await page.selectOption(byId("add-to-case-choice"), "new");
  await page.fill(byId("add-to-case-title"), "Two nights");
  await page.fill(byId("add-to-case-reason"), "The same person");
  await page.click(byId("add-to-case-confirm"));
  await page.waitForSelector(byId("case-page"));
  expect(await page.locator(byId("case-recording")).count()).toBe(2);
  const id = await page.getAttribute(byId("case-page"), "data-case");
  await page.click(byId("case-compare"));
  for (const session of chosen) await page.waitForSelector(`${byId("compare-pane")}[data-session="${session}"]`);

  const watching = await open("engineer", `/recordings/${chosen[0]}`);
  await watching.click(byId("case-menu"));
  await watching.locator(byId("case-menu-case"), { hasText: id! }).waitFor();
  await watching.click(byId("case-menu-import"));
  await watching.waitForSelector(byId("import-dialog"));
});
