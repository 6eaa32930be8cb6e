// The second factor in the browser: what policy wants is enrolled before anything else, the code follows the password, the
// recovery code replaces it, and my account renews both.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../recorder/access/mfa/totp.ts";
import { type ApiFixture, password, startApi } from "../integration/api/api-fixture.ts";
import { launchBrowser, type OpenPage, openPage, type PageOptions } from "../support/browser.ts";
import { builtUi } from "../support/replay-fixtures.ts";

let api: ApiFixture;
let browser: Browser;
let open: OpenPage[] = [];

beforeAll(async () => {
  api = await startApi({ staticDirectory: builtUi });
  api.mfaRequired.value = true;
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await api?.close();
});

afterEach(async () => {
  const pages = open;
  open = [];
  for (const { context } of pages) await context.close();
  for (const { problems } of pages) expect(problems).toEqual([]);
});

const byId = (id: string) => `[data-testid="${id}"]`;

async function visit(path: string, options: PageOptions = {}): Promise<Page> {
  const opened = await openPage(browser, api.origin, options);
  open.push(opened);
  await opened.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await opened.page.goto(path);
  return opened.page;
}

async function typePassword(page: Page, name: string, text = password): Promise<void> {
  await page.fill(byId("sign-in-name"), name);
  await page.fill(byId("sign-in-password"), text);
  await page.click(byId("sign-in-submit"));
}

/** As the app shows it; each of a person's is used once. */
const codeOf = (secret: string, later = 0) => totpCode(secret, totpStepAt(Date.now()) + later);

async function enrolled(name: string): Promise<{ secret: string; recoveryCodes: string[] }> {
  const { secret } = await api.mfa.begin(name);
  const confirmed = await api.mfa.confirm(name, codeOf(secret, -1), { actor: name, address: "local" });
  if (confirmed === null) throw new Error("the code was refused");
  return { secret, ...confirmed };
}

describe("somebody who has no second factor yet", () => {
  it("sets it up before anything else, keeps the recovery codes, and is in", async () => {
    const page = await visit("/targets");
    await typePassword(page, "auditor");
    await page.waitForSelector(byId("must-enrol"));
    // Nothing else is open: neither in the page nor by the API.
    expect(await page.evaluate(async () => (await fetch("/api/v1/me/targets")).status)).toBe(403);
    await page.waitForSelector(`${byId("enrolment-qr")} path[d^="M"]`);
    await page.click("text=The camera does not work");
    const secret = (await page.textContent(byId("enrolment-secret")))?.replaceAll(" ", "") ?? "";
    await page.fill(byId("enrolment-code"), "000000");
    await page.click(byId("enrolment-submit"));
    await page.waitForFunction(() => document.querySelector("[data-testid=enrolment-error]")?.textContent !== "");
    await page.fill(byId("enrolment-code"), codeOf(secret));
    await page.click(byId("enrolment-submit"));
    await page.waitForSelector(byId("recovery-codes"));
    await page.click(byId("recovery-copy"));
    await page.waitForFunction(() => document.querySelector("[data-testid=recovery-copy]")?.textContent === "Copied");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.trim().split("\n")).toHaveLength(10);
    expect(await page.isDisabled(byId("recovery-done"))).toBe(true);
    await page.check(byId("recovery-kept"));
    await page.click(byId("recovery-done"));
    await page.waitForSelector(byId("targets"));
    // The next sign-in asks; a code of before is used up, one from the paper is not.
    const next = await visit("/");
    await typePassword(next, "auditor");
    await next.click(byId("use-recovery-code"));
    await next.fill(byId("sign-in-code"), copied.split("\n")[4] ?? "");
    await next.click(byId("code-submit"));
    await next.waitForSelector(byId("account-menu"));
    await next.goto("/account");
    await next.waitForSelector("text=9 recovery codes left");
  });
});

describe("somebody who is enrolled", () => {
  it("gives the code after the password; a wrong password is not told apart from a wrong code", async () => {
    const { secret } = await enrolled("escort");
    const page = await visit("/");
    await typePassword(page, "escort", "not the password");
    await page.fill(byId("sign-in-code"), codeOf(secret));
    await page.click(byId("code-submit"));
    const wrongPassword = await page.waitForSelector(`${byId("sign-in-error")}:not(:empty)`);
    const told = await wrongPassword.textContent();
    await page.click(byId("sign-in-again"));
    await typePassword(page, "escort");
    await page.fill(byId("sign-in-code"), "000 000");
    await page.click(byId("code-submit"));
    expect(await (await page.waitForSelector(`${byId("sign-in-error")}:not(:empty)`)).textContent()).toBe(told);
    await page.fill(byId("sign-in-code"), codeOf(secret));
    await page.click(byId("code-submit"));
    await page.waitForSelector(byId("account-menu"));
    expect(await page.evaluate(() => document.cookie)).toBe("");
  });

  it("makes new recovery codes and changes to another phone with a fresh code", async () => {
    const { secret } = await enrolled("investigator");
    const page = await visit("/account");
    await typePassword(page, "investigator");
    await page.fill(byId("sign-in-code"), codeOf(secret));
    await page.click(byId("code-submit"));
    await page.click(byId("mfa-renew"));
    await page.fill(byId("renew-code"), codeOf(secret, 1));
    await page.click(byId("renew-submit"));
    await page.check(byId("recovery-kept"));
    await page.click(byId("recovery-done"));
    await page.click(byId("mfa-replace"));
    await page.click("text=The camera does not work");
    const next = (await page.textContent(byId("enrolment-secret")))?.replaceAll(" ", "") ?? "";
    expect(next).not.toBe(secret);
    await page.fill(byId("enrolment-code"), codeOf(next));
    await page.click(byId("enrolment-submit"));
    await page.check(byId("recovery-kept"));
    await page.click(byId("recovery-done"));
    await page.waitForSelector(`${byId("mfa-state")} >> text=10 recovery codes left`);
  });

  it("is asked for a fresh code where the last one is old", async () => {
    const { secret } = await enrolled("admin");
    const page = await visit("/account");
    await typePassword(page, "admin");
    await page.fill(byId("sign-in-code"), codeOf(secret));
    await page.click(byId("code-submit"));
    await page.waitForSelector(byId("mfa-replace"));
    await api.database.access.updateTable("web_sessions").set({ confirmed_at_ms: 1 }).execute();
    await page.click(byId("mfa-replace"));
    await page.waitForSelector(byId("fresh-code"));
    await page.fill(byId("fresh-code-field"), codeOf(secret, 1));
    await page.click(byId("fresh-code-submit"));
    await page.waitForSelector(byId("enrolment"));
  });
});

describe.each([
  { width: 1280, height: 800, dark: false },
  { width: 390, height: 844, dark: true, touch: true },
])("at $width px", (options) => {
  it("nothing is wider than the window", async () => {
    const page = await visit("/account", options);
    await typePassword(page, "vendor");
    await page.waitForSelector(`${byId("enrolment-qr")} path`);
    const overflow = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await overflow()).toBe(0);
    await page.click("text=The camera does not work");
    expect(await overflow()).toBe(0);
  });
});
