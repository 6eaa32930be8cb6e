// Light or dark: the system's choice unless the person made one.
import { Store } from "./store.ts";

export type Theme = "light" | "dark" | "system";

const storageKey = "conduit.theme";

function stored(): Theme {
  const value = localStorage.getItem(storageKey);
  return value === "light" || value === "dark" ? value : "system";
}

export const theme = new Store<Theme>(stored());

function applyTheme(value: Theme): void {
  if (value === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset["theme"] = value;
}

export function installTheme(): void {
  applyTheme(theme.get());
  theme.subscribe((value) => {
    applyTheme(value);
    if (value === "system") localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, value);
  });
}

/** What is on the screen now. */
export function isDark(value: Theme): boolean {
  return value === "dark" || (value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}
