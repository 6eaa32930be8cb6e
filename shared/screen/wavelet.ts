// The coding of areas that move (lossy): tiles of 64x64 in YCoCg with halved colour planes, the integer 5/3 wavelet of
// JPEG 2000 (reversible lifting), quantised coefficients as tokens. Integers only, so that every reader has the same
// pixels. Both directions stand here, since each is the other's mirror; what is lost is lost in the quantiser alone.

export const lossyTileSide = 64;
const colourSide = lossyTileSide / 2;
/** Side of what remains after all levels. */
const leastSide = 4;
const lumaArea = lossyTileSide * lossyTileSide;
const colourArea = colourSide * colourSide;
const tileCoefficients = lumaArea + 2 * colourArea;

/** What a tile's tokens take at most. */
export const mostTokenBytes = 3 * tileCoefficients;

/** Tokens: 0–127 so many zeros and one more; 128–253 a small coefficient; 254 one of 16 bits, little-endian. */
const firstSmall = 128;
const wide = 254;
const maxSmall = 63;

/** Eighths of the quantiser for the bands of each level, finest first: [one direction, both]. */
const bandWeights = [
  [8, 11],
  [5, 9],
  [3, 5],
  [2, 3],
] as const;
const restWeight = 2;

const planesOfTile = [
  { base: 0, side: lossyTileSide, weight: 2 },
  { base: lumaArea, side: colourSide, weight: 3 },
  { base: lumaArea + colourArea, side: colourSide, weight: 3 },
] as const;

/** Working memory of a codec; one does for any number of tiles. */
export class TilePlanes {
  /** Y, Co, Cg one after the other, each row by row. */
  readonly planes = new Int16Array(tileCoefficients);
  readonly #line = new Int16Array(lossyTileSide + 2);
  readonly #quantised = new Int16Array(tileCoefficients);

  /** To quantised coefficients as tokens; returns how many bytes. `to` must have room for `mostTokenBytes`. */
  encode(quantiser: number, to: Uint8Array, from: number): number {
    let count = 0;
    for (const { base, side, weight } of planesOfTile) {
      for (let size = side; size > leastSide; size >>= 1) this.#forward(base, side, size);
      count = this.#gather(base, side, quantiser, weight, count);
    }
    return this.#putTokens(to, from) - from;
  }

  /** From tokens to planes. False when they are no tile's. */
  decode(quantiser: number, data: Uint8Array, from: number, end: number): boolean {
    if (!this.#readTokens(data, from, end)) return false;
    let count = 0;
    for (const { base, side, weight } of planesOfTile) {
      count = this.#spread(base, side, quantiser, weight, count);
      for (let size = leastSide * 2; size <= side; size <<= 1) this.#inverse(base, side, size);
    }
    return true;
  }

  /** Quantises a plane's coefficients, coarse bands first. */
  #gather(base: number, side: number, quantiser: number, weight: number, first: number): number {
    const { planes } = this;
    const quantised = this.#quantised;
    let count = first;
    let before = 0;
    const restStep = stepOf(quantiser, restWeight, weight);
    for (let y = 0; y < leastSide; y++) {
      for (let x = 0; x < leastSide; x++) {
        const value = Math.floor((planes[base + y * side + x] as number) / restStep + 0.5);
        quantised[count++] = value - before;
        before = value;
      }
    }
    for (let half = leastSide; half < side; half <<= 1) {
      const [single, both] = weightsOf(half);
      for (let band = 1; band < 4; band++) {
        const left = band & 1 ? half : 0;
        const top = band & 2 ? half : 0;
        const step = stepOf(quantiser, band === 3 ? both : single, weight);
        for (let y = top; y < top + half; y++) {
          let at = base + y * side + left;
          // Towards zero: what is less than a step is nothing.
          for (const end = at + half; at < end; at++) quantised[count++] = ((planes[at] as number) / step) | 0;
        }
      }
    }
    return count;
  }

