// Pictures that the live bench draws and finds again in what watchers are sent, each by a colour of its own. A segment begins
// with all that is on the screen, so what was drawn long ago comes again with each: only what is newer counts.
/** A colour of the bench, as a drawing has it: this byte, then two that are never it. */
const colourMark = 0xc5;
/** What a stall may have kept back: a number that is further on is none, but bytes that look like it. */
const mostAhead = 100;

/** Red, green and blue of the picture with this number, in one. */
export function colourOf(picture: number): number {
  return (colourMark << 16) | ((1 + (picture >> 7)) << 8) | (picture & 0x7f);
}

/** The newest picture that drawn bytes have, after `before`. */
export function newestPicture(drawn: Buffer, before: number): number | null {
  let newest: number | null = null;
  for (let at = drawn.indexOf(colourMark); at >= 0 && at + 2 < drawn.length; at = drawn.indexOf(colourMark, at + 1)) {
    const [high, low] = [drawn[at + 1] as number, drawn[at + 2] as number];
    const picture = ((high - 1) << 7) | low;
    const isOne = high > 0 && low < 0x80 && picture > (newest ?? before) && picture <= before + mostAhead;
    if (isOne) newest = picture;
  }
  return newest;
}
