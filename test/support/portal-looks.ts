// Every page and dialog of the portal, each in the states that people meet: for the tests that look at all of them. A view
// that is added to the router must be listed here to type-check, and a dialog to pass the test.

import type { Browser, Page } from "playwright-core";
import { totpCode, totpStepAt } from "../../recorder/access/mfa/totp.ts";
import type { Route } from "../../replay-ui/router.ts";
import { ImportSettings } from "../../shared/api/cases.ts";
import type { CustodyAction } from "../../shared/policy/policy.ts";
import { password as accessPassword } from "../integration/api/api-fixture.ts";
import { type AccessPlant, type people, startAccessPlant } from "./access-plant.ts";
import { byId, type OpenPage, openPage, type PageOptions, settlingOf } from "./browser.ts";
import { password, type ReplayPlant, type ScreenPlant, startScreenPlant } from "./replay-fixtures.ts";

export interface Plants {
  access: AccessPlant;
  replay: ScreenPlant;
  close(): Promise<void>;
}

export interface Look {
  name: string;
  path: string | ((plants: Plants) => string);
  /** Somebody of the access plant, or of the replay plant as `replay:NAME`; left out, nobody is signed in. */
  as?: keyof typeof people | `replay:${string}`;
  /** The selector of what stands there when the page is whole. */
  ready: string;
  prepare?: (page: Page, plants: Plants) => Promise<unknown>;
  /** The test ids of the dialogs that are open then. */
  dialogs?: string[];
  /** What the page asks of the service does not get through. */
  offline?: boolean;
  /** No session is live. */
  empty?: boolean;
}

type Named = Route["view"] | "nobody-signed-in" | "must-enrol" | "own-password" | "passkeys-tokens-keys";

const click = (page: Page, id: string) => page.locator(byId(id)).first().click();

/** A look whose dialog opens by a press. */
const opens = (look: Look, dialog: string, ...presses: string[]): Look => ({
  ...look,
  name: `${look.name}, ${dialog}`,
  dialogs: [dialog],
  prepare: async (page, plants) => {
    await look.prepare?.(page, plants);
    for (const press of presses) await page.locator(press).first().click();
    await page.waitForSelector(`${byId(dialog)}[open]`);
  },
});

/** As under a policy that asks why. `refused`: what the service gives only then; null: a press asks first. */
const asksWhy = (look: Look, action: CustodyAction, refused: string | null, ...presses: string[]): Look => ({
  ...look,
  name: `${look.name}, asked why: ${action}`,
  dialogs: [`reason-${action}`],
  prepare: async (page) => {
    await page.route("**/api/v1/session", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...((await response.json()) as object), reasonFor: [action] } });
    });
    const problem = {
      type: "about:blank",
      title: "Forbidden",
      status: 403,
      code: "REASON_REQUIRED",
      detail: "say why",
    };
    if (refused !== null) {
      await page.route(refused, (route) =>
        route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(problem) }),
      );
    }
    await page.reload();
    for (const press of presses) await page.locator(press).first().click();
    await page.waitForSelector(`${byId(`reason-${action}`)}[open]`);
  },
});

const cuts = (look: Look): Look => ({
  ...look,
  name: `${look.name}, service stopped`,
  ready: byId("error-state"),
  offline: true,
});

