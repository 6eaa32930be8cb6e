// Ledgers of other names beside this recorder's own: a recorder that was renamed begins another one, and what it did under
// the old name stands in the old one alone.
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** @param directory of the ledgers of this machine. */
export async function otherLedgers(directory: string, recorderId: string): Promise<string[]> {
  const folders = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const names = folders.flatMap((entry) => (entry.isDirectory() && entry.name !== recorderId ? [entry.name] : []));
  const found: string[] = [];
  for (const name of names.sort()) {
    const files = await readdir(join(directory, name, "entries")).catch(() => []);
    if (files.some((file) => /^\d{12}\.jsonl$/.test(file))) found.push(name);
  }
  return found;
}

export function renamedText(directory: string, recorderId: string, others: readonly string[]): string {
  return `recorder.id is ${recorderId}, and ${directory} has the ledger of ${others.join(", ")}: a recorder that is renamed begins another ledger. Give it its name back; or, where that is meant, keep the old ledger elsewhere and move it out of this folder`;
}
