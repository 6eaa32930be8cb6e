// What somebody does who can write to the store and has no key: another segment, and a manifest and sums that fit it.
import { createHash } from "node:crypto";
import { decompressSegment, SegmentCompressor } from "../../recorder/store/codec.ts";
import { chainLink } from "../../shared/manifest/chain.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** Replaces `from` by `to` in the first segment of `track` that has it. */
export function forgeSegment(
  objects: Map<string, Uint8Array>,
  prefix: string,
  track: string,
  from: string,
  to: string,
): void {
  const manifest = Manifest.parse(JSON.parse(Buffer.from(objects.get(`${prefix}manifest.json`) ?? "").toString()));
  let forged = false;
  let link = manifest.openSha256;
  for (const meta of manifest.segments) {
    const raw = Buffer.from(
      decompressSegment(objects.get(prefix + meta.name) ?? new Uint8Array(), meta.codec),
    ).toString();
    if (!forged && meta.track === track && raw.includes(from)) {
      forged = true;
      const text = Buffer.from(raw.replaceAll(from, to));
      const compressor = new SegmentCompressor(3, meta.codec);
      compressor.add(text);
      const stored = compressor.finish();
      objects.set(prefix + meta.name, stored);
      Object.assign(meta, { bytes: stored.length, rawBytes: text.length, sha256: sha256(stored).toString("hex") });
    }
    meta.link = link = chainLink(link, meta.sha256, sha256);
  }
  if (!forged) throw new Error(`no segment of ${track} has ${JSON.stringify(from)}`);
  objects.set(`${prefix}manifest.json`, Buffer.from(JSON.stringify(manifest)));
  objects.delete(`${prefix}SHA256SUMS`);
  const sums = [...objects]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, bytes]) => `${sha256(bytes).toString("hex")}  ${key.slice(prefix.length)}\n`);
  objects.set(`${prefix}SHA256SUMS`, Buffer.from(sums.join("")));
}
