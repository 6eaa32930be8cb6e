// How the portal looks and which time it shows: kept in this browser.
import { useState } from "preact/hooks";
import { formatClock, formatZone } from "../format.ts";
import { useStore } from "../store.ts";
import { type Theme, theme } from "../theme.ts";
import { isZone, zone } from "../zone.ts";
import { Dialog } from "./dialog.tsx";

const themes: { value: Theme; text: string }[] = [
  { value: "system", text: "As this computer" },
  { value: "light", text: "Light" },
  { value: "dark", text: "Dark" },
  { value: "contrast", text: "High contrast" },
];

function zones(): string[] {
  return typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
}

export function DisplayDialog({ onClose }: { onClose: () => void }) {
  const chosenTheme = useStore(theme);
  const chosenZone = useStore(zone);
  const [all] = useState(zones);
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const nowMs = Date.now();
  return (
    <Dialog title="Display" testId="display-dialog" onClose={onClose}>
      <fieldset class="choices">
        <legend>Colours</legend>
        {themes.map(({ value, text }) => (
          <label key={value} class="choice">
            <input
              type="radio"
              name="theme"
              value={value}
              checked={chosenTheme === value}
              data-testid={`theme-${value}`}
              onChange={() => theme.set(value)}
            />
            <span>{text}</span>
          </label>
        ))}
      </fieldset>
      <label class="field">
        <span>Time zone of all times in the portal</span>
        <select
          value={chosenZone}
          data-testid="zone"
          onChange={(event) => {
            const { value } = event.currentTarget;
            if (isZone(value)) zone.set(value);
          }}
        >
          <option value="local">{`This computer's (${own})`}</option>
          <option value="UTC">UTC</option>
          {all
            .filter((name) => name !== "UTC")
            .map((name) => (
              <option key={name} value={name}>
                {name.replaceAll("_", " ")}
              </option>
            ))}
        </select>
      </label>
      <p class="hint" data-testid="zone-now">
        It is {formatClock(nowMs).slice(0, 5)} {formatZone(nowMs)} there now. Exports, evidence and the ledger are in
        UTC whatever is chosen here.
      </p>
    </Dialog>
  );
}
