// When a session brings more than is worth sharing out: what nobody's eye can follow costs the session's processor time for
// each who watches. Asked by SessionHub, which then takes nothing for a while and tells everybody the present anew.
const mebibyte = 1024 * 1024;
/** Of all watchers together, within the bounds of one. */
const allPerSecond = 64 * mebibyte;
const [leastPerSecond, mostPerSecond] = [2 * mebibyte, 16 * mebibyte];
const allAtOnce = 32 * mebibyte;
const [leastAtOnce, mostAtOnce] = [mebibyte / 2, 4 * mebibyte];
const restMsOfEach = 10;
const [shortestRestMs, longestRestMs] = [250, 1000];

export class Flood {
  /** Bytes that may come before it is one. */
  #allowance = mostAtOnce;
  #earnedMs: number;

  constructor(nowMs: number) {
    this.#earnedMs = nowMs;
  }

  count(bytes: number): void {
    this.#allowance -= bytes;
  }

  isTooMuch(watchers: number, nowMs: number): boolean {
    const each = (all: number, least: number, most: number) =>
      Math.min(most, Math.max(least, all / Math.max(1, watchers)));
    const earned = ((nowMs - this.#earnedMs) / 1000) * each(allPerSecond, leastPerSecond, mostPerSecond);
    this.#earnedMs = nowMs;
    this.#allowance = Math.min(each(allAtOnce, leastAtOnce, mostAtOnce), this.#allowance + earned);
    return this.#allowance < 0;
  }

  static restMs(watchers: number): number {
    return Math.min(longestRestMs, Math.max(shortestRestMs, watchers * restMsOfEach));
  }
}
