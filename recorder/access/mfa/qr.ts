// QR codes of enrolment addresses: as a path for the portal's SVG, and as text for a terminal.
import { encode, renderUnicodeCompact } from "uqr";

export interface QrPath {
  /** Modules on one side, with the quiet zone of four that the standard asks for (ISO/IEC 18004 §6.3.8). */
  size: number;
  /** SVG path data of the dark modules, one unit each. */
  path: string;
}

const quietZone = 4;

export function qrPath(text: string): QrPath {
  const { size, data } = encode(text, { ecc: "M", border: quietZone });
  const runs = data.flatMap((row, y) => [...darkRuns(row)].map(([x, width]) => `M${x} ${y}h${width}v1h-${width}z`));
  return { size, path: runs.join("") };
}

function* darkRuns(row: readonly boolean[]): Generator<[x: number, width: number]> {
  for (let x = 0; x < row.length; x++) {
    if (row[x] !== true) continue;
    const start = x;
    while (row[x + 1] === true) x++;
    yield [start, x - start + 1];
  }
}

/** Two modules a character, light ones drawn: for text that is light on dark. Cameras read it the other way round too. */
export function qrText(text: string): string {
  return renderUnicodeCompact(text, { ecc: "L", border: 2 });
}
