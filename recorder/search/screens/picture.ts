// Screens as the recogniser wants them: an area of the recorded picture, grey and twice as large, since the text of
// operator panels is 8 to 12 pixels high.

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface ScreenPicture {
  width: number;
  height: number;
  /** In memory R, G, B, A. */
  words: Uint32Array;
}

export interface GreyPicture {
  width: number;
  height: number;
  grey: Uint8Array;
}

export const enlargement = 2;

export function enlargedGrey(picture: ScreenPicture, box: Box): GreyPicture {
  const small = greyOf(picture, box);
  const wide = doubledRows(small, box.width, box.height);
  const width = box.width * enlargement;
  return { width, height: box.height * enlargement, grey: doubledColumns(wide, width, box.height) };
}

function greyOf({ words, width }: ScreenPicture, box: Box): Uint8Array {
  const grey = new Uint8Array(box.width * box.height);
  let at = 0;
  for (let y = box.y; y < box.y + box.height; y++) {
    for (let from = y * width + box.x, end = from + box.width; from < end; from++) {
      const word = words[from]!;
      grey[at++] = ((word & 255) * 77 + ((word >> 8) & 255) * 151 + ((word >> 16) & 255) * 28) >> 8;
    }
  }
  return grey;
}

/** Catmull-Rom at a quarter of the way between two samples, in 128ths. */
function between(far: number, near: number, next: number, beyond: number): number {
  const value = (-9 * far + 111 * near + 29 * next - 3 * beyond + 64) >> 7;
  return Math.max(0, Math.min(255, value));
}

function doubledRows(grey: Uint8Array, width: number, height: number): Uint8Array {
  const wide = new Uint8Array(width * 2 * height);
  for (let y = 0; y < height; y++) {
    const from = y * width;
    for (let x = 0; x < width; x++) {
      const here = grey[from + x]!;
      const left = grey[from + Math.max(0, x - 1)]!;
      const right = grey[from + Math.min(width - 1, x + 1)]!;
      const to = (from + x) * 2;
      wide[to] = between(right, here, left, grey[from + Math.max(0, x - 2)]!);
      wide[to + 1] = between(left, here, right, grey[from + Math.min(width - 1, x + 2)]!);
    }
  }
  return wide;
}

function doubledColumns(grey: Uint8Array, width: number, height: number): Uint8Array {
  const tall = new Uint8Array(width * height * 2);
  for (let y = 0; y < height; y++) {
    const rows = [-2, -1, 0, 1, 2].map((by) => Math.min(height - 1, Math.max(0, y + by)) * width) as [
      ...[number, number, number, number, number],
    ];
    const to = y * 2 * width;
    for (let x = 0; x < width; x++) {
      const [above, here, below] = [grey[rows[1] + x]!, grey[rows[2] + x]!, grey[rows[3] + x]!];
      tall[to + x] = between(below, here, above, grey[rows[0] + x]!);
      tall[to + width + x] = between(above, here, below, grey[rows[4] + x]!);
    }
  }
  return tall;
}

export function intersects(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

export function joined(a: Box, b: Box): Box {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  const right = Math.max(a.x + a.width, b.x + b.width);
  const bottom = Math.max(a.y + a.height, b.y + b.height);
  return { x, y, width: right - x, height: bottom - y };
}
