// The demo plant's process: a reactor with six tags that drift towards their setpoints. Pure but for the clock it is
// given; it controls nothing.
export interface Tag {
  name: string;
  description: string;
  unit: string;
  low: number;
  high: number;
  setpoint: number;
  value: number;
  decimals: number;
}

export interface Alarm {
  id: number;
  /** Milliseconds since the epoch. */
  raisedAtMs: number;
  tag: string;
  text: string;
  acknowledged: boolean;
}

const plan: Omit<Tag, "value">[] = [
  { name: "TIC-101", description: "Reactor temperature", unit: "degC", low: 20, high: 180, setpoint: 142, decimals: 1 },
  { name: "PIC-102", description: "Reactor pressure", unit: "bar", low: 0, high: 16, setpoint: 6.4, decimals: 2 },
  { name: "FIC-103", description: "Feed flow", unit: "m3/h", low: 0, high: 40, setpoint: 18.5, decimals: 1 },
  { name: "LIC-104", description: "Reactor level", unit: "%", low: 0, high: 100, setpoint: 71, decimals: 1 },
  { name: "SIC-105", description: "Agitator speed", unit: "rpm", low: 0, high: 300, setpoint: 180, decimals: 0 },
  { name: "ZI-106", description: "Coolant valve position", unit: "%", low: 0, high: 100, setpoint: 38, decimals: 1 },
];

const historyLength = 240;

export class Controller {
  readonly tags: Tag[];
  readonly alarms: Alarm[];
  readonly startedAtMs: number;
  readonly #now: () => number;
  readonly #history = new Map<string, number[]>();
  #seed = 20_417;
  #steppedAtMs: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.startedAtMs = now() - 41 * 86_400_000;
    this.#steppedAtMs = now();
    this.tags = plan.map((tag) => ({ ...tag, value: tag.setpoint * 0.985 }));
    this.alarms = [
      {
        id: 1,
        raisedAtMs: now() - 3_480_000,
        tag: "PIC-102",
        text: "Pressure high, returned to normal",
        acknowledged: true,
      },
      { id: 2, raisedAtMs: now() - 1_260_000, tag: "ZI-106", text: "Coolant valve slow to close", acknowledged: false },
    ];
    for (let i = 0; i < historyLength; i++) this.#step();
  }

  get uptimeSeconds(): number {
    return Math.floor((this.#now() - this.startedAtMs) / 1000);
  }

  /** Catches up with the clock, one step a second, bounded. */
  advance(): void {
    const steps = Math.min(historyLength, Math.floor((this.#now() - this.#steppedAtMs) / 1000));
    this.#steppedAtMs += steps * 1000;
    for (let i = 0; i < steps; i++) this.#step();
  }

  find(name: string): Tag | undefined {
    return this.tags.find((tag) => tag.name.toLowerCase() === name.toLowerCase());
  }

  history(tag: Tag): readonly number[] {
    return this.#history.get(tag.name) ?? [];
  }

  /** Null when it was taken, else why not. */
  write(tag: Tag, setpoint: number): string | null {
    if (!Number.isFinite(setpoint)) return "not a number";
    if (setpoint < tag.low || setpoint > tag.high) return `outside ${tag.low} to ${tag.high} ${tag.unit}`;
    if (tag.name.startsWith("ZI")) return "an indicator has no setpoint";
    tag.setpoint = setpoint;
    return null;
  }

  acknowledge(id: number): boolean {
    const alarm = this.alarms.find((candidate) => candidate.id === id);
    if (alarm === undefined) return false;
    alarm.acknowledged = true;
    return true;
  }

  /** A small linear congruential generator: the same plant behaves the same in every demo. */
  #noise(): number {
    this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return this.#seed / 2_147_483_648 - 0.5;
  }

  #step(): void {
    for (const tag of this.tags) {
      const span = tag.high - tag.low;
      const next = tag.value + (tag.setpoint - tag.value) * 0.08 + this.#noise() * span * 0.008;
      tag.value = Math.min(tag.high, Math.max(tag.low, next));
      const series = this.#history.get(tag.name) ?? [];
      series.push(tag.value);
      if (series.length > historyLength) series.shift();
      this.#history.set(tag.name, series);
    }
  }
}
