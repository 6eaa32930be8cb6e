// The screens of one recording in the segment worker, and the events of theirs that leave no line. Fed by SessionTracks.
// Invariant: every event's number lies in the range of some segment, also those of messages that are stored nowhere.
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { OpenedTrack } from "../spool-layout.ts";
import type { LineTrack } from "./line-track.ts";
import type { ScreenChannel, ScreenChannelParts } from "./screen-channel.ts";
import type { EventPlace } from "./track.ts";

export interface SessionScreensParts extends Omit<ScreenChannelParts, "opened" | "screen"> {
  events: LineTrack;
  /** Null in a thread that takes no screens. */
  make: ((parts: ScreenChannelParts) => ScreenChannel) | null;
}

type ChannelOpen = Extract<SessionEvent, { type: "channel-open" }>;

export class SessionScreens {
  readonly #parts: SessionScreensParts;
  readonly #channels = new Map<number, ScreenChannel>();
  readonly all: ScreenChannel[] = [];
  readonly #watches = new Set<string>();
  /** Events that left no line, as most messages of a viewer: their numbers are covered with what comes next. */
  #lineless: { first: EventPlace; last: EventPlace } | null = null;

  constructor(parts: SessionScreensParts) {
    this.#parts = parts;
    const { input } = parts;
    const { waiting, bringIn } = input;
    input.waiting = () => waiting() || this.all.some((screen) => screen.input.waiting);
    input.bringIn = () => {
      bringIn();
      for (const screen of this.all) screen.input.settle();
    };
  }

  get(channel: number): ScreenChannel | undefined {
    return this.#channels.get(channel);
  }

  /** False where the thread takes no screens. */
  open(opened: OpenedTrack): boolean {
    const { make, events: _events, ...parts } = this.#parts;
    const { meta, screen } = opened;
    if (meta.channel === undefined || !screen || !make) return false;
    let channel: ScreenChannel;
    try {
      channel = make({ ...parts, screen, opened });
    } catch (error) {
      // A size that no decoder takes: the bytes are kept all the same.
      channel = make({ ...parts, screen, opened: { ...opened, cols: 1, rows: 1 } });
      channel.giveUp(-1, "channel-open", error);
    }
    for (const id of this.#watches) channel.screen.watch(id, true);
    this.#channels.set(meta.channel, channel);
    this.all.push(channel);
    return true;
  }

  output(channel: ScreenChannel, place: EventPlace, data: Buffer, outputNo: number): void {
    channel.output(this.covering(place), data, outputNo);
  }

  viewer(channel: ScreenChannel, place: EventPlace, data: Buffer): void {
    const { input } = this.#parts;
    const { lines } = input;
    channel.viewer(place, data);
    if (input.lines === lines) this.leftNoLine(place);
  }

  /** Somebody begins or ends to follow the session as it goes on. */
  watch(place: EventPlace, id: string, begins: boolean): void {
    if (begins) this.#watches.add(id);
    else this.#watches.delete(id);
    for (const { screen } of this.all) if (!screen.has(place.recordNo)) screen.watch(id, begins);
  }

  leftNoLine(place: EventPlace): void {
    this.#lineless = { first: this.#lineless?.first ?? place, last: place };
  }

  /** A place whose segment, if it begins one, covers the events before that left no line. */
  covering(place: EventPlace): EventPlace {
    const first = this.#lineless?.first;
    this.#lineless = null;
    return first ? { ...place, from: { recordNo: first.recordNo, seq: first.seq } } : place;
  }

  coverLineless(): void {
    const last = this.#lineless?.last;
    if (last) this.#parts.events.touch(this.covering(last));
  }

  tick(nowUs: number): void {
    for (const screen of this.all) screen.input.tick(nowUs);
    const since = this.#lineless?.first.us;
    const waitUs = this.#parts.context.limits.segmentMaxSeconds * 1e6;
    if (since !== undefined && nowUs - since >= waitUs) this.coverLineless();
  }

  /** Records from these on are stored nowhere yet. */
  get waitingRecordNos(): Array<number | null | undefined> {
    return [this.#lineless?.first.recordNo, ...this.all.map((screen) => screen.input.firstWaitingRecordNo)];
  }
}

/** What must be known of a screen to go on with it after a crash. */
export function openedScreen({ channel, request, screen }: ChannelOpen): OpenedTrack | null {
  if (!screen) return null;
  const { width: cols, height: rows, name, format } = screen;
  const meta = { name: `screen-${channel}`, kind: "screen" as const, channel, request };
  return { meta, cols, rows, screen: { name, format } };
}
