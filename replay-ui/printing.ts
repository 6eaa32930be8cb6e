// A page on paper: in the light colours, whatever the screen has, and with what only paper needs.
import { Store } from "./store.ts";

/** A page is being printed: what is drawn then is gone afterwards. */
export const printing = new Store(false);

export function installPrinting(): void {
  const page = document.documentElement;
  let chosen: string | null = null;
  window.addEventListener("beforeprint", () => {
    chosen ??= page.getAttribute("data-theme") ?? "";
    page.setAttribute("data-theme", "light");
    printing.set(true);
  });
  window.addEventListener("afterprint", () => {
    if (chosen === null) return;
    if (chosen === "") page.removeAttribute("data-theme");
    else page.setAttribute("data-theme", chosen);
    chosen = null;
    printing.set(false);
  });
}
