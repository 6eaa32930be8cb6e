// The portal's pages about access in the browser, against the real API: asking, approving with a fresh code, credentials shown
// once, emergency access and its review, the policy explained, the report, people, and who sees which page.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../recorder/access/mfa/totp.ts";
import { type AccessPlant, type people, startAccessPlant } from "../support/access-plant.ts";
import { byId, launchBrowser, OpenPages, openPage, type PageOptions, settlingOf } from "../support/browser.ts";

let browser: Browser;
let plant: AccessPlant;
const pages = new OpenPages();

beforeAll(async () => {
  [browser, plant] = await Promise.all([launchBrowser(), startAccessPlant()]);
});

afterAll(async () => {
  await browser?.close();
  await plant?.close();
});

afterEach(async () => expect(await pages.close(plant.api.origin)).toEqual([]));

type Name = keyof typeof people;

async function visit(path: string, as: Name, options: PageOptions = {}): Promise<Page> {
  const opened = pages.keep(await openPage(browser, plant.api.origin, options));
  await plant.signIn(opened.context, as);
  await opened.page.goto(path);
  await opened.page.waitForSelector("main h1");
  return opened.page;
}

const local = (ms: number) => {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 16);
};

describe("asking for access", () => {
  it("says all that the policy has against it at its fields, and takes what it allows", async () => {
    const page = await visit("/access", "erika");
    await page.click(byId("ask-for-access"));
    await page.waitForSelector(byId("target-list"));
    // What is prohibited is said as such and cannot be chosen.
    await page.fill(byId("target-search"), "safety");
    expect(await page.isDisabled(byId("pick-SIS-reactor-01"))).toBe(true);
    expect(await page.textContent(byId("target-list"))).toContain("prohibited");
    await page.fill(byId("target-search"), "second reactor");
    await page.check(byId("pick-plc-reactor-02"));
    await page.fill(byId("request-from"), local(Date.now() + 3_600_000));
    await page.fill(byId("request-to"), local(Date.now() + 7_200_000));
    await page.fill(byId("request-ticket"), "none");
    await page.waitForSelector(`${byId("fault-window")} >> text=at least 24 hours`);
    await page.waitForSelector(`${byId("fault-ticket")} p`);
    // Nothing is said of a field that nobody has come to yet.
    expect(await page.textContent(byId("fault-purpose"))).toBe("");
    await page.click(byId("request-submit"));
    await page.waitForSelector(`${byId("fault-purpose")} p`);
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe("request-from");
    await page.fill(byId("request-from"), local(Date.now() + 26 * 3_600_000));
    await page.fill(byId("request-to"), local(Date.now() + 27 * 3_600_000));
    await page.fill(byId("request-ticket"), "CHG-2000");
    await page.fill(byId("request-purpose"), "Check the valve block");
    await page.waitForSelector(`${byId("fault-window")} p`, { state: "detached" });
    await page.waitForSelector(`${byId("fault-ticket")} p`, { state: "detached" });
    await page.click(byId("request-submit"));
    await page.waitForSelector(byId("timeline"));
    expect(await page.textContent(byId("request-purpose-said"))).toContain("Check the valve block");
    await page.waitForSelector(`${byId("request-state")}[data-state=submitted]`);
    await page.click(byId("withdraw"));
    await page.waitForSelector(`${byId("withdraw-dialog")}[open]`);
    await page.keyboard.press("Escape");
    await page.waitForSelector(byId("withdraw-dialog"), { state: "detached" });
    await page.click(byId("withdraw"));
    await page.click(byId("withdraw-dialog-confirm"));
    await page.waitForSelector(`${byId("request-state")}[data-state=withdrawn]`);
  });

  it("shows what is open and until when, and issues a password once", async () => {
    const page = await visit("/access", "erika");
    const card = `[data-target="plc-reactor-01"]`;
    expect(await page.textContent(`${card} ${byId("ssh-line")}`)).toMatch(/^ssh -p 2222 erika\+plc-reactor-01@/);
    expect(await page.textContent(`${card} ${byId("until")}`)).toContain("Until");
    expect(await page.getAttribute(byId("open-screen"), "href")).toBe("/connect/hmi-reactor-01");
    await page.click(`[data-request="${plant.open.id}"] ${byId("credential")}`);
    await page.click(byId("credential-issue"));
    const password = (await page.textContent(byId("credential-password"))) ?? "";
    expect(password.length).toBeGreaterThan(15);
    const login = await plant.api.access.requests.authenticateGrant("erika", password);
    expect(login?.grant.request).toBe(plant.open.id);
    await page.click(byId("credential-done"));
    await page.waitForSelector(byId("credential-issued"), { state: "detached" });
    expect(await page.content()).not.toContain(password);
  });
});

