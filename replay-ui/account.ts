// Who is signed in. `undefined` until that is known.
import type { Me } from "../shared/api/types.ts";
import type { Role } from "../shared/policy/policy.ts";
import { currentSession, onSignedOut, signOut } from "./api/client.ts";
import { Store } from "./store.ts";

export const account = new Store<Me | null | undefined>(undefined);
export const accountError = new Store<unknown>(null);

/** The sign-in ended by itself, and not because somebody left. */
export const signInEnded = new Store(false);

onSignedOut(() => {
  if (account.get() != null) signInEnded.set(true);
  account.set(null);
});

export async function loadAccount(): Promise<void> {
  try {
    account.set(await currentSession());
    accountError.set(null);
  } catch (error) {
    accountError.set(error);
  }
}

export async function leave(): Promise<void> {
  const away = account.get()?.signOutUrl;
  await signOut().catch(() => {});
  signInEnded.set(false);
  account.set(null);
  // The next person at this computer must not come in by what the provider still remembers.
  if (away !== undefined) location.assign(away);
}

export function hasRole(me: Me, ...roles: Role[]): boolean {
  return me.roles.some((role) => roles.includes(role));
}
