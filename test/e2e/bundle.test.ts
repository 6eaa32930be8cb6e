// The page of an evidence bundle, opened from a disk without a network: it checks all that is there, names each fault, and
// replays SSH and VNC.
import { createHash, sign } from "node:crypto";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { entryName, keyName } from "../../shared/bundle/format.ts";
import { byId, launchBrowser, type OpenPage, openPage, terminalText } from "../support/browser.ts";
import { alterCarried, builtPlayer, evidenceOf, flipped, unzippedBundle } from "../support/evidence-plant.ts";
import { runProcess } from "../support/process.ts";
import { makeSigningKey } from "../support/recording-builder.ts";
import { maintenanceScene } from "../support/recording-scenes.ts";
import { hmiScene } from "../support/screen-scenes.ts";
import { createTempDir, type TempDir } from "../support/temp-dir.ts";

const key = makeSigningKey();
const root = makeSigningKey();
const policy = Buffer.from('{"rules":[]}');
const policyHash = createHash("sha256").update(policy).digest("hex");
const pages: OpenPage[] = [];
let browser: Browser;
let temp: TempDir;
let ssh: string;
let vnc: string;
let copies = 0;

beforeAll(async () => {
  [browser, temp] = await Promise.all([launchBrowser(), createTempDir("bundle-page")]);
  const shell = await maintenanceScene(
    { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-23T08:00:00.000000Z", seed: 41, policyHash },
    key,
  );
  const screen = await hmiScene(
    { person: "integrator", target: "hmi-1", startedAt: "2026-11-23T09:00:00.000000Z", seed: 42, policyHash },
    key,
  );
  ssh = await unzippedBundle(shell, evidenceOf(shell, key, root, policy), join(temp.path, "ssh"));
  vnc = await unzippedBundle(screen, evidenceOf(screen, key, root, policy), join(temp.path, "vnc"));
});

afterAll(async () => {
  await browser?.close();
  await temp?.remove();
});

afterEach(async () => {
  const all = pages.splice(0);
  for (const { context } of all) await context.close();
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
  // Nothing but what the page carries is asked for: an origin of its own kind each, none of a network.
  expect(all.flatMap(({ origins }) => [...origins].filter((origin) => origin !== "null"))).toEqual([]);
});

async function copyOf(folder: string): Promise<string> {
  const copy = join(temp.path, `copy-${copies++}`);
  await cp(folder, copy, { recursive: true });
  await runProcess("chmod", ["-R", "u+w", copy]);
  return copy;
}

async function openBundle(folder: string, options: Parameters<typeof openPage>[2] = {}) {
  const opened = await openPage(browser, "file:///", { width: 1280, height: 900, ...options });
  pages.push(opened);
  const asked: string[] = [];
  opened.page.on("request", (request) => asked.push(request.url()));
  await opened.page.goto(pathToFileURL(join(folder, "player.html")).href);
  return { ...opened, asked };
}

async function verdictOf(page: Page): Promise<{ verdict: string | null; findings: string[] }> {
  const panel = page.locator(`${byId("examination")}:not([data-verdict=checking])`);
  await panel.waitFor();
  await page.locator(`${byId("examination")}[data-done=true]`).waitFor();
  const findings = await page.locator(byId("finding")).allInnerTexts();
  return {
    verdict: await panel.getAttribute("data-verdict"),
    findings: findings.map((text) => text.replaceAll(/\s+/g, " ")),
  };
}

async function rewrite(path: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  await writeFile(path, change(await readFile(path)));
}

async function chooseFolder(page: Page, folder: string): Promise<void> {
  await page.locator(byId("folder-input")).setInputFiles(folder);
  await page.locator(`${byId("examination")}[data-kind=folder]`).waitFor();
}

describe("a bundle that is whole", () => {
  it("SSH: everything holds and is said, part by part", async () => {
    const { page, asked } = await openBundle(ssh);
    expect(await verdictOf(page)).toEqual({ verdict: "good", findings: [] });
    for (const part of ["signatures", "chain", "sums", "segments", "keys", "ledger", "custody", "policy"]) {
      expect(await page.locator(byId(`part-${part}`)).getAttribute("data-tone"), part).toBe("good");
    }
    expect(asked.length).toBeGreaterThan(1);
    for (const url of asked)
      expect(url).toMatch(/^(file:\/\/\/.*\/(player\.html|data\/\w+\.js)|blob:null\/.*|data:.*)$/);
  });

  it("SSH: plays, seeks, shows keystrokes and events beside", async () => {
    const { page } = await openBundle(ssh);
    await verdictOf(page);
    expect(await terminalText(page)).toContain("Changes are recorded.");
    const before = await terminalText(page);
    await page.keyboard.press("5");
    await page.waitForFunction(
      (old) => document.querySelector(".ap-term, .ap-terminal, [data-testid=terminal]")?.textContent !== old,
      before,
    );
    await expect.poll(() => terminalText(page)).not.toBe(before);
    expect(await page.locator(byId("key-row")).count()).toBeGreaterThan(2);
    await page.locator(byId("tab-events")).click();
    await page.locator(byId("fact-row")).first().waitFor();
    await page.locator(byId("skip-idle")).click();
    await page.locator(byId("speed")).click();
    await page.locator(byId("speed-8")).click();
    await page.locator(byId("play")).click();
    await page.locator(`${byId("play")}[data-status=ended]`).waitFor({ timeout: 60_000 });
    expect((await verdictOf(page)).verdict).toBe("good");
  });

  it("VNC: shows the recorded pixels", async () => {
    const { page } = await openBundle(vnc);
    expect(await verdictOf(page)).toEqual({ verdict: "good", findings: [] });
    await page.keyboard.press("5");
    const colours = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>("canvas.pixels");
        const data = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        const seen = new Set<number>();
        for (let i = 0; i < data.length; i += 4 * 97) seen.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
        return seen.size;
      });
    await expect.poll(colours).toBeGreaterThan(20);
    await page.locator(byId("key-row")).first().waitFor();
  });

  it("checks the files themselves once it is given the folder, and runs nothing of it", async () => {
    const { page, asked } = await openBundle(vnc);
    await verdictOf(page);
    const before = asked.length;
    await chooseFolder(page, vnc);
    expect(await verdictOf(page)).toEqual({ verdict: "good", findings: [] });
    expect(asked.slice(before).filter((url) => url.startsWith("file:"))).toEqual([]);
  });

  it("plays from the folder alone where the page stands by itself", async () => {
    const alone = join(temp.path, "alone");
    await cp(join(ssh, "player.html"), join(alone, "player.html"));
    const { page } = await openBundle(alone);
    await page.locator(byId("no-bundle")).waitFor();
    await page.locator(byId("choose-folder")).waitFor();
    await chooseFolder(page, ssh);
    expect(await verdictOf(page)).toEqual({ verdict: "good", findings: [] });
    expect(await terminalText(page)).toContain("Changes are recorded.");
  });

  it("checks signatures in a browser without Ed25519, too", async () => {
    const opened = await openPage(browser, "file:///");
    pages.push(opened);
    const { page, context } = opened;
    await context.addInitScript(() => {
      const { importKey } = SubtleCrypto.prototype;
      SubtleCrypto.prototype.importKey = function (this: SubtleCrypto, ...args: unknown[]) {
        if (args[2] === "Ed25519") return Promise.reject(new DOMException("no such algorithm", "NotSupportedError"));
        return (importKey as (...all: unknown[]) => Promise<CryptoKey>).apply(this, args);
      } as typeof importKey;
    });
    await page.goto(pathToFileURL(join(ssh, "player.html")).href);
    expect(await verdictOf(page)).toEqual({ verdict: "good", findings: [] });
    const altered = await copyOf(ssh);
    await alterCarried(altered, "open.json.sig", flipped);
    await page.goto(pathToFileURL(join(altered, "player.html")).href);
    expect((await verdictOf(page)).findings).toEqual([
      expect.stringMatching(/^open\.json\.sig it is no signature of open\.json/),
      expect.stringContaining("SHA256SUMS"),
    ]);
  });

  it.each(["light", "dark", "phone"])("keeps nobody out: %s", async (how) => {
    const { page } = await openBundle(ssh, {
      dark: how === "dark",
      ...(how === "phone" ? { width: 390, height: 844 } : {}),
    });
    await verdictOf(page);
    await page.locator(`${byId("examination-parts")} summary`).click();
    await page.evaluate(() => document.fonts.ready);
    // The page's own policy lets no other script run than its own: the check is put in from outside.
    expect(await barriers(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  });

  it("is one file that asks for nothing, under a policy that lets it", async () => {
    const html = (await builtPlayer()).toString("utf8");
    const policyText = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
    expect(policyText).toContain("default-src 'none'");
    expect(policyText).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:|connect-src/);
    expect(html).not.toMatch(/<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)/);
  });
});

