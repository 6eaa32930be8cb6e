// A vendor's day at a plant, from the first sign-in to the report: the built service, OpenSSH's ssh, TigerVNC's viewer and
// Chromium, under a policy with short times. The steps depend on each other and run in their order.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../recorder/access/mfa/totp.ts";
import type { AccessRequestView } from "../../shared/api/access.ts";
import type { ConduitReport } from "../../shared/api/report.ts";
import type { LiveSession, RecordingPage, VncTicket } from "../../shared/api/types.ts";
import { sshOptions } from "../integration/ssh/clients.ts";
import { byId, launchBrowser, OpenPages, openPage } from "../support/browser.ts";
import { type RunningProcess, runProcess, startProcess } from "../support/process.ts";
import { type RunningService, startRunningService } from "../support/service.ts";
import { generateSshKey, type SshKey } from "../support/ssh-key.ts";
import type { SshTarget } from "../support/ssh-target.ts";
import { startSshd } from "../support/sshd.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { startXtigervnc, startXvfb, type VncTarget } from "../support/xtigervnc.ts";

const controllerName = "plc-reactor";
const panelName = "hmi-reactor";
const safetyName = "SIS-reactor";
const idleSeconds = 6;
/** Long enough for what is done in it, on this machine as it is now: what came before the window says how busy it is. */
let windowSeconds = 90;

let directory: TempDir;
let controller: SshTarget;
let panel: VncTarget;
let service: RunningService;
let browser: Browser;
let screen: { display: string; stop(): Promise<void> };
let vendorKey: SshKey;
const pages = new OpenPages();
const clients: RunningProcess[] = [];

/** Somebody of this day, with the authenticator that they enrolled. */
class Somebody {
  readonly name: string;
  readonly password: string;
  secret = "";
  #step = 0;
  #page: Page | null = null;

  constructor(name: string, password: string) {
    this.name = name;
    this.password = password;
  }

  get page(): Page {
    if (this.#page === null) throw new Error(`${this.name} has no page open`);
    return this.#page;
  }

  async visit(path: string): Promise<Page> {
    const opened = pages.keep(await openPage(browser, service.httpUrl));
    this.#page = opened.page;
    await opened.page.goto(path);
    return opened.page;
  }

  /** Each is used once: where those of now are used up, the next one is waited for. */
  async code(): Promise<string> {
    this.#step = Math.max(this.#step + 1, totpStepAt(Date.now()) - 1);
    await waitFor(() => this.#step <= totpStepAt(Date.now()) + 1, { what: "the next code", timeoutMs: 60_000 });
    return totpCode(this.secret, this.#step);
  }

  /** Asked by the page that is open, with its cookie and its token. */
  async ask<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<{ status: number; answer: T }> {
    return this.page.evaluate(
      async ([how, where, what]) => {
        const me = (await (await fetch("/api/v1/session")).json()) as { csrfToken: string };
        const response = await fetch(`/api/v1${where}`, {
          method: how,
          headers: { "x-csrf-token": me.csrfToken, ...(what === null ? {} : { "content-type": "application/json" }) },
          body: what,
        });
        return { status: response.status, answer: (await response.json()) as never };
      },
      [method, path, body === undefined ? null : JSON.stringify(body)] as const,
    );
  }
}

const vera = new Somebody("vera", "seven slow river boats");
const olga = new Somebody("olga", "nine quiet mountain owls");
const emil = new Somebody("emil", "five patient garden stones");
const audrey = new Somebody("audrey", "six honest paper lamps");

beforeAll(async () => {
  directory = await createTempDir("vendors-day");
  controller = await startSshd();
  panel = await startXtigervnc();
  screen = await startXvfb();
  vendorKey = await generateSshKey(directory.path, "vera");
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
      { name: vera.name, password: vera.password, roles: ["vendor"], keys: [vendorKey.publicLine] },
      { name: olga.name, password: olga.password, roles: ["approver"] },
      { name: emil.name, password: emil.password, roles: ["escort"] },
      { name: audrey.name, password: audrey.password, roles: ["auditor", "investigator"] },
    ],
    secrets: [
      { name: "plc", privateKeyFile: controller.userKey.privatePath },
      { name: "hmi", password: panel.password },
    ],
    targets: [
      { name: controllerName, ...ssh },
      { name: safetyName, ...ssh },
      { name: panelName, protocol: "vnc", host: panel.host, port: panel.port, secret: "hmi" },
    ],
    // The plant's own rules with short times: an approval, a second factor and an escort are needed where nothing is said.
    policy: {
      limits: { warnSeconds: [10] },
      requests: { noticeSeconds: 5 },
      rules: [
        { id: "controllers", people: ["role:vendor"], targets: ["plc-*"], limits: { idleSeconds } },
        { id: "panels", people: ["role:vendor"], targets: ["hmi-*", "SIS-*"] },
      ],
    },
  });
  browser = await launchBrowser();
});

