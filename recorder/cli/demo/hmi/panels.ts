// Header, control loops, pump switches and the alarm list: what is read and operated beside the process picture.
import { type Box, mix, type Painter } from "./paint.ts";
import type { HmiProcess } from "./process.ts";
import { colours as c, label, large, reading, small, title } from "./style.ts";

/** What a click on a place does. */
export type Action =
  | { do: "edit"; tag: string }
  | { do: "pump"; name: string; run: boolean }
  | { do: "acknowledge"; id: number }
  | { do: "acknowledge-all" };

export interface Control {
  box: Box;
  action: Action;
}

/** What the person at the panel is doing. */
export interface Operator {
  /** The set-point field that takes keys, and what was typed so far. */
  editing: { tag: string; text: string } | null;
  /** What the mouse holds down. */
  pressed: Action | null;
  message: { text: string; good: boolean } | null;
}

export const loopTags = ["TIC-101", "PIC-102", "FIC-103"] as const;
const units: Record<string, string> = { "TIC-101": "°C", "PIC-102": "bar", "FIC-103": "m³/h" };

export const header: Box = { x: 0, y: 0, width: 1280, height: 48 };
export const loops: Box = { x: 892, y: 60, width: 376, height: 310 };
export const switches: Box = { x: 892, y: 382, width: 376, height: 148 };
export const alarmList: Box = { x: 892, y: 542, width: 376, height: 246 };
const alarmRows = 8;
const rowHeight = 24;

const loopTop = (i: number) => loops.y + 38 + i * 90;
const field = (i: number): Box => ({ x: loops.x + 274, y: loopTop(i) + 8, width: 88, height: 28 });
const bar = (i: number): Box => ({ x: loops.x + 14, y: loopTop(i) + 52, width: 348, height: 14 });
const pumpTop = (i: number) => switches.y + 40 + i * 34;
const start = (i: number): Box => ({ x: switches.x + 208, y: pumpTop(i), width: 74, height: 28 });
const stop = (i: number): Box => ({ x: switches.x + 290, y: pumpTop(i), width: 74, height: 28 });
const all: Box = { x: alarmList.x + 276, y: alarmList.y + 7, width: 88, height: 24 };
const alarmRow = (i: number): Box => ({
  x: alarmList.x + 8,
  y: alarmList.y + 42 + i * rowHeight,
  width: 360,
  height: rowHeight,
});

export function controls(process: HmiProcess): Control[] {
  return [
    ...loopTags.map((tag, i): Control => ({ box: field(i), action: { do: "edit", tag } })),
    ...process.pumps.flatMap(({ name }, i): Control[] => [
      { box: start(i), action: { do: "pump", name, run: true } },
      { box: stop(i), action: { do: "pump", name, run: false } },
    ]),
    { box: all, action: { do: "acknowledge-all" } },
    ...newest(process).map(({ id }, i): Control => ({ box: alarmRow(i), action: { do: "acknowledge", id } })),
  ];
}

export function drawPanelGround(paint: Painter): void {
  paint.fade(header, c.panelHead, c.panel);
  paint.fill({ x: 0, y: header.height - 1, width: header.width, height: 1 }, c.border);
  paint.text(title, "UNIT 7", 16, 12, c.text);
  paint.text(title, "Reactor section", 96, 12, c.quiet);
  paint.text(small, "hmi-reactor-01", 286, 17, c.quiet);
  for (const [box, name] of [
    [loops, "CONTROL LOOPS"],
    [switches, "PUMPS"],
    [alarmList, "ALARMS"],
  ] as const) {
    paint.panel(box, 8, c.border, c.panel);
    paint.text(label, name, box.x + 14, box.y + 11, c.text);
    paint.fill({ x: box.x + 1, y: box.y + 34, width: box.width - 2, height: 1 }, c.border);
  }
}

export function drawHeader(paint: Painter, process: HmiProcess): void {
  const open = process.openAlarms;
  const lit = open > 0 && Math.floor(process.nowMs / 500) % 2 === 0;
  paint.round({ x: 892, y: 11, width: 140, height: 26 }, 13, open === 0 ? c.on : lit ? c.alarm : mix(c.alarm, 0, 0.45));
  paint.text(
    label,
    open === 0 ? "No open alarm" : `${open} open alarm${open === 1 ? "" : "s"}`,
    962,
    17,
    c.white,
    "centre",
  );
  paint.round({ x: 804, y: 11, width: 78, height: 26 }, 13, mix(c.on, c.black, 0.35));
  paint.text(label, "RUN", 843, 17, c.white, "centre");
  const clock = new Date(process.nowMs).toISOString();
  paint.text(reading, clock.slice(11, 19), 1204, 15, c.text, "right");
  paint.text(small, clock.slice(0, 10), 1114, 17, c.quiet, "right");
  paint.text(small, "UTC", 1214, 17, c.quiet);
}