async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(
    async (tags) => {
      const { axe } = window as unknown as { axe: typeof import("axe-core") };
      const { violations } = await axe.run({ runOnly: { type: "tag", values: tags } });
      // A letter of a typed line is as small as letters are: the keys [ and ] step from one to the next as well.
      const isLetter = (id: string, target: unknown[]) =>
        id === "target-size" && document.querySelector(String(target[0]))?.closest("[data-testid=key-list]") != null;
      return violations.flatMap(({ id, nodes }) =>
        nodes.filter(({ target }) => !isLetter(id, target)).map(({ target }) => `${id}: ${target.join(" ")}`),
      );
    },
    ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  );
}

describe("what was altered is named", () => {
  /** Carried copies, which the page reads by itself. */
  it.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    [
      "a byte of a segment in data/*.js",
      async (folder) => {
        const path = join(folder, "data/000000.js");
        const lines = (await readFile(path, "utf8")).split("\n");
        lines[3] = lines[3]!.replace(
          /.(.{20}")/,
          (_all, rest: string) => `${lines[3]!.at(-23) === "A" ? "B" : "A"}${rest}`,
        );
        await writeFile(path, lines.join("\n"));
      },
      /^\S+\.zst The stored bytes of .* do not have the recorded SHA-256$/,
    ],
    [
      "a segment missing in data/*.js",
      async (folder) => {
        const path = join(folder, "data/000000.js");
        const lines = (await readFile(path, "utf8")).split("\n");
        lines[2] = "null,";
        await writeFile(path, lines.join("\n"));
      },
      /^\S+\.zst .* is missing in data\/000000\.js$/,
    ],
    [
      "a whole file of data/",
      (folder) => rm(join(folder, "data/000000.js")),
      /^\S+\.zst .*data\/000000\.js is missing or cannot be read$/,
    ],
    [
      "a byte of the manifest",
      (folder) => alterCarried(folder, "manifest.json", (bytes) => flipped(bytes, bytes.length - 40)),
      /^manifest\.json/,
    ],
    [
      "the OPEN record",
      (folder) =>
        alterCarried(folder, "open.json", (bytes) =>
          Buffer.from(Buffer.from(bytes).toString().replace("vendor-drives", "somebody-else")),
        ),
      /^open\.json it is not the OPEN record/,
    ],
    [
      "a signature by another key",
      async (folder) => {
        const bytes = await readFile(join(folder, "manifest.json"));
        await alterCarried(folder, "manifest.json.sig", () => sign(null, bytes, makeSigningKey().privateKey));
      },
      /^manifest\.json\.sig it is no signature of manifest\.json/,
    ],
    [
      "the key",
      (folder) => alterCarried(folder, keyName(key.keyId), () => Buffer.from(makeSigningKey().publicKeyPem)),
      /^keys\/.*the key in it is another/,
    ],
    [
      "the list of checksums",
      (folder) => alterCarried(folder, "SHA256SUMS", (bytes) => flipped(bytes, 5)),
      /^SHA256SUMS/,
    ],
    [
      "an entry of the ledger",
      (folder) =>
        alterCarried(folder, entryName(3), (bytes) =>
          Buffer.from(Buffer.from(bytes).toString().replace("client-closed", "target-closed")),
        ),
      /^ledger\/000000000003\.json it is not in the ledger/,
    ],
    [
      "the checkpoint",
      (folder) =>
        alterCarried(folder, "ledger/checkpoint", (bytes) =>
          Buffer.from(Buffer.from(bytes).toString().replace("\n7\n", "\n8\n")),
        ),
      /^ledger\/checkpoint it is not signed by a key/,
    ],
    [
      "a line of custody",
      (folder) => alterCarried(folder, "custody.jsonl", (bytes) => Buffer.concat([bytes, Buffer.from('{"n":1}\n')])),
      /^custody\.jsonl line 3/,
    ],
    ["the policy", (folder) => alterCarried(folder, "policy.json", flipped), /^policy\.json/],
    [
      "the key history",
      (folder) => alterCarried(folder, "keys/history/000001.json", (bytes) => flipped(bytes, 20)),
      /^keys\/history\/00000\d\.json/,
    ],
  ])("%s", async (_what, tamper, finding) => {
    const folder = await copyOf(ssh);
    await tamper(folder);
    const { page } = await openBundle(folder);
    const { verdict, findings } = await verdictOf(page);
    expect(verdict).toBe("bad");
    expect(findings).toContainEqual(expect.stringMatching(finding));
  });

  /** The files themselves, which the page sees when it is given the folder. */
  it.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    [
      "a byte of a segment",
      (folder) => rewrite(join(folder, "terminal-0/000001.cast.zst"), flipped),
      /^terminal-0\/000001\.cast\.zst .*do not have the recorded SHA-256$/,
    ],
    [
      "bytes after a segment's end",
      (folder) => rewrite(join(folder, "input/000000.jsonl.zst"), (bytes) => Buffer.concat([bytes, Buffer.from("x")])),
      /^input\/000000\.jsonl\.zst/,
    ],
    [
      "a missing segment",
      (folder) => rm(join(folder, "events/000000.jsonl.zst")),
      /^events\/000000\.jsonl\.zst .* is missing$/,
    ],
    [
      "a byte of the manifest",
      (folder) => rewrite(join(folder, "manifest.json"), (bytes) => flipped(bytes, bytes.length - 40)),
      /^manifest\.json/,
    ],
    ["a signature", (folder) => rewrite(join(folder, "open.json.sig"), flipped), /^open\.json\.sig/],
    ["no manifest at all", (folder) => rm(join(folder, "manifest.json")), /^manifest\.json it is missing$/],
  ])("in the folder: %s", async (_what, tamper, finding) => {
    const folder = await copyOf(ssh);
    await tamper(folder);
    const { page } = await openBundle(folder);
    // The copies that the page carries are as they were.
    expect((await verdictOf(page)).verdict).toBe("good");
    await chooseFolder(page, folder);
    const { verdict, findings } = await verdictOf(page);
    expect(verdict).toBe("bad");
    expect(findings).toContainEqual(expect.stringMatching(finding));
  });
});