afterAll(async () => {
  clearInterval(typing);
  for (const client of clients) await client.stop();
  await browser?.close();
  await service?.stop();
  await screen?.stop();
  await panel?.stop();
  await controller?.stop();
  await directory?.remove();
});

/** First sign-in: the policy wants an authenticator before anything else. */
async function enrol(person: Somebody): Promise<void> {
  const page = await person.visit("/targets");
  await page.fill(byId("sign-in-name"), person.name);
  await page.fill(byId("sign-in-password"), person.password);
  await page.click(byId("sign-in-submit"));
  await page.waitForSelector(byId("must-enrol"));
  expect((await person.ask("GET", "/me/targets")).status).toBe(403);
  await page.click("text=The camera does not work");
  person.secret = (await page.textContent(byId("enrolment-secret")))?.replaceAll(" ", "") ?? "";
  await page.fill(byId("enrolment-code"), await person.code());
  await page.click(byId("enrolment-submit"));
  await page.waitForSelector(byId("recovery-codes"));
  await page.check(byId("recovery-kept"));
  await page.click(byId("recovery-done"));
  await page.waitForSelector(byId("account-menu"));
}

/** ssh with a terminal. `password`: instead of the key. */
async function startSsh(target: string, code: string, password?: string): Promise<RunningProcess> {
  const askpass = join(directory.path, "askpass");
  await writeFile(
    askpass,
    `#!/bin/sh\ncase "$1" in *erification*) echo "$VERIFICATION_CODE";; *) echo "$GRANT_PASSWORD";; esac\n`,
    { mode: 0o700 },
  );
  const publicKey = await readFile(join(directory.path, "data", "keys", "ssh_host_ed25519_key.pub"), "utf8");
  const known = await sshOptions({
    host: "127.0.0.1",
    port: service.sshPort,
    login: "",
    identity: vendorKey.privatePath,
    hostKeyLine: publicKey.trim(),
    dir: directory.path,
  });
  const interactive = known.map((option) => (option === "BatchMode=yes" ? "BatchMode=no" : option));
  const methods = password === undefined ? "publickey,keyboard-interactive" : "keyboard-interactive";
  const client = await startProcess(
    "ssh",
    [
      ...["-tt", "-o", `PreferredAuthentications=${methods}`, "-o", "NumberOfPasswordPrompts=1"],
      ...interactive,
      `${vera.name}+${target}@127.0.0.1`,
    ],
    {
      env: {
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: "force",
        DISPLAY: ":0",
        VERIFICATION_CODE: code,
        GRANT_PASSWORD: password ?? "",
      },
    },
  );
  clients.push(client);
  return client;
}

/** The escort sees on the page of live sessions who waits, watches the session on a page of its own, and releases it there. */
async function escort(target: string): Promise<void> {
  const card = emil.page.locator(byId("live-session"), { hasText: target });
  await card.getByText("Waits for its escort").waitFor();
  const session = await card.getAttribute("data-session");
  const page = await emil.page.context().newPage();
  await page.goto(new URL(`/recordings/${session}`, emil.page.url()).href);
  // What the page shows has to have reached it, and the service to have heard so.
  await waitFor(
    async () => {
      if (await page.locator(byId("freeze")).isVisible()) return true;
      await page.locator(byId("unfreeze")).click({ timeout: 5000 });
      // Not pressed again before it had time to become the other one: that would freeze.
      await page.locator(byId("freeze")).waitFor({ timeout: 10_000 });
      return true;
    },
    { what: `the release of ${target}`, timeoutMs: 30_000, intervalMs: 500 },
  );
}

async function startViewer({ userName, ticket }: VncTicket): Promise<RunningProcess> {
  const viewer = await startProcess(
    "xtigervncviewer",
    [
      ...["-geometry", "640x480+0+0", "-ReconnectOnError=0", "-AlertOnFatalError=0"],
      `-X509CA=${join(directory.path, "data", "keys", "vnc.crt")}`,
      `localhost::${service.vncPort}`,
    ],
    {
      env: { DISPLAY: screen.display, HOME: directory.path, VNC_USERNAME: userName, VNC_PASSWORD: ticket },
    },
  );
  clients.push(viewer);
  return viewer;
}

const onDisplay = async (display: string, ...args: string[]) =>
  (await runProcess("xdotool", args, { env: { DISPLAY: display } })).stdout.trim();