const recordings: Look = { name: "recordings", path: "/", as: "replay:engineer", ready: byId("recording-row") };
const player: Look = {
  name: "terminal player",
  path: ({ replay }) => `/recordings/${replay.maintenance.summary.session}?t=26`,
  as: "replay:engineer",
  ready: byId("verdict"),
};
const compare: Look = {
  name: "side by side",
  path: ({ replay }) => `/compare?sessions=${replay.maintenance.summary.session},${replay.hmi.summary.session}`,
  as: "replay:engineer",
  ready: byId("compare-pane"),
};
const screen: Look = {
  name: "screen player",
  path: ({ replay }) => `/recordings/${replay.hmi.summary.session}?t=10.5`,
  as: "replay:engineer",
  ready: byId("verdict"),
};
const cases: Look = { name: "cases", path: "/cases", as: "replay:engineer", ready: byId("case-line") };
const aCase: Look = {
  name: "case",
  path: `/cases/CASE-${new Date().getUTCFullYear()}-0001`,
  as: "replay:engineer",
  ready: `${byId("case-timeline")} .on-imported`,
};
const search: Look = {
  name: "search",
  path: "/search?q=recipe*",
  as: "replay:engineer",
  ready: byId("search-hit"),
};
const activity: Look = { name: "activity", path: "/activity", as: "replay:engineer", ready: byId("unusual") };
const myAccess: Look = { name: "my access", path: "/access", as: "erika", ready: byId("open-target-card") };
const emergencyMaker: Look = { name: "my access, in an emergency", path: "/access", as: "petra", ready: "main h2" };
const newRequest: Look = { name: "new request", path: "/access/new", as: "erika", ready: byId("target-list") };
const approvals: Look = { name: "approvals", path: "/approvals", as: "anna", ready: byId("policy-said") };
const reviews: Look = { name: "approvals, of an administrator", path: "/approvals", as: "adam", ready: byId("review") };
const policy: Look = { name: "policy", path: "/policy", as: "anna", ready: byId("explain-decision") };
const report: Look = { name: "report", path: "/report", as: "audrey", ready: byId("figure") };
const peoplePage: Look = { name: "people", path: "/people", as: "adam", ready: byId("person") };
const person = (name: string) => `[data-person="${name}"] ${byId("open-person")}`;
const live: Look = { name: "live", path: "/live", as: "petra", ready: byId("live-session") };
const audit: Look = { name: "audit", path: "/audit", as: "replay:engineer", ready: byId("audit-row") };
const ledger: Look = { name: "ledger", path: "/ledger", as: "audrey", ready: byId("ledger-row") };
const attestation: Look = { name: "attestation", path: "/attestation", as: "audrey", ready: byId("attested-row") };
const account: Look = { name: "account", path: "/account", as: "ines", ready: byId("mfa-state") };
/** As somebody who gave a code just now. */
const confirmedAccount: Look = {
  ...account,
  name: "account, confirmed",
  ready: byId("account-tokens"),
  prepare: async (page, plants) => {
    const db = plants.access.api.database.access;
    await db
      .updateTable("web_sessions")
      .set({ confirmed_at_ms: Date.now(), factors: '["password","totp"]' })
      .where("person", "=", "ines")
      .execute();
    await db
      .insertInto("passkeys")
      .values({
        id: "look",
        person: "ines",
        name: "blue key",
        public_key: "",
        counter: 0,
        transports: "[]",
        backed_up: 1,
        added_at: "2026-11-23T10:00:00.000Z",
        last_used_at: null,
      })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
    await page.reload();
    await page.waitForSelector(byId("passkey"));
  },
};
const targets: Look = { name: "targets", path: "/targets", as: "erika", ready: byId("target") };
const connect: Look = {
  name: "connect",
  path: "/connect/hmi-reactor-01",
  as: "replay:engineer",
  ready: byId("connect-start"),
};
const request = (name: string, as: keyof typeof people, id: (plants: Plants) => string): Look => ({
  name: `request, ${name}`,
  path: (plants) => `/requests/${id(plants)}`,
  as,
  ready: byId("timeline"),
});

