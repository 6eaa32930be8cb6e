// Lies over the picture while this page has control: keys, what is pasted, and the pointer become messages of the watch.
// Invariant: what was pressed here is let go of when the surface loses the keyboard or goes away.
import type { WatcherMessage } from "../../../shared/live/messages.ts";
import { keysymOf, terminalKey } from "./control-keys.ts";

export interface ControlTarget {
  kind: "terminal" | "screen";
  channel: number;
  tell(message: WatcherMessage): void;
}

const MAX_TEXT = 1_000;
const MOVE_EVERY_MS = 33;
/** DOM's buttons to RFB's: the middle and the right one change places. */
const buttonBits: Readonly<Record<number, number>> = { 0: 1, 1: 2, 2: 4 };
const wheelUp = 8;
const wheelDown = 16;

/** @returns takes it away. */
export function attachControl(stage: HTMLElement, target: ControlTarget): () => void {
  const surface = document.createElement("div");
  surface.className = "control-surface";
  surface.tabIndex = 0;
  surface.dataset["testid"] = "control-surface";
  surface.setAttribute("role", "application");
  surface.setAttribute("aria-label", "Keys and pointer go to the session");
  stage.append(surface);
  const detach = target.kind === "screen" ? screenInput(surface, stage, target) : terminalInput(surface, target);
  surface.focus();
  return () => {
    detach();
    surface.remove();
  };
}

function terminalInput(surface: HTMLElement, { channel, tell }: ControlTarget): () => void {
  const type = (text: string) => {
    for (let at = 0; at < text.length; ) {
      // No character is cut in two.
      const isHigh = /[\ud800-\udbff]/.test(text.charAt(at + MAX_TEXT - 1));
      const end = at + MAX_TEXT - (isHigh ? 1 : 0);
      tell({ type: "text", channel, text: text.slice(at, end) });
      at = end;
    }
  };
  surface.addEventListener("keydown", (event) => {
    event.stopPropagation();
    // Ctrl+V stays the browser's: what is pasted comes by its own event.
    const isPaste = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "v";
    const text = isPaste ? null : terminalKey(event);
    if (text === null) return;
    event.preventDefault();
    type(text);
  });
  surface.addEventListener("paste", (event) => {
    event.preventDefault();
    type((event.clipboardData?.getData("text/plain") ?? "").replaceAll(/\r?\n/g, "\r"));
  });
  return () => undefined;
}

function screenInput(surface: HTMLElement, stage: HTMLElement, { channel, tell }: ControlTarget): () => void {
  const down = new Map<string, number>();
  let buttons = 0;
  let last = { x: 0, y: 0 };
  let movedMs = Number.NEGATIVE_INFINITY;
  const place = (event: MouseEvent): { x: number; y: number } | null => {
    const canvas = stage.querySelector<HTMLCanvasElement>("canvas.pixels");
    const box = canvas?.getBoundingClientRect();
    if (canvas === null || box === undefined || box.width === 0 || box.height === 0) return null;
    const x = Math.floor(((event.clientX - box.left) * canvas.width) / box.width);
    const y = Math.floor(((event.clientY - box.top) * canvas.height) / box.height);
    return { x: Math.min(Math.max(x, 0), canvas.width - 1), y: Math.min(Math.max(y, 0), canvas.height - 1) };
  };
  const point = (event: MouseEvent) => {
    last = place(event) ?? last;
    tell({ type: "pointer", channel, ...last, buttons });
  };
  const letGo = () => {
    for (const sym of [...down.values()].reverse()) tell({ type: "key", channel, sym, down: false });
    down.clear();
    if (buttons !== 0) tell({ type: "pointer", channel, ...last, buttons: 0 });
    buttons = 0;
  };
  surface.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const sym = keysymOf(event);
    if (sym === null) return;
    event.preventDefault();
    down.set(event.code, sym);
    tell({ type: "key", channel, sym, down: true });
  });
  surface.addEventListener("keyup", (event) => {
    event.stopPropagation();
    const sym = down.get(event.code);
    if (sym === undefined) return;
    event.preventDefault();
    down.delete(event.code);
    tell({ type: "key", channel, sym, down: false });
  });
  surface.addEventListener("pointerdown", (event) => {
    surface.focus();
    surface.setPointerCapture(event.pointerId);
    buttons |= buttonBits[event.button] ?? 0;
    point(event);
  });
  surface.addEventListener("pointerup", (event) => {
    buttons &= ~(buttonBits[event.button] ?? 0);
    point(event);
  });
  surface.addEventListener("pointermove", (event) => {
    if (event.timeStamp - movedMs < MOVE_EVERY_MS) return;
    movedMs = event.timeStamp;
    point(event);
  });
  surface.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const turn = event.deltaY < 0 ? wheelUp : wheelDown;
      last = place(event) ?? last;
      tell({ type: "pointer", channel, ...last, buttons: buttons | turn });
      tell({ type: "pointer", channel, ...last, buttons });
    },
    { passive: false },
  );
  surface.addEventListener("contextmenu", (event) => event.preventDefault());
  surface.addEventListener("blur", letGo);
  return letGo;
}
