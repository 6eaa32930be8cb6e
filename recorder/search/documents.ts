// What of one recording goes into the index, kind by kind, within bounds. Fed by whoever reads the recording. Invariant: a
// recording of any size or content makes so many documents and characters at most, and what is left out is counted.
import type { SearchKind } from "../../shared/api/search.ts";
import type { Found } from "./channel-lines.ts";
import { maxDocumentCharacters, type SearchDocument } from "./search-index.ts";

interface Bound {
  documents: number;
  characters: number;
}

const million = 1_000_000;
const bounds: Readonly<Record<SearchKind, Bound>> = {
  command: { documents: 20_000, characters: 4 * million },
  typed: { documents: 15_000, characters: 2 * million },
  output: { documents: 50_000, characters: 4 * million },
  file: { documents: 15_000, characters: 4 * million },
  clipboard: { documents: 1_000, characters: 1 * million },
  "screen-keys": { documents: 10_000, characters: 1 * million },
  "screen-text": { documents: 10_000, characters: 2 * million },
  event: { documents: 5_000, characters: 2 * million },
  note: { documents: 0, characters: 0 },
  session: { documents: 1, characters: maxDocumentCharacters },
};

export class BoundedDocuments {
  readonly #session: string;
  readonly #used = new Map<SearchKind, Bound>();
  readonly #leftOut = new Map<SearchKind, number>();
  #ready: SearchDocument[] = [];

  constructor(session: string) {
    this.#session = session;
  }

  add(found: Found): void {
    const text = found.text.slice(0, maxDocumentCharacters);
    // The rest of a long one is found in documents of its own.
    for (let at = maxDocumentCharacters; at < found.text.length && !this.isFull(found.kind); ) {
      const { endUs: _end, ...same } = found;
      this.#one({ ...same, text: found.text.slice(at, at + maxDocumentCharacters) });
      at += maxDocumentCharacters;
    }
    this.#one({ ...found, text });
  }

  isFull(kind: SearchKind): boolean {
    const { documents, characters } = this.#used.get(kind) ?? { documents: 0, characters: 0 };
    return documents >= bounds[kind].documents || characters >= bounds[kind].characters;
  }

  leaveOut(kind: SearchKind, count: number): void {
    if (count > 0) this.#leftOut.set(kind, (this.#leftOut.get(kind) ?? 0) + count);
  }

  get leftOut(): Partial<Record<SearchKind, number>> {
    return Object.fromEntries(this.#leftOut);
  }

  /** How many wait to be taken. */
  get ready(): number {
    return this.#ready.length;
  }

  /** Those since it was asked last. */
  take(): SearchDocument[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  #one(found: Found): void {
    if (this.isFull(found.kind)) {
      this.leaveOut(found.kind, 1);
      return;
    }
    const used = this.#used.get(found.kind) ?? { documents: 0, characters: 0 };
    used.documents++;
    used.characters += found.text.length;
    this.#used.set(found.kind, used);
    this.#ready.push({ ...found, session: this.#session });
  }
}