export function drawLoops(paint: Painter, process: HmiProcess, operator: Operator): void {
  loopTags.forEach((name, i) => {
    const tag = process.tag(name);
    const value = process.value(name);
    const y = loopTop(i);
    const share = (at: number) => Math.min(1, Math.max(0, (at - tag.low) / (tag.high - tag.low)));
    paint.text(label, name, loops.x + 14, y + 3, c.text);
    paint.text(small, tag.description, loops.x + 14, y + 22, c.quiet);
    paint.text(large, value.toFixed(tag.decimals), loops.x + 226, y + 6, c.text, "right");
    paint.text(small, units[name] ?? "", loops.x + 232, y + 17, c.quiet);
    const gauge = bar(i);
    const filled = Math.round((gauge.width - 2) * share(value));
    paint.panel(gauge, 4, c.border, c.field);
    paint.fill({ x: gauge.x + 1, y: gauge.y + 2, width: filled, height: gauge.height - 4 }, mix(c.focus, c.black, 0.2));
    const at = gauge.x + 1 + Math.round((gauge.width - 3) * share(tag.setpoint));
    paint.fill({ x: at - 1, y: gauge.y - 3, width: 3, height: gauge.height + 6 }, c.warning);
    drawField(paint, field(i), operator.editing?.tag === name ? operator.editing.text : null, tag, process.nowMs);
    if (i > 0) paint.fill({ x: loops.x + 14, y: y - 8, width: loops.width - 28, height: 1 }, c.grid);
  });
  const { message } = operator;
  if (message === null) return;
  paint.text(small, message.text, loops.x + loops.width - 14, loops.y + 10, message.good ? c.on : c.warning, "right");
}

function drawField(
  paint: Painter,
  box: Box,
  typed: string | null,
  tag: { setpoint: number; decimals: number },
  nowMs: number,
): void {
  paint.panel(box, 4, typed === null ? c.border : c.focus, typed === null ? c.field : mix(c.field, c.focus, 0.12));
  const text = typed ?? tag.setpoint.toFixed(tag.decimals);
  paint.text(small, "SP", box.x + 6, box.y + 7, c.quiet);
  paint.text(reading, text, box.x + box.width - 10, box.y + 5, typed === null ? c.warning : c.white, "right");
  if (typed !== null && Math.floor(nowMs / 500) % 2 === 0)
    paint.fill({ x: box.x + box.width - 8, y: box.y + 6, width: 1, height: 17 }, c.white);
}

export function drawSwitches(paint: Painter, process: HmiProcess, operator: Operator): void {
  const { pressed } = operator;
  process.pumps.forEach(({ name, serves, running, speed }, i) => {
    const y = pumpTop(i);
    const turning = running ? speed < 0.95 : speed > 0.05;
    paint.circle(switches.x + 26, y + 14, 8, turning ? c.warning : running ? c.on : c.off);
    paint.text(label, name, switches.x + 46, y + 7, c.text);
    paint.text(small, serves, switches.x + 98, y + 7, c.quiet);
    const held = (run: boolean) => pressed?.do === "pump" && pressed.name === name && pressed.run === run;
    drawButton(paint, start(i), "START", running ? c.on : null, held(true));
    drawButton(paint, stop(i), "STOP", running ? null : c.alarm, held(false));
  });
}

function drawButton(paint: Painter, box: Box, text: string, lit: number | null, held: boolean): void {
  const face = lit === null ? mix(c.panelHead, c.steel, 0.18) : mix(lit, c.black, 0.3);
  paint.panel(box, 5, held ? c.focus : mix(face, c.white, 0.2), held ? mix(face, c.black, 0.35) : face);
  paint.text(
    label,
    text,
    box.x + box.width / 2,
    box.y + Math.floor(box.height / 2) - 8 + (held ? 1 : 0),
    c.white,
    "centre",
  );
}

export function drawAlarms(paint: Painter, process: HmiProcess, operator: Operator): void {
  drawButton(
    paint,
    all,
    "ACK ALL",
    process.openAlarms > 0 ? c.warning : null,
    operator.pressed?.do === "acknowledge-all",
  );
  newest(process).forEach(({ raisedAtMs, tag, text, acknowledged }, i) => {
    const box = alarmRow(i);
    const lit = !acknowledged && Math.floor(process.nowMs / 500) % 2 === 0;
    if (!acknowledged) paint.round({ ...box, height: rowHeight - 2 }, 3, mix(c.panel, c.alarm, lit ? 0.55 : 0.25));
    const rgb = acknowledged ? c.quiet : c.white;
    paint.text(small, new Date(raisedAtMs).toISOString().slice(11, 19), box.x + 6, box.y + 4, rgb);
    paint.text(label, tag, box.x + 68, box.y + 4, rgb);
    paint.text(small, text, box.x + 130, box.y + 4, rgb);
  });
}

function newest(process: HmiProcess) {
  return process.alarms.slice(-alarmRows).reverse();
}
