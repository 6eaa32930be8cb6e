// The layering of the sources, and the proof that this check can fail: every rule of .dependency-cruiser.mjs has a
// planted violation under test/layers/planted, whose "breaks:" comment names the rules that must be seen there.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import swc from "@swc/core";
import { cruise } from "dependency-cruiser";
import cruiserConfig from "../.dependency-cruiser.mjs";
import { root } from "./steps.mjs";

const PLANTED = "test/layers/planted";

// dependency-cruiser 17 never tells swc that a .tsx file holds JSX, and swc then refuses the file.
const { parseFileSync } = swc;
swc.parseFileSync = (path, options) => parseFileSync(path, { ...options, tsx: path.endsWith("x") });

const problems = [...(await treeProblems()), ...(await plantedProblems())];
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);

async function treeProblems() {
  const { violations, modules } = await inspect(["shared", "recorder", "replay-ui"]);
  // A parser that cannot read TypeScript sees modules without a single import and passes everything.
  const seen = modules.reduce((sum, module) => sum + module.dependencies.length, 0);
  const blind = seen === 0 ? ["dependency-cruiser saw no import at all: is @swc/core installed?"] : [];
  return [
    ...blind,
    ...violations.map(({ rule, from, to }) => `${from} imports ${to}, against ${explained(rule.name)}`),
  ];
}

async function plantedProblems() {
  const { violations } = await inspect([PLANTED]);
  const seen = new Set(violations.map(({ rule, from }) => `${rule.name} in ${from}`));
  const expected = plantedFiles().flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/^\/\/ breaks: (.+)$/gm)].flatMap(([, names]) =>
      names.split(" ").map((name) => ({ name, file })),
    ),
  );
  const unseen = expected.filter(({ name, file }) => !seen.has(`${name} in ${file}`));
  const rules = cruiserConfig.forbidden.map((rule) => rule.name);
  const unproven = rules.filter((name) => !expected.some((planted) => planted.name === name));
  return [
    ...unseen.map(({ name, file }) => `the planted violation of ${name} in ${file} was not caught`),
    ...unproven.map((name) => `the rule ${name} has no planted violation under ${PLANTED}`),
  ];
}

function plantedFiles() {
  return readdirSync(join(root, PLANTED), { recursive: true })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => `${PLANTED}/${file}`);
}

async function inspect(paths) {
  const { output } = await cruise(paths, {
    ...cruiserConfig.options,
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: cruiserConfig.forbidden },
  });
  return { modules: output.modules, violations: output.summary.violations };
}

function explained(name) {
  const comment = cruiserConfig.forbidden.find((rule) => rule.name === name)?.comment;
  return comment === undefined ? name : `${name} (${comment})`;
}
