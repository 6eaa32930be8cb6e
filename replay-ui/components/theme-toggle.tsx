import { useStore } from "../store.ts";
import { isDark, theme } from "../theme.ts";
import { MoonIcon, SunIcon } from "./icons.tsx";

export function ThemeToggle() {
  const chosen = useStore(theme);
  const dark = isDark(chosen);
  const label = dark ? "Switch to light" : "Switch to dark";
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      data-testid="theme-toggle"
      onClick={() => theme.set(dark ? "light" : "dark")}
    >
      {dark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
