// The package's version, from the package.json above the sources or above dist.
import { readFileSync } from "node:fs";
import { z } from "zod";

const Package = z.object({ name: z.literal("conduit-recorder"), version: z.string() });

export function version(): string {
  for (const up of ["../package.json", "../../package.json"]) {
    try {
      return Package.parse(JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8"))).version;
    } catch {
      // Not this one: built files lie one folder deeper than sources.
    }
  }
  return "unknown";
}
