// A magnifier over a recorded screen: the pixels around a place, each as a whole number of the display's, so that letters
// keep their form. It stands where the mouse is, where the keys moved it, or where the recorded pointer is.
import { type Area, lensView } from "./lens-view.ts";

const WIDTH = 360;
const HEIGHT = 220;
/** Of the box at most, so that the screen around it stays in view. */
const PART_OF_BOX = 0.5;
/** What an arrow key moves it, in recorded pixels; with Shift. */
const STEP = 16;
const FAR = 128;

export class Lens {
  private readonly box: HTMLElement;
  private readonly frame: HTMLElement;
  private readonly source: HTMLCanvasElement;
  private readonly canvas = document.createElement("canvas");
  private readonly abort = new AbortController();
  private on = false;
  private x = 0;
  private y = 0;

  /** @param moved when somebody put it elsewhere by hand; a place that keys took it to is to be brought into view. */
  constructor(
    box: HTMLElement,
    frame: HTMLElement,
    source: HTMLCanvasElement,
    moved: (toShow: { x: number; y: number } | null) => void,
  ) {
    this.box = box;
    this.frame = frame;
    this.source = source;
    this.canvas.className = "pixel-lens";
    this.canvas.setAttribute("aria-hidden", "true");
    this.canvas.hidden = true;
    frame.append(this.canvas);
    const { signal } = this.abort;
    box.addEventListener(
      "pointermove",
      (event) => {
        if (!this.on) return;
        const { left, top, width, height } = source.getBoundingClientRect();
        moved(null);
        this.show(((event.clientX - left) / width) * source.width, ((event.clientY - top) / height) * source.height);
      },
      { signal },
    );
    box.addEventListener(
      "keydown",
      (event) => {
        const [dx, dy] = arrows[event.key] ?? [0, 0];
        if (!this.on || (dx === 0 && dy === 0) || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        const far = event.shiftKey ? FAR : STEP;
        this.show(this.x + dx * far, this.y + dy * far);
        moved({ x: this.x, y: this.y });
      },
      { signal },
    );
    box.addEventListener("scroll", () => this.draw(), { signal });
  }

  setOn(on: boolean): void {
    if (on && !this.on && this.x === 0 && this.y === 0) {
      this.x = this.source.width / 2;
      this.y = this.source.height / 2;
    }
    this.on = on;
    this.canvas.hidden = !on;
    this.box.classList.toggle("magnified", on);
    this.draw();
  }

  /** In recorded pixels. */
  show(x: number, y: number): void {
    this.x = Math.min(Math.max(0, x), this.source.width - 1);
    this.y = Math.min(Math.max(0, y), this.source.height - 1);
    this.draw();
  }

  /** Once the pixels have changed, or their size on the page. */
  draw(): void {
    const { box, frame, source, canvas } = this;
    if (!this.on || frame.offsetWidth === 0 || source.width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const seen: Area = {
      x: Math.max(0, box.scrollLeft - frame.offsetLeft),
      y: Math.max(0, box.scrollTop - frame.offsetTop),
      width: Math.min(box.clientWidth, frame.offsetWidth),
      height: Math.min(box.clientHeight, frame.offsetHeight),
    };
    const view = lensView({
      x: this.x,
      y: this.y,
      screen: source,
      shownScale: frame.offsetWidth / source.width,
      seen,
      size: {
        width: Math.min(WIDTH, seen.width * PART_OF_BOX),
        height: Math.min(HEIGHT, seen.height * PART_OF_BOX),
      },
      ratio,
    });
    canvas.width = view.from.width * view.scale;
    canvas.height = view.from.height * view.scale;
    canvas.style.width = `${canvas.width / ratio}px`;
    canvas.style.height = `${canvas.height / ratio}px`;
    canvas.style.left = `${view.left}px`;
    canvas.style.top = `${view.top}px`;
    canvas.dataset["scale"] = String(view.scale);
    canvas.dataset["from"] = `${view.from.x},${view.from.y}`;
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) return;
    context.imageSmoothingEnabled = false;
    const { x, y, width, height } = view.from;
    context.drawImage(source, x, y, width, height, 0, 0, canvas.width, canvas.height);
  }

  dispose(): void {
    this.abort.abort();
    this.box.classList.remove("magnified");
  }
}

const arrows: Record<string, [dx: number, dy: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
