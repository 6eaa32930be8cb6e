// An escort at the portal while a vendor works: the session as it goes on, and everything that may be done about it. The
// built service, OpenSSH's ssh and sshd, TigerVNC's server, two pages in Chromium.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LiveSession } from "../../shared/api/types.ts";
import { sshOptions } from "../integration/ssh/clients.ts";
import { byId, launchBrowser, OpenPages, openPage, terminalText } from "../support/browser.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { type RunningService, startRunningService } from "../support/service.ts";
import { generateSshKey, type SshKey } from "../support/ssh-key.ts";
import type { SshTarget } from "../support/ssh-target.ts";
import { startSshd } from "../support/sshd.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const escorted = { name: "emil", password: "five patient garden stones" };
const second = { name: "edda", password: "eight silent winter fields" };
const investigator = { name: "ines", password: "six honest paper lamps" };
const none = { approval: false, mfa: false, escort: "never" };

let directory: TempDir;
let controller: SshTarget;
let service: RunningService;
let browser: Browser;
let key: SshKey;
const pages = new OpenPages();
const clients: RunningProcess[] = [];

beforeAll(async () => {
  directory = await createTempDir("live-desk");
  controller = await startSshd();
  key = await generateSshKey(directory.path, "vera");
  const ssh = {
    host: controller.host,
    port: controller.port,
    account: controller.user,
    secret: "plc",
    hostKeys: [controller.hostKey.publicLine],
  };
  service = await startRunningService({
    directory: directory.path,
    people: [
      { name: "vera", password: "seven slow river boats", roles: ["vendor"], keys: [key.publicLine] },
      { ...escorted, roles: ["escort"] },
      { ...second, roles: ["escort"] },
      { ...investigator, roles: ["investigator"] },
    ],
    secrets: [{ name: "plc", privateKeyFile: controller.userKey.privatePath }],
    targets: [
      { name: "plc-free", ...ssh },
      { name: "plc-ended", ...ssh },
      { name: "plc-escorted", ...ssh },
    ],
    policy: {
      signIn: { mfa: "optional" },
      rules: [
        { id: "free", people: ["role:vendor"], targets: ["plc-free", "plc-ended"], require: none },
        { id: "escorted", people: ["role:vendor"], targets: ["plc-escorted"], require: { ...none, escort: "vendors" } },
      ],
    },
  });
  browser = await launchBrowser();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.stop();
  // The next test has the list of live sessions to itself, and nobody throws or asks elsewhere.
  expect(await pages.close(service.httpUrl)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
  await controller?.stop();
  await directory?.remove();
});

async function startSsh(target: string): Promise<RunningProcess> {
  const publicKey = await readFile(join(directory.path, "data", "keys", "ssh_host_ed25519_key.pub"), "utf8");
  const options = await sshOptions({
    host: "127.0.0.1",
    port: service.sshPort,
    login: "",
    identity: key.privatePath,
    hostKeyLine: publicKey.trim(),
    dir: directory.path,
  });
  const client = await startProcess("ssh", ["-tt", ...options, `vera+${target}@127.0.0.1`]);
  clients.push(client);
  return client;
}

async function pageOf(person: { name: string; password: string }): Promise<Page> {
  const { page } = pages.keep(await openPage(browser, service.httpUrl, { person }));
  await page.goto("/live");
  return page;
}

/** From the list of live sessions to the one at this target. */
async function watch(page: Page, target: string): Promise<string> {
  const card = page.locator(byId("live-session"), { hasText: target });
  await card.waitFor();
  const session = (await card.getAttribute("data-session")) ?? "";
  await card.getByRole("link", { name: /Watch/ }).click();
  await page.locator(`${byId("live-health")}[data-connected=true]`).waitFor();
  return session;
}

const shows = (page: Page, text: string) =>
  waitFor(async () => (await terminalText(page)).includes(text), { what: `${text} on the screen` });
const told = (client: RunningProcess, text: string) =>
  waitFor(() => client.output().includes(text), { what: `the terminal says ${text}` });
const type = (client: RunningProcess, line: string) => client.write(`${line}\r`);

describe("the desk of a live session", () => {
  it("shows what happens as it happens, goes back in it and comes back to it", async () => {
    const client = await startSsh("plc-free");
    await told(client, "$");
    const page = await pageOf(escorted);
    await watch(page, "plc-free");
    type(client, "echo marker-$((40+2))");
    await shows(page, "marker-42");
    await page.keyboard.press("Home");
    await waitFor(async () => !(await terminalText(page)).includes("marker-42"), { what: "the beginning" });
    type(client, "echo later-$((50+1))");
    await told(client, "later-51");
    expect(await terminalText(page)).not.toContain("later-51");
    await page.click(byId("follow-live"));
    await shows(page, "later-51");
    // What is typed is beside it in the same moment.
    await page.locator(byId("live-state")).getByText("Live").waitFor();
  });

  it("freezes and releases, says something, keeps notes, and ends", async () => {
    const client = await startSsh("plc-ended");
    await told(client, "$");
    const page = await pageOf(escorted);
    const session = await watch(page, "plc-ended");

    await page.click(byId("freeze"));
    await page.locator(byId("live-state")).getByText("Frozen").waitFor();
    type(client, "echo never-$((1+1))");
    await told(client, "has stopped this session");
    await page.click(byId("unfreeze"));
    await page.locator(byId("live-state")).getByText("Live").waitFor();
    type(client, "echo again-$((2+1))");
    await told(client, "again-3");
    expect(client.output()).not.toContain("never-2");

    await page.click(byId("message"));
    await page.fill(byId("message-dialog-reason"), "the pump has to rest");
    await page.click(byId("message-dialog-confirm"));
    await told(client, "the pump has to rest");
    await page.click(byId("note"));
    await page.fill(byId("note-dialog-reason"), "asked for the pump");
    await page.click(byId("note-dialog-confirm"));
    await page.getByText("Noted").waitFor();
    await page.click(byId("bookmark"));
    await page.getByText("Bookmarked").waitFor();

    await page
      .locator(byId("live-controls-end"))
      .or(page.locator(byId("terminate")))
      .click();
    await page.check(byId("terminate-now"));
    await page.fill(byId("terminate-reason"), "enough for today");
    await page.click(byId("terminate-confirm"));
    await told(client, "enough for today");
    await client.exited;
    await page.locator(byId("watch-ended")).waitFor();

    // All of it is in the recording.
    const { page: desk } = pages.keep(await openPage(browser, service.httpUrl, { person: investigator }));
    const events = await (
      await desk.request.get(`/api/v1/recordings/${session}/export?format=jsonl&track=events`)
    ).text();
    for (const text of [
      "watch-begin",
      "freeze",
      "unfreeze",
      "the pump has to rest",
      "asked for the pump",
      "bookmark",
    ]) {
      expect(events).toContain(text);
    }
  });

  it("is released by an escort who watches, and freezes when that one has left", async () => {
    const client = await startSsh("plc-escorted");
    await told(client, "waits for its escort");
    type(client, "echo early-$((3+3))");
    const page = await pageOf(escorted);
    const card = page.locator(byId("live-session"), { hasText: "plc-escorted" });
    await card.waitFor();
    // From the list nobody is let in: who releases it has to see it.
    expect(await card.locator(byId("unfreeze")).count()).toBe(0);
    await watch(page, "plc-escorted");
    await page
      .locator(`${byId("escort-panel")} [data-counts=true]`)
      .getByText("You")
      .waitFor();
    await page.click(byId("unfreeze"));
    await page.locator(byId("live-state")).getByText("Live").waitFor();
    type(client, "echo seen-$((4+4))");
    await told(client, "seen-8");
    await shows(page, "seen-8");
    expect(client.output()).not.toContain("early-6");

    const other = await pageOf(second);
    await watch(other, "plc-escorted");
    await other
      .locator(`${byId("escort-panel")} [data-counts=true]`)
      .getByText("emil")
      .waitFor();
    // The first leaves: the second is there. The second goes: nobody is.
    await page.goto("/");
    type(client, "echo still-$((5+5))");
    await told(client, "still-10");
    await other.close();
    const live = async () =>
      (await page.evaluate(async () => (await fetch("/api/v1/sessions")).json())) as { items: LiveSession[] };
    await waitFor(
      async () => (await live()).items.find(({ target }) => target === "plc-escorted")?.hold === "escort-lost",
      {
        what: "frozen, for no escort watches",
      },
    );
    type(client, "echo gone-$((6+6))");
    await told(client, "escort");
    await page.goto("/live");
    await watch(page, "plc-escorted");
    await page.click(byId("unfreeze"));
    await page.locator(byId("live-state")).getByText("Live").waitFor();
    type(client, "echo back-$((7+7))");
    await told(client, "back-14");
    expect(client.output()).not.toContain("gone-12");
  });

  it("shows all of them on a wall, and stops them together", async () => {
    const client = await startSsh("plc-free");
    await told(client, "$");
    const page = await pageOf(escorted);
    await page.click(byId("wall-toggle"));
    const tile = page.locator(byId("wall-tile"), { hasText: "plc-free" });
    await tile.waitFor();
    type(client, "echo wall-$((8+8))");
    await waitFor(async () => ((await tile.textContent()) ?? "").includes("wall-16"), { what: "the tile shows it" });
    await page.click(byId("stop"));
    await page.fill(byId("stop-dialog-reason"), "alarm in hall 2");
    await page.click(byId("stop-dialog-confirm"));
    await page.locator(byId("stop-banner")).getByText("alarm in hall 2").waitFor();
    await told(client, "alarm in hall 2");
    const late = await startSsh("plc-free");
    expect((await late.exited).code).toBe(255);
  });
});
