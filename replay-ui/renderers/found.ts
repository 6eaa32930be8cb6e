// Marks on the screen what is looked for: on what a terminal, or the text of a channel, shows at that moment. Ranges that the
// browser paints over the text (CSS custom highlights), so that what was recorded stays as it is, to select and to copy.
import { lower, places } from "../player/find.ts";

const HIGHLIGHT = "found";
/** A screen of one letter repeated is not worth more. */
const MAX_MARKS = 500;
/** Characters that take two columns, near enough to know where a row's gaps are. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** A piece of a row: what stands from a column on. Cells between pieces are blank. */
export interface RowPiece<Node> {
  column: number;
  text: string;
  node: Node;
}

export interface ScreenText<Node> {
  text: string;
  /** Where in the text each piece begins, in order. */
  pieces: { at: number; node: Node }[];
}

/** The text of rows: one that is full to its last column goes on in the next, as a terminal wraps a long line. */
export function screenText<Node>(rows: readonly (readonly RowPiece<Node>[])[], columns: number): ScreenText<Node> {
  let text = "";
  const pieces: { at: number; node: Node }[] = [];
  for (const row of rows) {
    let reached = 0;
    for (const { column, text: part, node } of row) {
      text += " ".repeat(Math.max(0, column - reached));
      pieces.push({ at: text.length, node });
      text += part;
      reached = column;
      for (const character of part) reached += wide.test(character) ? 2 : 1;
    }
    if (reached < columns || text.endsWith(" ")) text += "\n";
  }
  return { text, pieces };
}

/**
 * Marks it as long as it is not ended: each time the screen changes, at most once a frame.
 * @param tell how many stand on the screen, when that changes.
 * @returns ends it.
 */
export function markFound(host: HTMLElement, looked: string, tell: (count: number) => void): () => void {
  const wanted = lower(looked.trim());
  let frame = 0;
  let count = 0;
  const show = (ranges: readonly StaticRange[]) => {
    // An older browser has no highlights, and lists what was found all the same.
    if (ranges.length === 0) CSS.highlights?.delete(HIGHLIGHT);
    else CSS.highlights?.set(HIGHLIGHT, new Highlight(...ranges));
    if (ranges.length === count) return;
    count = ranges.length;
    tell(count);
  };
  const mark = () => {
    frame = 0;
    show(rangesOf(shownText(host), wanted));
  };
  const observer = new MutationObserver(() => {
    if (frame === 0) frame = requestAnimationFrame(mark);
  });
  observer.observe(host, { childList: true, characterData: true, subtree: true });
  mark();
  return () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    show([]);
  };
}

function shownText(host: HTMLElement): ScreenText<Text> {
  const screen = host.querySelector<HTMLElement>(".ap-term-text");
  if (screen !== null) {
    const columns = Number(getComputedStyle(screen).getPropertyValue("--term-cols")) || Number.POSITIVE_INFINITY;
    const rows = [...screen.querySelectorAll(".ap-line")].map((row) =>
      [...row.children].flatMap((part) => {
        const node = part.firstChild;
        const column = Number((part as HTMLElement).style.getPropertyValue("--offset"));
        return node instanceof Text ? [{ column, text: node.data, node }] : [];
      }),
    );
    return screenText(rows, columns);
  }
  const walker = document.createTreeWalker(host, NodeFilter.SHOW_TEXT);
  const pieces: ScreenText<Text>["pieces"] = [];
  const texts: string[] = [];
  let at = 0;
  for (let node = walker.nextNode(); node instanceof Text; node = walker.nextNode()) {
    pieces.push({ at, node });
    texts.push(node.data);
    at += node.length;
  }
  return { text: texts.join(""), pieces };
}

function rangesOf({ text, pieces }: ScreenText<Text>, wanted: string): StaticRange[] {
  const ranges: StaticRange[] = [];
  let piece = 0;
  /** Places come in order, so that the pieces are gone through once. */
  const pieceOf = (place: number) => {
    while (piece + 1 < pieces.length && pieces[piece + 1]!.at <= place) piece++;
    return pieces[piece];
  };
  for (const place of places(text, wanted)) {
    const start = pieceOf(place);
    const end = pieceOf(place + wanted.length - 1);
    if (start === undefined || end === undefined || ranges.length >= MAX_MARKS) break;
    ranges.push(
      new StaticRange({
        startContainer: start.node,
        startOffset: Math.min(place - start.at, start.node.length),
        endContainer: end.node,
        endOffset: Math.min(place + wanted.length - end.at, end.node.length),
      }),
    );
  }
  return ranges;
}