describe("deciding", () => {
  it("shows what the policy says, narrows, and asks for a fresh code where one is old", async () => {
    const { secret } = await plant.api.mfa.begin("anna");
    const step = () => totpStepAt(Date.now());
    await plant.api.mfa.confirm("anna", totpCode(secret, step() - 1), { actor: "anna", address: "local" });
    const page = await visit("/approvals", "anna");
    const card = `[data-request="${plant.waiting.id}"]`;
    const said = (await page.textContent(`${card} ${byId("policy-said")}`)) ?? "";
    expect(said).toContain("vendors");
    expect(said).toContain("It begins frozen, until an escort releases it.");
    await plant.api.database.access.updateTable("web_sessions").set({ confirmed_at_ms: 1 }).execute();
    await page.click(`${card} ${byId("approve")}`);
    await page.fill(byId("approve-comment"), "permit 18");
    await page.click(byId("conditions"));
    await page.uncheck(byId("capability-sftp"));
    await page.click(byId("approve-confirm"));
    await page.fill(byId("fresh-code-field"), totpCode(secret, step()));
    await page.click(byId("fresh-code-submit"));
    await page.waitForSelector(`${byId("to-decide")} ${card}`, { state: "detached" });
    // What was approved stays on the page: it can be revoked from here.
    await page.waitForSelector(`${byId("standing")} ${card} ${byId("revoke")}`);
    const approved = await plant.api.access.requests.find(plant.waiting.id);
    expect(approved?.state).toBe("approved");
    expect(approved?.capabilities).toEqual(["shell", "screen"]);
    await page.goto(`/requests/${plant.waiting.id}`);
    await page.waitForSelector(`${byId("timeline")} >> text=anna approved it, with shell, screen alone`);
    await page.click(byId("revoke"));
    await page.click(byId("revoke-dialog-confirm"));
    // Not without saying why.
    await page.waitForSelector(`${byId("revoke-dialog")} >> text=Say why`);
    await page.fill(byId("revoke-dialog-reason"), "the permit was taken back");
    await page.click(byId("revoke-dialog-confirm"));
    await page.waitForSelector(`${byId("request-state")}[data-state=revoked]`);
    await page.waitForSelector(`${byId("timeline")} >> text=the permit was taken back`);
  });

  it("is loud about emergency access, and keeps the review of an overdue one", async () => {
    const page = await visit("/approvals", "adam");
    expect(await page.textContent(byId("emergency-banner"))).toContain("petra");
    await page.waitForSelector(`[data-request="${plant.unreviewed.id}"] ${byId("overdue")}`);
    await page.click(`[data-request="${plant.unreviewed.id}"] ${byId("review")}`);
    await page.check(byId("verdict-not-justified"), { force: true });
    await page.fill(byId("review-dialog-reason"), "a phone call would have done");
    await page.click(byId("review-dialog-confirm"));
    await page.waitForSelector(`[data-request="${plant.unreviewed.id}"]`, { state: "detached" });
    expect((await plant.api.access.requests.find(plant.unreviewed.id))?.review?.verdict).toBe("not-justified");
    await page.click(byId("lift"));
    await page.fill(byId("lift-dialog-reason"), "it was talked over");
    await page.click(byId("lift-dialog-confirm"));
    await page.waitForSelector(byId("blocks"), { state: "detached" });
  });

  it("lets who is named get in without approval, with a reason", async () => {
    const page = await visit("/access", "petra");
    await page.click(byId("emergency"));
    await page.selectOption(byId("emergency-target"), "plc-reactor-01");
    await page.fill(byId("emergency-reason"), "short");
    await page.click(byId("emergency-confirm"));
    await page.waitForSelector(`${byId("emergency-dialog")} >> text=ten characters`);
    await page.fill(byId("emergency-reason"), "The level rises and nobody answers");
    await page.click(byId("emergency-confirm"));
    await page.waitForSelector(byId("timeline"));
    expect(await page.textContent("main h1")).toBe("Emergency access");
    await page.goto("/access");
    await page.waitForSelector(`[data-target="plc-reactor-01"] >> text=emergency`);
    expect(await page.locator(byId("emergency-banner")).count()).toBe(0);
  });
});

