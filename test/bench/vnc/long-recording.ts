// Four hours at a screen, as the VNC bench replays and exports them: terminal, HMIs and an idle desktop by turns, with some
// scrolling in between.
import type { SceneName, Scenes } from "./scenes.ts";
import { type Recorded, recordCapture } from "./screen-recording.ts";

/** One round, in the order in which it is seen; repeated until the time is full. */
const round: readonly SceneName[] = ["panel", "smooth", "hmi", "idle", "panel", "terminal", "hmi", "scroll"];
export const fourHours = 4 * 3600;

export async function longRecording(scenes: Scenes, seconds: number): Promise<Recorded[]> {
  const names = [...new Set(round)];
  const recorded = new Map<SceneName, Recorded>();
  for (const { name, capture } of await scenes.get(...names)) recorded.set(name, recordCapture(capture, "lossless"));
  const all: Recorded[] = [];
  for (let total = 0, i = 0; total < seconds; i++) {
    const next = recorded.get(round[i % round.length] as SceneName) as Recorded;
    all.push(next);
    total += next.seconds;
  }
  return all;
}
