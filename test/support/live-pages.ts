// The portal's pages of live sessions, as an escort goes through them.
import type { Page } from "playwright-core";
import { byId } from "./browser.ts";

/** From the list of live sessions to the one at this target; gives the session. */
export async function watchLive(page: Page, url: string, target: string): Promise<string> {
  await page.goto(new URL("/live", url).href);
  const card = page.locator(byId("live-session"), { hasText: target });
  await card.waitFor();
  const session = (await card.getAttribute("data-session")) ?? "";
  await card.getByRole("link", { name: /Watch/ }).click();
  await page.locator(`${byId("live-health")}[data-connected=true]`).waitFor();
  return session;
}

/** Of the session that this page watches: "Live", "Frozen". */
export const showsState = (page: Page, text: string) => page.locator(byId("live-state")).getByText(text).waitFor();

/** Once the service counts this page as the escort's, it lets the session go on. */
export async function releaseOn(page: Page): Promise<void> {
  await page
    .locator(`${byId("escort-panel")} [data-counts=true]`)
    .getByText("You")
    .waitFor();
  await page.click(byId("unfreeze"));
  await showsState(page, "Live");
}
