// The scripted session on the demo HMI: stops and starts a pump, changes a set point, acknowledges the alarms.
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ScreenClient } from "./client.ts";

export interface HmiScriptOptions<T> {
  /** The way to the screen: a socket to a listener, or the portal's WebSocket. */
  open(): Promise<Duplex>;
  /** What VncAuth asks for on that way; none where the way itself lets in. */
  password?: string;
  signal: AbortSignal;
  /** Called once the screen is seen; what it gives is what the whole gives. */
  connected(): Promise<T>;
}

type Step =
  | { click: readonly [number, number]; pauseMs: number }
  | { type: string; pauseMs: number }
  | { lookMs: number };

/** Places are those of recorder/cli/demo/hmi/panels.ts; a test holds them against the picture. */
export const hmiSteps: readonly Step[] = [
  { lookMs: 2500 },
  { click: [1212, 120], pauseMs: 500 },
  { type: "145\b6\r", pauseMs: 2500 },
  { click: [1219, 470], pauseMs: 4000 },
  { click: [1136, 470], pauseMs: 2500 },
  { click: [1212, 210], pauseMs: 500 },
  { type: "99\r", pauseMs: 1800 },
  { click: [1000, 596], pauseMs: 1200 },
  { click: [1212, 561], pauseMs: 2500 },
];

const firstPictureMs = 15_000;

/** Rejects when the screen cannot be reached or hangs up early; ends quietly with the signal. */
export async function playHmi<T>(options: HmiScriptOptions<T>): Promise<T> {
  const { signal, password } = options;
  const client = await ScreenClient.connect(await options.open(), {
    signal,
    ...(password === undefined ? {} : { password }),
  });
  try {
    for (let waitedMs = 0; client.updates === 0; waitedMs += 50) {
      if (client.ended || waitedMs > firstPictureMs) throw new Error("the scripted session saw no picture");
      await sleep(50);
    }
    const result = await options.connected();
    await operate(client, signal);
    return result;
  } finally {
    client.close();
  }
}

async function operate(client: ScreenClient, signal: AbortSignal): Promise<void> {
  let at: readonly [number, number] = [640, 400];
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
  for (const step of hmiSteps) {
    if (signal.aborted) return;
    if (client.ended) throw new Error("the scripted session was ended early");
    if ("lookMs" in step) {
      await pause(step.lookMs);
      continue;
    }
    if ("click" in step) {
      await client.moveTo(at, step.click);
      at = step.click;
      await client.click(...at);
    } else await client.type(step.type);
    await pause(step.pauseMs);
  }
}
