// What sentences about events are made of.
import { reasonSentences } from "../../shared/policy/reasons.ts";
import { type FactRow, words } from "./fact-row.ts";

export type Facts = Record<string, unknown>;
export type Said = [title: string, detail: string, tone?: FactRow["tone"]];

export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const count = (value: unknown): number => (typeof value === "number" ? value : 0);
export const join = (...parts: string[]): string => parts.filter((part) => part !== "").join(" · ");
export const factsIn = (value: unknown): Facts => (typeof value === "object" && value !== null ? (value as Facts) : {});

export function reason(facts: Facts): string {
  const code = text(facts["reason"]);
  return (reasonSentences as Record<string, string>)[code] ?? words(code);
}
