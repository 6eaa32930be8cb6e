// Groups changed boxes that touch by their tiles, so that movement is looked for in one trend or page and not in the
// whole screen.
import type { ScreenRect } from "../../shared/screen/format.ts";

export interface ChangedArea {
  /** Around all of its boxes. */
  bounds: ScreenRect;
  /** Pixels of the boxes. */
  pixels: number;
}

/** @param boxes the changed box of each tile by its number, row by row; null where nothing changed. */
export function changedAreas(boxes: readonly (ScreenRect | null)[], columns: number): ChangedArea[] {
  const areas: ChangedArea[] = [];
  const left = boxes.slice();
  const waiting: number[] = [];
  for (let start = 0; start < boxes.length; start++) {
    if (!left[start]) continue;
    const members: ScreenRect[] = [];
    waiting.push(start);
    for (let tile = waiting.pop(); tile !== undefined; tile = waiting.pop()) {
      const box = left[tile];
      if (!box) continue;
      left[tile] = null;
      members.push(box);
      const column = tile % columns;
      if (column > 0) waiting.push(tile - 1);
      if (column < columns - 1) waiting.push(tile + 1);
      if (tile >= columns) waiting.push(tile - columns);
      if (tile + columns < boxes.length) waiting.push(tile + columns);
    }
    areas.push({ bounds: around(members), pixels: members.reduce((sum, box) => sum + box.width * box.height, 0) });
  }
  return areas;
}

function around(boxes: readonly ScreenRect[]): ScreenRect {
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = 0;
  let bottom = 0;
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}
