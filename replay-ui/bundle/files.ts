// Where the bundle's files come from: from data/*.js beside the page, which script tags load, or from the folder that a
// person chose. Invariant: from a chosen folder nothing is run; what data/*.js hand over is text.
import "../zod-without-eval.ts";
import { bundleNames, CarriedIndex, type CarriedPiece, carryFunction, pieceName } from "../../shared/bundle/format.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import { NoBytesError } from "../player/segments.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export interface BundleFiles {
  /** `carried`: copies in data/*.js; `folder`: the files themselves. */
  kind: "carried" | "folder";
  /** Names that there are, sorted; without segments where the files are carried. */
  names: readonly string[];
  /** False where the page has to be given the folder before it can show anything. */
  hasSegments: boolean;
  /** Null: there is none. */
  read(name: string): Promise<Bytes | null>;
  /** Throws NoBytesError. */
  segment(segment: Manifest["segments"][number]): Promise<Bytes>;
}

/** Pieces kept in memory, in order of use. */
const MAX_PIECES = 8;

/** Loads a script of the bundle; gives what it hands over. */
function carriedBy(file: string, name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    let content: unknown;
    let called = false;
    waiting.set(name, (given) => {
      called = true;
      content = given;
    });
    const end = () => {
      waiting.delete(name);
      script.remove();
      if (called) resolve(content);
      else reject(new NoBytesError(`cannot be had: ${file} is missing or cannot be read`));
    };
    script.onload = end;
    script.onerror = end;
    script.src = file;
    document.head.append(script);
  });
}

const waiting = new Map<string, (content: unknown) => void>();

/** Before any of data/*.js is loaded. */
export function installCarrier(): void {
  Object.defineProperty(window, carryFunction, {
    value: (name: unknown, content: unknown) => waiting.get(String(name))?.(content),
  });
}

/** Null where the page stands alone, or what it carries cannot be read. */
export async function carriedFiles(): Promise<BundleFiles | null> {
  const content = await carriedBy(bundleNames.index, "index").catch(() => null);
  const parsed = CarriedIndex.safeParse(content);
  if (!parsed.success) return null;
  const { files, pieces } = parsed.data;
  const cache = new Map<number, Promise<unknown>>();
  const load = (number: number): Promise<unknown> => {
    let piece = cache.get(number);
    cache.delete(number);
    piece ??= carriedBy(pieceName(number), String(number));
    cache.set(number, piece);
    for (const oldest of cache.keys()) {
      if (cache.size <= MAX_PIECES) break;
      cache.delete(oldest);
    }
    return piece;
  };
  return {
    kind: "carried",
    names: Object.keys(files).sort(),
    hasSegments: pieces.length > 0,
    async read(name) {
      const text = Object.hasOwn(files, name) ? files[name] : undefined;
      return text === undefined ? null : bytesOf(text);
    },
    async segment({ n }) {
      const number = pieceOf(pieces, n);
      if (number < 0) throw new NoBytesError("is not carried by this page");
      const segments = await load(number);
      const text = Array.isArray(segments) ? (segments as unknown[])[n - pieces[number]!.first] : undefined;
      if (text === null || text === undefined) throw new NoBytesError(`is missing in ${pieceName(number)}`);
      const bytes = typeof text === "string" ? bytesOf(text) : null;
      if (bytes === null) throw new NoBytesError(`cannot be read in ${pieceName(number)}: it is not base64`);
      return bytes;
    },
  };
}

/** Null where it is not base64. */
function bytesOf(base64: string): Bytes | null {
  let binary: string;
  try {
    binary = atob(base64);
  } catch {
    return null;
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function pieceOf(pieces: readonly CarriedPiece[], n: number): number {
  let [low, high] = [0, pieces.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const { first, count } = pieces[middle]!;
    if (n < first) high = middle - 1;
    else if (n >= first + count) low = middle + 1;
    else return middle;
  }
  return -1;
}

/** The folder of the bundle among the files of what was chosen, which may be a folder around it. Null: it is none. */
export function folderFiles(chosen: readonly File[]): BundleFiles | null {
  const paths = chosen.map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  const marks = ["open.json", "manifest.json", "SHA256SUMS"];
  const roots = paths.flatMap(({ path }) => {
    const mark = marks.find((name) => path === name || path.endsWith(`/${name}`));
    return mark === undefined ? [] : [path.slice(0, path.length - mark.length)];
  });
  const root = roots.sort((a, b) => a.length - b.length)[0];
  if (root === undefined) return null;
  const files = new Map(
    paths.flatMap(({ file, path }) => (path.startsWith(root) ? [[path.slice(root.length), file] as const] : [])),
  );
  const read = async (name: string): Promise<Bytes | null> => {
    const file = files.get(name);
    return file === undefined ? null : new Uint8Array(await file.arrayBuffer());
  };
  return {
    kind: "folder",
    names: [...files.keys()].sort(),
    hasSegments: true,
    read,
    async segment({ name, bytes }) {
      // Of a file that is larger than it may be, no more than shows it.
      const file = files.get(name);
      if (file === undefined) throw new NoBytesError("is missing");
      return new Uint8Array(await file.slice(0, bytes + 1).arrayBuffer());
    },
  };
}
