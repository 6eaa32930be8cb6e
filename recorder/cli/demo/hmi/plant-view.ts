// The process picture itself: feed tank, reactor with its jacket, product tank, and what connects them.
import * as equipment from "./equipment.ts";
import { readoutSize } from "./equipment.ts";
import type { Box, Painter } from "./paint.ts";
import { mix } from "./paint.ts";
import type { HmiProcess } from "./process.ts";
import { colours as c, label, small } from "./style.ts";

type Point = readonly [number, number];

export const plantArea: Box = { x: 12, y: 60, width: 868, height: 470 };

const feedTank: Box = { x: 50, y: 172, width: 110, height: 200 };
const reactor: Box = { x: 412, y: 190, width: 150, height: 240 };
const productTank: Box = { x: 740, y: 172, width: 110, height: 200 };
const jacket: Box = { x: 398, y: 268, width: 178, height: 140 };

const pipes: Record<"fill" | "feed" | "supply" | "back" | "product" | "drain", readonly Point[]> = {
  fill: [
    [20, 112],
    [142, 112],
    [142, 164],
  ],
  feed: [
    [105, 386],
    [105, 450],
    [350, 450],
    [350, 240],
    [406, 240],
  ],
  supply: [
    [668, 244],
    [668, 335],
    [580, 335],
  ],
  back: [
    [580, 290],
    [628, 290],
    [628, 244],
  ],
  product: [
    [487, 446],
    [487, 482],
    [712, 482],
    [712, 112],
    [757, 112],
    [757, 164],
  ],
  drain: [
    [835, 386],
    [835, 482],
    [864, 482],
  ],
};

const readouts: readonly { tag: string; x: number; y: number; unit?: string }[] = [
  { tag: "LI-101", x: 172, y: 196, unit: "%" },
  { tag: "FIC-103", x: 232, y: 368, unit: "m³/h" },
  { tag: "TIC-101", x: 288, y: 104, unit: "°C" },
  { tag: "PIC-102", x: 288, y: 152, unit: "bar" },
  { tag: "SIC-105", x: 520, y: 104, unit: "rpm" },
  { tag: "LIC-104", x: 580, y: 170, unit: "%" },
  { tag: "ZI-106", x: 582, y: 390, unit: "%" },
  { tag: "LI-102", x: 722, y: 396, unit: "%" },
];

const pumpPlaces: Record<string, Point> = { "P-101": [200, 450], "P-102": [668, 335], "P-103": [600, 482] };

/** What never moves. */
export function drawPlantGround(paint: Painter): void {
  paint.panel(plantArea, 8, c.border, c.panel);
  for (const points of Object.values(pipes)) equipment.pipe(paint, points);
  paint.round(jacket, 26, mix(c.coolant, c.black, 0.35));
  paint.round({ x: jacket.x + 3, y: jacket.y + 3, width: jacket.width - 6, height: jacket.height - 6 }, 24, 0x1a3a42);
  equipment.motor(paint, reactor.x + reactor.width / 2, reactor.y - 26);
  equipment.vessel(paint, feedTank, "T-101");
  equipment.vessel(paint, reactor, "");
  equipment.vessel(paint, productTank, "T-102");
  paint.text(label, "R-100", 425, 146, c.text);
  paint.text(small, "Feed", 92, 88, c.quiet);
  paint.text(small, "To storage", 806, 499, c.quiet);
  paint.text(small, "Return", 606, 224, c.quiet);
  paint.text(small, "Supply", 650, 224, c.quiet);
}

/** Where `drawPlant` draws: laid bare again before each picture. */
export const plantBoxes: readonly Box[] = [plantArea];

export function drawPlant(paint: Painter, process: HmiProcess): void {
  const value = (tag: string) => process.value(tag);
  const running = (name: string) => process.pumps.some((pump) => pump.name === name && pump.speed > 0.2);
  equipment.flow(paint, pipes.fill, process.flowed * 1.4, c.feed, process.fillValveOpen);
  equipment.flow(paint, pipes.feed, process.flowed, c.feed, running("P-101"));
  equipment.flow(paint, pipes.supply, process.coolantFlowed, c.coolant, running("P-102"));
  equipment.flow(paint, pipes.back, process.coolantFlowed, mix(c.coolant, c.alarm, 0.35), running("P-102"));
  equipment.flow(paint, pipes.product, process.flowed * 0.9, c.product, running("P-103"));
  equipment.flow(paint, pipes.drain, process.flowed, c.product, process.drainValveOpen);
  equipment.level(paint, feedTank, process.feedLevel, c.feed);
  equipment.level(paint, reactor, value("LIC-104"), mix(c.reactor, c.alarm, heat(value("TIC-101"))));
  equipment.agitator(paint, reactor, process.agitatorAngle);
  equipment.level(paint, productTank, process.productLevel, c.product);
  for (const { name, angle, speed } of process.pumps) {
    const [x, y] = pumpPlaces[name] ?? [0, 0];
    equipment.pump(paint, x, y, name, angle, speed > 0.2);
  }
  equipment.valve(paint, 66, 112, "XV-100", process.fillValveOpen ? 100 : 0);
  equipment.valve(paint, 288, 450, "FV-103", running("P-101") ? process.feedValve : 0);
  equipment.valve(paint, 610, 335, "ZV-106", value("ZI-106"));
  equipment.valve(paint, 848, 482, "", process.drainValveOpen ? 100 : 0);
  for (const { tag, x, y, unit = "" } of readouts) equipment.readout(paint, x, y, tag, shown(process, tag), unit);
  frameAlarmed(paint, process);
}

/** A readout whose tag has an open alarm gets a frame. */
function frameAlarmed(paint: Painter, process: HmiProcess): void {
  for (const { tag, x, y } of readouts) {
    if (!process.alarms.some((alarm) => alarm.tag === tag && !alarm.acknowledged)) continue;
    const { width, height } = readoutSize;
    for (const edge of [
      { x, y, width, height: 2 },
      { x, y: y + height - 2, width, height: 2 },
      { x, y, width: 2, height },
      { x: x + width - 2, y, width: 2, height },
    ])
      paint.fill(edge, c.alarm);
  }
}

function shown(process: HmiProcess, tag: string): string {
  if (tag === "LI-101") return process.feedLevel.toFixed(1);
  if (tag === "LI-102") return process.productLevel.toFixed(1);
  return process.value(tag).toFixed(process.tag(tag).decimals);
}

function heat(temperature: number): number {
  return Math.min(0.8, Math.max(0, (temperature - 120) / 60));
}
