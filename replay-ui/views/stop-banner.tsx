// Told on every page while the kill switch is on: nobody looks for a fault where the plant has stopped access.
import type { Me } from "../../shared/api/types.ts";
import { hasRole } from "../account.ts";
import { AlertIcon } from "../components/icons.tsx";
import { formatMoment } from "../format.ts";
import type { Route } from "../router.ts";
import { useStore } from "../store.ts";
import { waiting } from "../waiting.ts";
import { stopScopeWords } from "./live/stop-words.ts";

export function StopBanner({ current, me }: { current: Route; me: Me }) {
  const { stops } = useStore(waiting);
  if (stops.length === 0 || current.view === "recording" || current.view === "connect") return null;
  return (
    <div class="emergency-banner" role="alert" data-testid="stop-banner">
      {stops.map(({ scope, action, reason, by, at }) => {
        const text = (
          <>
            <AlertIcon size={16} />
            <span>
              {stopScopeWords(scope)} {action === "freeze" ? "frozen" : "ended"}, and no new ones begin:{" "}
              <strong>{reason}</strong> ({by}, {formatMoment(at)})
            </span>
          </>
        );
        return hasRole(me, "admin", "escort") ? (
          <a key={scope} href="/live">
            {text}
          </a>
        ) : (
          <span key={scope} class="banner-line">
            {text}
          </span>
        );
      })}
    </div>
  );
}
