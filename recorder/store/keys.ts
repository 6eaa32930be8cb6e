// The only builder of object keys. Layout, documented once:
//
//   recordings/2026/11/23/<session>/open.json            the OPEN record, and open.json.sig (Ed25519, raw 64 bytes)
//   recordings/2026/11/23/<session>/<track>/000000.cast.zst   a segment: `.cast` terminal, `.scr` screen, `.frm`
//                                                        frames, `.jsonl` all others; `.gz` for gzip;
//                                                        then `.enc` where it is encrypted
//   recordings/2026/11/23/<session>/manifest.json        and manifest.json.sig, SHA256SUMS (sha256sum -c in that folder)
//   keys/<keyId>.pub.pem                                 the recorder's public signing keys
//   keys/history/000001.json                             versions of the signed history of keys; .sig by the root key
//   ledger/<recorder>/entries/000000000000.jsonl         the ledger's lines from that number on, to a checkpoint
//   ledger/<recorder>/checkpoints/000000000017           the signed note of the first 17 lines; `.tsr`: its time stamp
//   probes/<id>                                          written, read back and removed by `conduit doctor`
//
// The date is the session's start in UTC. Nothing is written under a recording's prefix after SHA256SUMS.
import type { SegmentCodec } from "../../shared/manifest/manifest.ts";

/** `startedAt` RFC 3339 in UTC. Ends with "/". */
export function recordingPrefix(startedAt: string, session: string): string {
  return `recordings/${startedAt.slice(0, 4)}/${startedAt.slice(5, 7)}/${startedAt.slice(8, 10)}/${session}/`;
}

const kinds: Record<string, string> = { terminal: "cast", screen: "scr", frames: "frm" };

/** Name within the recording's prefix. */
export function segmentName(track: string, index: number, codec: SegmentCodec, encrypted = false): string {
  const kind = kinds[track.split("-", 1)[0] ?? ""] ?? "jsonl";
  const ending = `${codec === "zstd" ? "zst" : "gz"}${encrypted ? ".enc" : ""}`;
  return `${track}/${String(index).padStart(6, "0")}.${kind}.${ending}`;
}

export const openName = "open.json";
export const openSignatureName = "open.json.sig";
export const manifestName = "manifest.json";
export const manifestSignatureName = "manifest.json.sig";
export const checksumsName = "SHA256SUMS";

export function publicKeyKey(keyId: string): string {
  return `keys/${keyId}.pub.pem`;
}

/** `number` from 1; its signature by the root key has the same name and `.sig`. */
export function keyHistoryKey(number: number): string {
  return `${keyHistoryPrefix}${String(number).padStart(6, "0")}.json`;
}

export const keyHistoryPrefix = "keys/history/";

/** Ends with "/". */
export function ledgerPrefix(recorderId: string): string {
  return `ledger/${recorderId}/`;
}

/** The lines from `first` on. */
export function ledgerEntriesKey(recorderId: string, first: number): string {
  return `${ledgerPrefix(recorderId)}entries/${ledgerNumber(first)}.jsonl`;
}

/** The note over the first `size` lines; its RFC 3161 time stamp has the same name and `.tsr`. */
export function ledgerCheckpointKey(recorderId: string, size: number): string {
  return `${ledgerPrefix(recorderId)}checkpoints/${ledgerNumber(size)}`;
}

function ledgerNumber(n: number): string {
  return String(n).padStart(12, "0");
}

/** What `conduit doctor` writes, reads back and removes. */
export function probeKey(id: string): string {
  return `probes/${id}`;
}
