// `npm run bench -- vnc`: what recording a VNC session costs, from the byte on the wire to the second that an investigator
// looks at. `--set only=tap+decode` chooses parts, `--set quick` measures less of everything, `--set captures=FOLDER` keeps
// the captured screens for the next run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchContext, Figure } from "./harness.ts";
import { tap } from "./vnc/tap.ts";

const parts: Record<string, (context: BenchContext, directory: string) => Promise<Figure[]>> = { tap };

export async function run(context: BenchContext): Promise<Figure[]> {
  const only = context.settings["only"]?.split("+") ?? Object.keys(parts);
  const unknown = only.filter((name) => parts[name] === undefined);
  if (unknown.length > 0)
    throw new Error(`there is no part ${unknown.join(", ")}; parts: ${Object.keys(parts).join(", ")}`);
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-vnc-"));
  try {
    const figures: Figure[] = [];
    for (const [name, part] of Object.entries(parts)) {
      if (!only.includes(name)) continue;
      context.log(name);
      figures.push(...(await part(context, join(directory, name))));
    }
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
