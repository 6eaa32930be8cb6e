// Light, dark or high contrast: the system's choice unless the person made one.
import { Store } from "./store.ts";

export type Theme = "light" | "dark" | "contrast" | "system";

const storageKey = "conduit.theme";

function stored(): Theme {
  const value = localStorage.getItem(storageKey);
  return value === "light" || value === "dark" || value === "contrast" ? value : "system";
}

export const theme = new Store<Theme>(stored());

const wantsContrast = () => matchMedia("(prefers-contrast: more)");

function applyTheme(value: Theme): void {
  const shown = value === "system" && wantsContrast().matches ? "contrast" : value;
  if (shown === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset["theme"] = shown;
}

export function installTheme(): void {
  applyTheme(theme.get());
  wantsContrast().addEventListener("change", () => applyTheme(theme.get()));
  theme.subscribe((value) => {
    applyTheme(value);
    if (value === "system") localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, value);
  });
}

/** What is on the screen now. */
export function isDark(value: Theme): boolean {
  return (
    value === "dark" ||
    value === "contrast" ||
    (value === "system" && matchMedia("(prefers-color-scheme: dark)").matches)
  );
}
