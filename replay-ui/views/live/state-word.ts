import type { LiveSession } from "../../../shared/api/types.ts";

export function stateWord({ state, hold, control }: LiveSession): string {
  if (hold === "controlled") return `${control?.by ?? "Somebody else"} types`;
  if (hold === "escort-awaited") return "Waits for its escort";
  if (hold === "escort-lost") return "Its escort has left";
  if (hold === "stopped") return "Stopped by the plant";
  if (hold === "ending") return "Is being ended";
  if (state === "closing") return "Ending";
  return state === "frozen" ? "Frozen" : state === "active" ? "Live" : state;
}

/** An alarm is a sentence, or a code: `pattern ID`, a limit's. */
export function alarmInWords(alarm: string): string {
  const [, pattern] = /^pattern (\S+)$/.exec(alarm) ?? [];
  return pattern === undefined ? alarm : `Pattern ${pattern} was found`;
}
