// Every page and dialog of the portal, in both themes and on a phone: nothing that keeps people with other eyes, hands or
// screens out, no two things of one name, nothing wider than the window, and each dialog is looked at.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { navFor } from "../../replay-ui/nav.ts";
import { parseRoute } from "../../replay-ui/router.ts";
import { Role } from "../../shared/policy/policy.ts";
import { byId, launchBrowser, OpenPages } from "../support/browser.ts";
import { looks, openLook, type Plants, startPlants } from "../support/portal-looks.ts";

let browser: Browser;
let plants: Plants;
const pages = new OpenPages();

beforeAll(async () => {
  [browser, plants] = await Promise.all([launchBrowser(), startPlants()]);
});

afterAll(async () => {
  await browser?.close();
  await plants?.close();
});

afterEach(async () => {
  await pages.close(plants.access.api.origin);
});

const sources = fileURLToPath(new URL("../../replay-ui", import.meta.url));
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, as `rule: where`. */
async function barriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  return page.evaluate(async (tags) => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run({ runOnly: { type: "tag", values: tags } });
    // A letter of a typed line is as small as letters are: the keys [ and ] step from one to the next as well.
    const isLetter = (id: string, target: unknown[]) =>
      id === "target-size" && document.querySelector(String(target[0]))?.closest("[data-testid=key-list]") != null;
    return violations.flatMap(({ id, nodes }) =>
      nodes
        .filter(({ target }) => !isLetter(id, target))
        .map(({ target, failureSummary }) => `${id}: ${target.join(" ")}\n${failureSummary ?? ""}`),
    );
  }, rules);
}

/** Controls that tests find by the same name, and elements that labels find by the same id. */
function doubles(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const twice = (all: string[]) => all.filter((one, i) => all.indexOf(one) !== i);
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => `#${id}`);
    const dialogs = [...document.querySelectorAll("dialog[open] [data-testid]")].map(
      (element) => element.getAttribute("data-testid") ?? "",
    );
    return [...twice(ids), ...twice(dialogs).filter((name) => !["copy", "ssh-line"].includes(name))];
  });
}

describe.each(Object.entries(looks))("%s", (_view, of) => {
  it.each(of.map((look) => [look.name, look] as const))("%s", async (_name, look) => {
    const { page, problems } = pages.keep(await openLook(browser, plants, look, { width: 1280, height: 900 }));
    for (const dialog of look.dialogs ?? []) expect(await page.locator(`${byId(dialog)}[open]`).count()).toBe(1);
    expect(await doubles(page)).toEqual([]);
    expect(await barriers(page), "light").toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await barriers(page), "dark").toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await barriers(page), "on a phone").toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, "wider than a phone").toBeLessThanOrEqual(0);
    // Nothing stands behind the sessions that go on here: they are watched in tests of the whole service.
    expect(problems).toEqual([]);
  });
});

describe("the list", () => {
  it("has every page that a menu leads to", () => {
    const views = navFor(Role.options, 1).map(({ path }) => parseRoute(path, "").view);
    for (const view of views) expect(Object.keys(looks)).toContain(view);
  });

  it("has every dialog", async () => {
    const listed = new Set(Object.values(looks).flatMap((of) => of.flatMap(({ dialogs }) => dialogs ?? [])));
    // Of a session that goes on, in tests of their own with a session behind them.
    for (const name of ["leave-dialog", "presence-prompt", "message-dialog", "note-dialog"]) listed.add(name);
    const missing: string[] = [];
    for (const file of await readdir(sources, { recursive: true })) {
      if (!file.endsWith(".tsx")) continue;
      const source = await readFile(join(sources, file), "utf8");
      for (const [, attributes = ""] of source.matchAll(/<(?:(?:Reason)?Dialog|AskReason)\b([^>]*)/g)) {
        if (attributes.includes("{props.testId}")) continue;
        const name = /testId="([^"]+)"/.exec(attributes)?.[1] ?? `a dialog without testId in ${file}`;
        if (!listed.has(name)) missing.push(name);
      }
    }
    expect(missing).toEqual([]);
  });
});
