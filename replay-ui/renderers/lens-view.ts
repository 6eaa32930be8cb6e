// What a magnifier shows and where it stands: sizes only, nothing of the screen.

export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface LensView {
  /** Display pixels of each recorded one, in both directions. */
  scale: number;
  /** In recorded pixels, whole ones, within the screen. */
  from: Area;
  /** In the frame, in CSS pixels. */
  left: number;
  top: number;
}

/** Twice as large as the screen is shown, at least; a whole number, so that each recorded pixel is a square like all others. */
const ENLARGES = 2;

export function lensView(facts: {
  /** The place that is magnified, in recorded pixels. */
  x: number;
  y: number;
  screen: { width: number; height: number };
  /** CSS pixels of each recorded one where the screen is shown. */
  shownScale: number;
  /** What is seen of the screen, and how large the magnifier may be, in CSS pixels. */
  seen: Area;
  size: { width: number; height: number };
  ratio: number;
}): LensView {
  const { screen, seen, ratio, shownScale } = facts;
  const scale = Math.max(2, Math.ceil(ENLARGES * shownScale * ratio));
  const width = Math.min(screen.width, Math.max(1, Math.floor((facts.size.width * ratio) / scale)));
  const height = Math.min(screen.height, Math.max(1, Math.floor((facts.size.height * ratio) / scale)));
  const from: Area = {
    x: within(Math.floor(facts.x) - Math.floor(width / 2), 0, screen.width - width),
    y: within(Math.floor(facts.y) - Math.floor(height / 2), 0, screen.height - height),
    width,
    height,
  };
  const shownWidth = (width * scale) / ratio;
  const shownHeight = (height * scale) / ratio;
  return {
    scale,
    from,
    left: within(facts.x * shownScale - shownWidth / 2, seen.x, seen.x + seen.width - shownWidth),
    top: within(facts.y * shownScale - shownHeight / 2, seen.y, seen.y + seen.height - shownHeight),
  };
}

function within(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
