// data/*.js of a bundle: copies for its page, which may not read the files beside it when it is opened from a disk.
import { BUNDLE_FORMAT, type CarriedIndex, type CarriedPiece, carryFunction } from "../../shared/bundle/format.ts";

export async function* carriedIndex(
  session: string,
  files: ReadonlyMap<string, Uint8Array>,
  pieces: readonly CarriedPiece[],
): AsyncGenerator<Uint8Array> {
  const { format, ...rest }: Omit<CarriedIndex, "files"> = { format: BUNDLE_FORMAT, session, pieces: [...pieces] };
  yield Buffer.from(`${carryFunction}("index",{"format":${JSON.stringify(format)},`);
  yield Buffer.from(`"session":${JSON.stringify(rest.session)},"pieces":${JSON.stringify(rest.pieces)},"files":{\n`);
  let separator = "";
  for (const [name, bytes] of files) {
    yield Buffer.from(`${separator}${JSON.stringify(name)}:"${base64(bytes)}"`);
    separator = ",\n";
  }
  yield Buffer.from("}});\n");
}

/** @param read a segment's stored bytes by its number; null: it is missing. */
export async function* carriedPiece(
  number: number,
  { first, count }: CarriedPiece,
  read: (n: number) => Promise<Uint8Array | null>,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${carryFunction}("${number}",[\n`);
  for (let n = first; n < first + count; n++) {
    const bytes = await read(n);
    yield Buffer.from(`${bytes === null ? "null" : `"${base64(bytes)}"`}${n + 1 < first + count ? "," : ""}\n`);
  }
  yield Buffer.from("]);\n");
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