describe("the policy", () => {
  it("is readable, and explains with the gateway's own code", async () => {
    const page = await visit("/policy", "anna");
    await page.waitForSelector(byId("rules"));
    expect(await page.locator(`${byId("rules")} > li`).count()).toBe(4);
    await page.fill(byId("explain-person"), "erika");
    await page.fill(byId("explain-target"), "plc-reactor-01");
    await page.waitForSelector(`${byId("explain-decision")}[data-effect=allow]`);
    await page.uncheck(byId("explain-approved"));
    await page.waitForSelector(`${byId("explain-decision")}[data-effect=deny] >> text=approval-needed`);
    await page.check(byId("explain-approved"));
    await page.fill(byId("explain-target"), "SIS-anything");
    await page.waitForSelector(`${byId("explain-decision")} >> text=prohibited-target`);
    await page.fill(byId("explain-target"), "plc-reactor-01");
    await page.selectOption(byId("explain-protocol"), "telnet");
    await page.waitForSelector(`${byId("explain-decision")} >> text=protocol-blocked`);
    await page.selectOption(byId("explain-protocol"), "");
    await page.fill(byId("explain-person"), "jonas");
    await page.fill(byId("explain-target"), "plc-utility-3");
    await page.waitForSelector(`${byId("explain-trace")} >> text=night-shift-off denies`);
    await page.click(byId("show-version"));
    await page.waitForSelector(`${byId("policy-text")} >> text=version: 1`);
  });
});

