// The recording of a bundle as the player sees it: the signed manifest is its index, the bundle's files are its bytes.
import type { RecordingIndex, RecordingSummary } from "../../shared/api/types.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
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
    async object(name) {
      const bytes = await files.read(name);
      if (bytes === null) throw new NoBytesError(`${name} is missing`);
      return bytes;
    },
    close() {},
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
