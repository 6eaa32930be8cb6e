// How large a screen is shown: fitted into its box, or each recorded pixel as a whole number of the display's, to be
// dragged about. Knows sizes only, nothing of what is on the screen.

/** `fit`, or display pixels a recorded pixel at a device pixel ratio of 1. */
export type ScreenZoom = "fit" | 1 | 2 | 4;
export const screenZooms: readonly ScreenZoom[] = ["fit", 1, 2, 4];

export function zoomText(zoom: ScreenZoom): string {
  return zoom === "fit" ? "Fit" : `${zoom * 100} %`;
}

export class Loupe {
  private readonly box: HTMLElement;
  private readonly frame: HTMLElement;
  private readonly observer: ResizeObserver;
  private readonly abort = new AbortController();
  private width = 1;
  private height = 1;
  private zoom: ScreenZoom = "fit";
  private readonly laidOut: () => void;

  /** @param laidOut once the screen has another size on the page. */
  constructor(box: HTMLElement, frame: HTMLElement, laidOut: () => void) {
    this.box = box;
    this.laidOut = laidOut;
    this.frame = frame;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "The screen");
    this.observer = new ResizeObserver(() => this.layOut());
    this.observer.observe(box);
    box.addEventListener("pointerdown", (event) => this.drag(event), { signal: this.abort.signal });
  }

  setSize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.layOut();
  }

  setZoom(zoom: ScreenZoom): void {
    if (zoom === this.zoom) return;
    const { box, frame } = this;
    // The middle of what is seen stays in the middle.
    const x = frame.offsetWidth === 0 ? 0.5 : (box.scrollLeft + box.clientWidth / 2) / frame.offsetWidth;
    const y = frame.offsetHeight === 0 ? 0.5 : (box.scrollTop + box.clientHeight / 2) / frame.offsetHeight;
    const fitted = this.zoom === "fit";
    this.zoom = zoom;
    this.layOut();
    box.scrollLeft = (fitted ? 0.5 : x) * frame.offsetWidth - box.clientWidth / 2;
    box.scrollTop = (fitted ? 0.5 : y) * frame.offsetHeight - box.clientHeight / 2;
  }

  /** Moves a larger screen so far that the place (in parts of it) is well within the box. */
  show(x: number, y: number): void {
    const { box, frame } = this;
    if (this.zoom === "fit" || box.classList.contains("dragging")) return;
    box.scrollLeft = scrolled(box.scrollLeft, box.clientWidth, x * frame.offsetWidth);
    box.scrollTop = scrolled(box.scrollTop, box.clientHeight, y * frame.offsetHeight);
  }

  dispose(): void {
    this.observer.disconnect();
    this.abort.abort();
  }

  private layOut(): void {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.box;
    const fit = Math.min(clientWidth / this.width, clientHeight / this.height) || 1;
    const scale = this.zoom === "fit" ? fit : Math.max(1, Math.round(this.zoom * ratio)) / ratio;
    const width = this.zoom === "fit" ? Math.floor(this.width * scale) : this.width * scale;
    const height = this.zoom === "fit" ? Math.floor(this.height * scale) : this.height * scale;
    this.frame.style.width = `${width}px`;
    this.frame.style.height = `${height}px`;
    this.box.classList.toggle("zoomed", this.zoom !== "fit");
    // What scrolls is scrolled by keys as well.
    this.box.tabIndex = this.zoom === "fit" ? -1 : 0;
    // Fitted text is easier to read smoothed; whole multiples are shown as the pixels they are.
    this.frame.classList.toggle("crisp", this.zoom !== "fit" || Number.isInteger(scale * ratio));
    this.laidOut();
  }

  /** A finger scrolls by itself. */
  private drag(event: PointerEvent): void {
    const { box } = this;
    if (this.zoom === "fit" || event.pointerType === "touch" || event.button !== 0) return;
    // Its own scroll bars lie outside of the client area.
    if (event.offsetX > box.clientWidth + box.scrollLeft || event.offsetY > box.clientHeight + box.scrollTop) return;
    const from = { x: event.clientX, y: event.clientY, left: box.scrollLeft, top: box.scrollTop };
    const moves = new AbortController();
    box.setPointerCapture(event.pointerId);
    box.classList.add("dragging");
    const move = (next: PointerEvent) => {
      box.scrollLeft = from.left - (next.clientX - from.x);
      box.scrollTop = from.top - (next.clientY - from.y);
    };
    const end = () => {
      box.classList.remove("dragging");
      moves.abort();
    };
    box.addEventListener("pointermove", move, { signal: moves.signal });
    box.addEventListener("pointerup", end, { signal: moves.signal });
    box.addEventListener("pointercancel", end, { signal: moves.signal });
  }
}

const MARGIN = 0.2;

/** The least scrolling that keeps `at` out of the margins of what is seen. */
export function scrolled(from: number, size: number, at: number): number {
  const margin = size * MARGIN;
  if (at < from + margin) return Math.max(0, Math.round(at - margin));
  if (at > from + size - margin) return Math.round(at - size + margin);
  return from;
}
