// A YAML file with its positions, checked against a zod schema. Whatever is wrong is said with file, line, column, key,
// the problem and the mend; all of it at once. Invariant: no message repeats the value of a key that holds a secret.
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { nearest } from "./nearest.ts";
import { knownKeys } from "./schema-walk.ts";
import { normaliseUnits, unitExample } from "./units.ts";

export interface Finding {
  /** The file's path, or `environment`. */
  file: string;
  line: number | null;
  column: number | null;
  /** Dotted path, `targets[2].port`, or the variable's name. */
  key: string;
  problem: string;
  mend: string;
}

export function formatFinding(finding: Finding): string {
  const place = finding.line === null ? finding.file : `${finding.file}:${finding.line}:${finding.column ?? 1}`;
  const key = finding.key === "" ? "" : `${finding.key} `;
  return `${place}: ${key}${finding.problem}. ${finding.mend}`;
}

export function invalid(findings: readonly Finding[], op: string): AppError {
  const lines = findings.map(formatFinding);
  return new AppError("CONFIG_INVALID", lines.join("\n"), { op, details: { findings } });
}

/** A value that comes from outside the file, e.g. an environment variable. */
export interface Override {
  path: readonly string[];
  value: unknown;
  variable: string;
}

type Path = readonly PropertyKey[];

function keyText(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

/** The parser's own messages quote the source, which may hold a secret; these do not. */
const syntaxProblems: Record<string, [problem: string, mend: string]> = {
  DUPLICATE_KEY: ["names the same key twice", "Remove one of the two."],
  TAB_AS_INDENT: ["is indented with a tab", "Use spaces."],
  BAD_INDENT: ["is indented unlike its neighbours", "Line it up with the keys of the same level."],
  MISSING_CHAR: ["lacks a character that YAML needs", "Look for an open quote or bracket, or a missing colon or dash."],
  MULTILINE_IMPLICIT_KEY: [
    "starts a key that spans lines",
    "Look for a missing colon or an open quote in the line above.",
  ],
  BAD_ALIAS: ["refers to an anchor that does not exist", "Define the anchor (&name) first, or quote the value."],
};

const openBracket: [string, string] = [
  "comes after a bracket that was never closed",
  "Look above for a [ without its ], or a { without its }.",
];

export class SourceDocument {
  readonly file: string;
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #counter: LineCounter;

  private constructor(file: string, document: Document.Parsed, counter: LineCounter) {
    this.file = file;
    this.#document = document;
    this.#counter = counter;
    // maxAliasCount bounds what a few anchors can expand to.
    this.value = normaliseUnits(withoutNulls(document.toJS({ maxAliasCount: 100 }))) ?? {};
  }

  static parse(file: string, text: string): SourceDocument {
    const counter = new LineCounter();
    const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
    const findings = document.errors.map((error): Finding => {
      const { line, col } = counter.linePos(error.pos[0]);
      // A bracket that was never closed is noticed where its list can go on no more.
      const isOpen = error.code === "BAD_INDENT" && error.message.startsWith("Flow");
      const [problem, mend] = (isOpen ? openBracket : syntaxProblems[error.code]) ?? [
        `is not valid YAML (${error.code.toLowerCase().replaceAll("_", " ")})`,
        "Check the quotes, the colons and the indentation here.",
      ];
      return { file, line, column: col, key: "this line", problem, mend };
    });
    if (findings.length > 0) throw invalid(findings, "config.parse");
    try {
      return new SourceDocument(file, document, counter);
    } catch (cause) {
      const finding = {
        file,
        line: 1,
        column: 1,
        key: "",
        problem: "expands its anchors without bound",
        mend: "Remove the anchors.",
      };
      throw Object.assign(invalid([finding], "config.parse"), { cause });
    }
  }

  /** Where a key stands; where there is none, its nearest parent. */
  locate(path: Path): { line: number; column: number } {
    for (let length = path.length; length > 0; length--) {
      const node = this.#node(path.slice(0, length));
      if (node?.range) {
        const { line, col } = this.#counter.linePos(node.range[0]);
        return { line, column: col };
      }
    }
    return { line: 1, column: 1 };
  }

  finding(path: Path, problem: string, mend: string): Finding {
    const { line, column } = this.locate(path);
    return { file: this.file, line, column, key: keyText(path), problem, mend };
  }

  /** The key itself rather than its value, since that is what a person looks for. */
  #node(path: Path): Node | null {
    const parent = path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    const last = path.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(last));
      return pair === undefined ? null : (pair.key as Node);
    }
    return (this.#document.getIn(path, true) as Node | undefined) ?? null;
  }
}

/** A key whose lines are all commented out reads as null; it means "not given". */
function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(withoutNulls);
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}

function withOverrides(value: unknown, overrides: readonly Override[]): unknown {
  const result = structuredClone(value) as Record<string, unknown>;
  for (const { path, value: inner } of overrides) {
    let at = result;
    for (const key of path.slice(0, -1)) {
      if (typeof at[key] !== "object" || at[key] === null) at[key] = {};
      at = at[key] as Record<string, unknown>;
    }
    at[path.at(-1) ?? ""] = inner;
  }
  return normaliseUnits(result);
}

