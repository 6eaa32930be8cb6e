// Headless Chromium for the end-to-end tests, from Debian's package.
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const paths = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const chromiumArguments: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function chromiumPath(): string {
  const found = paths.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error("there is no Chromium; install Debian's package chromium");
  return found;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: [...chromiumArguments] });
}

export interface OpenPage {
  context: BrowserContext;
  page: Page;
  /** Uncaught errors, and console errors other than failed loads and lines, which tests bring about on purpose. */
  problems: string[];
  /** Origins that anything was asked of. */
  origins: Set<string>;
}

export interface PageOptions {
  width?: number;
  height?: number;
  dark?: boolean;
  /** Device pixels to a CSS pixel. */
  scale?: number;
  /** With a touch screen. */
  touch?: boolean;
  /** Sign in as this person before the first page. */
  person?: { name: string; password: string };
}

export async function openPage(browser: Browser, url: string, options: PageOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    deviceScaleFactor: options.scale ?? 1,
    hasTouch: options.touch ?? false,
    colorScheme: options.dark === true ? "dark" : "light",
    reducedMotion: "reduce",
  });
  if (options.person !== undefined) {
    const response = await context.request.post("/api/v1/session", { data: options.person });
    if (!response.ok()) throw new Error(`sign-in failed: ${response.status()} ${await response.text()}`);
  }
  const page = await context.newPage();
  const problems: string[] = [];
  const origins = new Set<string>();
  page.on("pageerror", (error) => problems.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/^(Failed to load resource|WebSocket connection to)/.test(message.text()))
      problems.push(message.text());
  });
  page.on("request", (request) => origins.add(new URL(request.url()).origin));
  return { context, page, problems, origins };
}

/**
 * Resolves once nothing that the page asked for is on its way, in several of its frames on end: what an answer makes it ask
 * next is waited for as well. To be called before the page is opened; the promise that it gives is for afterwards.
 */
export function settlingOf(page: Page): () => Promise<void> {
  const underway = new Set<unknown>();
  page.on("request", (request) => underway.add(request));
  page.on("requestfinished", (request) => underway.delete(request));
  page.on("requestfailed", (request) => underway.delete(request));
  return async () => {
    for (let quiet = 0; quiet < 4; quiet = underway.size === 0 ? quiet + 1 : 0) {
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20))));
    }
  };
}

/** The selector of what the UI names for tests. */
export const byId = (id: string): string => `[data-testid="${id}"]`;

/** The pages of one test. */
export class OpenPages {
  #open: OpenPage[] = [];

  keep<T extends OpenPage>(page: T): T {
    this.#open.push(page);
    return page;
  }

  get newest(): OpenPage {
    const page = this.#open.at(-1);
    if (page === undefined) throw new Error("no page is open");
    return page;
  }

  /** Closes them; gives what was thrown or refused by the security policy in any, and who but that service was asked. */
  async close(url: string): Promise<string[]> {
    const pages = this.#open;
    this.#open = [];
    for (const { context } of pages) await context.close();
    const { host } = new URL(url);
    return pages.flatMap(({ problems, origins }) => [
      ...problems,
      ...[...origins].filter((origin) => new URL(origin).host !== host),
    ]);
  }
}

/** The rows of the terminal as a person sees them. */
export async function terminalText(page: Page): Promise<string> {
  return page.evaluate(() =>
    [...document.querySelectorAll("[data-testid=terminal] .ap-line")]
      .map((line) => line.textContent ?? "")
      .join("\n")
      .trimEnd(),
  );
}

/** Every pixel of a canvas, as RGBA. */
export async function canvasPixels(page: Page, selector: string): Promise<Buffer> {
  const base64 = await page.evaluate((which) => {
    const canvas = document.querySelector<HTMLCanvasElement>(which)!;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    let binary = "";
    for (let at = 0; at < data.length; at += 0x8000) binary += String.fromCharCode(...data.subarray(at, at + 0x8000));
    return btoa(binary);
  }, selector);
  return Buffer.from(base64, "base64");
}

/** How many of them are not as wanted: A<<24 | B<<16 | G<<8 | R. */
export async function wrongPixels(page: Page, selector: string, wanted: Uint32Array): Promise<number> {
  const seen = await canvasPixels(page, selector);
  if (seen.length !== wanted.length * 4) return wanted.length;
  let wrong = 0;
  for (let i = 0; i < wanted.length; i++) if (seen.readUInt32LE(4 * i) !== wanted[i]) wrong++;
  return wrong;
}

/** Resolves with the next mark of this name that was set after the call of `action`. */
export async function afterMark(page: Page, mark: string, action: () => Promise<unknown>): Promise<void> {
  const count = () => page.evaluate((name) => performance.getEntriesByName(name).length, mark);
  const before = await count();
  await action();
  await page.waitForFunction(([name, n]) => performance.getEntriesByName(name).length > n, [mark, before] as const);
}
