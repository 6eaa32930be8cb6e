// `npm run bench -- NAME… [--json FILE] [--strict] [--set KEY=VALUE]…`: runs benches one after the other and prints a
// table. With --strict a missed goal is an exit code of 1; an unknown name lists the known ones and exits with 2.
import { readdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Bench, Figure } from "./harness.ts";

const SUFFIX = ".bench.ts";
const here = dirname(fileURLToPath(import.meta.url));
const usage = "usage: npm run bench -- NAME… [--json FILE] [--strict] [--set KEY=VALUE]…";

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "string" },
    strict: { type: "boolean", default: false },
    set: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", short: "h", default: false },
  },
});

const known = (await readdir(here))
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort();
const unknown = names.filter((name) => !known.includes(name));
if (values.help || names.length === 0 || unknown.length > 0) {
  for (const name of unknown) console.error(`there is no bench "${name}"`);
  console.error(`${usage}\nbenches: ${known.join(", ")}`);
  process.exit(values.help ? 0 : 2);
}

const settings = Object.fromEntries(
  values.set.map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, "true"] : [pair.slice(0, at), pair.slice(at + 1)];
  }),
);

const figures: Figure[] = [];
for (const name of names) {
  const bench = (await import(`./${name}${SUFFIX}`)) as { run: Bench };
  figures.push(...(await bench.run({ settings, log: (line) => console.error(`${name}: ${line}`) })));
}

console.log(table(figures));
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ figures: figures.map(exact) }, null, 2)}\n`);
const missed = figures.filter((figure) => figure.met === false);
if (missed.length > 0) console.log(`${missed.length} of ${figures.length} figures miss their goal`);
process.exit(values.strict && missed.length > 0 ? 1 : 0);

/** Only the seven fields of the contract, whatever else a bench put in. */
function exact({ name, value, unit, peer, ratio, goal, met }: Figure): Figure {
  return { name, value, unit, peer, ratio, goal, met };
}

function table(rows: readonly Figure[]): string {
  const cells = [
    ["figure", "ours", "peer", "ratio", "goal", "met"],
    ...rows.map((row) => [
      row.name,
      `${shown(row.value)} ${row.unit}`,
      row.peer === null ? "–" : `${shown(row.peer)} ${row.unit}`,
      row.ratio === null ? "–" : row.ratio.toFixed(2),
      row.goal ?? "–",
      row.met === null ? "–" : row.met ? "yes" : "NO",
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => [...row[column]!].length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell + " ".repeat(widths[column]! - [...cell].length))
      .join("  ")
      .trimEnd();
  return [line(cells[0]!), widths.map((width) => "─".repeat(width)).join("  "), ...cells.slice(1).map(line)].join("\n");
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1000) return value.toFixed(0);
  if (magnitude >= 100) return value.toFixed(1);
  return magnitude >= 1 || magnitude === 0 ? value.toFixed(2) : value.toPrecision(3);
}
