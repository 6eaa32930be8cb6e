// A recording that is open on the page: its source, what is known of its integrity, and the player, wired together.
import type { SigningKey } from "../../../shared/api/types.ts";
import type { Hit } from "../../player/find.ts";
import { inflateWorker } from "../../player/inflate.ts";
import type { LaneWindow } from "../../player/lane-window.ts";
import { Player } from "../../player/player.ts";
import { SegmentLoader } from "../../player/segments.ts";
import type { ScreenNote } from "../../renderers/screen.ts";
import type { RecordingSource } from "../../sources/source.ts";
import { Store } from "../../store.ts";
import { Integrity } from "../../verify/integrity.ts";

/** The screen of pixels that is shown, for whoever wants a copy of it. */
export interface Picture {
  png(): Promise<Blob>;
}

export interface OpenedRecording {
  source: RecordingSource;
  integrity: Integrity;
  loader: SegmentLoader;
  player: Player;
  /** Null while no screen of pixels is shown. */
  picture: Store<Picture | null>;
  /** What has to be said of that screen. */
  note: Store<ScreenNote | null>;
  /** The stretch that somebody chose: lists show it alone, and playing stays within while it is looped. */
  range: Store<LaneWindow | null>;
  loop: Store<boolean>;
  /** What the timeline shows; null: the whole session. */
  window: Store<LaneWindow | null>;
  /** What is looked for; empty: nothing. */
  wanted: Store<string>;
  /** Where it was found, in order. */
  hits: Store<readonly Hit[]>;
  /** How many of it stand on the screen at this moment. */
  onScreen: Store<number>;
  /** A zoomed screen of pixels moves along with the pointer. */
  followPointer: Store<boolean>;
  /** A magnifier over a screen of pixels. */
  lens: Store<boolean>;
  /** Rises each time somebody wants to look for something. */
  finding: Store<number>;
  /** Chain and signatures, once the first picture is there. */
  audit(): void;
  /** Hashes every segment that was not looked at yet. Stops when `signal` says so. */
  checkAll(signal: AbortSignal): Promise<void>;
  close(): void;
}

const CHECKS_AT_ONCE = 4;
/** What one late frame at the highest speed passes by. */
const LOOP_REACH_US = 12_000_000;

/** @param keys those that signatures are checked against. */
export function openedFrom(source: RecordingSource, keys: () => Promise<SigningKey[]>): OpenedRecording {
  const index = source.index.get();
  const integrity = new Integrity(index);
  const loader = new SegmentLoader(source, integrity);
  const player = new Player(source, loader);
  let audited = false;
  if (index.tracks.some(({ kind }) => kind === "screen")) {
    // The first picture needs it, and it takes a moment to start.
    inflateWorker();
  }

  const signatures = async () => {
    try {
      const { checkSignatures } = await import("../../verify/signatures.ts");
      integrity.reportSignature(
        await checkSignatures(source.index.get(), { object: (name) => source.object(name), keys }),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      integrity.reportSignature({ state: "unchecked", message: `The signatures could not be read: ${reason}` });
    }
  };
  const range = new Store<LaneWindow | null>(null);
  const loop = new Store(false);
  const unloop = player.timeUs.subscribe((atUs) => {
    const within = range.get();
    if (!loop.get() || within === null || player.state.get().status !== "playing") return;
    // Whoever goes elsewhere by hand plays on from there to the stretch's end.
    if (atUs >= within.toUs && atUs - within.toUs < LOOP_REACH_US) void player.seek(within.fromUs);
  });
  const unsubscribe = source.index.subscribe((next) => {
    if (!audited) return;
    integrity.checkChain(next);
    if (!next.live) void signatures();
  });

  return {
    source,
    integrity,
    loader,
    player,
    picture: new Store<Picture | null>(null),
    note: new Store<ScreenNote | null>(null),
    range,
    loop,
    window: new Store<LaneWindow | null>(null),
    wanted: new Store(""),
    hits: new Store<readonly Hit[]>([]),
    onScreen: new Store(0),
    finding: new Store(0),
    followPointer: new Store(true),
    lens: new Store(false),
    audit() {
      if (audited) return;
      audited = true;
      integrity.checkChain(source.index.get());
      void signatures();
    },
    async checkAll(signal) {
      const numbers = source.index.get().segments.map((segment) => segment.n);
      const worker = async () => {
        for (let n = numbers.shift(); n !== undefined && !signal.aborted; n = numbers.shift()) await loader.check(n);
      };
      await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, worker));
    },
    close() {
      unsubscribe();
      unloop();
      player.dispose();
      source.close();
    },
  };
}
