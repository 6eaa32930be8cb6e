// A search index whose file lost all but its first page, while others may have it open.
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { openFoundIndex } from "../../recorder/search/sqlite-index.ts";

const pageBytes = 4096;

export async function damageIndex(file: string): Promise<void> {
  // A change from beside has the others read the file again, and the log beside it is empty afterwards.
  const beside = await openFoundIndex(file);
  await beside?.forget();
  await beside?.remove("none");
  await beside?.close();
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, new Uint8Array(statSync(file).size - pageBytes), 0, undefined, pageBytes);
  closeSync(descriptor);
}
