// A quarantine in the test's directory, with evidence in memory, for a gateway of the tap alone.
import { join } from "node:path";
import { Clamd } from "../../../recorder/scan/clamd.ts";
import { openQuarantine } from "../../../recorder/scan/quarantine.ts";
import type { QuarantineLimits } from "../../../recorder/scan/quarantine-files.ts";
import type { Scanner } from "../../../recorder/scan/scanner.ts";
import type { FileHold } from "../../../recorder/tap/file-hold.ts";

export interface TestQuarantine {
  hold: FileHold;
  directory: string;
  /** What was put into evidence. */
  kept: { path: string; outcome: string; finding: string; sha256: string; kept: boolean }[];
}

export async function openTestQuarantine(
  parent: string,
  scanner: string | Scanner,
  limits: Partial<QuarantineLimits> = {},
): Promise<TestQuarantine> {
  const directory = join(parent, "quarantine");
  const kept: TestQuarantine["kept"] = [];
  const hold = await openQuarantine({
    directory,
    limits: { maxFileBytes: 400e6, maxSessionBytes: 1e9, maxQuarantineBytes: 2e9, floorBytes: 0, ...limits },
    scanner: typeof scanner === "string" ? new Clamd({ address: { socket: scanner }, timeoutMs: 60_000 }) : scanner,
    evidence: {
      add: async ({ path, outcome, finding, sha256 }) => {
        kept.push({ path, outcome, finding, sha256, kept: true });
        return `q-${kept.length}`;
      },
      notKept: async (id) => {
        const entry = kept[Number(id.slice(2)) - 1];
        if (entry !== undefined) entry.kept = false;
      },
    },
    logger: { warn: () => undefined, error: (facts, sentence) => console.error(sentence, facts) },
    onKept: () => undefined,
  });
  return { hold, directory, kept };
}