export const looks: Record<Named, readonly Look[]> = {
  "nobody-signed-in": [
    { name: "sign-in", path: "/", ready: byId("sign-in-form") },
    {
      name: "sign-in, refused",
      path: "/",
      ready: byId("sign-in-form"),
      prepare: async (page) => {
        await page.fill(byId("sign-in-name"), "somebody");
        await page.fill(byId("sign-in-password"), "not the password");
        await click(page, "sign-in-submit");
        await page.waitForSelector(`${byId("sign-in-error")}:not(:empty)`);
      },
    },
    {
      name: "second step",
      path: "/",
      ready: byId("sign-in-form"),
      prepare: async (page) => {
        await page.fill(byId("sign-in-name"), "ines");
        await page.fill(byId("sign-in-password"), accessPassword);
        await click(page, "sign-in-submit");
        await page.waitForSelector(byId("code-form"));
      },
    },
    {
      name: "second step, recovery code refused",
      path: "/",
      ready: byId("sign-in-form"),
      prepare: async (page) => {
        await page.fill(byId("sign-in-name"), "ines");
        await page.fill(byId("sign-in-password"), accessPassword);
        await click(page, "sign-in-submit");
        await click(page, "use-recovery-code");
        await page.fill(byId("sign-in-code"), "aaaa-bbbb-cccc-dddd");
        await click(page, "code-submit");
        await page.waitForSelector(`${byId("sign-in-error")}:not(:empty)`);
      },
    },
    { name: "sign-in, service stopped", path: "/", ready: byId("error-state"), offline: true },
  ],
  "must-enrol": [
    {
      name: "must enrol",
      path: "/",
      ready: byId("sign-in-form"),
      prepare: async (page, plants) => {
        plants.access.api.mfaRequired.value = true;
        try {
          await page.fill(byId("sign-in-name"), "jonas");
          await page.fill(byId("sign-in-password"), accessPassword);
          await click(page, "sign-in-submit");
          await page.waitForSelector(byId("enrolment-qr"));
          await page.click(".enrolment-secret summary");
        } finally {
          plants.access.api.mfaRequired.value = false;
        }
      },
    },
    {
      name: "recovery codes",
      path: "/account",
      as: "audrey",
      ready: byId("mfa-enrol"),
      dialogs: ["enrol-dialog"],
      prepare: async (page, plants) => {
        await plants.access.api.mfa.reset("audrey", { actor: "adam", address: "local" });
        await page.reload();
        await click(page, "mfa-enrol");
        await page.click(".enrolment-secret summary");
        const secret = (await page.textContent(byId("enrolment-secret")))?.replaceAll(" ", "") ?? "";
        await page.fill(byId("enrolment-code"), totpCode(secret, totpStepAt(Date.now())));
        await click(page, "enrolment-submit");
        await page.waitForSelector(byId("recovery-codes"));
      },
    },
  ],
  "own-password": [
    { name: "own password", path: "/", as: "replay:newcomer", ready: byId("change-password") },
    opens(account, "password-change-dialog", "text=Change password"),
  ],
  "passkeys-tokens-keys": [
    opens(confirmedAccount, "passkey-dialog", byId("passkey-add")),
    opens(confirmedAccount, "passkey-rename-dialog", byId("passkey-rename")),
    opens(confirmedAccount, "portal-code-dialog", byId("portal-code")),
    opens(confirmedAccount, "own-key-dialog", byId("own-key-add")),
    opens(confirmedAccount, "token-dialog", byId("token-make")),
    {
      ...confirmedAccount,
      name: "account, a token made",
      dialogs: ["token-dialog"],
      prepare: async (page, plants) => {
        await confirmedAccount.prepare?.(page, plants);
        await click(page, "token-make");
        await page.fill(byId("token-name"), "nightly export");
        await click(page, "token-submit");
        await page.waitForSelector(byId("token-shown"));
      },
    },
    {
      name: "must enrol, with a passkey",
      path: "/",
      ready: byId("sign-in-form"),
      prepare: async (page, plants) => {
        plants.access.api.mfaRequired.value = true;
        try {
          await page.fill(byId("sign-in-name"), "jonas");
          await page.fill(byId("sign-in-password"), accessPassword);
          await click(page, "sign-in-submit");
          await click(page, "enrol-other-way");
          await page.waitForSelector(byId("passkey-form"));
        } finally {
          plants.access.api.mfaRequired.value = false;
        }
      },
    },
    {
      name: "an answer of a provider that nobody asked",
      path: "/oidc/callback?code=x&state=y",
      ready: byId("provider-error"),
    },
  ],
  compare: [
    compare,
    { ...compare, name: "side by side, nothing chosen", path: "/compare", ready: byId("compare-empty") },
  ],
  recordings: [
    recordings,
    {
      ...recordings,
      name: "recordings, filtered",
      path: "/?person=vendor&protocol=ssh&range=custom&state=sealed",
    },
    { ...recordings, name: "recordings, nothing found", path: "/?target=nothing", ready: byId("recordings-empty") },
    { ...recordings, name: "recordings, of a vendor", as: "replay:vendor-drives" },
    asksWhy({ ...recordings, path: "/?person=vendor", ready: "h1" }, "search", "**/api/v1/recordings?**"),
    cuts(recordings),
    opens(recordings, "display-dialog", byId("account-menu"), byId("display")),
    {
      ...recordings,
      name: "recordings, add-to-case",
      dialogs: ["add-to-case"],
      prepare: async (page) => {
        for (const id of ["compare-start", "compare-check", "chosen-add-to-case"]) await click(page, id);
        await page.waitForSelector(`${byId("add-to-case")}[open] ${byId("add-to-case-choice")}`);
      },
    },
    {
      ...recordings,
      name: "recordings, to be compared",
      prepare: async (page) => {
        await click(page, "compare-start");
        await click(page, "compare-check");
      },
    },
  ],
  recording: [
    player,
    {
      ...player,
      name: "terminal player, verdict",
      prepare: async (page) => {
        await click(page, "verdict");
        await page.waitForSelector("text=are signed with");
      },
    },
    {
      ...player,
      name: "terminal player, files",
      prepare: async (page) => {
        await click(page, "tab-files");
        await page.waitForSelector(byId("fact-row"));
      },
    },
    {
      ...player,
      name: "terminal player, notes",
      prepare: async (page) => {
        await click(page, "tab-notes");
        await page.waitForSelector(byId("note"));
        await click(page, "note-add");
        await page.waitForSelector(byId("note-form"));
      },
    },
    opens(player, "shortcuts-dialog", byId("help")),
    opens(player, "picture-dialog", byId("export"), byId("export-picture")),
    opens(player, "verify-dialog", byId("verify")),
    opens(player, "custody-dialog", byId("custody")),
    asksWhy({ ...player, ready: byId("recording-page") }, "view", "**/index"),
    asksWhy(player, "verify", null, byId("verify")),
    asksWhy(player, "export", null, byId("export"), byId("export-bundle")),
    {
      ...player,
      name: "terminal player, held",
      dialogs: ["hold-dialog"],
      prepare: async (page) => {
        await click(page, "hold");
        await page.fill(byId("hold-case"), "C-17");
        await page.fill(byId("hold-reason"), "a valve opened");
        await click(page, "hold-place");
        await click(page, "hold-ask");
        await page.fill(byId("hold-release-reason"), "closed");
        await click(page, "hold-ask-send");
        await page.waitForSelector("[data-state=release-asked]");
      },
    },
    {
      ...player,
      name: "terminal player, export menu",
      prepare: (page) => click(page, "export"),
    },
    {
      ...player,
      name: "terminal player, tampered",
      path: ({ replay }) => `/recordings/${replay.tampered.summary.session}?t=70`,
    },
    {
      ...player,
      name: "terminal player, interrupted",
      path: ({ replay }) => `/recordings/${replay.interrupted.summary.session}?t=70`,
    },
    {
      ...player,
      name: "terminal player, live",
      path: ({ replay }) => `/recordings/${replay.live.summary.session}`,
      ready: byId("follow-live"),
    },
    opens(player, "text-dialog", byId("as-text")),
    {
      ...player,
      name: "terminal player, a stretch, its list and what was found",
      path: ({ replay }) => `/recordings/${replay.maintenance.summary.session}?t=5&to=30`,
      prepare: async (page) => {
        await click(page, "lanes-as-list");
        await page.waitForSelector(byId("lanes-entry"));
        await page.keyboard.press("/");
        await page.fill(byId("find-input"), "FT-110");
        await page.waitForSelector(`${byId("find-state")}[data-done=true]`);
        await page.press(byId("find-input"), "Enter");
        await page.waitForSelector(`${byId("find-hit")}.current`);
        await page.waitForSelector(byId("find-on-screen"));
      },
    },
    { ...player, name: "no such recording", path: "/recordings/nothing", ready: byId("no-recording") },
    screen,
    {
      ...screen,
      name: "screen player, larger, under the magnifier",
      prepare: async (page) => {
        await page.keyboard.press("z");
        await page.keyboard.press("x");
        await page.waitForSelector(".pixel-lens:not([hidden])");
      },
    },
    opens(screen, "picture-dialog", byId("export"), byId("export-picture")),
  ],
  cases: [
    cases,
    { ...cases, name: "cases, none", path: "/cases", as: "ines", ready: byId("cases-empty") },
    opens(cases, "case-open-dialog", byId("case-open")),
  ],
  case: [
    aCase,
    { ...aCase, name: "case, that is not there", path: "/cases/CASE-2000-0001", ready: byId("error-state") },
    opens(aCase, "case-add-dialog", byId("case-add")),
    opens(aCase, "case-hold-dialog", byId("case-hold")),
    opens(aCase, "case-turn-dialog", byId("case-turn")),
    opens(aCase, "case-take-out-dialog", `${byId("case-recording")} .case-row-actions button`),
    opens(aCase, "import-dialog", byId("case-import")),
    opens(
      {
        ...aCase,
        name: "case, held",
        prepare: async (page) => {
          await click(page, "case-hold");
          await page.fill(byId("case-hold-dialog-reason"), "court");
          await page.click(`${byId("case-hold-dialog")} button[type=submit]`);
        },
      },
      "case-release-dialog",
      byId("case-release"),
    ),
  ],
  live: [
    live,
    { ...live, name: "live, of an auditor", as: "audrey" },
    opens(live, "terminate-dialog", byId("terminate")),
    opens(live, "disagree-dialog", byId("disagree")),
    opens({ ...live, name: "live, of an administrator", as: "adam" }, "stop-dialog", byId("stop")),
    { ...live, name: "live, nobody", ready: byId("live-empty"), empty: true },
    cuts(live),
  ],
  audit: [audit, cuts(audit)],
  targets: [
    targets,
    { ...targets, name: "targets, of an approver", as: "anna", ready: byId("shut-target") },
    {
      ...targets,
      name: "targets, nothing found",
      prepare: async (page) => {
        await page.fill(byId("targets-search"), "nothing is called so");
        await page.waitForSelector(byId("targets-empty"));
      },
    },
    cuts(targets),
  ],
  account: [account, opens({ ...account, as: "ines" }, "renewal-dialog", byId("mfa-renew")), cuts(account)],
  connect: [
    connect,
    {
      ...connect,
      name: "connect, refused",
      prepare: async (page) => {
        await click(page, "connect-open");
        await page.waitForSelector(byId("connect-error"));
      },
    },
  ],
  access: [
    myAccess,
    { ...myAccess, name: "my access, nothing", as: "ines", ready: byId("no-requests") },
    opens(myAccess, "withdraw-dialog", byId("withdraw")),
    opens(myAccess, "credential-dialog", byId("credential")),
    opens(myAccess, "credential-issued", byId("credential"), byId("credential-issue")),
    opens({ ...myAccess, name: "my access, at a screen" }, "native-viewer-dialog", byId("native-viewer")),
    emergencyMaker,
    opens(emergencyMaker, "emergency-dialog", byId("emergency")),
    cuts(myAccess),
  ],
  "new-request": [
    newRequest,
    {
      ...newRequest,
      name: "new request, with faults",
      prepare: async (page) => {
        await page.check(byId("pick-plc-reactor-02"));
        const soon = new Date(Date.now() + 3_600_000).toISOString().slice(0, 16);
        await page.fill(byId("request-from"), soon);
        await page.fill(byId("request-to"), soon);
        await page.fill(byId("request-ticket"), "none");
        await click(page, "request-submit");
        await page.waitForSelector(`${byId("fault-purpose")} p`);
      },
    },
    cuts(newRequest),
  ],
  request: [
    request("waiting, of the requester", "erika", ({ access }) => access.waiting.id),
    request("waiting, of an approver", "anna", ({ access }) => access.waiting.id),
    request("open", "anna", ({ access }) => access.open.id),
    request("open emergency", "adam", ({ access }) => access.emergency.id),
    request("ended emergency", "adam", ({ access }) => access.unreviewed.id),
    request("refused", "erika", ({ access }) => access.refused.id),
    { name: "request, none", path: "/requests/nothing", as: "anna", ready: byId("error-state") },
  ],
  approvals: [
    approvals,
    { ...approvals, name: "approvals, nothing", as: "audrey", ready: "main h1" },
    opens(approvals, "approve-dialog", byId("approve")),
    {
      ...approvals,
      name: "approvals, with conditions",
      dialogs: ["approve-dialog"],
      prepare: async (page) => {
        await click(page, "approve");
        await click(page, "conditions");
      },
    },
    {
      ...approvals,
      name: "approvals, fresh code",
      dialogs: ["approve-dialog", "fresh-code"],
      prepare: async (page, plants) => {
        await plants.access.api.database.access.updateTable("web_sessions").set({ confirmed_at_ms: 1 }).execute();
        await click(page, "approve");
        await click(page, "approve-confirm");
        await page.waitForSelector(`${byId("fresh-code")}[open]`);
      },
    },
    opens(approvals, "refuse-dialog", byId("refuse")),
    reviews,
    opens(reviews, "review-dialog", byId("review")),
    opens(reviews, "revoke-dialog", byId("revoke")),
    opens(reviews, "lift-dialog", byId("lift")),
    cuts(approvals),
  ],
  policy: [
    policy,
    {
      ...policy,
      name: "policy, explained",
      dialogs: ["policy-text"],
      prepare: async (page) => {
        await page.fill(byId("explain-person"), "erika");
        await page.fill(byId("explain-target"), "plc-reactor-01");
        await page.waitForSelector(`${byId("explain-decision")}[data-effect=allow]`);
        await click(page, "show-version");
        await page.waitForSelector(byId("policy-text"));
      },
    },
    {
      ...policy,
      name: "policy, refusal explained",
      prepare: async (page) => {
        await page.fill(byId("explain-person"), "jonas");
        await page.fill(byId("explain-target"), "plc-utility-3");
        await page.waitForSelector(`${byId("explain-decision")}[data-effect=deny]`);
      },
    },
    cuts(policy),
  ],
  ledger: [
    ledger,
    {
      ...ledger,
      name: "ledger, an entry with its proof",
      prepare: async (page) => {
        await page.locator(byId("open-entry")).last().click();
        await page.waitForSelector(byId("proof-verdict"));
      },
    },
    cuts(ledger),
  ],
  attestation: [
    attestation,
    {
      ...attestation,
      name: "attestation, what the store cannot promise",
      prepare: (page) =>
        page.evaluate(() => {
          for (const details of document.querySelectorAll("main details")) details.setAttribute("open", "");
        }),
    },
    cuts(attestation),
  ],
  report: [
    report,
    {
      ...report,
      name: "report, figures open",
      prepare: (page) =>
        page.evaluate(() => {
          for (const details of document.querySelectorAll("main details")) details.setAttribute("open", "");
        }),
    },
    cuts(report),
  ],
  search: [
    search,
    { ...search, name: "search, nothing asked", path: "/search", ready: byId("search-empty") },
    { ...search, name: "search, nothing found", path: "/search?q=nowhere", ready: byId("search-nothing") },
    { ...search, name: "search, by session", path: "/search?q=status&group=session", ready: byId("search-group") },
    cuts(search),
    opens(search, "save-search", byId("search-save")),
    asksWhy(search, "search", "**/api/v1/search?*"),
  ],
  activity: [
    activity,
    {
      ...activity,
      name: "activity, a day by its hours",
      prepare: async (page) => {
        await page.locator(`${byId("days-list")} summary`).click();
        await page
          .locator(`${byId("days-list")} button`)
          .first()
          .click();
        await page.waitForSelector(byId("activity-session"));
      },
    },
    { ...activity, name: "activity, of nobody", path: "/activity?person=nobody", ready: byId("activity-empty") },
    { ...activity, name: "activity, of a vendor", as: "replay:vendor-drives", ready: byId("calendar") },
    cuts(activity),
    asksWhy(activity, "search", "**/api/v1/activity?*"),
  ],
  people: [
    peoplePage,
    { ...peoplePage, name: "people, of an approver", as: "anna" },
    opens(peoplePage, "add-person-dialog", byId("add-person")),
    opens(peoplePage, "person-dialog", person("erika")),
    opens(peoplePage, "disable-dialog", person("erika"), byId("person-disable")),
    opens(peoplePage, "password-dialog", person("erika"), byId("person-password")),
    opens(peoplePage, "reset-dialog", person("ines"), byId("person-reset")),
    opens(peoplePage, "remove-key-dialog", person("ines"), byId("remove-key")),
    opens(
      peoplePage,
      "one-time-password",
      person("investigator"),
      byId("person-password"),
      byId("password-dialog-confirm"),
    ),
    cuts(peoplePage),
  ],
  unknown: [{ name: "no such page", path: "/nothing/here", as: "erika", ready: "main h1, main h2" }],
};

