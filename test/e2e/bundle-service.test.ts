// From a real session to a court: recorded by the real gateway, at a shell and at a screen, looked at under a policy that asks
// why, exported as an evidence bundle, checked by its own VERIFY.md and by its page, opened from a disk without a network.
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Browser, Page } from "playwright-core";
import ssh2, { type ClientChannel } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScreenClient } from "../../recorder/cli/demo/hmi/client.ts";
import { type Hmi, startHmi } from "../../recorder/cli/demo/hmi/hmi.ts";
import { type Plant, startPlant } from "../../recorder/cli/demo/plant.ts";
import { afterMark, byId, launchBrowser, openPage, terminalText, wrongPixels } from "../support/browser.ts";
import { openRules } from "../support/open-rules.ts";
import { runProcess } from "../support/process.ts";
import { type RunningService, startRunningService } from "../support/service.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const vendor = { name: "vendor", password: "seven slow river boats" };
const auditor = { name: "auditor", password: "nine quiet mountain owls" };
const unsealer = { name: "ines", password: "five calm winter lakes" };
const investigator = { name: "iris", password: "six warm summer fields" };
const target = "plc-reactor-01";
const screen = "hmi-reactor-01";
const enablePassword = "boost-7431";

let directory: TempDir;
let plant: Plant;
let hmi: Hmi;
let service: RunningService;
let browser: Browser;
let session: string;

beforeAll(async () => {
  directory = await createTempDir("bundle-service");
  const identity = await generateX25519Identity();
  await writeFile(join(directory.path, "unseal.key"), `# kept away from the recorder\n${identity}\n`);
  plant = await startPlant({ account: "service", password: "the controller's password", enablePassword });
  // Its picture stands still until the test paints it.
  hmi = await startHmi({ port: 0, password: "reactor7", frameMs: 0 });
  service = await startRunningService({
    directory: directory.path,
    people: [
      { ...vendor, roles: ["vendor"] },
      { ...auditor, roles: ["auditor"] },
      { ...unsealer, roles: ["unsealer"] },
      { ...investigator, roles: ["investigator"] },
    ],
    secrets: [
      { name: target, password: "the controller's password" },
      { name: screen, password: hmi.password },
    ],
    targets: [
      {
        name: target,
        host: plant.host,
        port: plant.port,
        account: "service",
        secret: target,
        hostKeys: [plant.hostKey],
      },
      { name: screen, protocol: "vnc", host: hmi.host, port: hmi.port, secret: screen },
    ],
    config: {
      vnc: { listen: "127.0.0.1:0", security: ["vnc-auth"] },
      ledger: { checkpointSeconds: 10 },
      recording: { sealRecipients: [await identityToRecipient(identity)] },
    },
    policy: {
      ...openRules({ id: "vendors", people: ["role:vendor"], targets: ["*"] }),
      custody: { reasonFor: ["view", "search", "export", "verify"] },
    },
  });
  browser = await launchBrowser();
  await work();
  await waitFor(async () => (await state()) === "sealed");
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
  await plant?.close();
  await hmi?.close();
  await directory?.remove();
});

interface Listed {
  session: string;
  state: string;
  target: string;
}

async function listed(): Promise<Listed[]> {
  return JSON.parse(await service.conduit(["recordings", "list", "--json"])) as Listed[];
}

async function state(): Promise<string | undefined> {
  const [first] = await listed();
  session = first?.session ?? "";
  return first?.state;
}

/** A vendor's short session. */
async function work(): Promise<void> {
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.once("ready", () => resolve()).once("error", reject);
    const username = `${vendor.name}+${target}`;
    client.connect({ host: "127.0.0.1", port: service.sshPort, username, password: vendor.password });
  });
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.shell({ term: "xterm-256color", cols: 90, rows: 28 }, (error, opened) =>
      error === undefined ? resolve(opened) : reject(error),
    );
  });
  let shown = "";
  channel.on("data", (data: Buffer) => {
    shown += data.toString("utf8");
  });
  const sees = (text: string) => waitFor(() => stripVTControlCharacters(shown).includes(text));
  await sees("> ");
  const type = async (text: string, until: string) => {
    shown = "";
    for (const character of text) {
      channel.write(character);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await sees(until);
  };
  await type("show status\r", "> ");
  await type("enable\r", "assword");
  await type(`${enablePassword}\r`, "# ");
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  client.end();
  await closed;
}

