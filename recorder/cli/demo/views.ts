// What the demo controller shows: tables, a trend drawn in a terminal's cells, and the full-screen overview.
import type { Controller, Tag } from "./controller.ts";

const colour = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
export const bold = colour("1");
const dim = colour("2");
const red = colour("31");
const green = colour("32");
const yellow = colour("33");
const cyan = colour("36");
const banner = colour("1;97;44");

function reading(tag: Tag): string {
  return tag.value.toFixed(tag.decimals);
}

function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

export function greeting(): string[] {
  return [
    banner("  PLC-REACTOR-01   unit 7, reactor section                  DEMO PLANT  "),
    dim("A toy controller that moves nothing. Type help for its commands."),
  ];
}

export function status(controller: Controller): string[] {
  const days = Math.floor(controller.uptimeSeconds / 86_400);
  const open = controller.alarms.filter((alarm) => !alarm.acknowledged).length;
  return [
    `${bold("Mode")}      RUN        ${bold("Up")}      ${days} days`,
    `${bold("Cycle")}     12 ms      ${bold("Battery")} ok`,
    `${bold("Program")}   reactor-main v4.2 (signed)`,
    `${bold("Alarms")}    ${open === 0 ? green("none open") : yellow(`${open} open, see show alarms`)}`,
  ];
}

export function version(): string[] {
  return ["PLC-REACTOR-01 demo firmware 4.2.0", "Serial 0000-DEMO, no field bus attached"];
}

export function alarms(controller: Controller): string[] {
  return controller.alarms.map((alarm) => {
    const state = alarm.acknowledged ? green("ack ") : red("OPEN");
    return `${String(alarm.id).padStart(3)}  ${clock(alarm.raisedAtMs)}  ${state}  ${alarm.tag.padEnd(8)} ${alarm.text}`;
  });
}

export function tagTable(controller: Controller): string[] {
  const head = bold(
    `${"TAG".padEnd(9)}${"VALUE".padStart(9)} ${"UNIT".padEnd(6)}${"SETPOINT".padStart(9)}  DESCRIPTION`,
  );
  return [head, ...controller.tags.map(tagLine)];
}

export function tagLine(tag: Tag): string {
  const near = Math.abs(tag.value - tag.setpoint) < (tag.high - tag.low) * 0.02;
  const value = (near ? green : yellow)(reading(tag).padStart(9));
  return `${cyan(tag.name.padEnd(9))}${value} ${tag.unit.padEnd(6)}${tag.setpoint.toFixed(tag.decimals).padStart(9)}  ${tag.description}`;
}

const blocks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** Rows of block characters, newest value at the right; a dashed line marks the setpoint's row. */
export function trend(controller: Controller, tag: Tag, columns: number): string[] {
  const height = 8;
  const width = Math.max(20, Math.min(100, columns - 14));
  const series = controller.history(tag).slice(-width);
  const low = Math.min(...series, tag.setpoint);
  const span = Math.max(...series, tag.setpoint) - low || 1;
  const lines: string[] = [bold(`${tag.name}  ${tag.description}, last ${series.length} s`)];
  const setpointRow = Math.min(height - 1, Math.floor(((tag.setpoint - low) / span) * height));
  for (let row = height - 1; row >= 0; row--) {
    const label = (low + (span * (row + 0.5)) / height).toFixed(Math.max(1, tag.decimals)).padStart(8);
    const cells = series.map((value) => {
      const filled = ((value - low) / span) * height - row;
      if (filled >= 1) return "█";
      if (filled > 0) return blocks[Math.floor(filled * blocks.length)] ?? "▁";
      return row === setpointRow ? "╌" : " ";
    });
    lines.push(`${dim(`${label} │`)}${green(cells.join(""))}`);
  }
  lines.push(`${" ".repeat(8)} ${dim(`└${"─".repeat(series.length)}`)}`);
  return lines;
}

/** One frame of the overview, for the alternate screen. */
export function overview(controller: Controller, columns: number, rows: number, nowMs: number): string {
  const width = Math.max(10, Math.min(40, columns - 46));
  const lines = [
    banner(`  PLC-REACTOR-01  overview  ${clock(nowMs)} UTC`.padEnd(Math.max(20, columns - 1)).slice(0, columns - 1)),
    "",
    ...controller.tags.map((tag) => {
      const share = (tag.value - tag.low) / (tag.high - tag.low);
      const filled = Math.max(0, Math.min(width, Math.round(share * width)));
      const bar = green("█".repeat(filled)) + dim("░".repeat(width - filled));
      return `${cyan(tag.name.padEnd(8))} ${bar} ${reading(tag).padStart(7)} ${tag.unit.padEnd(5)} ${dim(`SP ${tag.setpoint.toFixed(tag.decimals)}`)}`;
    }),
    "",
    ...alarms(controller),
    "",
    dim("q leaves"),
  ];
  return `\x1b[H${lines
    .slice(0, Math.max(1, rows - 1))
    .map((line) => `${line}\x1b[K`)
    .join("\r\n")}\x1b[J`;
}
