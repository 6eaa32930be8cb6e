// docs/policy-tests.md against the tests: each test that it names exists.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const file = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const rows = file("docs/policy-tests.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| rule |"))
  .map((line) => line.slice(2, -2).split(" | "));
const cells = rows.flatMap(([rule = "", ...columns]) => columns.map((cell) => [rule, cell] as const));
const named = cells.flatMap(([rule, cell]) => {
  const match = /^`(test\/[\w/.-]+\.test\.ts)` › (.+)$/.exec(cell);
  return match === null ? [] : [[rule, match[1] ?? "", match[2] ?? ""] as const];
});

it("has rows of a rule, a test over SSH and a test over VNC, or says why there is none", () => {
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) expect(row).toHaveLength(3);
  const unnamed = cells.filter(([, cell]) => !named.some(([, path, name]) => cell === `\`${path}\` › ${name}`));
  for (const [rule, cell] of unnamed) expect(`${rule}: ${cell}`).toMatch(/: none in (SSH|VNC): .+/);
});

describe("each test that shows a rule exists", () => {
  it.each(named)("%s: %s › %s", (_rule, path, name) => {
    // As it stands in the source: the title of `it`, or of a table of them.
    expect(file(path)).toContain(`(${JSON.stringify(name)},`);
  });
});
