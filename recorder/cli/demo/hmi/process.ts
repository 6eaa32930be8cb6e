// What the demo HMI shows and operates: tanks, pumps and valves around the demo controller, whose tags and alarms it
// shares with the controller's shell. Pure but for the clock it is given; it controls nothing.
import { type Alarm, Controller, type Tag } from "../controller.ts";

export interface Pump {
  name: string;
  serves: string;
  running: boolean;
  /** Radians, for the picture. */
  angle: number;
  /** Of full speed, 0 to 1: it runs up and down. */
  speed: number;
}

const maxAlarms = 40;
export const trendPoints = 760;
const trendStepMs = 500;
export const trendTags = ["TIC-101", "PIC-102", "LIC-104"] as const;

export class HmiProcess {
  readonly controller: Controller;
  readonly pumps: Pump[] = [
    { name: "P-101", serves: "feed", running: true, angle: 0, speed: 1 },
    { name: "P-102", serves: "coolant", running: true, angle: 1, speed: 1 },
    { name: "P-103", serves: "product", running: true, angle: 2, speed: 1 },
  ];
  /** Percent. */
  feedLevel = 68;
  productLevel = 46;
  feedValve = 62;
  fillValveOpen = false;
  drainValveOpen = false;
  agitatorAngle = 0;
  /** Pixels that what flows has moved, for the picture. */
  flowed = 0;
  coolantFlowed = 0;
  /** One column a point, the newest last. */
  readonly trend: number[][] = [];
  /** Points so far: the picture scrolls by what was added. */
  trendCount = 0;
  /** Smoothed values by tag. */
  readonly #shown = new Map<string, number>();
  readonly #now: () => number;
  #steppedAtMs: number;
  #trendAtMs: number;
  #levelOffset = 0;
  #coolingOffset = 0;

  constructor(controller: Controller = new Controller(), now: () => number = Date.now) {
    this.controller = controller;
    this.#now = now;
    this.#steppedAtMs = now();
    this.#trendAtMs = now();
    const length = Math.min(trendPoints, controller.history(this.#tag("TIC-101")).length * 2);
    for (let i = 0; i < length; i++)
      this.trend.push(trendTags.map((name) => between(controller.history(this.#tag(name)), i / 2)));
    this.trendCount = this.trend.length;
  }

  get nowMs(): number {
    return this.#now();
  }

  get alarms(): readonly Alarm[] {
    return this.controller.alarms;
  }

  get openAlarms(): number {
    return this.controller.alarms.filter((alarm) => !alarm.acknowledged).length;
  }

  value(name: string): number {
    return this.#shown.get(name) ?? this.#tag(name).value;
  }

  tag(name: string): Tag {
    return this.#tag(name);
  }

  /** Catches up with the clock, bounded. */
  advance(): void {
    const nowMs = this.#now();
    const seconds = Math.min(5, Math.max(0, (nowMs - this.#steppedAtMs) / 1000));
    this.#steppedAtMs = nowMs;
    this.controller.advance();
    this.#move(seconds);
    if (nowMs - this.#trendAtMs > trendPoints * trendStepMs) this.#trendAtMs = nowMs - trendStepMs;
    for (; nowMs - this.#trendAtMs >= trendStepMs; this.#trendAtMs += trendStepMs) {
      this.trend.push(trendTags.map((name) => this.value(name)));
      if (this.trend.length > trendPoints) this.trend.shift();
      this.trendCount++;
    }
  }

  setPump(name: string, running: boolean, by: string): void {
    const pump = this.pumps.find((candidate) => candidate.name === name);
    if (pump === undefined || pump.running === running) return;
    pump.running = running;
    if (!running) this.raise(pump.name, `${pump.serves} pump stopped by ${by}`);
  }

  /** Null when it was taken, else why not. */
  setSetpoint(name: string, setpoint: number): string | null {
    return this.controller.write(this.#tag(name), setpoint);
  }

  acknowledge(id: number): void {
    this.controller.acknowledge(id);
  }

  acknowledgeAll(): void {
    for (const alarm of this.controller.alarms) alarm.acknowledged = true;
  }

  raise(tag: string, text: string): void {
    const { alarms } = this.controller;
    const open = alarms.some((alarm) => alarm.tag === tag && alarm.text === text && !alarm.acknowledged);
    if (open) return;
    const id = alarms.reduce((highest, alarm) => Math.max(highest, alarm.id), 0) + 1;
    alarms.push({ id, raisedAtMs: this.#now(), tag, text, acknowledged: false });
    if (alarms.length > maxAlarms) alarms.shift();
  }

  #tag(name: string): Tag {
    const tag = this.controller.find(name);
    if (tag === undefined) throw new Error(`the demo controller has no tag ${name}`);
    return tag;
  }

  #move(seconds: number): void {
    for (const pump of this.pumps) {
      pump.speed = towards(pump.speed, pump.running ? 1 : 0, seconds * 0.8);
      pump.angle += seconds * pump.speed * 5;
    }
    const [feed, coolant, product] = this.pumps.map((pump) => pump.speed) as [number, number, number];
    this.#levelOffset = towards(this.#levelOffset, feed > 0.5 ? (product > 0.5 ? 0 : 14) : -26, seconds * 0.7);
    this.#coolingOffset = towards(this.#coolingOffset, coolant > 0.5 ? 0 : 24, seconds * 0.5);
    for (const { name, value } of this.controller.tags) {
      const aim = value * (name === "FIC-103" ? feed : 1) + this.#offset(name);
      const before = this.#shown.get(name) ?? aim;
      this.#shown.set(name, before + (aim - before) * Math.min(1, seconds * 1.6));
    }
    this.agitatorAngle += (seconds * this.value("SIC-105")) / 60;
    this.flowed += seconds * this.value("FIC-103") * 1.6;
    this.coolantFlowed += seconds * coolant * this.value("ZI-106") * 0.8;
    this.feedValve = 55 + this.value("FIC-103") * 0.6;
    this.#tanks(seconds, product);
    this.#watch();
  }

  #offset(name: string): number {
    if (name === "LIC-104") return this.#levelOffset;
    if (name === "TIC-101") return this.#coolingOffset;
    return name === "PIC-102" ? this.#coolingOffset * 0.12 : 0;
  }

  /** Feed runs down and is filled up again; product fills up and is drawn off. */
  #tanks(seconds: number, product: number): void {
    if (this.feedLevel < 24) this.fillValveOpen = true;
    if (this.feedLevel > 88) this.fillValveOpen = false;
    if (this.productLevel > 86) this.drainValveOpen = true;
    if (this.productLevel < 28) this.drainValveOpen = false;
    this.feedLevel += seconds * ((this.fillValveOpen ? 2.2 : 0) - this.value("FIC-103") * 0.03);
    this.productLevel += seconds * (product * 0.5 - (this.drainValveOpen ? 2.4 : 0));
    this.feedLevel = Math.min(100, Math.max(0, this.feedLevel));
    this.productLevel = Math.min(100, Math.max(0, this.productLevel));
  }

  #watch(): void {
    if (this.value("TIC-101") > 158) this.raise("TIC-101", "Reactor temperature high");
    if (this.value("LIC-104") < 50) this.raise("LIC-104", "Reactor level low");
    if (this.value("LIC-104") > 84) this.raise("LIC-104", "Reactor level high");
  }
}

function towards(value: number, aim: number, most: number): number {
  return value + Math.max(-most, Math.min(most, aim - value));
}

function between(series: readonly number[], at: number): number {
  const before = series[Math.floor(at)] ?? 0;
  return before + ((series[Math.floor(at) + 1] ?? before) - before) * (at % 1);
}
