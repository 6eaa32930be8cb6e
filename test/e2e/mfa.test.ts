// The second factor in the browser: what policy wants is enrolled before anything else, the code follows the password, the
// recovery code replaces it, and my account renews both.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../recorder/access/mfa/totp.ts";
import { OidcAccounts } from "../../recorder/access/oidc/accounts.ts";
import { OidcProvider } from "../../recorder/access/oidc/provider.ts";
import { type ApiFixture, password, startApi } from "../integration/api/api-fixture.ts";
import { launchBrowser, type OpenPage, openPage, type PageOptions } from "../support/browser.ts";
import { freePort } from "../support/free-port.ts";
import { startOidcProvider } from "../support/oidc-provider.ts";
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

describe("a passkey", () => {
  /** At the portal's name, with a device of this person's own that looks at its owner. */
  async function withDevice(path: string) {
    const opened = await openPage(browser, api.origin.replace("127.0.0.1", "localhost"), {});
    open.push(opened);
    const { page, context } = opened;
    const cdp = await context.newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "usb",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await page.goto(path);
    return { page, cdp, authenticatorId };
  }

  it("is set up before anything else, follows the password, is a sign-in, confirms, and is removed", async () => {
    const { page, cdp, authenticatorId } = await withDevice("/account");
    await typePassword(page, "approver");
    await page.click(byId("enrol-other-way"));
    await page.fill(byId("passkey-name"), "blue key");
    await page.click(byId("passkey-submit"));
    await page.waitForSelector(byId("recovery-codes"));
    await page.check(byId("recovery-kept"));
    await page.click(byId("recovery-done"));
    await page.waitForSelector(`${byId("passkey")} >> text=blue key`);
    expect(await api.mfa.status("approver")).toMatchObject({
      authenticator: false,
      passkeys: 1,
      recoveryCodesLeft: 10,
    });
    const leave = async () => {
      await page.click(byId("account-menu"));
      await page.click(byId("sign-out"));
      await page.waitForSelector(byId("sign-in-form"));
    };
    // After the password, in the place of a code.
    await leave();
    await typePassword(page, "approver");
    await page.click(byId("second-step-passkey"));
    await page.waitForSelector(byId("passkeys"));
    await page.waitForSelector("text=password, then passkey");
    // Alone, since it looked at its owner.
    await leave();
    await page.click(byId("sign-in-passkey"));
    await page.waitForSelector(byId("passkeys"));
    // What asks for a fresh proof takes it, too; the code that then stands there opens one log-in.
    await api.database.access.updateTable("web_sessions").set({ confirmed_at_ms: 1 }).execute();
    await page.click(byId("portal-code"));
    await page.click(byId("fresh-passkey"));
    const code = (await page.textContent(byId("portal-code-shown"))) ?? "";
    const from = { address: "192.0.2.1", portalCodes: true };
    expect([await api.mfa.verify("approver", code, from), await api.mfa.verify("approver", code, from)]).toEqual([
      "portal-code",
      null,
    ]);
    await page.click(`${byId("portal-code-dialog")} [aria-label=Close]`);
    // The only second factor stays where policy wants one.
    await page.click(byId("passkey-remove"));
    await page.waitForSelector(`${byId("passkeys-error")} >> text=only second factor`);
    await page.click(byId("passkey-rename"));
    await page.fill(byId("passkey-new-name"), "red key");
    await page.click(byId("passkey-rename-submit"));
    await page.waitForSelector(`${byId("passkey")} >> text=red key`);
    // Not somebody else's second factor.
    await enrolled("engineer");
    await leave();
    await typePassword(page, "engineer");
    await page.click(byId("second-step-passkey"));
    await page.waitForSelector(`${byId("sign-in-error")}:not(:empty)`);
    // A device that did not look at its owner is no whole sign-in.
    await page.click(byId("sign-in-again"));
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    await page.click(byId("sign-in-passkey"));
    await page.waitForSelector(`${byId("sign-in-error")}:not(:empty)`);
    expect(await page.isVisible(byId("account-menu"))).toBe(false);
  });

  it("of a copy, whose counter went back, opens nothing, nor does an answer that came before", async () => {
    const { page, cdp, authenticatorId } = await withDevice("/account");
    await typePassword(page, "unsealer");
    await page.click(byId("enrol-other-way"));
    await page.fill(byId("passkey-name"), "key");
    await page.click(byId("passkey-submit"));
    await page.check(byId("recovery-kept"));
    await page.click(byId("recovery-done"));
    await page.waitForSelector(byId("passkeys"));
    const sent: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/session/confirm")) sent.push(request.postData() ?? "");
    });
    await api.database.access.updateTable("web_sessions").set({ confirmed_at_ms: 1 }).execute();
    await page.click(byId("portal-code"));
    await page.click(byId("fresh-passkey"));
    await page.waitForSelector(byId("portal-code-shown"));
    const again = await page.evaluate(async (body) => {
      const { csrfToken } = await (await fetch("/api/v1/session")).json();
      const headers = { "content-type": "application/json", "x-csrf-token": csrfToken };
      return (await fetch("/api/v1/session/confirm", { method: "POST", headers, body })).status;
    }, sent[0] ?? "");
    expect(again).toBe(403);
    await page.click(`${byId("portal-code-dialog")} [aria-label=Close]`);
    const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
    await cdp.send("WebAuthn.clearCredentials", { authenticatorId });
    for (const credential of credentials) {
      await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credential, signCount: 1 } });
    }
    await api.database.access.updateTable("passkeys").set({ counter: 50 }).execute();
    await page.click(byId("account-menu"));
    await page.click(byId("sign-out"));
    await page.click(byId("sign-in-passkey"));
    await page.waitForSelector(`${byId("sign-in-error")}:not(:empty)`);
    await api.database.access.updateTable("passkeys").set({ counter: 0 }).execute();
    await page.click(byId("sign-in-passkey"));
    await page.waitForSelector(byId("account-menu"));
  });
});