const liveSessions = async () => (await emil.ask<{ items: LiveSession[] }>("GET", "/sessions")).answer.items;
const recordings = async (target: string) =>
  (await audrey.ask<RecordingPage>("GET", `/recordings?target=${target}`)).answer.items;

/** In the fields of the page, which are of the browser's own time. */
async function fillWindow(page: Page, fromMs: number, toMs: number): Promise<void> {
  for (const [field, ms] of [
    ["request-from", fromMs],
    ["request-to", toMs],
  ] as const) {
    const local = await page.evaluate((at) => {
      const minutesAhead = -new Date(at).getTimezoneOffset();
      return new Date(at + minutesAhead * 60_000).toISOString().slice(0, 19);
    }, ms);
    await page.fill(byId(field), local);
  }
}

/** What the day is about, once it is known. */
const requests: AccessRequestView[] = [];
let windowEndsMs: number;
let password: string;
let controllerAtWork: RunningProcess;
let viewerAtWork: RunningProcess;
let typing: NodeJS.Timeout | undefined;

/** Over the window's end by a busy machine's share, and nowhere near the minutes of a fault. */
const soonMs = 20_000;

describe("a vendor's day", () => {
  it("begins with an authenticator for everybody, before anything else", async () => {
    const beganMs = performance.now();
    for (const person of [vera, olga, emil, audrey]) await enrol(person);
    // Half a minute of it may be the wait for the vendor's next code.
    windowSeconds = Math.min(150, 65 + Math.ceil((2 * (performance.now() - beganMs)) / 1000));
    await emil.page.goto("/live");
  });

  it("is refused access to a safety system, with all that the policy has against it", async () => {
    const page = vera.page;
    await page.goto("/access/new");
    const safety = page.locator("li", { has: page.getByTestId(`pick-${safetyName}`) });
    expect(await safety.textContent()).toContain("prohibited");
    expect(await page.getByTestId(`pick-${safetyName}`).isDisabled()).toBe(true);
    // The page says at each field what is wrong, all of it together.
    const past = Date.now() - 60_000;
    await page.check(byId(`pick-${controllerName}`));
    await fillWindow(page, past, past + 48 * 3_600_000);
    await page.fill(byId("request-people"), `${olga.name},`);
    await page.click(byId("request-submit"));
    const said = (field: string) => page.locator(byId(`fault-${field}`));
    await said("purpose").getByText("Say what the access is for.").waitFor();
    await said("window").getByText("The window has to begin at least 5 seconds from now").waitFor();
    await said("window").getByText("The window is longer than").waitFor();
    await said("people").getByText("A vendor or an engineer asks for access for themselves alone.").waitFor();
    // Who goes around the page is told the same, of the prohibited target, too.
    const { status, answer } = await vera.ask<{ code: string; violations: { code: string; target?: string }[] }>(
      "POST",
      "/requests",
      {
        purpose: " ",
        targets: [safetyName, controllerName],
        people: [vera.name, olga.name],
        from: new Date(past).toISOString(),
        to: new Date(past + 48 * 3_600_000).toISOString(),
      },
    );
    expect([status, answer.code]).toEqual([400, "REQUEST_INVALID"]);
    expect(answer.violations.map(({ code, target }) => [code, target]).toSorted()).toEqual([
      ["notice-too-short", undefined],
      ["prohibited-target", safetyName],
      ["purpose-missing", undefined],
      ["requester-not-allowed", undefined],
      ["window-too-long", undefined],
    ]);
    expect((await olga.ask<{ items: unknown[] }>("GET", "/requests")).answer.items).toEqual([]);
  });

  it("asks for what may be asked for, and nothing opens before somebody else has approved it", async () => {
    const fromMs = Math.ceil(Date.now() / 1000) * 1000 + 20_000;
    windowEndsMs = fromMs + windowSeconds * 1000;
    const page = vera.page;
    for (const target of [controllerName, panelName]) {
      await page.goto("/access/new");
      await page.check(byId(`pick-${target}`));
      await fillWindow(page, fromMs, windowEndsMs);
      await page.fill(byId("request-purpose"), `The level controller oscillates: ${target}.`);
      await page.click(byId("request-submit"));
      await page.waitForURL(/\/requests\/[0-9a-f-]{36}$/);
      await page.getByText("waits for a decision", { exact: false }).first().waitFor();
      const id = page.url().split("/").at(-1) ?? "";
      const asked = await vera.ask<AccessRequestView>("GET", `/requests/${id}`);
      expect(asked.answer).toMatchObject({ state: "submitted", targets: [target], may: { decide: false } });
      expect(Date.parse(asked.answer.to)).toBe(windowEndsMs);
      expect((await vera.ask("POST", `/requests/${id}/approve`, {})).status).toBe(403);
      requests.push(asked.answer);
    }
    const client = await startSsh(controllerName, await vera.code());
    expect((await client.exited).code).toBe(255);
    expect(client.output()).toContain("An approved access request is needed first.");
  });

  it("gets what the operations manager approves, with a password for that window that is shown once", async () => {
    await olga.page.goto("/approvals");
    for (const { id } of requests) {
      const card = olga.page.locator(`[data-request="${id}"]`);
      await card.locator(byId("approve")).click();
      await olga.page.fill(byId("approve-comment"), "permit 17");
      await olga.page.click(byId("approve-confirm"));
      await card.locator(byId("approve")).waitFor({ state: "detached" });
    }
    const page = vera.page;
    await page.goto(`/requests/${requests[0]?.id}`);
    await page.getByText("permit 17").first().waitFor();
    await page.click(byId("credential"));
    await page.click(byId("credential-issue"));
    password = (await page.textContent(`code${byId("credential-password")}`)) ?? "";
    expect(password).toMatch(/^\S{12,}$/);
    await page.click(byId("credential-done"));
    await page.reload();
    await page.getByText("permit 17").first().waitFor();
    expect(await page.content()).not.toContain(password);
  });

  it("works by ssh once the escort has released the session, and is logged off when nothing is typed", async () => {
    await waitFor(() => Date.now() > windowEndsMs - windowSeconds * 1000, {
      what: "the window to begin",
      timeoutMs: 30_000,
    });
    const client = await startSsh(controllerName, await vera.code(), password);
    await waitFor(() => client.output().includes("escort"), { what: "the word of the escort", timeoutMs: 30_000 });
    await escort(controllerName);
    client.write("echo $((4000 + 711))\n");
    await waitFor(() => client.output().includes("4711"), { what: "the controller's answer", timeoutMs: 30_000 });
    // What the target shows is no sign of the person.
    client.write("while :; do echo shown; sleep 0.2; done\n");
    await client.exited;
    expect(client.output()).toMatch(/shown\s+shown/);
    expect(client.output()).toContain("Nothing was typed for a while; the session ends in");
    expect(client.output()).toContain(`Nothing was typed for ${idleSeconds} seconds.`);
    expect(Date.now()).toBeLessThan(windowEndsMs);
  });

  it("works by a VNC viewer with the ticket of the portal, after the escort's release", async () => {
    const ticket = await vera.ask<VncTicket>("POST", `/targets/${panelName}/vnc-ticket`, { use: "viewer" });
    expect(ticket.status).toBe(200);
    viewerAtWork = await startViewer(ticket.answer);
    await escort(panelName);
    const window = await waitFor(
      async () =>
        (await onDisplay(screen.display, "search", "--onlyvisible", "--name", "recorded")).split("\n")[0] ?? "",
      { what: `the viewer's window; it said ${viewerAtWork.output()}`, timeoutMs: 30_000 },
    );
    await onDisplay(screen.display, "windowfocus", "--sync", window);
    const beginning = await onDisplay(panel.display, "getmouselocation", "--shell");
    // A warped pointer alone is no movement to the viewer: it says where the button is pressed. Windows have no frame here,
    // and the viewer leaves room for one.
    await onDisplay(screen.display, "mousemove", "200", "150", "click", "1");
    await waitFor(
      async () => {
        const at = /^X=(\d+)\nY=(\d+)$/m.exec(await onDisplay(panel.display, "getmouselocation", "--shell"));
        return Math.abs(Number(at?.[1]) - 200) < 30 && Math.abs(Number(at?.[2]) - 150) < 30;
      },
      { what: `the panel's pointer to follow; it began at ${beginning}`, timeoutMs: 30_000 },
    ).catch(async (error: unknown) => {
      const why = `live: ${JSON.stringify(await liveSessions())}; the viewer said ${viewerAtWork.output()}`;
      throw new Error(why, { cause: error });
    });
    const again = await vera.ask<VncTicket>("POST", `/targets/${panelName}/vnc-ticket`, { use: "viewer" });
    const used = await startViewer({ ...again.answer, ticket: ticket.answer.ticket });
    await used.exited;
    expect((await liveSessions()).map(({ target }) => target)).toEqual([panelName]);
  });

  it("is warned and cut off at the window's end, in the middle of work", async () => {
    controllerAtWork = await startSsh(controllerName, await vera.code());
    await escort(controllerName);
    typing = setInterval(() => controllerAtWork.write("echo at-work\n"), 300);
    // Both stay released for as long as their escort watches, also where the panel shows nothing new.
    await waitFor(() => Date.now() > windowEndsMs - 3000, { what: "the window's last seconds", timeoutMs: 150_000 });
    const held = (await liveSessions()).map(({ target, state, hold }) => [target, state, hold ?? null]);
    expect(held.toSorted()).toEqual([
      [panelName, "active", null],
      [controllerName, "active", null],
    ]);
    await Promise.all([controllerAtWork.exited, viewerAtWork.exited]);
    clearInterval(typing);
    expect(Date.now()).toBeGreaterThanOrEqual(windowEndsMs);
    expect(Date.now()).toBeLessThan(windowEndsMs + soonMs);
    const said = controllerAtWork.output();
    expect(said).toContain("at-work");
    expect(said).toMatch(/The window of this access ends in \d+ seconds; the session ends with it\./);
    expect(said).toContain("The window of this access has ended.");
  });

  it("is not let in again: not by key, not by the window's password, not by a ticket", async () => {
    const byKey = await startSsh(controllerName, await vera.code());
    expect((await byKey.exited).code).toBe(255);
    expect(byKey.output()).toContain("The approved window is over.");
    const byPassword = await startSsh(controllerName, await vera.code(), password);
    expect((await byPassword.exited).code).toBe(255);
    expect(byPassword.output()).toContain("Permission denied");
    const ticket = await vera.ask<{ detail: string }>("POST", `/targets/${panelName}/vnc-ticket`, { use: "viewer" });
    expect(ticket.status).toBe(403);
    expect(JSON.stringify(ticket.answer)).toContain("The approved window is over.");
  });

  it("stands in the report, each figure with its sessions and each requirement with its evidence", async () => {
    const sealed = await waitFor(
      async () => {
        const all = [...(await recordings(controllerName)), ...(await recordings(panelName))];
        return all.length === 3 && all.every(({ state }) => state === "sealed") ? all : undefined;
      },
      { what: "three sealed recordings", timeoutMs: 60_000, intervalMs: 250 },
    );
    const { answer: report } = await audrey.ask<ConduitReport>("GET", "/report?days=1");
    const figure = (id: string) => {
      const found = report.figures.find((one) => one.id === id);
      if (found === undefined) throw new Error(`the report has no figure ${id}`);
      return found;
    };
    const ids = (reason: string) =>
      sealed.filter(({ endReason }) => endReason === reason).map(({ session }) => session);
    const asked = requests.map(({ id }) => id);
    expect(figure("sessions").sessions.toSorted()).toEqual(sealed.map(({ session }) => session).toSorted());
    expect(figure("requests-submitted").requests.toSorted()).toEqual(asked.toSorted());
    expect(figure("requests-approved").requests.toSorted()).toEqual(asked.toSorted());
    expect([figure("prohibited-blocked").value, figure("prohibited-blocked").audit.length]).toEqual([1, 1]);
    for (const id of ["mfa", "recorded", "time-limited", "approved", "recordings-whole"]) {
      expect([id, figure(id).of], id).toEqual([id, { part: 3, whole: 3 }]);
    }
    expect(ids("limit-idle")).toHaveLength(1);
    expect(ids("window-ended")).toHaveLength(2);
    const listed = report.sessions.map(({ session, endReason }) => [session, endReason]);
    expect(listed.toSorted()).toEqual(sealed.map(({ session, endReason }) => [session, endReason]).toSorted());
    const reasons = report.refusals.map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(["approval-needed", "prohibited-target", "window-over"]));
    for (const { id, figures } of report.requirements) {
      for (const evidence of figures) expect(figure(evidence), `evidence of ${id}`).toBeDefined();
    }
    const shown = report.requirements.filter(({ status }) => status === "shown").map(({ id }) => id);
    expect(shown).toEqual(expect.arrayContaining(["approval", "mfa", "time-limit", "recorded", "prohibited"]));

    // On the page, and as it is handed on, a figure leads to its recordings.
    const [session = ""] = ids("limit-idle");
    const file = await audrey.page.context().request.get("/api/v1/report?days=1&format=html");
    expect(await file.text()).toContain(`<a href="${service.httpUrl}/recordings/${session}">`);
    const page = audrey.page;
    await page.goto("/report");
    const card = page.locator('[data-figure="sessions"]');
    await card.locator("summary").click();
    await card.locator(`a[href="/recordings/${session}"]`).click();
    await page.waitForURL(`**/recordings/${session}`);
    await page.getByText(controllerName).first().waitFor();
  });

  it("asked nothing of anybody but the service, and threw nothing", async () => {
    expect(await pages.close(service.httpUrl)).toEqual([]);
  });
});
