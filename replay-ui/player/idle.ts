// Skipping idle time: a pause longer than IDLE_US is shortened to LINGER_US after what came before it and LEAD_US
// before what comes next, so that an eye can follow.
import type { Surroundings } from "./activity.ts";

const SECOND_US = 1_000_000;
const IDLE_US = 2 * SECOND_US;
const LINGER_US = 1 * SECOND_US;
const LEAD_US = 0.5 * SECOND_US;

/** Where playback goes on from `atUs`, or null to go on as it is. */
export function idleJump(atUs: number, around: Surroundings): number | null {
  const { beforeUs, afterUs } = around;
  if (afterUs === null || afterUs - beforeUs <= IDLE_US) return null;
  const toUs = afterUs - LEAD_US;
  return atUs >= beforeUs + LINGER_US && toUs > atUs ? toUs : null;
}
