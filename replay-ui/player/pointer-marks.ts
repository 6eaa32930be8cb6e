// Where the operator's pointer was at a moment and which buttons had just been pressed, from the input track. What is not
// in memory is asked for and shown when it is there.
import type { InputLine } from "../../shared/events/stored.ts";
import type { ClickMark, Marks } from "../renderers/screen-marks.ts";
import type { Decoded, SegmentLoader } from "./segments.ts";
import { type Timeline, upperBound } from "./timeline.ts";

const RING_US = 800_000;
/** Segments back in which the last move is looked for. */
const MAX_BACK = 4;

type Input = Extract<Decoded, { kind: "input" }>;

export class PointerMarks {
  private readonly loader: SegmentLoader;
  private readonly timeline: () => Timeline;
  private readonly channel: number;
  private readonly lines = new WeakMap<Input, InputLine[]>();

  constructor(loader: SegmentLoader, timeline: () => Timeline, channel: number) {
    this.loader = loader;
    this.timeline = timeline;
    this.channel = channel;
  }

  /** @param speed of playback: a ring is seen as long at any speed. */
  at(atUs: number, speed: number): Marks {
    const timeline = this.timeline();
    const segments = timeline.segments("input");
    const ringUs = RING_US * Math.max(1, speed);
    const clicks: ClickMark[] = [];
    let pointer: Marks["pointer"] = null;
    let position = timeline.positionAt("input", atUs);
    for (let back = 0; position >= 0 && back < MAX_BACK; position--, back++) {
      const decoded = this.loader.peekQuietly(segments[position]!.n);
      if (decoded?.kind !== "input") {
        if (back === 0) this.loader.prefetch(segments[position]!.n);
        break;
      }
      const lines = this.linesOf(decoded);
      for (let i = upperBound(lines.length, (k) => lines[k]!.t <= atUs) - 1; i >= 0; i--) {
        const line = lines[i]!;
        if (line.x === undefined || line.y === undefined) continue;
        pointer ??= { x: line.x, y: line.y, atUs: line.t };
        const age = (atUs - line.t) / ringUs;
        if (age >= 1) break;
        if (line.what === "press" || line.what === "wheel") {
          clicks.unshift({ x: line.x, y: line.y, button: pressedButton(lines, i), age });
        }
      }
      if (pointer !== null && atUs - segments[position]!.startUs > ringUs) break;
    }
    return { pointer, clicks };
  }

  private linesOf(decoded: Input): InputLine[] {
    let lines = this.lines.get(decoded);
    if (lines === undefined) {
      lines = decoded.lines.filter((line) => line.k === "pointer" && line.ch === this.channel);
      this.lines.set(decoded, lines);
    }
    return lines;
  }
}

/** The button that is held since this line and was not before it. */
function pressedButton(lines: readonly InputLine[], i: number): ClickMark["button"] {
  return buttonName((lines[i]?.buttons ?? 0) & ~(lines[i - 1]?.buttons ?? 0));
}

/** RFC 6143 §7.5.5: bits 0 to 2 are the left, middle and right button, 3 to 6 the wheel. */
export function buttonName(mask: number): ClickMark["button"] {
  if (mask & 1) return "left";
  if (mask & 4) return "right";
  return mask & 2 ? "middle" : "wheel";
}
