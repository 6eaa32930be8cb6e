// asciinema-player's typings say nothing of the protocol that renderers/terminal.ts uses: a source that is a function,
// and what it may dispatch. These tests say it, against the player that is installed.
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";

const bundle = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../node_modules/asciinema-player/dist/bundle/${name}`, import.meta.url)));

const harness = `
  window.calls = [];
  window.ready = new Promise((resolve) => {
    const source = ({ dispatch }) => ({
      init() { calls.push("init"); window.dispatch = dispatch; resolve(); },
      play() { calls.push("play"); return true; },
      pause() { calls.push("pause"); return true; },
      getTiming: () => ({ time: 0, rate: 0, sampledAt: 0 }),
    });
    window.player = AsciinemaPlayer.create(source, document.getElementById("screen"), {
      cols: 80, rows: 24, autoPlay: true, controls: false, fit: "both", cursorMode: "steady",
    });
  });
  window.frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  window.lines = () => [...document.querySelectorAll(".ap-line")].map((line) => line.textContent.trimEnd());
`;

interface Harness {
  calls: string[];
  ready: Promise<void>;
  dispatch(event: string, data?: unknown): void;
  frame(): Promise<void>;
  lines(): string[];
  player: { dispose(): void };
}

let browser: Browser;
let server: Server;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
  server = createServer((request, response) => {
    if (request.url === "/player.js") response.end(bundle("asciinema-player.min.js"));
    else if (request.url === "/player.css")
      response.setHeader("content-type", "text/css").end(bundle("asciinema-player.css"));
    else if (request.url === "/harness.js") response.end(harness);
    else {
      response.setHeader("content-type", "text/html");
      response.setHeader("content-security-policy", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'");
      response.end(
        '<!doctype html><link rel="stylesheet" href="/player.css"><div id="screen"></div><script src="/player.js"></script><script src="/harness.js"></script>',
      );
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

beforeEach(async () => {
  await page?.close();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.evaluate(() => (window as unknown as Harness).ready);
});

/** Dispatches in one go and answers with the rows after the next frame. */
function show(...events: [event: string, data?: unknown][]): Promise<string[]> {
  return page.evaluate(async (all) => {
    const it = window as unknown as Harness;
    for (const [event, data] of all) it.dispatch(event, data);
    await it.frame();
    return it.lines();
  }, events);
}

describe("asciinema-player with a source of our own", () => {
  it("is the version that was looked into", () => {
    const manifest = fileURLToPath(new URL("../../node_modules/asciinema-player/package.json", import.meta.url));
    expect(JSON.parse(readFileSync(manifest, "utf8")).version).toBe("3.18.0");
  });

  it("calls init once, then play, when the terminal can draw", async () => {
    expect(await page.evaluate(() => (window as unknown as Harness).calls)).toEqual(["init", "play"]);
  });

  it("resets to a size and a content, writes, and resizes", async () => {
    const first = await show(["reset", { size: { cols: 20, rows: 5 }, init: "keyframe\r\n" }]);
    expect(first).toEqual(["keyframe", "", "", "", ""]);
    expect((await show(["output", "one\r\ntwo"])).slice(0, 3)).toEqual(["keyframe", "one", "two"]);
    expect(await show(["resize", { cols: 30, rows: 7 }], ["output", "\r\nthree"])).toHaveLength(7);
    const second = await show(["reset", { size: { cols: 20, rows: 5 }, init: "" }], ["output", "anew"]);
    expect(second).toEqual(["anew", "", "", "", ""]);
  });

  it("draws everything that was dispatched before a frame in that frame", async () => {
    const many = Array.from({ length: 500 }, (_, i): [string, unknown] => ["output", `${i}\r\n`]);
    const rows = await show(["reset", { size: { cols: 20, rows: 4 }, init: "" }], ...many);
    expect(rows).toEqual(["497", "498", "499", ""]);
  });

  it("continues an escape sequence that one output ends in", async () => {
    await show(["reset", { size: { cols: 20, rows: 3 }, init: "" }], ["output", "\u001b[3"]);
    const rows = await show(["output", "1mred"]);
    expect(rows[0]).toBe("red");
    const colour = await page.evaluate(() => getComputedStyle(document.querySelector(".ap-line span")!).color);
    const plain = await page.evaluate(() => getComputedStyle(document.querySelector(".ap-term-text")!).color);
    expect(colour).not.toBe(plain);
  });

  it("takes playing and pause without an overlay", async () => {
    await show(["reset", { size: { cols: 20, rows: 3 }, init: "x" }], ["playing"], ["pause"]);
    expect(await page.locator(".ap-overlay").count()).toBe(0);
  });

  it("leaves nothing behind", async () => {
    await page.evaluate(() => (window as unknown as Harness).player.dispose());
    expect(await page.evaluate(() => document.getElementById("screen")!.innerHTML)).toBe("");
  });
});
