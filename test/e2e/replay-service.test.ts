// The whole path of a picture: a person types through the real gateway, the service records, and the browser shows it,
// while it happens and after it was sealed; and shows no byte of what was altered in the store.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Browser, Page } from "playwright-core";
import ssh2, { type ClientChannel } from "ssh2";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Plant, startPlant } from "../../recorder/cli/demo/plant.ts";
import { byId, launchBrowser, OpenPages, openPage, terminalText } from "../support/browser.ts";
import { openRules } from "../support/open-rules.ts";
import { type RunningService, startRunningService } from "../support/service.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";

const vendor = { name: "vendor", password: "seven slow river boats" };
const investigator = { name: "investigator", password: "nine quiet mountain owls" };
const target = "plc-reactor-01";
const enablePassword = "boost-7431";

let directory: TempDir;
let plant: Plant;
let service: RunningService;
let browser: Browser;
const pages = new OpenPages();

beforeAll(async () => {
  directory = await createTempDir("e2e");
  plant = await startPlant({ account: "service", password: "the controller's password", enablePassword });
  service = await startRunningService({
    directory: directory.path,
    people: [
      { ...vendor, roles: ["vendor"] },
      { ...investigator, roles: ["investigator", "escort"] },
    ],
    secrets: [{ name: target, password: "the controller's password" }],
    targets: [
      {
        name: target,
        host: plant.host,
        port: plant.port,
        account: "service",
        secret: target,
        hostKeys: [plant.hostKey],
      },
    ],
    policy: openRules({ id: "vendors", people: ["role:vendor"], targets: ["*"] }),
  });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
  await plant?.close();
  await directory?.remove();
});

// Whatever a test did, nothing was thrown, refused by the security policy, or asked of anybody else.
afterEach(async () => expect(await pages.close(service.httpUrl)).toEqual([]));

async function visit(path: string): Promise<Page> {
  const opened = await openPage(browser, service.httpUrl, { person: investigator });
  pages.keep(opened);
  await opened.page.goto(path);
  return opened.page;
}

class Operator {
  readonly client = new ssh2.Client();
  shown = "";
  private shell: ClientChannel | undefined;

  async connect(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.client.once("ready", () => resolve()).once("error", reject);
      this.client.connect({
        host: "127.0.0.1",
        port: service.sshPort,
        username: `${vendor.name}+${target}`,
        password: vendor.password,
      });
    });
    this.shell = await new Promise<ClientChannel>((resolve, reject) => {
      this.client.shell({ term: "xterm-256color", cols: 90, rows: 28 }, (error, channel) =>
        error === undefined ? resolve(channel) : reject(error),
      );
    });
    this.shell.on("data", (data: Buffer) => {
      this.shown += data.toString("utf8");
    });
    await this.sees("> ");
  }

  /** Each key as a packet of its own, then waits for what must be on the screen. */
  async type(text: string, until: string): Promise<void> {
    this.shown = "";
    for (const character of text) {
      this.shell?.write(character);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await this.sees(until);
  }

  async leave(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.client.once("close", () => resolve());
    });
    this.client.end();
    await closed;
  }

  private async sees(text: string): Promise<void> {
    await expect.poll(() => stripVTControlCharacters(this.shown), { timeout: 20_000 }).toContain(text);
  }
}

async function recordedSession(): Promise<{ session: string; operator: Operator }> {
  const before = new Set((await listed()).map((item) => item.session));
  const operator = new Operator();
  await operator.connect();
  const session = (await listed()).find((item) => !before.has(item.session))?.session;
  if (session === undefined) throw new Error("the session is not in the list");
  return { session, operator };
}

async function listed(): Promise<{ session: string; state: string }[]> {
  return JSON.parse(await service.conduit(["recordings", "list", "--json"])) as { session: string; state: string }[];
}

