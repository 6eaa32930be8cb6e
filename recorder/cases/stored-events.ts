// The events of an import as they are stored: JSON, in order of time, compressed. Invariant: never more of them is in memory
// than a piece and what is asked for; reading gives way after each piece, since live sessions go on beside it.
import { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";
import { AppError } from "../../shared/errors.ts";
import type { StoredEvent } from "./read-import.ts";

const pieceBytes = 64 * 1024;
/** Longer than any that was written. */
const maxEventCharacters = 16 * 1024;
/** One event with what stands before it, as JSON.stringify writes them. */
const oneEvent = /[[,](\[(-?\d+),"[^"\\]*(?:\\.[^"\\]*)*","[^"\\]*(?:\\.[^"\\]*)*",(?:null|"[a-z]+")\])/y;

/** The first ones of that stretch of time, both ends within. INTEGRITY_HASH where they cannot be read. */
export async function storedEvents(
  compressed: Uint8Array,
  { fromMs, toMs, most }: { fromMs: number; toMs: number; most: number },
): Promise<StoredEvent[]> {
  const found: StoredEvent[] = [];
  const decoder = new StringDecoder("utf8");
  let text = "";
  for await (const piece of piecesOf(compressed)) {
    text += decoder.write(piece);
    oneEvent.lastIndex = 0;
    let read = 0;
    for (let event = oneEvent.exec(text); event !== null; event = oneEvent.exec(text)) {
      read = oneEvent.lastIndex;
      const atMs = Number(event[2]);
      if (atMs > toMs) return found;
      if (atMs < fromMs) continue;
      found.push(JSON.parse(event[1] ?? "") as StoredEvent);
      if (found.length >= most) return found;
    }
    text = text.slice(read);
    if (text.length > maxEventCharacters) throw damaged();
  }
  if (text !== "]") throw damaged();
  return found;
}

async function* piecesOf(compressed: Uint8Array): AsyncGenerator<Buffer> {
  try {
    yield* Readable.from([compressed]).pipe(createGunzip({ chunkSize: pieceBytes })) as AsyncIterable<Buffer>;
  } catch {
    throw damaged();
  }
}

function damaged(): AppError {
  return new AppError("INTEGRITY_HASH", "the events of an import are not as they were stored: import its file again", {
    op: "imports.events",
  });
}