describe("report and people", () => {
  it("leads from a figure to the requests that it was counted from, and to files", async () => {
    const page = await visit("/report", "audrey");
    await page.waitForSelector(byId("figure"));
    const figure = page.locator(byId("figure"), { hasText: "Break-glass uses" }).first();
    await figure.locator("summary").click();
    expect(await figure.locator("a").first().getAttribute("href")).toMatch(/^\/requests\//);
    await page.selectOption(byId("report-days"), "7");
    await page.waitForFunction(() => location.search === "?days=7");
    await page.click(byId("report-download"));
    const href = await page.getAttribute(byId("report-csv-sessions"), "href");
    const csv = await page.evaluate(async (url) => (await fetch(url ?? "")).text(), href);
    expect(csv.split("\n")[0]).toContain("session");
  });

  it("adds a person with a one-time password that is shown once, and disables them", async () => {
    const page = await visit("/people", "adam");
    await page.click(byId("add-person"));
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe("person-name");
    await page.fill(byId("person-name"), "newcomer");
    await page.click(byId("person-add"));
    const oneTime = (await page.textContent(byId("one-time-password-text"))) ?? "";
    const signedIn = await plant.api.people.authenticatePassword("newcomer", oneTime, "127.0.0.1");
    expect(signedIn.outcome).toBe("accepted");
    await page.click(byId("one-time-password-done"));
    await page.click(`[data-person="newcomer"] ${byId("open-person")}`);
    await page.check(byId("role-escort"));
    await page.click(byId("save-roles"));
    await page.waitForFunction(
      () => document.querySelector("[data-person=newcomer]")?.textContent?.includes("escort") === true,
    );
    await page.click(byId("person-disable"));
    await page.click(byId("disable-dialog-confirm"));
    await page.waitForSelector(byId("person-enable"));
    expect((await plant.api.people.find("newcomer"))?.disabled).toBe(true);
  });

  it("shows an approver the people, and no way to change them", async () => {
    const page = await visit("/people", "anna");
    await page.click(`[data-person="erika"] ${byId("open-person")}`);
    await page.waitForSelector(byId("person-dialog"));
    for (const id of ["add-person", "save-roles", "person-disable", "person-password", "add-key"])
      expect(await page.locator(byId(id)).count()).toBe(0);
  });
});

describe("every page about access", () => {
  const paths: [path: () => string, as: Name][] = [
    [() => "/access", "erika"],
    [() => "/access", "petra"],
    [() => "/access/new", "erika"],
    [() => `/requests/${plant.open.id}`, "anna"],
    [() => "/approvals", "anna"],
    [() => "/policy", "adam"],
    [() => "/report", "audrey"],
    [() => "/people", "adam"],
    [() => "/targets", "anna"],
    [() => "/live", "petra"],
  ];

  it("fits every window, and each control has a name", async () => {
    for (const [path, as] of paths) {
      // Opened as narrow as it gets: what a page makes of its first width is of a telephone.
      const opened = pages.keep(await openPage(browser, plant.api.origin, { width: 320, height: 844 }));
      const { page, context } = opened;
      const settled = settlingOf(page);
      await plant.signIn(context, as);
      await page.goto(path());
      await page.waitForSelector("main h1, main h2");
      await settled();
      for (const width of [320, 390, 1280]) {
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme: width === 390 ? "dark" : "light" });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow, `${path()} at ${width} px`).toBeLessThanOrEqual(0);
        const nameless = await page.$$eval("button, a, input, select, textarea, summary", (controls) =>
          controls
            .filter((control) => {
              const forIt = control.id === "" ? null : document.querySelector(`label[for="${control.id}"]`);
              const label =
                control.getAttribute("aria-label") ??
                forIt?.textContent ??
                control.closest("label")?.textContent ??
                control.textContent;
              return (label ?? "").trim() === "";
            })
            .map((control) => control.outerHTML.slice(0, 120)),
        );
        expect(nameless, `${path()} at ${width} px`).toEqual([]);
      }
    }
  });

  it("is in the menu of whom it is for", async () => {
    const tabs = async (as: Name) => (await visit("/access", as)).locator("nav a").allTextContents();
    expect(await tabs("erika")).toEqual(["Recordings", "My access", "Targets"]);
    expect(await tabs("ines")).toEqual([
      "Recordings",
      "Search",
      "Activity",
      "My access",
      "Targets",
      "Cases",
      "Live",
      "Attestation",
    ]);
    const audrey = await tabs("audrey");
    expect(audrey.map((text) => text.split(" ")[0])).toEqual([
      "Recordings",
      "Search",
      "Activity",
      "My",
      "Targets",
      "Cases",
      "Live",
      "Approvals",
      "Policy",
      "Report",
      "People",
      "Audit",
      "Ledger",
      "Attestation",
    ]);
    const phone = await visit("/access", "adam", { width: 390, height: 844 });
    await phone.click(byId("nav-menu"));
    await phone.click(`.menu-panel a[href="/people"]`);
    await phone.waitForSelector(byId("people"));
    expect(await phone.locator(".menu-panel").count()).toBe(0);
  });
});
