// Looks into a zod schema: which keys are known at a path, and of which kind a leaf is. Feeds error messages and the
// environment's mapping, so that both follow the schema by themselves.
import type { z } from "zod";

interface Definition {
  type: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  options?: z.ZodType[];
  shape?: Record<string, z.ZodType>;
}

function definition(schema: z.ZodType): Definition {
  return schema.def as unknown as Definition;
}

/** Without optional, default, prefault and pipe wrappers. */
function bare(schema: z.ZodType): z.ZodType {
  const def = definition(schema);
  const inner = def.innerType ?? def.in;
  return inner === undefined ? schema : bare(inner);
}

function children(schema: z.ZodType): Map<string, z.ZodType> {
  const def = definition(bare(schema));
  if (def.type === "object") return new Map(Object.entries(def.shape ?? {}));
  if (def.type === "union") return new Map((def.options ?? []).flatMap((option) => [...children(option)]));
  return new Map();
}

function descend(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): z.ZodType | null {
  const [head, ...rest] = path;
  if (head === undefined) return schema;
  const def = definition(bare(schema));
  const inner = (value as Record<PropertyKey, unknown> | null | undefined)?.[head];
  let next: z.ZodType | undefined;
  if (def.type === "array") next = def.element;
  else if (def.type === "record") next = def.valueType;
  else next = children(optionOf(bare(schema), value)).get(String(head));
  return next === undefined ? null : descend(next, rest, inner);
}

/** Of a discriminated union, the option whose literals agree with the value; else the schema itself. */
function optionOf(schema: z.ZodType, value: unknown): z.ZodType {
  const def = definition(schema) as Definition & { discriminator?: string };
  if (def.discriminator === undefined || value === null || typeof value !== "object") return schema;
  const tag = (value as Record<string, unknown>)[def.discriminator];
  const discriminator = def.discriminator;
  return (
    (def.options ?? []).find((option) => {
      const literal = children(option).get(discriminator);
      return tag !== undefined && literal?.safeParse(tag).success === true;
    }) ?? schema
  );
}

/** The keys that the schema knows at this path, `value` being the whole raw document. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  const at = descend(schema, path, value);
  if (at === null) return [];
  const here = path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
  return [...children(optionOf(bare(at), here)).keys()];
}

export type LeafKind = "text" | "number" | "boolean" | "list" | "other";

/** Every leaf of an object schema with its path: what the environment can set. Lists are leaves; their items are not. */
export function leaves(schema: z.ZodType, path: string[] = []): { path: string[]; kind: LeafKind }[] {
  const def = definition(bare(schema));
  if (def.type === "object") return [...children(schema)].flatMap(([key, inner]) => leaves(inner, [...path, key]));
  if (def.type === "union") {
    const options = (def.options ?? []).map(bare);
    if (options.every((option) => definition(option).type === "object")) {
      const found = options.flatMap((option) => leaves(option, path));
      return found.filter((leaf, i) => found.findIndex((other) => other.path.join() === leaf.path.join()) === i);
    }
    return [{ path, kind: "other" }];
  }
  return [{ path, kind: leafKind(def.type) }];
}

function leafKind(type: string): LeafKind {
  if (type === "number") return "number";
  if (type === "boolean") return "boolean";
  if (type === "array") return "list";
  return type === "string" || type === "enum" || type === "literal" ? "text" : "other";
}