const sshKeyLine = `ssh-ed25519 ${Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), Buffer.alloc(32, 7)]).toString("base64")} ines@laptop`;

export async function startPlants(): Promise<Plants> {
  const [access, replay] = await Promise.all([startAccessPlant(), startScreenPlant()]);
  const { api } = access;
  await writeCase(replay);
  await api.people.addKey("ines", sshKeyLine);
  for (const name of ["ines", "anna"]) {
    const { secret } = await api.mfa.begin(name);
    await api.mfa.confirm(name, totpCode(secret, totpStepAt(Date.now()) - 1), { actor: name, address: "local" });
  }
  return {
    access,
    replay,
    close: async () => {
      await access.close();
      await replay.server.close();
    },
  };
}

/** A case with all that one may have. */
export async function writeCase({ server, maintenance, interrupted }: ReplayPlant): Promise<string> {
  const by = { name: "engineer", roles: ["admin" as const], address: "10.20.0.14" };
  const { desk } = server;
  const id = await desk.cases.create(
    {
      title: "Pressure relief valve opened during the maintenance of line 1",
      description: "The shift leader reports that the valve opened at about 08:15.\nWho changed its limit?",
      members: ["escort"],
    },
    by,
  );
  for (const { summary } of [maintenance, interrupted])
    await desk.cases.addSession(id, { session: summary.session, reason: "On the controller that night" }, by);
  const { session, startedAt } = maintenance.summary;
  await desk.notes.add(
    session,
    { kind: "note", atUs: 12_000_000, endUs: 20_000_000, text: "Reads the limits of the valve", tags: ["valve"] },
    by,
  );
  const { id: note } = await desk.notes.add(
    session,
    { kind: "note", atUs: 26_000_000, text: "Sets the limit", tags: ["limit", "valve"] },
    by,
  );
  await desk.notes.edit({ session }, note, { version: 1, text: "Sets the limit, and does not read it back" }, by);
  const wrong = { kind: "bookmark" as const, atUs: 30_000_000, text: "", tags: [] };
  const struck = await desk.notes.add(session, wrong, by);
  await desk.notes.strike({ session }, struck.id, { version: 1, reason: "the wrong second" }, by);
  await desk.addCaseNote(id, { text: "The historian's clock was 2.5 s behind, says its log.", tags: [] }, by);
  const alarm = new Date(Date.parse(startedAt) + 27_000).toISOString();
  const csv = `time,text,area,level\n${alarm},PSV-101 open,Reactor line 1,HIHI\n`;
  const mapping = { at: "time", text: ["text"], lane: "area", severity: "level" };
  const settings = ImportSettings.parse({ format: "csv", mapping, offsetMs: 2_500 });
  const base64 = Buffer.from(csv).toString("base64");
  await desk.importToCase(id, { name: "alarms.csv", settings, base64, dryRun: false }, by);
  return id;
}

