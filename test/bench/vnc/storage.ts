// The storage part of the VNC bench: what a minute of each kind of screen costs on disk and in processor time, recorded
// without loss by the recorder's own screen track, against the bytes the target sent and against lossy H.264. All three
// begin with the first picture.
import { type BenchContext, type Bound, type Figure, figure } from "../harness.ts";
import { type H264, h264Of } from "./h264.ts";
import type { Scene, SceneName, Scenes } from "./scenes.ts";
import { type Recorded, recordCapture } from "./screen-recording.ts";

const titles: Record<SceneName, string> = {
  idle: "idle desktop with a photograph and a clock",
  terminal: "terminal typing, bitmap font",
  smooth: "terminal typing, smooth font",
  panel: "HMI (the demo's, operated)",
  hmi: "HMI in a browser on Xtigervnc",
  scroll: "scrolling terminal",
  video: "video",
};

/** Minutes of ten. */
const mix: Partial<Record<SceneName, number>> = { idle: 3, terminal: 1, smooth: 1, panel: 2, hmi: 2, scroll: 1 };
const mixName = "3 min idle, 2 terminal, 4 HMI, 1 scrolling";

const quiet = { measure: "ratio", at: "most", bound: 0.65 } as const;
const bytesGoals: Partial<Record<SceneName, Bound>> = {
  idle: quiet,
  terminal: quiet,
  smooth: quiet,
  panel: quiet,
  hmi: quiet,
};
const cpuBounds: Partial<Record<SceneName, number>> = {
  idle: 20,
  terminal: 20,
  smooth: 20,
  panel: 20,
  hmi: 20,
  scroll: 120,
};

interface Stored {
  scene: Scene;
  recorded: Recorded;
  h264: H264;
}

export async function storage(context: BenchContext, scenes: Scenes): Promise<Figure[]> {
  const names = Object.keys(titles) as SceneName[];
  const all: Stored[] = [];
  const captured = await scenes.get(...names);
  for (const scene of captured) {
    context.log(`storing ${scene.name}`);
    // A service's code has long been compiled: the first recording is not counted.
    recordCapture(scene.capture, "lossless");
    const recorded = recordCapture(scene.capture, "lossless");
    all.push({ scene, recorded, h264: await h264Of(recorded.segments) });
  }
  return [...all.flatMap(figuresOf), ...mixed(all), ...lossy(captured)];
}

function figuresOf({ scene: { name, wireBytes }, recorded, h264 }: Stored): Figure[] {
  const { seconds, storedBytes, cpuMs, decodeCpuMs } = recorded;
  const title = `storage: ${titles[name]}`;
  const perMinute = (bytes: number) => mebibytesAMinute(bytes, seconds);
  const bound = cpuBounds[name];
  const cpuGoal = bound === undefined ? undefined : ({ measure: "value", at: "most", bound } as const);
  return [
    figure(
      `${title}, against the lossless RFB stream`,
      "MiB/min",
      perMinute(storedBytes),
      perMinute(wireBytes),
      bytesGoals[name],
    ),
    figure(`${title}, against H.264 veryfast`, "MiB/min", perMinute(storedBytes), perMinute(h264.bytes)),
    figure(
      `${title}, CPU of the recording, against H.264 veryfast`,
      "ms/s",
      cpuMs / seconds,
      h264.cpuMs / seconds,
      cpuGoal,
    ),
    figure(`${title}, CPU of decoding alone`, "ms/s", decodeCpuMs / seconds, null),
  ];
}

function mixed(all: readonly Stored[]): Figure[] {
  let ours = 0;
  let theirs = 0;
  for (const { scene, recorded, h264 } of all) {
    const minutes = mix[scene.name] ?? 0;
    ours += minutes * mebibytesAMinute(recorded.storedBytes, recorded.seconds);
    theirs += minutes * mebibytesAMinute(h264.bytes, recorded.seconds);
  }
  const goal = { measure: "ratio", at: "most", bound: 0.6 } as const;
  return [figure(`storage: ten minutes (${mixName}), against H.264 veryfast`, "MiB", ours, theirs, goal)];
}

function lossy(captured: readonly Scene[]): Figure[] {
  const video = captured.find(({ name }) => name === "video");
  if (video === undefined) return [];
  const { storedBytes, seconds, cpuMs } = recordCapture(video.capture, "lossy-while-moving");
  const goal = { measure: "value", at: "most", bound: 20 } as const;
  return [
    figure("storage: video, lossy while it moves", "MiB/min", mebibytesAMinute(storedBytes, seconds), null, goal),
    figure("storage: video, lossy while it moves, CPU of the recording", "ms/s", cpuMs / seconds, null),
  ];
}

function mebibytesAMinute(bytes: number, seconds: number): number {
  return (bytes / 2 ** 20 / seconds) * 60;
}
