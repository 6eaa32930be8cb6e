// docs/policy-tests.md against the tests: each test that it names exists.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const file = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
/** The rows of the table whose header begins so. */
const table = (header: string) => {
  const lines = file("docs/policy-tests.md").split("\n");
  const begin = lines.indexOf(header);
  const length = lines.slice(begin).findIndex((line) => !line.startsWith("|"));
  return lines.slice(begin + 2, length < 0 ? undefined : begin + length).map((line) => line.slice(2, -2).split(" | "));
};
const rows = table("| rule | SSH | VNC |");
const attempts = table("| attempt | test |");
const cells = [...rows, ...attempts].flatMap(([rule = "", ...columns]) => columns.map((cell) => [rule, cell] as const));
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

it("has rows of an attempt and the test that shows how it fails", () => {
  expect(attempts.length).toBeGreaterThan(40);
  for (const row of attempts) expect(row).toHaveLength(2);
  const all = attempts.map(([attempt = ""]) => attempt).join("\n");
  for (const what of [
    ...[
      "code of the authenticator, replayed",
      "expired ticket",
      "Another person's ticket",
      "Approval of one's own request",
    ],
    ...["not in the request", "forward to another address", "edges to the millisecond", "every route of the API"],
    ...["Session fixation", "Cross-site", "Paths and headers in names"],
  ]) {
    expect(all).toContain(what);
  }
});

describe("each test that shows a rule exists", () => {
  it.each(named)("%s: %s › %s", (_rule, path, name) => {
    // As it stands in the source: the title of `it`, or of a table of them.
    expect(file(path).replaceAll(/\(\s+"/g, '("')).toContain(`(${JSON.stringify(name)},`);
  });
});
