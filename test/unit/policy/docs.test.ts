// docs/policy.md says what is so.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SourceDocument, validate } from "../../../recorder/config/document.ts";
import { leaves } from "../../../recorder/config/schema-walk.ts";
import { compilePolicy } from "../../../shared/policy/compile.ts";
import { lintPolicy, policyFaults } from "../../../shared/policy/lint.ts";
import { Policy, Rule } from "../../../shared/policy/policy.ts";
import { reasonSentences } from "../../../shared/policy/reasons.ts";
import { violationSentences } from "../../../shared/policy/request.ts";

const page = readFileSync(new URL("../../../docs/policy.md", import.meta.url), "utf8");
const block = /```yaml\n# policy.yaml\n(.*?)```/s.exec(page)?.[1] ?? "";
const source = SourceDocument.parse("policy.yaml", block);
const table = (heading: string) => {
  const section = page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return Object.fromEntries(
    [...section.matchAll(/^\| `([a-z-]+)` \| (.+) \|$/gm)].map(([, code, text]) => [code, text]),
  );
};

it("has every reason code with its sentence, and no other", () => {
  expect(table("Reason codes")).toEqual(reasonSentences);
});

it("has every code of a request's violations with its sentence, and no other", () => {
  expect(table("What is wrong with a request")).toEqual(violationSentences);
});

it("has every code that ends a session by policy", () => {
  const code = readFileSync(new URL("../../../shared/policy/termination.ts", import.meta.url), "utf8");
  const known = /export type EndCode =([^;]+);/.exec(code)?.[1]?.match(/[a-z-]+(?=")/g);
  expect(Object.keys(table("When a session ends"))).toEqual(known);
});

it("shows a policy that is valid and not odd, with every key", () => {
  const policy = validate(Policy, source);
  expect(policyFaults(policy)).toEqual([]);
  expect(lintPolicy(compilePolicy(policy))).toEqual([]);
  const raw = source.value as Record<string, unknown>;
  const [rule] = raw["rules"] as Record<string, unknown>[];
  const missing = (of: unknown, paths: string[][]) =>
    paths.filter(
      (path) => path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], of) === undefined,
    );
  expect(
    missing(
      raw,
      leaves(Policy).map(({ path }) => path),
    ),
  ).toEqual([]);
  const spoken = page.slice(page.indexOf(block) + block.length);
  const unsaid = missing(
    rule,
    leaves(Rule).map(({ path }) => path),
  ).filter((path) => !spoken.includes(`\`${path.at(-1)}\``));
  expect(unsaid).toEqual([]);
});

it("shows the defaults as they are", () => {
  const own = /ticketPattern|patterns|confirm|retention\b|rules/;
  const shown = validate(Policy, source);
  const defaults = Policy.parse({ version: 1 });
  for (const [key, value] of Object.entries(defaults)) {
    if (own.test(key)) continue;
    const { ticketPattern: _own, ...rest } = (shown as Record<string, unknown>)[key] as Record<string, unknown>;
    if (typeof value === "object" && !Array.isArray(value)) expect(rest, key).toEqual(value);
    else expect((shown as Record<string, unknown>)[key], key).toEqual(value);
  }
});
