// `npm run bench -- vnc`: what recording a VNC session costs, from the byte on the wire to the second that an investigator
// looks at. `--set only=tap+decode` chooses parts, `--set quick` measures less of everything, `--set captures=FOLDER` keeps
// the captured screens for the next run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchContext, Figure } from "./harness.ts";
import { decode } from "./vnc/decode.ts";
import { exportVideo } from "./vnc/export.ts";
import { Scenes } from "./vnc/scenes.ts";
import { seek } from "./vnc/seek.ts";
import { sessions } from "./vnc/sessions.ts";
import { storage } from "./vnc/storage.ts";
import { tap } from "./vnc/tap.ts";

interface Stage {
  context: BenchContext;
  /** Of this part alone. */
  directory: string;
  scenes: Scenes;
}

const parts: Record<string, (stage: Stage) => Promise<Figure[]>> = {
  tap: ({ context, directory }) => tap(context, directory),
  decode: ({ context, scenes }) => decode(context, scenes),
  storage: ({ context, scenes }) => storage(context, scenes),
  seek: ({ context, directory, scenes }) => seek(context, directory, scenes),
  export: ({ context, directory, scenes }) => exportVideo(context, directory, scenes),
  sessions: ({ context, directory }) => sessions(context, directory),
};

export async function run(context: BenchContext): Promise<Figure[]> {
  const only = context.settings["only"]?.split("+") ?? Object.keys(parts);
  const unknown = only.filter((name) => parts[name] === undefined);
  if (unknown.length > 0)
    throw new Error(`there is no part ${unknown.join(", ")}; parts: ${Object.keys(parts).join(", ")}`);
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-vnc-"));
  try {
    const figures: Figure[] = [];
    const scenes = new Scenes(context, directory);
    for (const [name, part] of Object.entries(parts)) {
      if (!only.includes(name)) continue;
      context.log(name);
      figures.push(...(await part({ context, directory: join(directory, name), scenes })));
    }
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
