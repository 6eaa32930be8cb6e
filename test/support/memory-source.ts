// A recording that was built in memory, as the replay UI's player sees it.
import type { RecordingSource } from "../../replay-ui/sources/source.ts";
import { Store } from "../../replay-ui/store.ts";
import type { BuiltRecording } from "./recording-builder.ts";

export interface MemorySource extends RecordingSource {
  /** Segment numbers that were asked for, in order. */
  asked: number[];
  /** Segments that fail as if the network were away. */
  unreachable: Set<number>;
  /** While set, answers wait. */
  hold: Promise<void> | null;
}

export function memorySource(recording: BuiltRecording): MemorySource {
  const bytesOf = (name: string): Uint8Array<ArrayBuffer> => {
    const bytes = recording.objects.get(name);
    if (bytes === undefined) throw new Error(`no object ${name}`);
    return new Uint8Array(bytes);
  };
  const source: MemorySource = {
    session: recording.index.session,
    index: new Store(recording.index),
    reachable: new Store(true),
    asked: [],
    unreachable: new Set(),
    hold: null,
    async segment(n) {
      source.asked.push(n);
      await source.hold;
      if (source.unreachable.has(n)) throw new Error("the network is away");
      return bytesOf(source.index.get().segments[n]!.name);
    },
    object: async (name) => bytesOf(name),
    close() {},
  };
  return source;
}
