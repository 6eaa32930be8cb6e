// When a live session ends, and what the person is told beforehand. Pure: the ticker asks, and keeps what was told.
// Invariant: a value that is no number ends the session rather than prolonging it.
import type { Limits } from "./policy.ts";

export type EndCode =
  | "access-revoked"
  | "window-ended"
  | "limit-duration"
  | "limit-idle"
  | "limit-recorded-bytes"
  | "access-withdrawn"
  | "policy-changed";

export interface TerminationFacts {
  /** Monotonic milliseconds: a clock that is set does not touch durations. */
  startedMs: number;
  /** Of the person's last input. */
  lastInputMs: number;
  nowMs: number;
  /** Wall time in milliseconds that never runs back (`seenTime`); windows are compared with it. */
  wallMs: number;
  /** Wall time; null: no window. */
  windowEndsMs: number | null;
  /** Of the grant behind it; `none` where the rule asks for no approval. */
  grantState: "none" | "open" | "revoked" | "used-up" | "expired";
  limits: Limits;
  recordedBytes: number;
  /** Keys of the warnings that were given. */
  warned: ReadonlySet<string>;
}

export interface SessionEnd {
  code: EndCode;
  sentence: string;
}

export interface Warning extends SessionEnd {
  /** To be kept in `warned`: once it is there, it is not given again. */
  key: string;
  /** Until the end; null where it is not a matter of time. */
  secondsLeft: number | null;
}

export interface Termination {
  due: SessionEnd | null;
  warnings: Warning[];
  /** Monotonic milliseconds before which time alone changes nothing; grants and bytes may. */
  nextCheckMs: number;
}

export function terminationDue(facts: TerminationFacts): Termination {
  const due = endOf(facts);
  if (due !== null) return { due, warnings: [], nextCheckMs: facts.nowMs };
  const idle = idleClock(facts);
  const clocks = [windowClock(facts), durationClock(facts), idle].filter((clock) => clock !== null);
  const warnings: Warning[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (const clock of clocks) {
    nextMs = Math.min(nextMs, clock.leftMs);
    for (const seconds of clock.warnAtSeconds) {
      if (clock.leftMs > seconds * 1000) nextMs = Math.min(nextMs, clock.leftMs - seconds * 1000);
    }
    const warning = warningOf(clock, facts.warned);
    if (warning !== null) warnings.push(warning);
  }
  const full = recordingWarning(facts);
  if (full !== null) warnings.push(full);
  return { due: null, warnings, nextCheckMs: facts.nowMs + nextMs };
}

function endOf(facts: TerminationFacts): SessionEnd | null {
  const { limits, grantState, windowEndsMs, nowMs } = facts;
  if (grantState === "revoked") return { code: "access-revoked", sentence: "The access to this target was revoked." };
  if (grantState === "expired" || (windowEndsMs !== null && !(facts.wallMs < windowEndsMs))) {
    return { code: "window-ended", sentence: "The window of this access has ended." };
  }
  if (!(nowMs - facts.startedMs < limits.maxSessionSeconds * 1000)) {
    const sentence = `This session reached its limit of ${duration(limits.maxSessionSeconds)}.`;
    return { code: "limit-duration", sentence };
  }
  if (!(nowMs - facts.lastInputMs < limits.idleSeconds * 1000)) {
    return { code: "limit-idle", sentence: `Nothing was typed for ${duration(limits.idleSeconds)}.` };
  }
  if (!(facts.recordedBytes < limits.maxRecordedBytes)) {
    const sentence = `This session's recording reached its limit of ${limits.maxRecordedBytes} bytes.`;
    return { code: "limit-recorded-bytes", sentence };
  }
  return null;
}

/** Something that runs out. */
interface Clock {
  code: EndCode;
  /** Distinguishes one running out from the next of the same kind. */
  key: string;
  leftMs: number;
  warnAtSeconds: readonly number[];
  sentence(left: string): string;
}

function windowClock({ windowEndsMs, wallMs, limits }: TerminationFacts): Clock | null {
  if (windowEndsMs === null) return null;
  return {
    code: "window-ended",
    key: "window-ended",
    leftMs: windowEndsMs - wallMs,
    warnAtSeconds: limits.warnSeconds,
    sentence: (left) => `The window of this access ends in ${left}; the session ends with it.`,
  };
}

function durationClock({ startedMs, nowMs, limits }: TerminationFacts): Clock {
  return {
    code: "limit-duration",
    key: "limit-duration",
    leftMs: startedMs + limits.maxSessionSeconds * 1000 - nowMs,
    warnAtSeconds: limits.warnSeconds,
    sentence: (left) => `This session reaches its limit of ${duration(limits.maxSessionSeconds)} in ${left}.`,
  };
}

function idleClock({ lastInputMs, nowMs, limits }: TerminationFacts): Clock {
  return {
    code: "limit-idle",
    // Each idleness is one of its own: whoever typed is warned again the next time.
    key: `limit-idle@${lastInputMs}`,
    leftMs: lastInputMs + limits.idleSeconds * 1000 - nowMs,
    warnAtSeconds: [Math.min(60, limits.idleSeconds / 4)],
    sentence: (left) => `Nothing was typed for a while; the session ends in ${left} unless you type.`,
  };
}

/** The nearest warning that is due; one that is further away is not given after it. */
function warningOf({ code, key, leftMs, warnAtSeconds, sentence }: Clock, warned: ReadonlySet<string>): Warning | null {
  const nearest = Math.min(...warnAtSeconds.filter((seconds) => leftMs <= seconds * 1000));
  const nearestKey = `${key}:${nearest}`;
  if (nearest === Number.POSITIVE_INFINITY || warned.has(nearestKey)) return null;
  const secondsLeft = Math.max(1, Math.ceil(leftMs / 1000));
  return { key: nearestKey, code, sentence: sentence(duration(secondsLeft)), secondsLeft };
}

function recordingWarning({ recordedBytes, limits, warned }: TerminationFacts): Warning | null {
  const key = "limit-recorded-bytes:90";
  if (recordedBytes < limits.maxRecordedBytes * 0.9 || warned.has(key)) return null;
  const sentence = "This session's recording has reached nine tenths of its limit; the session ends when it is full.";
  return { key, code: "limit-recorded-bytes", sentence, secondsLeft: null };
}

export function duration(seconds: number): string {
  if (seconds % 3600 === 0) return seconds === 3600 ? "1 hour" : `${seconds / 3600} hours`;
  if (seconds % 60 === 0) return seconds === 60 ? "1 minute" : `${seconds / 60} minutes`;
  if (seconds > 120) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}