describe("the identity provider", () => {
  it("leads there and back: nothing of its answer stays in the address, and signing out ends both", async () => {
    const port = await freePort();
    const origin = `http://localhost:${port}`;
    const idp = await startOidcProvider([origin]);
    await idp.accounts({ s1: { preferred_username: "jane", groups: ["auditors"] } });
    const provider = new OidcProvider(
      {
        ...idp,
        label: "Plant ID",
        scopes: ["profile"],
        nameClaim: "preferred_username",
        groupsClaim: "groups",
        mfaAcr: ["urn:test:mfa"],
        mfaAmr: [],
      },
      () => origin,
    );
    const accounts = new OidcAccounts(api.database.access, {
      issuer: idp.issuer,
      label: "Plant ID",
      roles: [{ group: "auditors", roles: ["auditor"] }],
      recheckDays: 0,
      audit: (entry) => api.audit.append(entry),
    });
    const oidc = { provider, accounts, signOutUrl: () => provider.signOutUrl(origin) };
    const { close } = await api.besides({ staticDirectory: builtUi, oidc }, port);
    try {
      const { page, context } = await openPage(browser, origin, {});
      await page.goto("/account");
      await page.click(byId("sign-in-provider"));
      await page.fill("[name=account]", "s1");
      await page.fill("[name=how]", "acr");
      await page.click("text=Go");
      await page.waitForSelector("text=identity provider, then its second factor");
      expect(new URL(page.url())).toMatchObject({ pathname: "/account", search: "" });
      await page.waitForSelector(byId("account-provider"));
      expect(await page.evaluate(() => history.length)).toBeLessThan(6);
      // An answer that this browser did not ask for: refused, and not left standing in the address.
      await page.goto("/oidc/callback?code=x&state=y");
      await page.waitForSelector(byId("provider-error"));
      expect(new URL(page.url())).toMatchObject({ pathname: "/", search: "" });
      await page.click(byId("provider-back"));
      await page.click(byId("account-menu"));
      await page.click(byId("sign-out"));
      await page.waitForURL(`${idp.issuer}/session/end**`);
      await context.close();
    } finally {
      await close();
      await idp.stop();
    }
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