/** Opens it in a window of its own, as whom it is for, and brings it to its state. */
export async function openLook(browser: Browser, plants: Plants, look: Look, options: PageOptions): Promise<OpenPage> {
  const { access, replay } = plants;
  const ofReplay = look.as?.startsWith("replay:") === true ? look.as.slice("replay:".length) : null;
  const url = ofReplay === null ? access.api.origin : replay.server.url;
  const opened = await openPage(browser, url, {
    ...options,
    ...(ofReplay === null ? {} : { person: { name: ofReplay, password } }),
  });
  const { context, page } = opened;
  const settled = settlingOf(page);
  try {
    if (ofReplay === null && look.as !== undefined) await access.signIn(context, look.as as keyof typeof people);
    if (look.offline === true) {
      await page.route("**/api/v1/**", (route) =>
        look.as !== undefined && new URL(route.request().url()).pathname === "/api/v1/session"
          ? route.continue()
          : route.abort(),
      );
    }
    if (look.empty === true) await page.route("**/api/v1/sessions", (route) => route.fulfill({ json: { items: [] } }));
    await page.goto(typeof look.path === "string" ? look.path : look.path(plants));
    await page.waitForSelector(look.ready);
    await look.prepare?.(page, plants);
    await page.evaluate(() => document.fonts.ready);
    await settled();
  } catch (error) {
    await context.close();
    throw new Error(`${look.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return opened;
}
