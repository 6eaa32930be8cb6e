// One line on a terminal's standard error that says how far a verification has come; nothing where nobody looks.
import { formatSize } from "../../config/units.ts";
import type { EvidenceProgress } from "../../verify/verify-evidence.ts";
import type { Cli } from "../cli.ts";

const everyMs = 200;
const phases: Record<EvidenceProgress["phase"], string> = {
  keys: "reading the keys",
  ledger: "reading the ledger",
  store: "listing the store",
  recordings: "recordings",
};

export function progressLine(cli: Cli, quiet: boolean): { show(progress: EvidenceProgress): void; end(): void } {
  if (quiet || (cli.err.stream as { isTTY?: boolean }).isTTY !== true) return { show: () => {}, end: () => {} };
  const startedAt = performance.now();
  let shownAt = 0;
  const clear = "\r\x1b[K";
  return {
    show: ({ phase, done, total, bytes }) => {
      const now = performance.now();
      if (now - shownAt < everyMs && done !== total) return;
      shownAt = now;
      const count = total === null ? (done === 0 ? "" : ` ${done}`) : ` ${done} of ${total}`;
      const rate =
        bytes === 0 ? "" : `, ${formatSize(bytes)}, ${formatSize(bytes / Math.max(0.1, (now - startedAt) / 1000))}/s`;
      void cli.err.write(`${clear}${phases[phase]}${count}${rate}`);
    },
    end: () => void cli.err.write(clear),
  };
}
