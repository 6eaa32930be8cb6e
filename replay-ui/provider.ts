// The way to the identity provider and back. It sends the browser to /oidc/callback with an answer in the address, which
// goes out of the address bar and the history before anything else happens.
import { parseRoute, route } from "./router.ts";
import { Store } from "./store.ts";

const callbackPath = "/oidc/callback";
const returnKey = "conduit-return";

/** What the provider sent the browser back with, until it was brought to the service. */
export const providerAnswer = new Store<string | null>(null);

/** Before anything else looks at the address. */
export function takeProviderAnswer(): void {
  if (location.pathname !== callbackPath) return;
  providerAnswer.set(location.search.slice(1));
  history.replaceState(null, "", returnPath());
  route.set(parseRoute(location.pathname, location.search));
}

/** Leaves the portal; afterwards it goes on at this page. */
export function goToProvider(url: string): void {
  sessionStorage.setItem(returnKey, location.pathname + location.search);
  location.assign(url);
}

/** Only a place of this portal. */
function returnPath(): string {
  const kept = sessionStorage.getItem(returnKey) ?? "/";
  sessionStorage.removeItem(returnKey);
  try {
    const url = new URL(kept, location.origin);
    return url.origin === location.origin && url.pathname !== callbackPath ? url.pathname + url.search : "/";
  } catch {
    return "/";
  }
}
