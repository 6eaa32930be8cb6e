// The report's period in the address, so that a report can be sent to a colleague.
export type PeriodChoice = { kind: "days"; days: number } | { kind: "from-to"; from: string; to: string };

const usual = { kind: "days", days: 30 } as const;

export function periodFromAddress(search: string): PeriodChoice {
  const parameters = new URLSearchParams(search);
  const from = parameters.get("from");
  const to = parameters.get("to");
  if (from !== null && to !== null) return { kind: "from-to", from, to };
  const days = Number(parameters.get("days") ?? usual.days);
  return Number.isInteger(days) && days >= 1 && days <= 3660 ? { kind: "days", days } : usual;
}

export function periodToAddress(choice: PeriodChoice): string {
  if (choice.kind === "days") return choice.days === usual.days ? "" : `?days=${choice.days}`;
  return `?${new URLSearchParams({ from: choice.from, to: choice.to })}`;
}
