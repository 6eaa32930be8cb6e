// Two escorts at the portal while a vendor works: one takes control and types on the page, the other sees whose hands they
// are; a command waits until one of them agrees; a screen is held, spoken to and ended. The built service, OpenSSH's ssh and
// sshd, TigerVNC's viewer and server, two pages in Chromium.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { byId, launchBrowser, OpenPages, openPage, terminalText } from "../support/browser.ts";
import { showsState, watchLive } from "../support/live-pages.ts";
import { type LivePlant, noConditions, startLivePlant } from "../support/live-plant.ts";
import type { RunningProcess } from "../support/process.ts";
import { waitFor } from "../support/wait-for.ts";

const first = { name: "emil", password: "five patient garden stones" };
const second = { name: "edda", password: "eight silent winter fields" };

let plant: LivePlant;
let browser: Browser;
const pages = new OpenPages();

beforeAll(async () => {
  plant = await startLivePlant({
    label: "live-control",
    people: [
      { ...first, roles: ["escort"] },
      { ...second, roles: ["escort"] },
    ],
    targets: ["plc-1", "hmi-1"],
    policy: {
      signIn: { mfa: "optional" },
      escort: { control: "exclusive" },
      confirm: [{ id: "erase", when: { command: "erase\\s+flash" } }],
      rules: [{ id: "free", people: ["role:vendor"], targets: ["*"], require: noConditions }],
    },
  });
  browser = await launchBrowser();
});

afterEach(async () => {
  await plant.stopClients();
  expect(await pages.close(plant.service.httpUrl)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await plant?.stop();
});

async function startSsh(): Promise<RunningProcess> {
  const client = await plant.startSsh("plc-1");
  await told(client, "$");
  return client;
}

async function watch(person: typeof first, target = "plc-1"): Promise<Page> {
  const { page } = pages.keep(await openPage(browser, plant.service.httpUrl, { person }));
  await watchLive(page, plant.service.httpUrl, target);
  return page;
}

const told = (client: RunningProcess, text: string) =>
  waitFor(() => client.output().includes(text), { what: `the terminal says ${text}`, timeoutMs: 30_000 });

it("an escort types on the page in the vendor's place, and gives it back", async () => {
  const client = await startSsh();
  const page = await watch(first);
  const other = await watch(second);
  await page.click(byId("take-control"));
  await page.locator(byId("control-surface")).waitFor();
  await told(client, "emil of the plant types in your place");
  await showsState(other, "emil types");
  expect(await other.locator(byId("take-control")).count()).toBe(0);
  client.write("echo vendor-$((1+1))\r");
  await page.locator(byId("control-surface")).click();
  await page.keyboard.type("echo escort-$((2+2))");
  // Keys of the player are none while the picture has the keyboard.
  await page.keyboard.press("Home");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await told(client, "escort-4");
  await waitFor(async () => (await terminalText(other)).includes("escort-4"), { what: "the other's page" });
  expect(client.output()).not.toContain("vendor-2");
  await page.click(byId("give-back"));
  await told(client, "You have control of the session again");
  await showsState(page, "Live");
  expect(await page.locator(byId("control-surface")).count()).toBe(0);
  client.write("echo mine-$((3+3))\r");
  await told(client, "mine-6");
  // Whose keys they were stands in the list beside.
  await page.locator(byId("key-row"), { hasText: "emil" }).first().waitFor();
  // A page that goes takes its control with it.
  await page.click(byId("take-control"));
  await showsState(other, "emil types");
  await page.goto("/");
  await showsState(other, "Live");
}, 150_000);

it("a command waits for an escort, who agrees on the page of the session or in the list", async () => {
  const client = await startSsh();
  const page = await watch(first);
  client.write("echo erase flash $((1+1))\r");
  const waits = page.locator(byId("confirmation"));
  await waits.getByText("echo erase flash $((1+1))").waitFor();
  await told(client, "waits until an escort agrees");
  await waits.locator(byId("agree")).click();
  await told(client, "erase flash 2");
  await waits.waitFor({ state: "detached" });
  const { page: list } = pages.keep(await openPage(browser, plant.service.httpUrl, { person: second }));
  client.write("echo erase flash $((2+2))\r");
  await list.goto("/live");
  await list.locator(byId("disagree")).click();
  await list.fill(byId("disagree-dialog-reason"), "not on this shift");
  await list.click(byId("disagree-dialog-confirm"));
  await told(client, "not on this shift");
  client.write("echo on-$((4+4))\r");
  await told(client, "on-8");
  expect(client.output()).not.toContain("erase flash 4");
  // What was refused is gone from the line, and stands among the events.
  await page.getByRole("tab", { name: /Events/ }).click();
  await page.getByText("Not agreed to").first().waitFor();
}, 150_000);

it("an escort works a vendor's screen on the page, holds it, says something, and another one ends it", async () => {
  const typed = await plant.typedAtPanel();
  const viewer = await plant.startViewer("hmi-1");
  const letters = async () => (await typed.letters()).map(({ letter }) => letter).join("");
  const arrives = (letter: string) =>
    waitFor(async () => (await letters()).includes(letter), { what: `${letter} at the panel`, timeoutMs: 30_000 });
  const titled = (text: string) =>
    waitFor(() => viewer.titleHas(text), { what: `${text} in the title`, timeoutMs: 30_000, intervalMs: 100 });
  await viewer.key("b");
  await arrives("b");
  const page = await watch(first, "hmi-1");
  const other = await watch(second, "hmi-1");
  await page.click(byId("take-control"));
  await titled("emil of the plant types in your place");
  await showsState(other, "emil types");
  await viewer.key("u");
  await page.locator(byId("control-surface")).click();
  await page.keyboard.type("e");
  await arrives("e");
  await page.click(byId("give-back"));
  await titled("You have control of the session again");
  await viewer.key("c");
  await arrives("c");

  await page.click(byId("freeze"));
  await showsState(other, "Frozen");
  await titled("has stopped this session");
  await viewer.key("u");
  await page.click(byId("message"));
  await page.fill(byId("message-dialog-reason"), "the pump has to rest");
  await page.click(byId("message-dialog-confirm"));
  await titled("the pump has to rest");
  await other.click(byId("unfreeze"));
  await showsState(page, "Live");
  await viewer.key("d");
  await arrives("d");
  await other.click(byId("terminate"));
  await other.check(byId("terminate-now"));
  await other.fill(byId("terminate-reason"), "enough for today");
  await other.click(byId("terminate-confirm"));
  await titled("enough for today");
  await viewer.process.exited;
  await page.locator(byId("watch-ended")).waitFor();
  expect(await letters()).toBe("becd");
}, 150_000);
