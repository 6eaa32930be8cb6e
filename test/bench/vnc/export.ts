// The export part of the VNC bench: `conduit recordings export --format mp4` of an HMI session, from the command's start to
// the finished file.
import { statSync } from "node:fs";
import { join } from "node:path";
import { type BenchContext, type Figure, figure } from "../harness.ts";
import { startArchive } from "./archive.ts";
import type { SceneName, Scenes } from "./scenes.ts";
import { type Recorded, recordCapture } from "./screen-recording.ts";

const titles: Partial<Record<SceneName, string>> = {
  panel: "HMI (the demo's, operated)",
  hmi: "HMI in a browser on Xtigervnc",
  scroll: "scrolling terminal",
};
const withGoal: readonly SceneName[] = ["panel", "hmi"];

export async function exportVideo(context: BenchContext, directory: string, scenes: Scenes): Promise<Figure[]> {
  const names = Object.keys(titles) as SceneName[];
  const seconds = context.settings["quick"] === undefined ? 120 : 20;
  const recordings: Recorded[][] = [];
  for (const { capture, name } of await scenes.get(...names)) {
    const one = recordCapture(capture, "lossless");
    const times = Math.ceil((withGoal.includes(name) ? seconds : seconds / 4) / one.seconds);
    recordings.push(Array.from({ length: times }, () => one));
  }
  const archive = await startArchive(directory, recordings);
  try {
    const figures: Figure[] = [];
    for (const [i, name] of names.entries()) {
      const recording = archive.recordings[i];
      if (recording === undefined) throw new Error(`${name} was not stored`);
      const file = join(directory, `${name}.mp4`);
      const args = ["recordings", "export", recording.session, "--format", "mp4", "--output", file];
      const from = performance.now();
      await archive.service.conduit(args);
      const factor = recording.durationUs / 1000 / (performance.now() - from);
      if (statSync(file).size === 0) throw new Error("an export without content");
      const goal = withGoal.includes(name) ? ({ measure: "value", at: "least", bound: 12 } as const) : undefined;
      figures.push(figure(`export: mp4 of ${titles[name]}`, "x real time", factor, null, goal));
    }
    return figures;
  } finally {
    await archive.stop();
  }
}
