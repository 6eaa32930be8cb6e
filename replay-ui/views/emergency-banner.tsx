// Who sees over access is told on every page but the player's and the live screen's while emergency access is open.
import { AlertIcon } from "../components/icons.tsx";
import { formatClockZone } from "../format.ts";
import { type Route, requestPath } from "../router.ts";
import { useStore } from "../store.ts";
import { waiting } from "../waiting.ts";

export function EmergencyBanner({ current }: { current: Route }) {
  const { emergencies } = useStore(waiting);
  if (emergencies.length === 0 || current.view === "recording" || current.view === "connect") return null;
  return (
    <div class="emergency-banner" role="alert" data-testid="emergency-banner">
      {emergencies.map(({ id, person, target, to }) => (
        <a key={id} href={requestPath(id)}>
          <AlertIcon size={16} />
          <span>
            Emergency access is open: <strong>{person}</strong> at <strong>{target}</strong>, until{" "}
            {formatClockZone(to)}
          </span>
        </a>
      ))}
    </div>
  );
}
