/** A line of the files or events track, as people read it. */
export interface FactRow {
  atUs: number;
  tone: "plain" | "good" | "warn" | "bad";
  title: string;
  detail: string;
  /** Everything that the line says, for a tooltip. */
  all: string;
  /** Which way bytes went, for files. */
  direction?: "inbound" | "outbound";
}

/** `name value · name value`, names in words. */
export function factsText(facts: Record<string, unknown>): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${words(name)} ${valueText(value)}`)
    .join(" · ");
}

/** `maxSessionSeconds` → `max session seconds`, `client-closed` → `client closed`. */
export function words(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("-", " ")
    .replaceAll("_", " ")
    .toLowerCase();
}

function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  return typeof value === "object" ? `(${factsText(value as Record<string, unknown>)})` : "";
}
