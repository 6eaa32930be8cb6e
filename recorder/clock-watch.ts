// The host's clock, as far as the service can tell: whether something keeps it right, and whether it jumps against the
// monotonic one while the service runs. A part of the composition root. Invariant: what is not known is said to be so.
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import type { HealthCheck } from "../shared/api/types.ts";

export interface ClockWatchParts {
  /** Since 1970. */
  wallMs(): number;
  monotonicMs(): number;
  isSynchronised(): Promise<boolean | null>;
  /** By so much, ahead where it is positive. */
  jumped(byMs: number): void;
}

const lookEveryMs = 1000;
const askEveryMs = 5 * 60_000;
/** Less is what clocks are slewed by, or what a busy machine takes between two readings. */
const jumpMs = 250;
/** A jump is told for so long. */
const toldMs = 60 * 60_000;

export class ClockWatch {
  readonly #parts: ClockWatchParts;
  #offsetMs: number;
  #askedMs = Number.NEGATIVE_INFINITY;
  #synchronised: boolean | null = null;
  #jump: { byMs: number; at: string; monotonicMs: number } | null = null;
  #ticker: NodeJS.Timeout | null = null;

  constructor(parts: ClockWatchParts) {
    this.#parts = parts;
    this.#offsetMs = this.#offset();
  }

  start(): void {
    this.look();
    this.#ticker = setInterval(() => this.look(), lookEveryMs);
    this.#ticker.unref();
  }

  stop(): void {
    if (this.#ticker !== null) clearInterval(this.#ticker);
  }

  look(): void {
    const { wallMs, monotonicMs, isSynchronised, jumped } = this.#parts;
    const offsetMs = this.#offset();
    const byMs = Math.round(offsetMs - this.#offsetMs);
    this.#offsetMs = offsetMs;
    const nowMs = monotonicMs();
    if (Math.abs(byMs) >= jumpMs) {
      this.#jump = { byMs, at: new Date(wallMs()).toISOString(), monotonicMs: nowMs };
      jumped(byMs);
    }
    if (nowMs - this.#askedMs < askEveryMs) return;
    this.#askedMs = nowMs;
    isSynchronised().then(
      (is) => {
        this.#synchronised = is;
      },
      () => {
        this.#synchronised = null;
      },
    );
  }

  health(): HealthCheck {
    const jump = this.#jump;
    if (jump !== null && this.#parts.monotonicMs() - jump.monotonicMs < toldMs) {
      return { name: "clock", ok: false, message: `the clock jumped by ${signed(jump.byMs)} s, to ${jump.at}` };
    }
    if (this.#synchronised === false) {
      return { name: "clock", ok: false, message: "not synchronised: start chrony or systemd-timesyncd" };
    }
    return { name: "clock", ok: true, message: this.#synchronised ? "synchronised" : "not known to be synchronised" };
  }

  #offset(): number {
    return this.#parts.wallMs() - this.#parts.monotonicMs();
  }
}

export function signed(ms: number): string {
  return `${ms > 0 ? "+" : ""}${(ms / 1000).toFixed(1)}`;
}

const timesyncdMark = "/run/systemd/timesync/synchronized";

/** Null where nothing on this machine says. */
export async function isClockSynchronised(): Promise<boolean | null> {
  const run = promisify(execFile);
  const answers: [string, string[], (text: string) => boolean][] = [
    ["timedatectl", ["show", "-p", "NTPSynchronized", "--value"], (text) => text.trim() === "yes"],
    ["chronyc", ["-c", "tracking"], (text) => !/Not synchronised/i.test(text) && text.split(",").length > 5],
  ];
  for (const [command, args, read] of answers) {
    const answer = await run(command, args, { timeout: 5000 }).catch(() => null);
    if (answer !== null && answer.stdout.trim() !== "") return read(answer.stdout);
  }
  const isMarked = await access(timesyncdMark).then(
    () => true,
    () => false,
  );
  return isMarked ? true : null;
}
