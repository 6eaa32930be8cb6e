// docs/compliance.md out of docs/compliance.yaml. `--check`: only says whether the page is as it would be written.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { root } from "./steps.mjs";

const page = join(root, "docs/compliance.md");
const standards = parse(readFileSync(join(root, "docs/compliance.yaml"), "utf8"));
const lines = [
  "# Compliance, clause by clause",
  "",
  "Made of [compliance.yaml](compliance.yaml) by `node scripts/compliance.mjs`. It says what the recorder does towards a clause,",
  "and which test shows it; whether a plant meets the clause depends on the plant. Clauses that are not listed are not claimed.",
];
for (const { standard, clauses } of standards) {
  lines.push("", `## ${standard}`, "", "| clause | | what the recorder does | shown by |", "|---|---|---|---|");
  for (const { id, title, does, tests } of clauses) {
    const links = tests.map((test) => `[${test.replace(/^test\//, "").replace(/\.test\.ts$/, "")}](../${test})`);
    lines.push(`| ${id} | ${title} | ${does} | ${links.join(", ")} |`);
  }
}
const text = `${lines.join("\n")}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(page, "utf8") !== text) {
    console.error("docs/compliance.md is not what scripts/compliance.mjs makes of docs/compliance.yaml: run it.");
    process.exit(1);
  }
} else writeFileSync(page, text);
