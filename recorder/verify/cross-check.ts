// Keys, ledgers and anchors of a store against each other: what one of them tells of and the other has not is missing. Pure.
import type { EvidenceFinding, KeysEvidence } from "../../shared/evidence/verdict.ts";
import { worstVerdict } from "../../shared/evidence/verdict.ts";
import { ledgerOrigin, parseCheckpoint, verifyNote } from "../../shared/ledger/checkpoint.ts";
import { keyHistoryPrefix, ledgerPrefix } from "../store/keys.ts";
import { type KeyTrust, noteKeysOf } from "./key-trust.ts";
import type { CheckedLedger } from "./ledger-check.ts";
import { noteCrypto } from "./note-crypto.ts";

type Ledgers = ReadonlyMap<string, CheckedLedger>;

const missing = (place: string, message: string): EvidenceFinding => ({
  place,
  code: "STORE_NOT_FOUND",
  message,
  weight: "MISSING",
});

/**
 * What the ledgers say of keys the signed history says as well: else a version of it was taken away.
 * @param settledMs entries that are later may tell of a version that is on its way to the store.
 */
export function keysWithLedgers({ evidence, keys }: KeyTrust, ledgers: Ledgers, settledMs: number): KeysEvidence {
  // A root that vouches for none of the history is another one: nothing follows from what that does not name.
  if (![...keys.values()].some(({ recorder }) => recorder !== null)) return evidence;
  const findings = [...evidence.findings];
  for (const { recorder, entries } of ledgers.values())
    for (const [keyId, { n, at, ended, compromised }] of entries.keys) {
      if (Date.parse(at) > settledMs) continue;
      const known = keys.get(keyId);
      const told = `entry ${n} of the ledger of ${recorder}`;
      const say = (message: string) => findings.push(missing(keyHistoryPrefix, message));
      if (known === undefined) say(`no version names the key ${keyId}, of which ${told} tells`);
      else if (ended && known.state === "active") say(`the key ${keyId} is active; ${told} says that it ended`);
      else if (compromised && known.state !== "compromised")
        say(`the key ${keyId} is ${known.state}; ${told} says that somebody else may have it`);
    }
  return { ...evidence, findings, verdict: worstVerdict(findings.map(({ weight }) => weight)) };
}

/**
 * Recorders for which keys or anchors vouch, and of whose ledger not one entry is here.
 * @param byKeys false: only anchors count, as of a folder with some recordings and keys alone.
 */
export async function ledgersGone(
  trust: KeyTrust,
  ledgers: Ledgers,
  anchors: readonly string[] | null,
  byKeys: boolean,
): Promise<EvidenceFinding[]> {
  const gone = new Map<string, string>();
  for (const { recorder } of byKeys ? trust.keys.values() : [])
    if (recorder !== null)
      gone.set(recorder, "the signed history of keys is of this recorder, and its ledger is not here");
  for (const note of anchors ?? []) {
    const parsed = parseCheckpoint(note);
    if (parsed === null || !parsed.origin.startsWith(ledgerOrigin(""))) continue;
    const recorder = parsed.origin.slice(ledgerOrigin("").length);
    // Notes of other installations may stand in the same file: they are signed by keys that nobody here vouches for.
    if (ledgers.has(recorder) || (await verifyNote(parsed, noteKeysOf(trust, recorder), noteCrypto)) === null) continue;
    gone.set(recorder, `outside, the ledger had ${parsed.size} entries; nothing of it is here`);
  }
  return [...gone].flatMap(([recorder, message]) =>
    ledgers.has(recorder) ? [] : [missing(ledgerPrefix(recorder), message)],
  );
}

/** A first start that failed between the two leaves the same: what it means is for people. */
export function laterThanKeys({ keys }: KeyTrust, ledgers: Ledgers): EvidenceFinding[] {
  return [...ledgers.values()].flatMap(({ recorder, from }) => {
    const signed = [...keys.values()].filter((key) => key.recorder === recorder).map((key) => Date.parse(key.from));
    const firstMs = Math.min(...signed);
    const beganMs = Date.parse(from ?? "");
    if (!(beganMs - firstMs > laterMs)) return [];
    const message = `begins at ${from}; the recorder's first key was signed at ${new Date(firstMs).toISOString()}: there may have been a ledger before`;
    return [{ place: ledgerPrefix(recorder), code: "INTEGRITY_LEDGER", message, weight: "NOTICE" as const }];
  });
}

const laterMs = 3_600_000;
