// What an export reads from; satisfied by the catalogue's reader.
import type { RecordingIndex } from "../../shared/api/types.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";

export interface SegmentSource {
  segment(session: string, n: number): Promise<{ meta: SegmentMeta; bytes: Uint8Array; intact: boolean }>;
}

export interface ExportSource extends SegmentSource {
  open(session: string): Promise<OpenRecord>;
  index(session: string): Promise<RecordingIndex>;
  object(session: string, name: string): Promise<Uint8Array>;
}