  #spread(base: number, side: number, quantiser: number, weight: number, first: number): number {
    const { planes } = this;
    const quantised = this.#quantised;
    let count = first;
    let value = 0;
    const restStep = stepOf(quantiser, restWeight, weight);
    for (let y = 0; y < leastSide; y++) {
      for (let x = 0; x < leastSide; x++) {
        value += quantised[count++] as number;
        planes[base + y * side + x] = value * restStep;
      }
    }
    for (let half = leastSide; half < side; half <<= 1) {
      const [single, both] = weightsOf(half);
      for (let band = 1; band < 4; band++) {
        const left = band & 1 ? half : 0;
        const top = band & 2 ? half : 0;
        const step = stepOf(quantiser, band === 3 ? both : single, weight);
        const within = (step * 3) >> 3;
        for (let y = top; y < top + half; y++) {
          let at = base + y * side + left;
          for (const end = at + half; at < end; at++) {
            const level = quantised[count++] as number;
            planes[at] = level === 0 ? 0 : level > 0 ? level * step + within : level * step - within;
          }
        }
      }
    }
    return count;
  }

  #putTokens(to: Uint8Array, from: number): number {
    const quantised = this.#quantised;
    let at = from;
    let zeros = 0;
    for (let i = 0; i < tileCoefficients; i++) {
      const value = quantised[i] as number;
      if (value === 0) {
        zeros++;
        continue;
      }
      for (; zeros > 0; zeros -= Math.min(zeros, 128)) to[at++] = Math.min(zeros, 128) - 1;
      const magnitude = Math.abs(value);
      if (magnitude <= maxSmall) to[at++] = firstSmall + 2 * (magnitude - 1) + (value < 0 ? 1 : 0);
      else {
        to[at++] = wide;
        to[at++] = value & 255;
        to[at++] = (value >> 8) & 255;
      }
    }
    return at;
  }

  /** Zeros at the end have no token. */
  #readTokens(data: Uint8Array, from: number, end: number): boolean {
    const quantised = this.#quantised.fill(0);
    let i = 0;
    for (let at = from; at < end; ) {
      const token = data[at++] as number;
      if (token < firstSmall) {
        i += token + 1;
        continue;
      }
      if (i >= tileCoefficients || token > wide || (token === wide && at + 2 > end)) return false;
      if (token < wide) {
        const magnitude = ((token - firstSmall) >> 1) + 1;
        quantised[i++] = token & 1 ? -magnitude : magnitude;
      } else {
        quantised[i++] = (data[at] as number) | ((data[at + 1] as number) << 8);
        at += 2;
      }
    }
    return i <= tileCoefficients;
  }

  /** One level: the means go to the first half of rows and columns, the differences to the second. */
  #forward(base: number, stride: number, size: number): void {
    for (let i = 0; i < size; i++) this.#forwardLine(base + i * stride, 1, size);
    for (let i = 0; i < size; i++) this.#forwardLine(base + i, stride, size);
  }

  #inverse(base: number, stride: number, size: number): void {
    for (let i = 0; i < size; i++) this.#inverseLine(base + i, stride, size);
    for (let i = 0; i < size; i++) this.#inverseLine(base + i * stride, 1, size);
  }

  #forwardLine(from: number, step: number, size: number): void {
    const { planes } = this;
    const line = this.#line;
    for (let i = 0, at = from; i < size; i++, at += step) line[i] = planes[at] as number;
    line[size] = line[size - 2] as number;
    const half = size >> 1;
    let before = 0;
    let low = from;
    let high = from + half * step;
    for (let i = 0; i < size; i += 2) {
      const even = line[i] as number;
      const difference = (line[i + 1] as number) - ((even + (line[i + 2] as number)) >> 1);
      if (i === 0) before = difference;
      planes[low] = even + ((before + difference + 2) >> 2);
      planes[high] = difference;
      before = difference;
      low += step;
      high += step;
    }
  }

  #inverseLine(from: number, step: number, size: number): void {
    const { planes } = this;
    const line = this.#line;
    const half = size >> 1;
    let low = from;
    let high = from + half * step;
    let before = planes[high] as number;
    for (let i = 0; i < size; i += 2) {
      const difference = planes[high] as number;
      line[i] = (planes[low] as number) - ((before + difference + 2) >> 2);
      line[i + 1] = difference;
      before = difference;
      low += step;
      high += step;
    }
    line[size] = line[size - 2] as number;
    let at = from;
    let even = line[0] as number;
    for (let i = 0; i < size; i += 2) {
      const next = line[i + 2] as number;
      planes[at] = even;
      at += step;
      planes[at] = (line[i + 1] as number) + ((even + next) >> 1);
      at += step;
      even = next;
    }
  }

  /** Takes a tile's pixels; beyond the right and lower edge of a smaller one its last pixels are repeated. */
  takePixels(words: Uint32Array, stride: number, x: number, y: number, width: number, height: number): void {
    const { planes } = this;
    for (let row = 0; row < lossyTileSide; row += 2) {
      const upper = (y + Math.min(row, height - 1)) * stride + x;
      const lower = (y + Math.min(row + 1, height - 1)) * stride + x;
      for (let column = 0; column < lossyTileSide; column += 2) {
        const left = Math.min(column, width - 1);
        const right = Math.min(column + 1, width - 1);
        let orange = 2;
        let green = 2;
        for (let i = 0; i < 4; i++) {
          const word = words[(i < 2 ? upper : lower) + (i & 1 ? right : left)] as number;
          const red = word & 255;
          const blue = (word >>> 16) & 255;
          const co = red - blue;
          const middle = blue + (co >> 1);
          const cg = ((word >>> 8) & 255) - middle;
          planes[(row + (i >> 1)) * lossyTileSide + column + (i & 1)] = middle + (cg >> 1);
          orange += co;
          green += cg;
        }
        const at = (row >> 1) * colourSide + (column >> 1);
        planes[lumaArea + at] = orange >> 2;
        planes[lumaArea + colourArea + at] = green >> 2;
      }
    }
  }

  givePixels(words: Uint32Array, stride: number, x: number, y: number, width: number, height: number): void {
    const { planes } = this;
    for (let row = 0; row < height; row++) {
      let to = (y + row) * stride + x;
      let luma = row * lossyTileSide;
      const orangeRow = lumaArea + (row >> 1) * colourSide;
      for (let column = 0; column < width; column++) {
        const co = planes[orangeRow + (column >> 1)] as number;
        const cg = planes[orangeRow + colourArea + (column >> 1)] as number;
        const middle = (planes[luma++] as number) - (cg >> 1);
        const blue = middle - (co >> 1);
        words[to++] = (0xff000000 | (clamp(blue) << 16) | (clamp(cg + middle) << 8) | clamp(blue + co)) >>> 0;
      }
    }
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : Math.min(value, 255);
}

/** Of the bands whose side is `half` in the luma plane's levels; the colour planes have one level less. */
function weightsOf(half: number): readonly [number, number] {
  return bandWeights[half === 32 ? 0 : half === 16 ? 1 : half === 8 ? 2 : 3];
}

/** @param weight in halves: colours are quantised more. */
function stepOf(quantiser: number, eighths: number, weight: number): number {
  return Math.max(1, (quantiser * eighths * weight) >> 4);
}
