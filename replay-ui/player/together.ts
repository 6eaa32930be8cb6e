// Several recordings on one wall clock: which stretch of it they cover together, and one clock that moves all of them. A
// recording whose moment is not there yet holds the clock, so that they stay in step.
import { Store } from "../store.ts";
import { FrameClock } from "./clock.ts";
import type { Player } from "./player.ts";

export interface Covered {
  /** Milliseconds since 1970. */
  fromMs: number;
  toMs: number;
}

/** From the first beginning to the last end. */
export function covered(all: readonly { startedMs: number; durationUs: number }[]): Covered {
  if (all.length === 0) return { fromMs: 0, toMs: 1 };
  const fromMs = Math.min(...all.map(({ startedMs }) => startedMs));
  return {
    fromMs,
    toMs: Math.max(fromMs + 1, ...all.map(({ startedMs, durationUs }) => startedMs + durationUs / 1_000)),
  };
}

/** The moment of a recording at that time: before its beginning and after its end it does not go on. */
export function momentAt(
  wallMs: number,
  { startedMs, durationUs }: { startedMs: number; durationUs: number },
): {
  atUs: number;
  state: "before" | "during" | "after";
} {
  const atUs = Math.round((wallMs - startedMs) * 1_000);
  if (atUs < 0) return { atUs: 0, state: "before" };
  return atUs > durationUs ? { atUs: durationUs, state: "after" } : { atUs, state: "during" };
}

interface Member {
  startedMs: number;
  player: Player;
}

export class Together {
  readonly wallMs: Store<number>;
  readonly state = new Store<{ playing: boolean; speed: number; waiting: boolean }>({
    playing: false,
    speed: 1,
    waiting: false,
  });
  readonly members: readonly Member[];
  private readonly clock = new FrameClock();
  private frame: number | null = null;

  constructor(members: readonly Member[], atMs: number) {
    this.members = members;
    const { fromMs, toMs } = this.covered;
    this.wallMs = new Store(Math.min(toMs, Math.max(fromMs, atMs)));
    this.seek(this.wallMs.get());
  }

  get covered(): Covered {
    return covered(
      this.members.map(({ startedMs, player }) => ({ startedMs, durationUs: player.timeline.get().durationUs })),
    );
  }

  seek(wallMs: number): void {
    const { fromMs, toMs } = this.covered;
    this.wallMs.set(Math.min(toMs, Math.max(fromMs, wallMs)));
    this.clock.stop();
    for (const { player, atUs } of this.moments()) void player.seek(atUs);
  }

  toggle(): void {
    if (this.state.get().playing) this.pause();
    else this.play();
  }

  play(): void {
    if (this.frame !== null) return;
    if (this.wallMs.get() >= this.covered.toMs) this.seek(this.covered.fromMs);
    this.state.update({ playing: true });
    const onFrame = (nowMs: number) => {
      this.frame = requestAnimationFrame(onFrame);
      this.tick(nowMs);
    };
    this.frame = requestAnimationFrame(onFrame);
  }

  pause(): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    this.clock.stop();
    this.state.update({ playing: false, waiting: false });
  }

  dispose(): void {
    this.pause();
  }

  /** One frame of the clock. */
  tick(nowMs: number): void {
    const { toMs } = this.covered;
    const next = Math.min(toMs, this.wallMs.get() + this.clock.tick(nowMs, this.state.get().speed) / 1_000);
    let there = true;
    for (const { player, atUs } of this.moments(next)) there = player.drive(atUs) && there;
    if (!there) {
      this.clock.stop();
      this.state.update({ waiting: true });
      return;
    }
    this.state.update({ waiting: false });
    this.wallMs.set(next);
    if (next >= toMs) this.pause();
  }

  private moments(wallMs = this.wallMs.get()): { player: Player; atUs: number }[] {
    return this.members.map(({ startedMs, player }) => ({
      player,
      ...momentAt(wallMs, { startedMs, durationUs: player.timeline.get().durationUs }),
    }));
  }
}
