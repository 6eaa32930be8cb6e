// What is shown over a recorded screen: the cursor as the target shaped it, a ring where a button was pressed, a frame
// around what was stored with loss. Elements over the canvas, in parts of its size, so that the pixels stay untouched.
import type { CursorShape, ScreenRect } from "../../shared/screen/format.ts";
import type { ScreenCanvas } from "../../shared/screen/player.ts";

export interface ClickMark {
  x: number;
  y: number;
  button: "left" | "middle" | "right" | "wheel";
  /** 0 when it was just pressed, 1 when its ring is gone. */
  age: number;
}

export interface Marks {
  /** The last place of the operator's pointer, and when it got there. */
  pointer: { x: number; y: number; atUs: number } | null;
  clicks: readonly ClickMark[];
}

export type MarksAt = (atUs: number) => Marks | null;

const MAX_RINGS = 12;
const MAX_LOSSY_FRAMES = 64;

export class ScreenMarks {
  private readonly layer = document.createElement("div");
  private readonly cursor = document.createElement("canvas");
  private readonly lossy = document.createElement("div");
  private readonly rings: HTMLElement[] = [];
  private shape: CursorShape | null = null;
  private lossyAreas: readonly ScreenRect[] = [];

  constructor(frame: HTMLElement) {
    this.layer.className = "pixel-marks";
    this.layer.setAttribute("aria-hidden", "true");
    this.lossy.className = "pixel-lossy";
    this.cursor.className = "pixel-cursor";
    this.cursor.hidden = true;
    this.layer.append(this.lossy, this.cursor);
    frame.append(this.layer);
  }

  /**
   * Gives where the pointer is; null where nobody said.
   * @param pointerAtUs when the target itself last put the pointer somewhere.
   */
  show(screen: ScreenCanvas, pointerAtUs: number, marks: Marks | null): { x: number; y: number } | null {
    const moved = marks?.pointer ?? null;
    const pointer = moved !== null && moved.atUs >= pointerAtUs ? moved : (screen.pointer ?? moved);
    this.showCursor(screen, pointer);
    this.showRings(screen, marks?.clicks ?? []);
    this.showLossy(screen);
    return pointer;
  }

  private showCursor(screen: ScreenCanvas, pointer: { x: number; y: number } | null): void {
    const { cursor } = this;
    const shape = screen.cursor;
    const visible = shape !== null && pointer !== null && shape.width > 0 && shape.height > 0 && screen.width > 0;
    cursor.hidden = !visible;
    if (!visible) return;
    if (shape !== this.shape) {
      cursor.width = shape.width;
      cursor.height = shape.height;
      const rgba = new Uint8ClampedArray(shape.rgba);
      cursor.getContext("2d")?.putImageData(new ImageData(rgba, shape.width, shape.height), 0, 0);
      this.shape = shape;
    }
    place(cursor, screen, pointer.x - shape.hotX, pointer.y - shape.hotY, shape.width, shape.height);
  }

  private showRings(screen: ScreenCanvas, clicks: readonly ClickMark[]): void {
    const shown = screen.width === 0 ? [] : clicks.slice(-MAX_RINGS);
    while (this.rings.length < shown.length) {
      const ring = document.createElement("div");
      this.rings.push(ring);
      this.layer.append(ring);
    }
    for (const [i, ring] of this.rings.entries()) {
      const click = shown[i];
      ring.hidden = click === undefined;
      if (click === undefined) continue;
      ring.className = `click-ring ${click.button}`;
      ring.style.left = percent(click.x + 0.5, screen.width);
      ring.style.top = percent(click.y + 0.5, screen.height);
      ring.style.transform = `translate(-50%, -50%) scale(${(0.45 + 0.55 * click.age).toFixed(3)})`;
      ring.style.opacity = (1 - click.age ** 2).toFixed(3);
    }
  }

  private showLossy(screen: ScreenCanvas): void {
    if (screen.lossy === this.lossyAreas) return;
    this.lossyAreas = screen.lossy;
    this.lossy.replaceChildren(
      ...screen.lossy.slice(0, MAX_LOSSY_FRAMES).map((area) => {
        const box = document.createElement("div");
        place(box, screen, area.x, area.y, area.width, area.height);
        return box;
      }),
    );
  }
}

function place(element: HTMLElement, screen: ScreenCanvas, x: number, y: number, width: number, height: number): void {
  element.style.left = percent(x, screen.width);
  element.style.top = percent(y, screen.height);
  element.style.width = percent(width, screen.width);
  element.style.height = percent(height, screen.height);
}

function percent(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(4)}%`;
}
