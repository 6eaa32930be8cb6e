// Where a recording comes from. The player knows this interface only: it does not see whether the recording is sealed
// or still being written. Invariant: an index never shrinks, and what it said of a segment never changes.
import type { RecordingIndex } from "../../shared/api/types.ts";
import type { Store } from "../store.ts";

export interface RecordingSource {
  readonly session: string;
  readonly index: Store<RecordingIndex>;
  /** False while the service does not answer. */
  readonly reachable: Store<boolean>;
  /** Stored bytes of segment `n`, not yet checked. */
  segment(n: number): Promise<Uint8Array<ArrayBuffer>>;
  object(name: string): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}