/** The commands of VERIFY.md in a bundle's folder, and those that failed. */
async function failedCommands(folder: string): Promise<{ command: string; said: string }[]> {
  const failed = [];
  const text = await readFile(join(folder, "VERIFY.md"), "utf8");
  for (const [, command = ""] of text.matchAll(/^```sh\n(.*?)^```$/gms)) {
    const { code, stdout, stderr } = await runProcess("sh", ["-c", command], { cwd: folder });
    if (code !== 0) failed.push({ command, said: stdout + stderr });
  }
  expect(text.match(/^```sh$/gm)).toHaveLength(12);
  return failed;
}

/** The bundle's page, opened from a disk while there is no network: it verifies, and then `seen` looks at what it replays. */
async function checkedOnItsPage(folder: string, seen: (page: Page) => Promise<void>): Promise<void> {
  const { page, context, problems } = await openPage(browser, "file:///", { width: 1280, height: 900 });
  await context.setOffline(true);
  await page.goto(pathToFileURL(join(folder, "player.html")).href);
  const panel = page.locator(`${byId("examination")}[data-done=true]`);
  await panel.waitFor();
  expect(await page.locator(byId("finding")).allInnerTexts()).toEqual([]);
  expect(await panel.getAttribute("data-verdict")).toBe("good");
  for (const part of ["signatures", "chain", "sums", "segments", "keys", "ledger", "custody", "policy"]) {
    expect(await page.locator(byId(`part-${part}`)).getAttribute("data-tone"), part).toBe("good");
  }
  await seen(page);
  expect(problems).toEqual([]);
  await context.close();
}

async function showsTheShell(page: Page): Promise<void> {
  await page.keyboard.press("End");
  await expect.poll(() => terminalText(page), { timeout: 20_000 }).toContain("show status");
}

/** A vendor's short session at the screen, by a viewer of their own; what it ended with is what the screen shows. */
async function workAtScreen(): Promise<string> {
  const issued = await service.conduit(["target", "ticket", screen, "--person", vendor.name, "--json"]);
  const { ticket } = JSON.parse(issued) as { ticket: string };
  const client = await ScreenClient.connect(connect(service.vncPort, "127.0.0.1"), { password: ticket });
  const caughtUp = () => client.updates > 0 && client.pixels.every((pixel, i) => pixel === hmi.pixels.data[i]);
  await waitFor(caughtUp);
  await client.click(1212, 120);
  await client.type("137\r");
  await waitFor(() => hmi.process.tag("TIC-101").setpoint === 137);
  hmi.paint();
  await waitFor(caughtUp);
  client.close();
  const sealed = async () => (await listed()).find((one) => one.target === screen && one.state === "sealed");
  await waitFor(async () => (await sealed()) !== undefined);
  return (await sealed())?.session ?? "";
}

describe("a recording of the real gateway, where policy asks why", () => {
  it("is opened, verified and exported in the portal only with a reason, and leaves as a bundle that proves itself", async () => {
    const { page, context, problems } = await openPage(browser, service.httpUrl, { person: auditor });
    await page.goto(`/recordings/${session}`);
    await page.fill(byId("reason-view-reason"), "quarterly review");
    await page.click(byId("reason-view-confirm"));
    await expect.poll(() => terminalText(page), { timeout: 20_000 }).toContain("reactor");

    await page.click(byId("verify"));
    await page.fill(byId("reason-verify-reason"), "before it is handed over");
    await page.click(byId("reason-verify-confirm"));
    expect(await page.locator(byId("verify-verdict")).getAttribute("data-verdict")).toBe("VALID");
    await page.keyboard.press("Escape");

    await page.click(byId("export"));
    await page.click(byId("export-bundle"));
    await page.fill(byId("reason-export-reason"), "for the court");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(byId("reason-export-confirm"))]);
    const zip = join(directory.path, "portal.zip");
    await download.saveAs(zip);
    expect(download.suggestedFilename()).toMatch(/\.evidence\.zip$/);

    await page.click(byId("custody"));
    const rows = page.locator(`${byId("custody-list")} li`);
    await rows.first().waitFor();
    const actions = await rows.evaluateAll((all) => all.map((row) => (row as HTMLElement).dataset["action"]));
    expect(new Set(actions)).toEqual(new Set(["recording.view", "recording.verify", "recording.export"]));
    expect(await page.locator(byId("custody-dialog")).textContent()).toContain("for the court");
    await context.close();
    // The refusal before the reason was said.
    expect(problems).toEqual([]);

    const into = join(directory.path, "portal");
    await runProcess("unzip", ["-q", zip, "-d", into]);
    const folder = join(into, session);
    expect(await failedCommands(folder)).toEqual([]);
    const custody = (await readFile(join(folder, "custody.jsonl"), "utf8")).trim().split("\n");
    expect(
      custody.map((line) => (JSON.parse(line) as { facts: { details: { reason?: string } } }).facts.details.reason),
    ).toEqual(["quarterly review", "before it is handed over", "for the court"]);
    expect(await readFile(join(folder, "README.html"), "utf8")).toContain("quarterly review");
    await checkedOnItsPage(folder, showsTheShell);
  });

  it("at a screen leaves as a bundle that proves itself, too, and shows the target's own pixels without a network", async () => {
    const recording = await workAtScreen();
    const { context } = await openPage(browser, service.httpUrl, { person: auditor });
    const path = `/api/v1/recordings/${recording}/export?format=bundle`;
    expect((await context.request.get(path)).status()).toBe(403);
    const answer = await context.request.get(`${path}&reason=for%20the%20court`);
    const zip = join(directory.path, "screen.zip");
    await writeFile(zip, await answer.body());
    await context.close();
    const into = join(directory.path, "screen");
    await runProcess("unzip", ["-q", zip, "-d", into]);
    const folder = join(into, recording);
    expect(await failedCommands(folder)).toEqual([]);
    await checkedOnItsPage(folder, async (page) => {
      await afterMark(page, "conduit:seeked", () => page.keyboard.press("End"));
      await expect.poll(() => wrongPixels(page, "canvas.pixels", hmi.pixels.data)).toBe(0);
    });
  });

  it("both leave in a case with its note, holds and imported alarms, as one file that proves itself", async () => {
    const recordings = (await listed()).map((one) => one.session);
    expect(recordings).toHaveLength(2);
    const { page, context, problems } = await openPage(browser, service.httpUrl, { person: investigator });
    await page.goto("/");
    await page.click(byId("compare-start"));
    for (const one of recordings) await page.check(`[data-session="${one}"] ${byId("compare-check")}`);
    await page.click(byId("chosen-add-to-case"));
    await page.selectOption(byId("add-to-case-choice"), "new");
    await page.fill(byId("add-to-case-title"), "The reactor at noon");
    await page.fill(byId("add-to-case-reason"), "the same vendor");
    await page.click(byId("add-to-case-confirm"));
    const id = (await page.getAttribute(byId("case-page"), "data-case"))!;
    await page.click(byId("case-note"));
    await page.fill(byId("note-text"), "The setpoint came by hand <b>");
    await page.click(byId("note-save"));
    await page.click(byId("case-hold"));
    await page.fill(byId("case-hold-dialog-reason"), "kept for the court");
    await page.click(`${byId("case-hold-dialog")} button[type=submit]`);
    await page.waitForSelector(byId("case-release"));
    await page.click(byId("case-import"));
    const alarms = Buffer.from(`time;text\n${new Date().toISOString()};TIC-101 high\n`);
    await page.setInputFiles(byId("import-file"), { name: "alarms.csv", mimeType: "text/csv", buffer: alarms });
    await page.fill(byId("import-at"), "time");
    await page.fill(byId("import-text"), "text");
    await page.click(byId("import-send"));
    await page.waitForSelector(byId("import-sample"));
    await page.click(byId("import-send"));
    await page
      .locator(`${byId("case-timeline")} .on-imported`)
      .getByText("TIC-101 high")
      .waitFor();
    await page.click(byId("case-export"));
    await page.fill(byId("reason-export-reason"), "for the court");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(byId("reason-export-confirm"))]);
    const zip = join(directory.path, "case.zip");
    await download.saveAs(zip);
    await context.close();
    expect(problems).toEqual([]);

    const into = join(directory.path, "case");
    await runProcess("unzip", ["-q", zip, "-d", into]);
    const folder = join(into, id);
    expect(await runProcess("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: folder })).toMatchObject({
      code: 0,
    });
    const whole = JSON.parse(await readFile(join(folder, "case.json"), "utf8")) as {
      files: Record<string, { file?: string }>;
    };
    expect(Object.keys(whole.files).sort()).toEqual([...recordings].sort());
    for (const one of recordings) {
      await runProcess("unzip", ["-q", join(folder, whole.files[one]!.file!), "-d", folder]);
      expect(await failedCommands(join(folder, one))).toEqual([]);
      await checkedOnItsPage(join(folder, one), async () => {});
    }
    const told = await openPage(browser, "file:///", { width: 1280, height: 900 });
    await told.context.setOffline(true);
    await told.page.goto(pathToFileURL(join(folder, "CASE.html")).href);
    const text = await told.page.textContent("body");
    for (const words of ["The setpoint came by hand <b>", "TIC-101 high", "kept for the court", ...recordings]) {
      expect(text).toContain(words);
    }
    expect(told.problems).toEqual([]);
    await told.context.close();
    // The recordings themselves, from the store alone; the newest entries may still wait for their checkpoint.
    const said = await service
      .conduit(["verify", ...recordings, "--reason", "before it is handed over", "--json"])
      .catch(({ code, stdout }: { code: number; stdout: string }) =>
        code === 8 ? stdout : expect.unreachable(stdout),
      );
    expect(said).toMatch(/"(VALID|UNANCHORED)"/);
    expect(said).not.toMatch(/"(TAMPERED|MISSING|UNTRUSTED|INCOMPLETE)"/);
  });

  it("searches in the portal with a reason alone", async () => {
    const { page, context } = await openPage(browser, service.httpUrl, { person: auditor });
    await page.goto("/?person=vend");
    await page.fill(byId("reason-search-reason"), "case 2026-114");
    await page.click(byId("reason-search-confirm"));
    await page.locator(byId("recording-row")).first().waitFor();
    await context.close();
    const audit = (await service.conduit(["recordings", "custody", session, "--json"])) as string;
    expect(JSON.parse(audit)).not.toEqual([]);
  });

  it("the command line asks as well, and its bundle proves itself", async () => {
    const output = join(directory.path, "cli.zip");
    await expect(service.conduit(["recordings", "export", session, "--bundle", "-o", output])).rejects.toThrow(
      /--reason/,
    );
    await expect(service.conduit(["recordings", "show", session])).rejects.toThrow(/--reason/);
    await service.conduit([
      "recordings",
      "export",
      session,
      "--bundle",
      "-o",
      output,
      "--reason",
      "for the other side",
    ]);
    const into = join(directory.path, "cli");
    await runProcess("unzip", ["-q", output, "-d", into]);
    const folder = join(into, session);
    expect(await failedCommands(folder)).toEqual([]);
    await checkedOnItsPage(folder, showsTheShell);
    const said = await service.conduit(["recordings", "custody", session]);
    expect(said).toContain("for the other side");
    expect(said).toContain("quarterly review");
  });

  it("sealed keystrokes are opened by an unsealer alone, with the key and a reason, and the custody log has it first", async () => {
    const unseal = (as: { name: string; password: string }, reason: string) =>
      service.conduit(
        [
          ...["recordings", "unseal", session, "--identity", join(directory.path, "unseal.key"), "--as", as.name],
          ...["--reason", reason],
        ],
        `${as.password}\n`,
      );
    await expect(unseal(auditor, "curious")).rejects.toThrow(/would need the role unsealer/);
    await expect(unseal(unsealer, " ")).rejects.toThrow(/give a reason/);
    expect(await unseal(unsealer, "case 2026-114")).toContain(enablePassword);
    const lines = JSON.parse(await service.conduit(["recordings", "custody", session, "--json"])) as object[];
    expect(lines).toContainEqual(
      expect.objectContaining({
        action: "recording.unseal",
        reason: "case 2026-114",
        details: { by: unsealer.name, reason: "case 2026-114", spans: 1 },
      }),
    );
    expect(JSON.stringify(lines)).not.toContain(enablePassword);
    expect(JSON.stringify(lines)).not.toContain("curious");
  });

  it("tells what was watched at the latest when the service ends", async () => {
    await service.stop();
    const lines = JSON.parse(await service.conduit(["recordings", "custody", session, "--json"])) as {
      action: string;
      actor: string;
      details: { ranges?: { fromUs: number; toUs: number }[] };
    }[];
    const watched = lines.filter(({ action }) => action === "recording.watched-range");
    expect(watched.map(({ actor }) => actor)).toContain(auditor.name);
    for (const { details } of watched) {
      for (const { fromUs, toUs } of details.ranges ?? []) expect(toUs).toBeGreaterThanOrEqual(fromUs);
    }
  });
});
