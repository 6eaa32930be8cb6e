// The environment as overrides of the configuration file: `ssh.listen` is CONDUIT_SSH_LISTEN, and so on for every leaf
// of the schema. A CONDUIT_ variable that names no key is refused like a mistyped key in the file.
import type { z } from "zod";
import { type Finding, invalid, type Override } from "./document.ts";
import { nearest } from "./nearest.ts";
import { type LeafKind, leaves } from "./schema-walk.ts";

/** The master key itself; taken out of the process's environment as soon as it was read. */
export const masterKeyVariable = "CONDUIT_MASTER_KEY";

/** Read by name elsewhere in config.ts. */
const ownVariables = ["CONDUIT_CONFIG", masterKeyVariable];

export function variableOf(path: readonly string[]): string {
  return `CONDUIT_${path.map((key) => key.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase()).join("_")}`;
}

export interface Variable {
  name: string;
  path: string[];
  kind: LeafKind;
}

export function variables(schema: z.ZodType): Variable[] {
  return leaves(schema).map(({ path, kind }) => ({ name: variableOf(path), path, kind }));
}

/** Texts stay texts (a secret of digits must not become a number); lists are separated by commas. */
function convert(kind: LeafKind, text: string): unknown {
  if (kind === "number" && /^\s*-?\d+(\.\d+)?\s*$/.test(text)) return Number(text);
  if (kind === "boolean" && /^(true|false)$/i.test(text.trim())) return text.trim().toLowerCase() === "true";
  if (kind === "list")
    return text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  return text;
}

/** An empty variable counts as not set, as compose files write it. */
export function readOverrides(schema: z.ZodType, env: Readonly<Record<string, string | undefined>>): Override[] {
  const known = variables(schema);
  const names = [...known.map(({ name }) => name), ...ownVariables];
  const unknown = Object.keys(env).filter((name) => name.startsWith("CONDUIT_") && !names.includes(name));
  if (unknown.length > 0)
    throw invalid(
      unknown.map((name) => unknownVariable(name, names)),
      "config.environment",
    );
  return known.flatMap(({ name, path, kind }) => {
    const text = env[name];
    return text === undefined || text === "" ? [] : [{ path, value: convert(kind, text), variable: name }];
  });
}

function unknownVariable(name: string, names: readonly string[]): Finding {
  const meant = nearest(name, names);
  const mend =
    meant === null ? "Unset it; docs/configuration.md lists the variables." : `Did you mean ${meant}? Else unset it.`;
  return { file: "environment", line: null, column: null, key: name, problem: "is not a known variable", mend };
}
