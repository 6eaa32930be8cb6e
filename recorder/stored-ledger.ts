// The ledger as the store has it, for whoever cannot ask the running service: its lines up to the newest checkpoint.
// Invariant: what comes from here has the root that the checkpoint signs.
import { AppError } from "../shared/errors.ts";
import { toHex, utf8 } from "../shared/ledger/bytes.ts";
import { ledgerOrigin } from "../shared/ledger/checkpoint.ts";
import { parseEntry } from "../shared/ledger/entry.ts";
import { ed25519KeyOf } from "../shared/ledger/key-history.ts";
import { leafHash, MerkleTree } from "../shared/ledger/merkle.ts";
import type { ExcerptLedger } from "./evidence.ts";
import type { LedgerLine } from "./ledger/contract.ts";
import type { LedgerService } from "./ledger/ledger-service.ts";
import { sha256 } from "./ledger/node-crypto.ts";
import { lookAtStore } from "./ledger/store-copy.ts";
import type { PublicSigningKey } from "./signing-keys.ts";
import { ledgerCheckpointKey, ledgerEntriesKey } from "./store/keys.ts";
import type { ObjectStore } from "./store/object-store.ts";

/** Null: the store has no ledger of this recorder. INTEGRITY_LEDGER: it is not the one that the checkpoint signs. */
export async function storedLedger(
  store: ObjectStore,
  recorderId: string,
  keys: readonly PublicSigningKey[],
  signal: AbortSignal,
): Promise<ExcerptLedger | null> {
  const name = ledgerOrigin(recorderId);
  const noteKeys = keys.flatMap(({ publicKeyPem }) => {
    const key = ed25519KeyOf(publicKeyPem);
    return key === null ? [] : [{ name, publicKey: key.publicKey }];
  });
  const stored = await lookAtStore(store, recorderId, noteKeys, signal);
  if (stored === null) return null;
  const { newest } = stored;
  const tree = new MerkleTree(sha256);
  const about = new Map<string, LedgerLine[]>();
  for (const first of stored.entries) {
    if (tree.size >= newest.size) break;
    const text = Buffer.from(await store.get(ledgerEntriesKey(recorderId, first), { signal })).toString("utf8");
    for (const line of text.split("\n")) {
      if (line === "" || tree.size >= newest.size) continue;
      const entry = parseEntry(line);
      if (entry?.n !== tree.size) throw notTheOne(recorderId, `entry ${tree.size} is missing or cannot be read`);
      tree.append(leafHash(utf8(line), sha256));
      const named = entry.facts["session"];
      for (const session of new Set([entry.subject, ...(typeof named === "string" ? [named] : [])])) {
        const lines = about.get(session);
        if (lines === undefined) about.set(session, [{ entry, line }]);
        else lines.push({ entry, line });
      }
    }
  }
  if (tree.size !== newest.size || toHex(tree.root()) !== toHex(newest.root))
    throw notTheOne(recorderId, `its lines do not have the root of the checkpoint over ${newest.size}`);
  return {
    entriesOf: async (session) => about.get(session) ?? [],
    proof(n, size) {
      const path = tree.inclusionProof(n, size).map(toHex);
      return { n, size, leaf: toHex(tree.leaf(n)), path, root: toHex(tree.root(size)) };
    },
    checkpoint: async () => newest,
    timestamp: (size) => storedTimestamp(store, recorderId, size),
    async stampedOver(n, most) {
      const size = stored.stamps.find((one) => one > n && one <= most);
      const timestamp = size === undefined ? null : await storedTimestamp(store, recorderId, size);
      if (size === undefined || timestamp === null) return null;
      const note = Buffer.from(await store.get(ledgerCheckpointKey(recorderId, size), { signal })).toString("utf8");
      return { size, note, timestamp };
    },
  };
}

/** As the running service has it: a checkpoint over all of it is signed where there is none. */
export function excerptFrom(service: LedgerService, store: ObjectStore, recorderId: string): ExcerptLedger {
  const { ledger } = service;
  return {
    entriesOf: (session) => ledger.entriesOf(session),
    proof: (n, size) => ledger.proof(n, size),
    async checkpoint() {
      const { lastCheckpoint } = ledger;
      return lastCheckpoint?.size === ledger.size ? lastCheckpoint : service.checkpoint();
    },
    timestamp: (size) => storedTimestamp(store, recorderId, size),
    async stampedOver(n, most) {
      const size = (await service.stampedSizes()).find((one) => one > n && one <= most);
      const timestamp = size === undefined ? null : await service.timestamp(size);
      const checkpoint = size === undefined ? null : await ledger.checkpointOver(size - 1);
      return checkpoint === null || timestamp === null || checkpoint.size !== size
        ? null
        : { ...checkpoint, timestamp };
    },
  };
}

/** The time stamp over a checkpoint; null where there is none. */
async function storedTimestamp(store: ObjectStore, recorderId: string, size: number): Promise<Uint8Array | null> {
  try {
    return await store.get(`${ledgerCheckpointKey(recorderId, size)}.tsr`);
  } catch (error) {
    if (error instanceof AppError && ["STORE_NOT_FOUND", "STORE_UNAVAILABLE"].includes(error.code)) return null;
    throw error;
  }
}

function notTheOne(recorderId: string, why: string): AppError {
  return new AppError("INTEGRITY_LEDGER", `the ledger of ${recorderId} in the store is damaged: ${why}`, {
    op: "ledger.read",
  });
}