/** The document as the schema's output; throws CONFIG_INVALID with every finding. */
export function validate<T>(schema: z.ZodType<T>, source: SourceDocument, overrides: readonly Override[] = []): T {
  const raw = overrides.length === 0 ? source.value : withOverrides(source.value, overrides);
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const findings = narrowest(parsed.error.issues).flatMap((issue) => explain(schema, raw, issue));
  const misspelt = new Set(findings.map((finding) => finding.meant).filter((key) => key !== undefined));
  // A misspelt key is also a missing one; saying both would send people looking twice.
  const told = findings.filter((finding) => !(finding.missing && misspelt.has(keyText(finding.path))));
  const placed = told.map((finding): Finding => {
    const override = overrides.find((candidate) => candidate.path.join(".") === finding.path.join("."));
    if (override === undefined) return source.finding(finding.path, finding.problem, finding.mend);
    const { problem, mend } = finding;
    return { file: "environment", line: null, column: null, key: override.variable, problem, mend };
  });
  throw invalid(
    placed.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity)),
    "config.validate",
  );
}

/** A whole number beyond the safe ones breaks two upper bounds, its own and the key's: the key's is the one to tell. */
function narrowest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  return issues.filter(
    (issue) =>
      issue.code !== "too_big" ||
      !issues.some(
        (other) =>
          other.code === "too_big" && keyText(other.path) === keyText(issue.path) && other.maximum < issue.maximum,
      ),
  );
}

interface Explained {
  path: Path;
  problem: string;
  mend: string;
  missing?: boolean;
  meant?: string | undefined;
}

function explain(schema: z.ZodType, raw: unknown, issue: z.core.$ZodIssue): Explained[] {
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path, raw);
    return issue.keys.map((key) => explainUnknown(issue.path, key, known));
  }
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], raw);
  if (value === undefined && issue.code !== "custom") {
    return [{ path: issue.path, problem: "is missing", mend: `Add it${expectation(issue)}.`, missing: true }];
  }
  const key = String(issue.path.findLast((part) => typeof part === "string") ?? "");
  return [{ path: issue.path, ...explainValue(issue, key, value) }];
}

function explainUnknown(path: Path, key: string, known: readonly string[]): Explained {
  const meant = nearest(key, known);
  const list = known.length > 0 ? ` Known here: ${known.join(", ")}.` : "";
  const mend = meant === null ? `Remove it.${list}` : `Did you mean "${meant}"?${list}`;
  return {
    path: [...path, key],
    problem: "is not a known key",
    mend,
    meant: meant === null ? undefined : keyText([...path, meant]),
  };
}

function expectation(issue: z.core.$ZodIssue): string {
  // zod's own words begin so; others are the schema's.
  if (issue.code === "invalid_type" && !issue.message.startsWith("Invalid input")) return `: ${issue.message}`;
  if (issue.code === "invalid_type") return `: ${typeWord(issue.expected)}`;
  if (issue.code === "invalid_value") {
    return issue.values.length === 1
      ? `: ${String(issue.values[0])}`
      : `: one of ${issue.values.map(String).join(", ")}`;
  }
  if (issue.code === "invalid_union" && "options" in issue)
    return `: one of ${(issue.options as unknown[]).map(String).join(", ")}`;
  return "";
}

function typeWord(expected: string): string {
  const words: Record<string, string> = {
    object: "a section of keys",
    array: "a list",
    string: "a text",
    int: "a whole number",
    number: "a number",
    boolean: "true or false",
  };
  return words[expected] ?? expected;
}

const secretKey = /secret|password|passphrase|token|private/i;

function shown(key: string, value: unknown): string {
  if (secretKey.test(key) || value === null || typeof value === "object") return "";
  const text = JSON.stringify(value);
  // An address may have a password in it.
  if (/@/.test(text)) return "";
  return text.length > 80 ? ` (${text.slice(0, 77)}…)` : ` (${text})`;
}

function explainValue(issue: z.core.$ZodIssue, key: string, value: unknown): { problem: string; mend: string } {
  const is = shown(key, value);
  const example = unitExample(key);
  switch (issue.code) {
    case "invalid_type":
      if (example !== null) return { problem: `cannot be read${is}`, mend: `Write ${example}.` };
      if (issue.expected === "string") return { problem: `is not a text${is}`, mend: "Put the value in quotes." };
      return { problem: `is not ${typeWord(issue.expected)}${is}`, mend: `Give ${typeWord(issue.expected)}.` };
    case "invalid_value":
      return explainChoice(issue.values.map(String), value, is);
    case "invalid_union":
      if ("options" in issue) return explainChoice((issue.options as unknown[]).map(String), value, is);
      return { problem: `is none of the forms allowed here${is}`, mend: "See docs/configuration.md." };
    case "too_small":
      if (issue.origin === "string" || issue.origin === "array")
        return {
          problem: "is empty or too short",
          mend: `Give at least ${issue.minimum}${issue.origin === "string" && issue.minimum !== 1 ? " characters" : ""}.`,
        };
      return {
        problem: `is too small${is}`,
        mend: `Give ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}.`,
      };
    case "too_big":
      return {
        problem: `is too large${is}`,
        mend: `Give at most ${issue.maximum}${issue.origin === "string" ? " characters" : ""}.`,
      };
    case "invalid_format":
    case "custom":
      return { problem: `is not valid${is}`, mend: `Expected: ${issue.message}.` };
    default:
      return { problem: `is not valid${is}`, mend: `${issue.message}.` };
  }
}

function explainChoice(choices: readonly string[], value: unknown, is: string): { problem: string; mend: string } {
  const meant = typeof value === "string" ? nearest(value, choices) : null;
  const question = meant === null ? "" : `Did you mean "${meant}"? `;
  return { problem: `is not one of the allowed values${is}`, mend: `${question}Allowed: ${choices.join(", ")}.` };
}
