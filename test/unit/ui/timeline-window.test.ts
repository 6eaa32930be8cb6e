// The arithmetic of the timeline's window, for any window, session and anchor.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  around,
  followed,
  isWhole,
  type LaneWindow,
  moved,
  SHORTEST_US,
  scaleOf,
  wholeSession,
  within,
  zoomed,
} from "../../../replay-ui/player/lane-window.ts";

const durations = fc.integer({ min: 1, max: 14_400_000_000 });
const numbers = fc.integer({ min: -20_000_000_000, max: 20_000_000_000 });
/** A window of a session, by the rules. */
const cases = fc.tuple(durations, numbers, numbers).map(([durationUs, a, b]) => ({
  durationUs,
  window: within({ fromUs: Math.min(a, b), toUs: Math.max(a, b) }, durationUs),
}));

function keepsToTheRules({ fromUs, toUs }: LaneWindow, durationUs: number): void {
  expect(Number.isInteger(fromUs) && Number.isInteger(toUs)).toBe(true);
  expect(fromUs).toBeGreaterThanOrEqual(0);
  expect(toUs).toBeLessThanOrEqual(durationUs);
  expect(toUs - fromUs).toBeGreaterThanOrEqual(Math.min(SHORTEST_US, durationUs));
}

describe("a window of the timeline", () => {
  it("keeps to the rules, whatever is done to it", () => {
    fc.assert(
      fc.property(
        cases,
        fc.double({ min: 0.001, max: 1000, noNaN: true }),
        numbers,
        ({ durationUs, window }, factor, us) => {
          keepsToTheRules(window, durationUs);
          keepsToTheRules(zoomed(window, factor, us, durationUs), durationUs);
          keepsToTheRules(moved(window, factor - 2, durationUs), durationUs);
          keepsToTheRules(followed(window, us, durationUs), durationUs);
          keepsToTheRules(around(window, durationUs), durationUs);
        },
      ),
    );
  });

  it("keeps what is under the mouse under it, unless the session ends there", () => {
    fc.assert(
      fc.property(
        cases,
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ durationUs, window }, factor, share) => {
          const anchorUs = window.fromUs + share * (window.toUs - window.fromUs);
          const next = zoomed(window, factor, anchorUs, durationUs);
          fc.pre(next.fromUs > 0 && next.toUs < durationUs);
          const span = next.toUs - next.fromUs;
          expect((anchorUs - next.fromUs) / span).toBeCloseTo(share, 3);
        },
      ),
    );
  });

  it("goes from hours to a second and back to the whole", () => {
    const durationUs = 4 * 3_600_000_000;
    let window = wholeSession(durationUs);
    for (let i = 0; i < 40; i++) window = zoomed(window, 0.5, 5_000_000_000, durationUs);
    expect(window.toUs - window.fromUs).toBe(SHORTEST_US);
    for (let i = 0; i < 40; i++) window = zoomed(window, 2, 5_000_000_000, durationUs);
    expect(isWhole(window, durationUs)).toBe(true);
  });

  it("keeps its length when it is moved, and stops at the ends", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: -5, max: 5, noNaN: true }), ({ durationUs, window }, share) => {
        const next = moved(window, share, durationUs);
        expect(next.toUs - next.fromUs).toBe(window.toUs - window.fromUs);
      }),
    );
    expect(moved({ fromUs: 2e6, toUs: 4e6 }, -9, 9e6)).toEqual({ fromUs: 0, toUs: 2e6 });
  });

  it("stays the same object while the playhead is within, and has it in view after", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0, max: 1, noNaN: true }), ({ durationUs, window }, share) => {
        const atUs = Math.floor(share * durationUs);
        const next = followed(window, atUs, durationUs);
        expect(atUs).toBeGreaterThanOrEqual(next.fromUs);
        expect(atUs).toBeLessThanOrEqual(next.toUs);
        expect(followed(next, atUs, durationUs)).toBe(next);
      }),
    );
  });

  it("has a scale at round times, no closer than asked for", () => {
    fc.assert(
      fc.property(
        cases,
        fc.integer({ min: 120, max: 2_400 }),
        fc.integer({ min: 0, max: 86_400_000_000 }),
        ({ window }, width, originUs) => {
          const { stepUs, atUs } = scaleOf(window, width, 110, originUs);
          expect(atUs.length).toBeLessThanOrEqual(Math.floor(width / 110) + 1);
          for (const at of atUs) {
            expect((at + originUs) % stepUs).toBe(0);
            expect(at >= window.fromUs && at <= window.toUs).toBe(true);
          }
        },
      ),
    );
  });
});
