// The player's own clock: session time moves with wall time times speed, frame by frame. A frame that comes late (a tab
// in the background, a busy machine) moves it by MAX_FRAME_MS at most: playback waits, it does not leap.

export const speeds = [0.5, 1, 1.5, 2, 4, 8, 16, 32] as const;

const MAX_FRAME_MS = 250;

export class FrameClock {
  private lastMs: number | null = null;

  /** Session time to add for the frame at `nowMs`, µs. */
  tick(nowMs: number, speed: number): number {
    const elapsedMs = this.lastMs === null ? 0 : Math.min(nowMs - this.lastMs, MAX_FRAME_MS);
    this.lastMs = nowMs;
    return Math.max(0, Math.round(elapsedMs * 1_000 * speed));
  }

  /** The next tick adds nothing: call when time stood still. */
  stop(): void {
    this.lastMs = null;
  }
}

export function fasterThan(speed: number): number {
  return speeds.find((candidate) => candidate > speed) ?? speeds[speeds.length - 1]!;
}

export function slowerThan(speed: number): number {
  return speeds.findLast((candidate) => candidate < speed) ?? speeds[0];
}
