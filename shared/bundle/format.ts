// The evidence bundle: names of what stands in its folder, and what its page carries in data/*.js, because a page that is
// opened from a disk may not read the files beside it. data/index.js carries the small files, data/000000.js and so on the
// segments, each some of them. What is carried is a copy: nothing of it counts before it has the signed hashes.
import { z } from "zod";

export const BUNDLE_FORMAT = "conduit-bundle/1";

/** The function of the page that data/*.js call: `conduitCarry(name, content)`. */
export const carryFunction = "conduitCarry";

/** Stored bytes of all segments together above which the page carries none of them: it asks for the folder. */
export const maxCarriedBytes = 512 * 1024 * 1024;
/** A piece takes another segment until it holds this much. */
export const pieceBytes = 1024 * 1024;

export const bundleNames = {
  readme: "README.html",
  verify: "VERIFY.md",
  player: "player.html",
  custody: "custody.jsonl",
  /** In the one form whose SHA-256 the OPEN record names. */
  policy: "policy.json",
  /** As it was written. */
  policyText: "policy.yaml",
  integrity: "INTEGRITY.txt",
  checkpoint: "ledger/checkpoint",
  timestamp: "ledger/checkpoint.tsr",
  /** An older one, where an authority stamped that and not yet the newest. */
  stamped: "ledger/stamped-checkpoint",
  stampedTimestamp: "ledger/stamped-checkpoint.tsr",
  root: "keys/root.pub.pem",
  /** Of an encrypted recording, where the exporter asked for it: whoever has the bundle can read it then. */
  dataKeys: "data-keys.json",
  index: "data/index.js",
} as const;

/** A line of the ledger, without its line feed. */
export function entryName(n: number): string {
  return `ledger/${String(n).padStart(12, "0")}.json`;
}

export type ProofSide = "L" | "R";

/**
 * The way from an entry to the root that the checkpoint signs: the hashes of 32 bytes that stand beside it on the way, one
 * after the other. The name says on which side each stands, so that a shell needs no arithmetic, and to which checkpoint.
 */
export function proofName(n: number, sides: readonly ProofSide[], to: "path" | "stamped-path" = "path"): string {
  return `ledger/${String(n).padStart(12, "0")}.${to}-${sides.join("")}`;
}
export const entryPattern = /^ledger\/(\d{12})\.json$/;
export const proofPattern = /^ledger\/(\d{12})\.path-([LR]{0,60})$/;
export const stampedProofPattern = /^ledger\/(\d{12})\.stamped-path-([LR]{0,60})$/;

/** On which sides the hashes of an inclusion proof stand (RFC 9162 §2.1.3.2). */
export function proofSides(index: number, size: number): ProofSide[] {
  const sides: ProofSide[] = [];
  let [fn, sn] = [index, size - 1];
  while (sn > 0) {
    if (fn % 2 === 1) sides.push("L");
    else if (fn < sn) sides.push("R");
    // The last of an uneven level has nobody beside it there.
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sides;
}

export function keyName(keyId: string): string {
  return `keys/${keyId}.pub.pem`;
}
export function historyName(number: number): string {
  return `keys/history/${String(number).padStart(6, "0")}.json`;
}

export const historyPattern = /^keys\/history\/(\d{6})\.json$/;

export function pieceName(number: number): string {
  return `data/${String(number).padStart(6, "0")}.js`;
}

/** Data keys in base64, by stream. */
export const BundleDataKeys = z.strictObject({ content: z.string().optional(), input: z.string().optional() });
export type BundleDataKeys = z.infer<typeof BundleDataKeys>;

export const CarriedPiece = z.strictObject({
  /** Number of the first segment in it, and how many follow one another in it. */
  first: z.int().nonnegative(),
  count: z.int().positive(),
});
export type CarriedPiece = z.infer<typeof CarriedPiece>;

/** What data/index.js hands over. */
export const CarriedIndex = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  session: z.string(),
  /** Stored bytes in base64 by their name in the folder. */
  files: z.record(z.string(), z.string()),
  pieces: z.array(CarriedPiece),
});
export type CarriedIndex = z.infer<typeof CarriedIndex>;

/** Which segments stand together; of sizes in chain order. None where they are too many bytes. */
export function piecesOf(sizes: readonly number[]): CarriedPiece[] {
  if (sizes.reduce((sum, size) => sum + size, 0) > maxCarriedBytes) return [];
  const pieces: CarriedPiece[] = [];
  let bytes = 0;
  for (const [n, size] of sizes.entries()) {
    const last = pieces.at(-1);
    if (last === undefined || bytes >= pieceBytes) {
      pieces.push({ first: n, count: 1 });
      bytes = size;
    } else {
      last.count++;
      bytes += size;
    }
  }
  return pieces;
}
