// Symbolic links in a folder with a store: never followed, and so what they lead to is not there. Looked for when something
// is missing, for whoever wonders why.
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

export interface StoreLink {
  key: string;
  to: string;
}

const most = 100;

export async function linksIn(directory: string): Promise<StoreLink[]> {
  const found: StoreLink[] = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined && found.length < most; folder = folders.pop()) {
    for (const entry of await readdir(join(directory, folder), { withFileTypes: true }).catch(() => [])) {
      const key = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(key);
      else if (entry.isSymbolicLink()) found.push({ key, to: await readlink(join(directory, key)).catch(() => "?") });
    }
  }
  return found.slice(0, most).sort((a, b) => (a.key < b.key ? -1 : 1));
}
