// Told on every page to who answers for the evidence, while the store does not keep recordings as it should.
import { AlertIcon } from "../components/icons.tsx";
import type { Route } from "../router.ts";
import { useStore } from "../store.ts";
import { waiting } from "../waiting.ts";

export function StoreBanner({ current }: { current: Route }) {
  const { store } = useStore(waiting);
  if (store === null || current.view === "recording" || current.view === "connect") return null;
  return (
    <div class="emergency-banner" role="alert" data-testid="store-banner">
      <span class="banner-line">
        <AlertIcon size={16} />
        <span>The store does not keep recordings as it should: {store}</span>
      </span>
    </div>
  );
}
