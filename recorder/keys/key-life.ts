// What becomes of the recorder's keys, as versions of their history: pure, from one version to the next. Invariant: a key is
// added once and ends once; none vanishes, changes or comes back, so whatever it signed can be checked for ever.
import { AppError } from "../../shared/errors.ts";
import {
  type HistoryKey,
  KEY_HISTORY_FORMAT,
  type KeyHistory,
  type KeyState,
} from "../../shared/ledger/key-history.ts";
import type { PublicKey } from "./root-key.ts";

/** A change, as the ledger tells it. */
export interface KeyChange {
  type: "key-created" | "key-retired" | "key-lost";
  keyId: string;
  facts: Record<string, unknown>;
}

export interface KeysHere {
  recorder: string;
  root: PublicKey;
  /** The one that signs now. */
  active: PublicKey;
  /** The one that signs from the next start on. */
  next: PublicKey | null;
  /** Of earlier keys whose files are still in the key directory. */
  earlier: readonly PublicKey[];
}

/**
 * The history that names these keys, or null where the given one does. A key that signed and of which nothing is left here is
 * lost; one whose public half is kept was replaced in good order and is retired.
 */
export function broughtUpToDate(
  before: KeyHistory | null,
  beforeSha256: string | null,
  here: KeysHere,
  at: string,
): { history: KeyHistory; changes: KeyChange[] } | null {
  const changes: KeyChange[] = [];
  const keys = [...(before?.keys ?? [])];
  const add = (key: PublicKey, state: KeyState) => {
    if (keys.some(({ keyId }) => keyId === key.keyId)) return;
    keys.push({ ...key, use: "recorder", state, from: at, ...(state === "active" ? {} : { to: at }) });
    changes.push({ type: "key-created", keyId: key.keyId, facts: { state } });
  };
  const stay = new Set([here.active.keyId, here.next?.keyId]);
  for (const [i, key] of keys.entries()) {
    if (key.state !== "active" || stay.has(key.keyId)) continue;
    const state = here.earlier.some(({ keyId }) => keyId === key.keyId) ? "retired" : "lost";
    keys[i] = { ...key, state, to: at };
    changes.push({ type: state === "lost" ? "key-lost" : "key-retired", keyId: key.keyId, facts: { state } });
  }
  for (const key of here.earlier) add(key, "retired");
  add(here.active, "active");
  if (here.next !== null) add(here.next, "active");
  return changes.length === 0 ? null : { history: following(before, beforeSha256, here, keys, at), changes };
}

/** REQUEST_NOT_FOUND or REQUEST_CONFLICT where that cannot become of the key. */
export function ended(
  before: KeyHistory,
  beforeSha256: string,
  keyId: string,
  state: Exclude<KeyState, "active">,
  at: string,
): { history: KeyHistory; changes: KeyChange[] } {
  const found = before.keys.filter((key) => key.keyId.startsWith(keyId));
  const key = found[0];
  if (key === undefined || found.length > 1 || keyId.length < 4) {
    const why = found.length > 1 && keyId.length >= 4 ? "names several keys" : "is no key of the history";
    throw new AppError("REQUEST_NOT_FOUND", `${JSON.stringify(keyId)} ${why}: conduit keys list`, { op: "keys.end" });
  }
  // That a retired key got into other hands may be learnt later.
  if (key.state !== "active" && !(key.state === "retired" && state !== "retired")) {
    throw new AppError("REQUEST_CONFLICT", `the key ${key.keyId} is ${key.state} already`, { op: "keys.end" });
  }
  const keys = before.keys.map((one) => (one === key ? { ...one, state, to: one.to ?? at } : one));
  const { recorder, root } = before;
  const type = state === "retired" ? "key-retired" : "key-lost";
  return {
    history: following(before, beforeSha256, { recorder, root }, keys, at),
    changes: [{ type, keyId: key.keyId, facts: { state } }],
  };
}

function following(
  before: KeyHistory | null,
  previousSha256: string | null,
  { recorder, root }: { recorder: string; root: PublicKey },
  keys: HistoryKey[],
  at: string,
): KeyHistory {
  return {
    format: KEY_HISTORY_FORMAT,
    number: (before?.number ?? 0) + 1,
    previousSha256,
    at,
    recorder,
    root: { keyId: root.keyId, publicKeyPem: root.publicKeyPem },
    keys,
  };
}
