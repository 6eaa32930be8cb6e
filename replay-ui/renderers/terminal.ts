// Draws a terminal with asciinema-player, and is the only file that knows it. The player is used as a screen alone: its
// source is a function that hands us `dispatch`, so that our clock decides what is shown and when. This protocol is not
// in its typings (pinned by test/e2e/terminal-renderer.test.ts).
import { create } from "asciinema-player";
import "asciinema-player/dist/bundle/asciinema-player.css";
import type { Renderer, RendererSize, RenderOp } from "../player/renderer.ts";
import { TerminalBounds } from "./terminal-bounds.ts";

type Dispatch = (event: string, data?: unknown) => void;

interface Driver {
  init(): void;
  play(): boolean;
  pause(): boolean;
  getTiming(): { time: number; rate: number; sampledAt: number };
}

export interface TerminalRenderer extends Renderer {
  dispose(): void;
}

const firstSize = { cols: 80, rows: 24 };

/** Resolves when the terminal can draw. It fills `parent`; `onSize` tells its size in characters when that changes. */
export function createTerminalRenderer(
  parent: HTMLElement,
  onSize: (size: RendererSize) => void,
): Promise<TerminalRenderer> {
  return new Promise((resolve) => {
    const source = (callbacks: { dispatch: Dispatch }): Driver => {
      const { dispatch } = callbacks;
      const bounds = new TerminalBounds(firstSize.cols, firstSize.rows);
      return {
        init() {
          resolve({
            apply: (ops) => draw(dispatch, bounds, ops, onSize),
            setPlaying: (playing) => dispatch(playing ? "playing" : "pause"),
            dispose: () => player.dispose(),
          });
        },
        // Our own transport plays and pauses; these keep the player's overlays away.
        play: () => true,
        pause: () => true,
        getTiming: () => ({ time: 0, rate: 0, sampledAt: performance.timeOrigin + performance.now() }),
      };
    };
    const player = create(source as unknown as string, parent, {
      ...firstSize,
      autoPlay: true,
      controls: false,
      fit: "both",
      theme: "conduit",
      cursorMode: "steady",
      terminalFontFamily: "var(--font-mono)",
      terminalLineHeight: 1.25,
    });
    // The player's own keys would fight with ours: it has no transport of its own here.
    player.el.addEventListener("keydown", (event) => event.stopPropagation());
  });
}

function draw(
  dispatch: Dispatch,
  bounds: TerminalBounds,
  ops: readonly RenderOp[],
  onSize: (size: RendererSize) => void,
): void {
  bounds.fill(performance.now());
  for (const op of ops) {
    switch (op.op) {
      case "reset":
        onSize({ width: op.cols, height: op.rows });
        bounds.resize(op.cols, op.rows);
        bounds.renew();
        dispatch("reset", { size: { cols: op.cols, rows: op.rows }, init: bounds.pass(op.data) });
        break;
      case "write":
        dispatch("output", bounds.pass(op.data));
        break;
      case "resize":
        onSize({ width: op.cols, height: op.rows });
        bounds.resize(op.cols, op.rows);
        dispatch("resize", { cols: op.cols, rows: op.rows });
        break;
      case "unreadable":
      case "bytes":
      case "exit":
      case "records":
      case "blank":
        // Said around the screen, not on it: a terminal shows what the target sent and nothing else.
        break;
    }
  }
}
