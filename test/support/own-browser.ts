// A Chromium as people have it: a process of its own, whose windows hide the tabs that are behind, and that can be made to
// stand still. Pages of launchBrowser always believe that they are in front.
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { chromiumArguments, chromiumPath } from "./browser.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { createTempDir } from "./temp-dir.ts";

export interface OwnBrowser {
  readonly context: BrowserContext;
  newWindow(): Promise<Page>;
  /** A second tab in its window, in front of it. */
  cover(page: Page): Promise<Page>;
  /** All of its processes, as on a machine that has frozen. Nothing may be asked of it until it goes on. */
  standStill(): void;
  goOn(): void;
  /** All that is open in it, but for the window that it began with. */
  closePages(): Promise<void>;
  close(): Promise<void>;
}

const listening = /DevTools listening on (ws:\S+)/;

export async function startOwnBrowser(): Promise<OwnBrowser> {
  const profile = await createTempDir("browser");
  const program = await startProcess(
    chromiumPath(),
    [
      ...chromiumArguments,
      ...["--remote-debugging-port=0", `--user-data-dir=${join(profile.path, "profile")}`, "about:blank"],
    ],
    { ready: listening, readyTimeoutMs: 60_000 },
  );
  const address = listening.exec(program.output())?.[1] ?? "";
  // With the defaults of tests every page would have the focus.
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  const context = browser.contexts()[0];
  if (context === undefined) throw new Error("the browser has no profile");
  return ownBrowser(browser, context, program, () => profile.remove());
}

function ownBrowser(
  browser: Browser,
  context: BrowserContext,
  program: RunningProcess,
  tidy: () => Promise<void>,
): OwnBrowser {
  const first = new Set(context.pages());
  return {
    context,
    newWindow: async () => {
      const cdp = await browser.newBrowserCDPSession();
      const opened = context.waitForEvent("page");
      await cdp.send("Target.createTarget", { url: "about:blank", newWindow: true });
      await cdp.detach();
      return opened;
    },
    cover: async (page) => {
      const opened = context.waitForEvent("page");
      await page.evaluate(() => void window.open("about:blank"));
      const tab = await opened;
      await tab.bringToFront();
      return tab;
    },
    standStill: () => void process.kill(-program.pid, "SIGSTOP"),
    goOn: () => void process.kill(-program.pid, "SIGCONT"),
    closePages: async () => {
      for (const page of context.pages()) if (!first.has(page)) await page.close();
    },
    close: async () => {
      await browser.close();
      await program.stop("SIGTERM");
      await tidy();
    },
  };
}
