// What viewer and target of the VNC bench's tap part agree on.
export const screenSize = { width: 1280, height: 800 };
export const smallUpdate = { width: 16, height: 16 };

/** Of one update with one Raw rectangle. */
export function updateBytes({ width, height }: { width: number; height: number }): number {
  return 16 + width * height * 4;
}
