// The screens that the VNC bench works on, each captured once for all parts that need it: what Xtigervnc sends of the scenes
// of the screen bench, and what the project's own demo HMI sends while somebody operates it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startHmi } from "../../../recorder/cli/demo/hmi/hmi.ts";
import { playHmi } from "../../../recorder/cli/demo/hmi/script.ts";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { startXtigervnc } from "../../support/xtigervnc.ts";
import type { BenchContext } from "../harness.ts";
import { scenes as drawn } from "../screen/content.ts";
import { type Capture, readCapture, refreshes, watch } from "./capture.ts";
import type { Way } from "./rfb-client.ts";

/** Of test/bench/screen. */
export type DrawnScene = "idle" | "terminal" | "smooth" | "hmi" | "scroll" | "video";
export type SceneName = DrawnScene | "panel";

export interface Scene {
  name: SceneName;
  capture: Capture;
  /** What the same screen costs without loss on the wire, in the better of ZRLE and Tight. */
  wireBytes: number;
}

/** Seconds, from the first picture on. What moves much says as much in less. Those of one line are captured at once. */
const groups: Partial<Record<SceneName, number>>[] = [
  { idle: 60, terminal: 60, smooth: 60, panel: 60, hmi: 60 },
  { scroll: 30 },
  { video: 30 },
];
const quickSeconds = 8;
/** What a whole picture takes in ZRLE at least, once the scene is drawn; and how long it is then left alone. */
const drawnBytes: Record<DrawnScene, number> = {
  idle: 400_000,
  terminal: 2000,
  smooth: 3000,
  hmi: 15_000,
  scroll: 5000,
  video: 400_000,
};
const drawnWithinMs = 120_000;
const restMs = 3000;
const cursorAndCopies = [encoding.cursor, encoding.copyRect];

async function whenDrawn(way: Way, leastBytes: number): Promise<void> {
  for (const until = performance.now() + drawnWithinMs; performance.now() < until; ) {
    const [picture] = await refreshes(way, [encoding.zrle], 1);
    if (picture !== undefined && picture.length >= leastBytes) return;
    await sleep(500);
  }
  throw new Error(`a scene was not drawn within ${drawnWithinMs / 1000} s`);
}

export class Scenes {
  readonly #folder: string;
  readonly #context: BenchContext;

  constructor(context: BenchContext, directory: string) {
    this.#context = context;
    this.#folder = context.settings["captures"] ?? join(directory, "captures");
  }

  /** Captures what is not there yet. */
  async get(...names: readonly SceneName[]): Promise<Scene[]> {
    mkdirSync(this.#folder, { recursive: true });
    for (const group of groups) {
      const missing = names.filter((name) => group[name] !== undefined && !existsSync(this.#factsOf(name)));
      if (missing.length > 0) this.#context.log(`capturing ${missing.join(", ")}`);
      await Promise.all(missing.map((name) => this.#capture(name, group[name] ?? 0)));
    }
    return names.map((name) => ({
      name,
      capture: readCapture(this.#streamOf(name)),
      wireBytes: (JSON.parse(readFileSync(this.#factsOf(name), "utf8")) as { wireBytes: number }).wireBytes,
    }));
  }

  async #capture(name: SceneName, seconds: number): Promise<void> {
    const shortened = this.#context.settings["quick"] === undefined ? seconds : quickSeconds;
    const wireBytes = await (name === "panel" ? this.#panel(shortened) : this.#drawn(name, shortened));
    writeFileSync(this.#factsOf(name), JSON.stringify({ wireBytes }));
  }

  #drawn(name: DrawnScene, seconds: number): Promise<number> {
    return this.drawn(name, async (way) => Math.min(...(await this.#watchBoth(name, way, seconds))));
  }

  /** While a scene is being drawn on Xtigervnc. */
  async drawn<T>(name: DrawnScene, use: (way: Way, display: string) => Promise<T>): Promise<T> {
    const folder = join(this.#folder, `${name}.work`);
    mkdirSync(folder, { recursive: true });
    const server = await startXtigervnc({ geometry: "1280x800", security: "None", args: ["-AlwaysShared"] });
    const way: Way = { kind: "tcp", port: server.port };
    const programs = (await drawn[name]?.(server.display, folder)) ?? [];
    try {
      await whenDrawn(way, drawnBytes[name]);
      await sleep(restMs);
      return await use(way, server.display);
    } finally {
      for (const program of programs) await program.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** It knows no Tight. */
  async #panel(seconds: number): Promise<number> {
    const hmi = await startHmi({ port: 0 });
    const over = new AbortController();
    const open = async () => connect(hmi.port, hmi.host);
    const operating = (async () => {
      while (!over.signal.aborted) {
        await playHmi({ open, password: hmi.password, signal: over.signal, connected: async () => {} });
      }
    })();
    try {
      const way: Way = { kind: "tcp", port: hmi.port, password: hmi.password };
      const encodings = [encoding.zrle, ...cursorAndCopies];
      return await watch({ way, encodings, seconds, path: this.#streamOf("panel") });
    } finally {
      over.abort();
      await operating.catch(() => undefined);
      await hmi.close();
    }
  }

  #watchBoth(name: SceneName, way: Way, seconds: number): Promise<[number, number]> {
    return Promise.all([
      watch({ way, encodings: [encoding.zrle, ...cursorAndCopies], seconds, path: this.#streamOf(name) }),
      watch({ way, encodings: [encoding.tight, ...cursorAndCopies], seconds }),
    ]);
  }

  #streamOf(name: SceneName): string {
    return join(this.#folder, `${name}.rfb`);
  }

  #factsOf(name: SceneName): string {
    return join(this.#folder, `${name}.json`);
  }
}