describe("a session through the real gateway", () => {
  it("is watched while it goes on, and verified when it is sealed", async () => {
    const { session, operator } = await recordedSession();
    const page = await visit("/");
    await page.waitForSelector(`${byId("recording-row")}[data-session="${session}"][data-state=recording]`);
    await page.click(`[data-session="${session}"] a`);
    await operator.type("show status\r", "> ");
    await operator.type("enable\r", "assword");
    await operator.type(`${enablePassword}\r`, "# ");
    await expect.poll(() => terminalText(page), { timeout: 40_000 }).toContain("show status");
    expect(await page.getAttribute(byId("follow-live"), "aria-pressed")).toBe("true");

    await operator.leave();
    await expect.poll(() => page.textContent(byId("state-badge")), { timeout: 30_000 }).toBe("Sealed");
    await page.waitForSelector(byId("follow-live"), { state: "detached" });
    await page.keyboard.press("End");
    await expect.poll(() => terminalText(page)).toContain("enable");

    const secret = page.locator("[data-kind=secret]");
    await secret.first().waitFor();
    expect(await page.content()).not.toContain(enablePassword);

    await page.click(byId("verdict"));
    await page.waitForSelector("text=The OPEN record and the manifest are signed");
    // Whoever watched it from its beginning has hashed all of it by now.
    const checkAll = page.locator(byId("check-all"));
    await checkAll
      .or(page.locator(`${byId("verdict")}.good`))
      .first()
      .waitFor();
    if (await checkAll.isVisible()) await checkAll.click();
    await page.waitForSelector(`${byId("verdict")}.good`);
    await page.keyboard.press("Escape");
    await page.click(byId("verify"));
    await page.waitForSelector(byId("verify-verdict"));
    expect(await page.getAttribute(byId("verify-verdict"), "data-verdict")).toBe("VALID");
  });

  it("leaves as an asciicast that holds what the operator saw", async () => {
    const { session, operator } = await recordedSession();
    await operator.type("show alarms\r", "> ");
    await operator.leave();
    await expect
      .poll(async () => (await listed()).find((item) => item.session === session)?.state, { timeout: 30_000 })
      .toBe("sealed");
    const page = await visit(`/recordings/${session}`);
    await page.click(byId("export"));
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(byId("export-cast"))]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    const lines = Buffer.concat(chunks).toString("utf8").trim().split("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ version: 2, width: 90, height: 28 });
    const output = lines.slice(1).map((line) => JSON.parse(line) as [number, string, string]);
    expect(
      output
        .filter(([, code]) => code === "o")
        .map(([, , data]) => data)
        .join(""),
    ).toContain("show alarms");
  });

  it("is not shown where its stored bytes were altered", async () => {
    const { session, operator } = await recordedSession();
    await operator.type("show status\r", "> ");
    await operator.leave();
    await expect
      .poll(async () => (await listed()).find((item) => item.session === session)?.state, { timeout: 30_000 })
      .toBe("sealed");
    // Wherever the segment is read from, spool or store, it is the altered one.
    const altered = await alterFirstTerminalSegment(session);
    expect(altered).toBeGreaterThan(0);
    const page = await visit(`/recordings/${session}`);
    await page.waitForSelector(byId("bad-segment"));
    expect(await terminalText(page)).toBe("");
    await page.waitForSelector(`${byId("verdict")}.bad`);
    await page.click(byId("verify"));
    await page.waitForSelector(byId("verify-verdict"));
    expect(await page.getAttribute(byId("verify-verdict"), "data-verdict")).toBe("TAMPERED");
    expect(await page.textContent(byId("findings"))).toContain("INTEGRITY_HASH");
  });
});

/** Number of files changed. */
async function alterFirstTerminalSegment(session: string): Promise<number> {
  const data = join(directory.path, "data");
  const stored = () =>
    readdirSync(data, { recursive: true, encoding: "utf8" })
      .map((name) => join(data, name))
      .filter((path) => path.includes(session) && /terminal-0\/000000\.cast\.(zst|gz)$/.test(path));
  await expect.poll(() => stored().some((path) => path.includes("/store/")), { timeout: 30_000 }).toBe(true);
  const paths = stored();
  for (const path of paths) {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 0x01;
    writeFileSync(path, bytes);
  }
  return paths.length;
}
