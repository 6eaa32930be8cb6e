// Shows the output of a channel without a terminal as text: standard error set apart, bytes that are not text counted.
// Keeps the last part only, so that a long output costs no more than a short one.
import { formatCount } from "../format.ts";
import type { Renderer, RenderOp } from "../player/renderer.ts";

const MAX_CHARACTERS = 600_000;

export interface TextRenderer extends Renderer {
  dispose(): void;
}

export function createTextRenderer(parent: HTMLElement): TextRenderer {
  const output = document.createElement("pre");
  output.className = "text-output";
  output.tabIndex = 0;
  output.setAttribute("aria-label", "Output of this channel");
  parent.replaceChildren(output);
  let characters = 0;

  const append = (className: string, text: string) => {
    const last = output.lastElementChild;
    if (className === "out" && last?.className === "out" && (last.textContent?.length ?? 0) < 16_384) {
      last.append(text);
    } else {
      const span = document.createElement("span");
      span.className = className;
      span.textContent = text;
      output.append(span);
    }
    characters += text.length;
    while (characters > MAX_CHARACTERS && output.childElementCount > 1) {
      characters -= output.firstElementChild!.textContent?.length ?? 0;
      output.firstElementChild!.remove();
    }
  };

  return {
    apply(ops) {
      if (ops.length === 0) return;
      for (const op of ops) show(op, output, append, () => (characters = 0));
      output.scrollTop = output.scrollHeight;
    },
    setPlaying() {},
    dispose: () => output.remove(),
  };
}

function show(
  op: RenderOp,
  output: HTMLElement,
  append: (className: string, text: string) => void,
  reset: () => void,
): void {
  switch (op.op) {
    case "reset":
      output.replaceChildren();
      reset();
      // The keyframe of such a channel repeats the last of what came before.
      if (op.data !== "") append("out", plain(op.data));
      break;
    case "write":
      append(op.stream === "stderr" ? "err" : "out", plain(op.data));
      break;
    case "bytes":
      append("note", `‹${formatCount(base64Length(op.data))} bytes that are not text›`);
      break;
    case "exit":
      append("note block", op.text);
      break;
    case "unreadable":
      append("bad block", op.message);
      break;
    case "resize":
    case "records":
    case "blank":
      break;
  }
}

/** Escape sequences have no meaning without a terminal; carriage returns before a line's end are dropped. */
function plain(text: string): string {
  return text
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-~])/g, "")
    .replace(/\r+\n/g, "\n");
}

function base64Length(text: string): number {
  return Math.floor((text.length * 3) / 4) - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}
