// The recording of a bundle as the player sees it: the signed manifest is its index, the bundle's files are its bytes.
import type { RecordingIndex, RecordingSummary } from "../../shared/api/types.ts";
import { BundleDataKeys, bundleNames } from "../../shared/bundle/format.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { type DataKeySource, dataKeyFromBase64 } from "../player/decrypt.ts";
import { NoBytesError } from "../player/segments.ts";
import type { RecordingSource } from "../sources/source.ts";
import { Store } from "../store.ts";
import type { BundleFiles } from "./files.ts";

export function bundleSource(files: BundleFiles, manifest: Manifest): RecordingSource {
  const { session, durationUs, startedAt, openSha256, tracks, segments, gaps } = manifest;
  const index: RecordingIndex = { session, live: false, durationUs, startedAt, openSha256, tracks, segments, gaps };
  return {
    session,
    index: new Store(index),
    reachable: new Store(true),
    async segment(n) {
      const segment = segments[n];
      if (segment === undefined) throw new NoBytesError("is not in the manifest");
      return files.segment(segment);
    },
    dataKey: keysIn(files),
    async object(name) {
      const bytes = await files.read(name);
      if (bytes === null) throw new NoBytesError(`${name} is missing`);
      return bytes;
    },
    close() {},
  };
}

/** Those that the exporter put in; of a recording that is not encrypted nobody asks. */
function keysIn(files: BundleFiles): DataKeySource {
  let read: Promise<BundleDataKeys> | null = null;
  const keys = async (): Promise<BundleDataKeys> => {
    const bytes = files.names.includes(bundleNames.dataKeys) ? await files.read(bundleNames.dataKeys) : null;
    if (bytes === null) return {};
    return BundleDataKeys.parse(JSON.parse(new TextDecoder().decode(bytes)));
  };
  return async (stream) => {
    read ??= keys();
    const { [stream]: key } = await read;
    return key === undefined ? null : dataKeyFromBase64(key);
  };
}

export function summaryOf(manifest: Manifest, open: OpenRecord): RecordingSummary {
  const { counts, recorder } = manifest;
  return {
    session: manifest.session,
    sequence: recorder.sequence,
    person: open.person.name,
    target: open.target.name,
    conduit: open.target.conduit,
    protocol: open.protocol,
    clientAddress: open.client.address,
    startedAt: manifest.startedAt,
    endedAt: manifest.endedAt,
    durationUs: manifest.durationUs,
    state: manifest.state,
    endReason: manifest.endReason,
    keystrokes: counts.keystrokes,
    files: counts.files,
    bytes: manifest.segments.reduce((sum, { bytes }) => sum + bytes, 0),
    gaps: manifest.gaps.length,
    redactions: counts.redactions,
  };
}
