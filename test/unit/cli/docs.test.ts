// The pages say what the program does: keys, variables, commands, exit codes and error codes are compared with it.
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../../recorder/cli/exit-codes.ts";
import { Output } from "../../../recorder/cli/output.ts";
import { buildProgram } from "../../../recorder/cli/program.ts";
import { variables } from "../../../recorder/config/environment.ts";
import { ConfigFile } from "../../../recorder/config/schema.ts";
import { parseInventory } from "../../../recorder/inventory/snapshot.ts";
import { errorCodes } from "../../../shared/errors.ts";

const page = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8");

const firstCells = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? "");

const program = buildProgram({
  out: new Output(new PassThrough()),
  err: new Output(new PassThrough()),
  stdin: new PassThrough(),
  env: {},
  directory: "/",
  exitCode: 0,
  signal: new AbortController().signal,
});

/** Every command that does something and is not hidden. */
function leafCommands(command: Command, path = command.name()): { path: string; command: Command }[] {
  const children = command.commands.filter((child) => !(child as unknown as { _hidden: boolean })._hidden);
  if (children.length === 0) return [{ path, command }];
  return children.flatMap((child) => leafCommands(child, `${path} ${child.name()}`));
}

test("the README's error table has every code, once, and no other", () => {
  const codes = firstCells(page("README.md"), /^\| `([A-Z]+_?[A-Z_]*)` \|/gm);
  expect(codes).toEqual(Object.keys(errorCodes));
});

test("docs/api.md tells how long a sign-in lasts as the program has it", () => {
  const { limits } = ConfigFile.parse({});
  expect(page("docs/api.md")).toContain(
    `after ${limits.signInIdleSeconds / 60} minutes without a request, after ${limits.signInSeconds / 3600} hours in any case`,
  );
});

describe("docs/configuration.md", () => {
  const rows = [
    ...page("docs/configuration.md").matchAll(/^\| `([a-z][A-Za-z.]+)` \| `(CONDUIT_[A-Z_]+)` \| (.*?) \|/gm),
  ];

  test("has every key with its variable, and no other", () => {
    const known = variables(ConfigFile).map(({ path, name }) => `${path.join(".")} ${name}`);
    expect(rows.map(([, key, variable]) => `${key} ${variable}`).sort()).toEqual(known.sort());
  });

  test("has an inventory that is valid as it stands", () => {
    const block = (name: string) => {
      const found = new RegExp(`\`\`\`yaml\\n# ${name}\\n(.*?)\`\`\``, "s").exec(page("docs/configuration.md"))?.[1];
      if (found === undefined) throw new Error(`there is no ${name} in the page`);
      return found;
    };
    const files = { targets: "targets.yaml", conduits: "conduits.yaml", policy: "policy.yaml" };
    const snapshot = parseInventory(files, {
      targets: block("targets.yaml"),
      conduits: block("conduits.yaml"),
      policy: block("policy.yaml"),
    });
    expect(snapshot.warnings).toEqual([]);
    expect(snapshot.policy.rules.map(({ effect }) => effect)).toEqual(["deny", "allow"]);
  });
});

describe("docs/cli.md", () => {
  test("has every command, and no other", () => {
    const documented = firstCells(page("docs/cli.md"), /^\| `(conduit [a-z -]+)` \|/gm);
    expect(documented.sort()).toEqual(
      leafCommands(program)
        .map(({ path }) => path)
        .sort(),
    );
  });

  test("has every exit code", () => {
    const documented = firstCells(page("docs/cli.md"), /^\| (\d+) \|/gm).map(Number);
    expect(documented).toEqual(Object.values(exitCodes));
  });
});

test.each(leafCommands(program))("$path explains itself, and listings offer JSON", ({ path, command }) => {
  const help = command.helpInformation();
  expect(command.description()).not.toBe("");
  expect(help).toContain("--help");
  if (/ (list|show|verify|scan|test)$|doctor$/.test(path)) expect(help).toContain("--json");
});

test("commands named in the pages exist, with the options they are given", () => {
  const known = leafCommands(program);
  for (const name of [
    "README.md",
    "docs/operations.md",
    "docs/roles.md",
    "docs/configuration.md",
    "docs/access-requests.md",
  ]) {
    for (const [line] of page(name).matchAll(
      /\bconduit (?:serve|demo|user|target|secret|sessions|recordings|doctor|request|break-glass|access)\b[^`\n#|,;&)]*/g,
    )) {
      const words = line.trim().split(/\s+/);
      const match = known.find(({ path }) => path.split(" ").every((word, i) => words[i] === word));
      if (match === undefined) {
        // A group on its own, such as `conduit sessions`.
        expect(
          known.some(({ path }) => path.startsWith(words.join(" ").replace(/[.:]$/, ""))),
          `${name}: ${line}`,
        ).toBe(true);
        continue;
      }
      const options = words.filter((word) => word.startsWith("--")).map((word) => word.replace(/[.:]$/, ""));
      const accepted = [...match.command.options, ...program.options].map(({ long }) => long);
      for (const option of options) expect(accepted, `${name}: ${line}`).toContain(option);
    }
  }
});
