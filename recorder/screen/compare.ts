// Compares the framebuffer with what is stored: which pixels of a box differ, and whether the keyframe had them.
import type { ScreenRect } from "../../shared/screen/format.ts";

/** A restored pixel saves nothing where so few are. */
const leastRestored = 16;

/** Shrinks the box to the pixels that differ; false when none does. */
export function crop(pixels: Uint32Array, shadow: Uint32Array, stride: number, box: ScreenRect): boolean {
  let top = box.y;
  let bottom = box.y + box.height;
  const right = box.x + box.width;
  while (top < bottom && sameRow(pixels, shadow, top * stride + box.x, box.width)) top++;
  if (top === bottom) return false;
  while (sameRow(pixels, shadow, (bottom - 1) * stride + box.x, box.width)) bottom--;
  let first = right;
  let last = box.x;
  for (let y = top; y < bottom; y++) {
    const row = y * stride;
    let x = box.x;
    while (x < first && pixels[row + x] === shadow[row + x]) x++;
    if (x < first) first = x;
    x = right - 1;
    while (x > last && pixels[row + x] === shadow[row + x]) x--;
    if (x > last) last = x;
  }
  box.x = first;
  box.y = top;
  box.width = Math.max(last, first) + 1 - first;
  box.height = bottom - top;
  return true;
}

/** Rows that did not change part a box where so many follow one another. */
const leastGap = 2;

/** The parts of a box that differ, from top to bottom. */
export function changedBands(pixels: Uint32Array, shadow: Uint32Array, stride: number, box: ScreenRect): ScreenRect[] {
  const bands: ScreenRect[] = [];
  const right = box.x + box.width;
  let first = right;
  let last = -1;
  let top = box.y;
  let bottom = box.y;
  for (let y = box.y; y < box.y + box.height; y++) {
    const row = y * stride;
    let x = box.x;
    while (x < right && pixels[row + x] === shadow[row + x]) x++;
    if (x === right) continue;
    if (y - bottom >= leastGap && last >= 0) {
      bands.push({ x: first, y: top, width: last + 1 - first, height: bottom - top });
      first = right;
      last = -1;
    }
    if (last < 0) top = y;
    bottom = y + 1;
    if (x < first) first = x;
    x = right - 1;
    while (x > last && pixels[row + x] === shadow[row + x]) x--;
    if (x > last) last = x;
  }
  if (last >= 0) bands.push({ x: first, y: top, width: last + 1 - first, height: bottom - top });
  return bands;
}

function sameRow(pixels: Uint32Array, shadow: Uint32Array, from: number, width: number): boolean {
  const end = from + width;
  let i = from;
  for (const last = end - 3; i < last; i += 4) {
    const one =
      ((pixels[i] as number) ^ (shadow[i] as number)) | ((pixels[i + 1] as number) ^ (shadow[i + 1] as number));
    const two =
      ((pixels[i + 2] as number) ^ (shadow[i + 2] as number)) | ((pixels[i + 3] as number) ^ (shadow[i + 3] as number));
    if ((one | two) !== 0) return false;
  }
  for (; i < end; i++) if (pixels[i] !== shadow[i]) return false;
  return true;
}

/** Whether most of the box is as the keyframe had it, and more than is as it is stored now. */
export function restores(
  pixels: Uint32Array,
  shadow: Uint32Array,
  base: Uint32Array,
  stride: number,
  box: ScreenRect,
): boolean {
  const half = (box.width * box.height) / 2;
  let gained = 0;
  let lost = 0;
  for (let y = box.y; y < box.y + box.height; y++) {
    // All pixels that are left would not be enough.
    if (gained - lost + (box.y + box.height - y) * box.width <= half) return false;
    for (let i = y * stride + box.x; i < y * stride + box.x + box.width; i++) {
      const word = pixels[i];
      const same = word === shadow[i];
      if (word === base[i]) {
        if (!same) gained++;
      } else if (same) lost++;
    }
  }
  return gained >= leastRestored && gained - lost > half;
}
