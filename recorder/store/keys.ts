// The only builder of object keys. Layout, documented once:
//
//   recordings/2026/11/23/<session>/open.json            the OPEN record, and open.json.sig (Ed25519, raw 64 bytes)
//   recordings/2026/11/23/<session>/<track>/000000.cast.zst   a segment: `.cast` terminal, `.scr` screen, `.frm`
//                                                        frames, `.jsonl` all others; `.gz` for gzip
//   recordings/2026/11/23/<session>/manifest.json        and manifest.json.sig, SHA256SUMS (sha256sum -c in that folder)
//   keys/<keyId>.pub.pem                                 the recorder's public signing keys
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
export function segmentName(track: string, index: number, codec: SegmentCodec): string {
  const kind = kinds[track.split("-", 1)[0] ?? ""] ?? "jsonl";
  return `${track}/${String(index).padStart(6, "0")}.${kind}.${codec === "zstd" ? "zst" : "gz"}`;
}

export const openName = "open.json";
export const openSignatureName = "open.json.sig";
export const manifestName = "manifest.json";
export const manifestSignatureName = "manifest.json.sig";
export const checksumsName = "SHA256SUMS";

export function publicKeyKey(keyId: string): string {
  return `keys/${keyId}.pub.pem`;
}

/** What `conduit doctor` writes, reads back and removes. */
export function probeKey(id: string): string {
  return `probes/${id}`;
}
