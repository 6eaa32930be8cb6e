// A recording in progress: the index is read again and again until the session has ended, so that new segments become
// playable as soon as they are durable.
import type { RecordingIndex } from "../../shared/api/types.ts";
import { getIndex, getObject, getSegment } from "../api/client.ts";
import { Store } from "../store.ts";
import type { RecordingSource } from "./source.ts";

const POLL_MS = 1_500;
const POLL_WHEN_LOST_MS = 4_000;

export function liveSource(first: RecordingIndex): RecordingSource {
  const index = new Store(first);
  const reachable = new Store(true);
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const poll = async () => {
    try {
      const next = await getIndex(first.session, abort.signal);
      reachable.set(true);
      if (changed(index.get(), next)) index.set(next);
    } catch {
      if (abort.signal.aborted) return;
      reachable.set(false);
    }
    if (index.get().live) schedule();
  };
  const schedule = () => {
    timer = setTimeout(() => void poll(), reachable.get() ? POLL_MS : POLL_WHEN_LOST_MS);
  };
  schedule();

  return {
    session: first.session,
    index,
    reachable,
    segment: (n) => getSegment(first.session, n),
    object: (name) => getObject(first.session, name),
    close() {
      abort.abort();
      clearTimeout(timer);
    },
  };
}

function changed(before: RecordingIndex, after: RecordingIndex): boolean {
  return (
    before.live !== after.live ||
    before.durationUs !== after.durationUs ||
    before.segments.length !== after.segments.length ||
    before.gaps.length !== after.gaps.length ||
    before.tracks.length !== after.tracks.length
  );
}
