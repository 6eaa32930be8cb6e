// A recording in progress. While it is watched, everything comes by its watch the moment it is recorded: segments as they
// close, and those that are still open as far as they have come. Without a watch (the line is lost, or it may not be
// watched) the index is read again and again, so that new segments become playable as soon as they are durable.
import type { RecordingIndex } from "../../shared/api/types.ts";
import type { SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import { getIndex, getObject, getSegment } from "../api/client.ts";
import { Store } from "../store.ts";
import { serviceKeys } from "./keys.ts";
import { OpenSegments, OutOfStepError, type SegmentGrowth } from "./open-segments.ts";
import type { LiveWatch, RecordingSource } from "./source.ts";
import type { Watch } from "./watch.ts";

const POLL_MS = 1_500;
const POLL_WHEN_LOST_MS = 4_000;

export function liveSource(first: RecordingIndex, asEscort: boolean): RecordingSource {
  const { session } = first;
  const index = new Store(first);
  const reachable = new Store(true);
  const live = new Store<LiveWatch>({
    connected: false,
    watch: null,
    session: null,
    escort: null,
    prompt: null,
    answer: null,
    ended: null,
  });
  const abort = new AbortController();
  let growthOf: ((kind: TrackMeta["kind"]) => SegmentGrowth | null) | null = null;
  const open = new OpenSegments((kind) => growthOf?.(kind) ?? null);
  let watch: Watch | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Session time at a moment of this page's clock. */
  let clock = { us: first.durationUs, atMs: performance.now() };

  const read = async () => {
    const next = await getIndex(session, abort.signal);
    reachable.set(true);
    if (changed(index.get(), next)) index.set(next);
  };
  const poll = async () => {
    // What a watch brings needs no asking.
    if (!live.get().connected) {
      try {
        await read();
      } catch {
        if (abort.signal.aborted) return;
        reachable.set(false);
      }
    }
    if (index.get().live) schedule();
    else watch?.close();
  };
  const schedule = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void poll(), reachable.get() ? POLL_MS : POLL_WHEN_LOST_MS);
  };
  schedule();

  const append = (metas: readonly SegmentMeta[]) => {
    const { segments } = index.get();
    const fresh = metas.filter(({ n }) => n >= segments.length);
    for (const [i, { n }] of fresh.entries()) {
      if (n !== segments.length + i) throw new OutOfStepError(`segment ${segments.length + i} was not told of`);
    }
    if (fresh.length > 0) index.set({ ...index.get(), segments: [...segments, ...fresh] });
    for (const meta of metas) open.closed(meta);
  };
  const begin = async () => {
    const [{ watchSession }, growth] = await Promise.all([import("./watch.ts"), import("./growth.ts")]);
    if (abort.signal.aborted) return;
    growthOf = growth.growthOf;
    watch = watchSession(session, asEscort, {
      open,
      state: live,
      track({ meta }) {
        const { tracks } = index.get();
        if (!tracks.some(({ name }) => name === meta.name)) index.set({ ...index.get(), tracks: [...tracks, meta] });
      },
      segments: append,
      async reload(nextN) {
        if (index.get().segments.length < nextN) await read();
      },
      clock(us) {
        clock = { us, atMs: performance.now() };
        open.tell();
        if (index.get().live) index.update({ durationUs: Math.max(us, index.get().durationUs) });
      },
      over() {
        open.clear();
        void poll();
      },
    });
  };
  begin().catch(() => {
    // Without its code there is no watch: the index is asked as before.
  });

  return {
    session,
    index,
    reachable,
    segment: (n) => getSegment(session, n),
    object: (name) => getObject(session, name),
    dataKey: serviceKeys(session, first),
    open,
    live,
    edgeUs() {
      if (!live.get().connected) return null;
      return Math.max(open.edgeUs, clock.us + (performance.now() - clock.atMs) * 1_000);
    },
    isPresent(prompt) {
      watch?.answer(prompt);
    },
    tell(message) {
      watch?.tell(message);
    },
    close() {
      abort.abort();
      clearTimeout(timer);
      watch?.close();
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
