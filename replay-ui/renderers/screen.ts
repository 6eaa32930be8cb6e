// Shows a recorded screen: the pixels of a ScreenCanvas on a canvas of the same size, changed rectangles only, and over
// them (never in them) the cursor, rings where buttons were pressed, and frames around what was stored with loss.
import { AppError } from "../../shared/errors.ts";
import { ByteReader } from "../../shared/screen/byte-reader.ts";
import { type ScreenRecord, type ScreenRect, screenCode } from "../../shared/screen/format.ts";
import { ScreenCanvas } from "../../shared/screen/player.ts";
import { RenderError, type Renderer, type RenderOp } from "../player/renderer.ts";
import { Lens } from "./lens.ts";
import { Loupe, type ScreenZoom } from "./loupe.ts";
import { type MarksAt, ScreenMarks } from "./screen-marks.ts";

/** What has to be said of the picture that is shown. */
export interface ScreenNote {
  /** Why no picture comes after this one; null while one may. */
  ended: string | null;
  /** Some of it was stored with loss by the recorder, or came as JPEG from the target. */
  lossy: "recorder" | "target" | null;
}

export interface ScreenRenderer extends Renderer {
  readonly canvas: HTMLCanvasElement;
  setZoom(zoom: ScreenZoom): void;
  /** A screen that is larger than its box moves along with the pointer. */
  setFollow(follow: boolean): void;
  /** The magnifier: it stands where the pointer is while that is followed, until somebody moves it. */
  setLens(on: boolean): void;
  /** Where the pointer was and what it did, from the input track; asked again at every moment. */
  setMarks(marks: MarksAt | null): void;
  /** The recorded pixels and nothing else. */
  png(): Promise<Blob>;
  dispose(): void;
}

/** Above this part of the screen one large copy is cheaper than many small ones. */
const WHOLE_FROM = 0.6;

/** It fills `parent`, which scrolls when the screen is larger; `onNote` is told when there is something else to say. */
export function createScreenRenderer(parent: HTMLElement, onNote: (note: ScreenNote) => void): ScreenRenderer {
  const frame = document.createElement("div");
  frame.className = "pixel-frame";
  const canvas = document.createElement("canvas");
  canvas.className = "pixels";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "The recorded screen");
  frame.append(canvas);
  parent.replaceChildren(frame);
  const context = canvas.getContext("2d", { alpha: false })!;
  const marks = new ScreenMarks(frame);
  let lensByHand = false;
  const lens: Lens = new Lens(parent, frame, canvas, (toShow) => {
    lensByHand = true;
    if (toShow !== null) loupe.show(toShow.x / canvas.width, toShow.y / canvas.height);
  });
  const loupe: Loupe = new Loupe(parent, frame, () => lens.draw());
  const dirty = new DirtyArea();
  let screen = new ScreenCanvas();
  let image: ImageData | null = null;
  let marksAt: MarksAt | null = null;
  let pointerAtUs = -1;
  let momentUs = 0;
  let follow = false;
  let ended: string | null = null;
  /** Since the keyframe: what the target sends as JPEG it sends in parts. */
  let jpeg = false;
  let note: ScreenNote = { ended: null, lossy: null };

  const showMarks = () => {
    const pointer = marks.show(screen, pointerAtUs, marksAt?.(momentUs) ?? null);
    if (!follow || pointer === null || screen.width === 0) return;
    loupe.show(pointer.x / screen.width, pointer.y / screen.height);
    if (!lensByHand) lens.show(pointer.x, pointer.y);
  };

  const resize = (width: number, height: number) => {
    canvas.width = width;
    canvas.height = height;
    loupe.setSize(width, height);
  };

  const tell = () => {
    const lossy = screen.lossy.length > 0 ? "recorder" : jpeg ? "target" : null;
    if (note.ended === ended && note.lossy === lossy) return;
    note = { ended, lossy };
    onNote(note);
  };

  /** Looks at what each record did, once it is applied. */
  function* watched(records: readonly ScreenRecord[]): Generator<ScreenRecord> {
    for (const record of records) {
      const { pointer } = screen;
      yield record;
      if (screen.pointer !== pointer) pointerAtUs = record.atUs;
      jpeg ||= screen.targetLossy.length > 0;
      if (record.code === screenCode.gap) ended = textOf(record);
    }
  }

  const draw = ({ n, fresh, records }: Extract<RenderOp, { op: "records" }>) => {
    try {
      if (fresh) {
        pointerAtUs = -1;
        ended = null;
        jpeg = false;
      }
      for (const rect of screen.applyAll(watched(records))) dirty.add(rect);
    } catch (error) {
      screen = new ScreenCanvas();
      image = null;
      if (error instanceof AppError) throw new RenderError(n, error.message);
      throw error;
    }
  };

  const blank = ({ width, height }: { width: number; height: number }) => {
    screen = new ScreenCanvas();
    image = null;
    pointerAtUs = -1;
    ended = null;
    jpeg = false;
    if (canvas.width !== width || canvas.height !== height) resize(width, height);
    context.fillRect(0, 0, width, height);
    lens.draw();
  };

  const flush = () => {
    const { width, height, pixels } = screen;
    if (dirty.isEmpty) return;
    if (image === null || image.data !== pixels) image = new ImageData(pixels, width, height);
    if (canvas.width !== width || canvas.height !== height) {
      resize(width, height);
      dirty.add({ x: 0, y: 0, width, height });
    }
    if (dirty.pixels > width * height * WHOLE_FROM) context.putImageData(image, 0, 0);
    else for (const r of dirty.rects) context.putImageData(image, 0, 0, r.x, r.y, r.width, r.height);
    dirty.clear();
    lens.draw();
  };

  return {
    canvas,
    apply(ops) {
      for (const op of ops) {
        if (op.op === "records") draw(op);
        else if (op.op === "blank") {
          dirty.clear();
          blank(op);
        }
      }
      flush();
      tell();
    },
    setPlaying() {},
    setMoment(atUs) {
      momentUs = atUs;
      showMarks();
    },
    setZoom: (zoom) => loupe.setZoom(zoom),
    setFollow(on) {
      follow = on;
      showMarks();
    },
    setLens(on) {
      lensByHand = false;
      lens.setOn(on);
      showMarks();
    },
    setMarks(source) {
      marksAt = source;
      showMarks();
    },
    png: () =>
      new Promise((resolve, reject) => {
        canvas.toBlob(
          (blob) => (blob === null ? reject(new Error("the browser could not make a PNG")) : resolve(blob)),
          "image/png",
        );
      }),
    dispose() {
      loupe.dispose();
      lens.dispose();
      frame.remove();
    },
  };
}

/** The reason in a gap record, which the canvas has checked. */
function textOf(record: ScreenRecord): string {
  const reader = new ByteReader(record.payload, record.offset);
  return JSON.parse(new TextDecoder().decode(reader.take(reader.varint(), "a text"))) as string;
}

/** What changed since the last copy to the canvas. */
class DirtyArea {
  rects: ScreenRect[] = [];
  pixels = 0;

  get isEmpty(): boolean {
    return this.rects.length === 0;
  }

  /** The rectangle is copied: its owner uses it again. */
  add({ x, y, width, height }: ScreenRect): void {
    this.pixels += width * height;
    this.rects.push({ x, y, width, height });
  }

  clear(): void {
    this.rects = [];
    this.pixels = 0;
  }
}
