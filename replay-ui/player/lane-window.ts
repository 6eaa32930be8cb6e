// The stretch of a session that the timeline shows: zooming, moving and following it, and where its scale has marks.
// Knows numbers only. Invariant: a window lies within the session and is no shorter than a second, where the session is not.

export interface LaneWindow {
  fromUs: number;
  toUs: number;
}

const SECOND_US = 1_000_000;
export const SHORTEST_US = SECOND_US;
/** Where the playhead stands in a window that has just followed it. */
const FOLLOWED_AT = 0.1;
const FOLLOWED_UNTIL = 0.96;

export function wholeSession(durationUs: number): LaneWindow {
  return { fromUs: 0, toUs: Math.max(1, Math.round(durationUs)) };
}

export function isWhole({ fromUs, toUs }: LaneWindow, durationUs: number): boolean {
  return fromUs <= 0 && toUs >= durationUs;
}

/** The nearest window that keeps to the rules; as long as the one asked for, where that can be. */
export function within({ fromUs, toUs }: LaneWindow, durationUs: number): LaneWindow {
  const whole = wholeSession(durationUs);
  const most = whole.toUs;
  const span = Math.min(most, Math.max(Math.min(SHORTEST_US, most), Math.round(toUs - fromUs)));
  const from = Math.min(Math.max(0, Math.round(fromUs)), most - span);
  return { fromUs: from, toUs: from + span };
}

/** `factor` below 1 goes nearer. What is under `anchorUs` stays where it is, as far as the session's ends allow. */
export function zoomed(window: LaneWindow, factor: number, anchorUs: number, durationUs: number): LaneWindow {
  const span = window.toUs - window.fromUs;
  const least = Math.min(SHORTEST_US, Math.max(1, durationUs));
  const next = Math.min(Math.max(1, durationUs), Math.max(least, span * factor));
  const share = span === 0 ? 0.5 : (anchorUs - window.fromUs) / span;
  const fromUs = anchorUs - share * next;
  return within({ fromUs, toUs: fromUs + next }, durationUs);
}

/** On by a share of its own length; back where that is negative. */
export function moved(window: LaneWindow, share: number, durationUs: number): LaneWindow {
  const byUs = (window.toUs - window.fromUs) * share;
  return within({ fromUs: window.fromUs + byUs, toUs: window.toUs + byUs }, durationUs);
}

/** The same window while the moment is well within it; else one that begins shortly before the moment. */
export function followed(window: LaneWindow, atUs: number, durationUs: number): LaneWindow {
  const span = window.toUs - window.fromUs;
  const share = (atUs - window.fromUs) / span;
  if (share >= 0 && share <= FOLLOWED_UNTIL) return window;
  const fromUs = atUs - span * FOLLOWED_AT;
  const next = within({ fromUs, toUs: fromUs + span }, durationUs);
  return next.fromUs === window.fromUs && next.toUs === window.toUs ? window : next;
}

/** All of a range, with a little around it. */
export function around({ fromUs, toUs }: LaneWindow, durationUs: number): LaneWindow {
  const margin = Math.max(SHORTEST_US / 4, (toUs - fromUs) * 0.08);
  return within({ fromUs: fromUs - margin, toUs: toUs + margin }, durationUs);
}

const stepsUs = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
].map((seconds) => seconds * SECOND_US);

/** The scale's marks: about one every `apartPx`, at round times counted from `originUs` (the wall clock's, say). */
export function scaleOf(
  { fromUs, toUs }: LaneWindow,
  widthPx: number,
  apartPx: number,
  originUs = 0,
): { stepUs: number; atUs: number[] } {
  const most = Math.max(1, Math.floor(widthPx / apartPx));
  const span = toUs - fromUs;
  const last = stepsUs.at(-1)!;
  const stepUs = stepsUs.find((step) => span / step <= most) ?? last * Math.ceil(span / last / most);
  const atUs: number[] = [];
  const first = Math.ceil((fromUs + originUs) / stepUs);
  for (let i = first; i * stepUs - originUs <= toUs; i++) atUs.push(i * stepUs - originUs);
  return { stepUs, atUs };
}
