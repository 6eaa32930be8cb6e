// Sessions as a plant has them, for the bench of the search: who, where, and what the index would have of each. The same
// numbers give the same sessions.
import { createHash } from "node:crypto";
import type { SearchDocument, SearchedSession } from "../../../recorder/search/search-index.ts";
import { extractorVersion } from "../../../recorder/search/search-index.ts";
import { makeSessionId } from "../../../shared/ids.ts";

export interface MadeSession {
  about: SearchedSession;
  documents: SearchDocument[];
  keystrokes: number;
  /** A word that no other session has. */
  batch: string;
  /** Of the file that was uploaded, where there was one. */
  digest: string | null;
}

export const firstDayMs = Date.UTC(2025, 0, 6);
const betweenMs = 6_300_000;
const people = 60;
const targets = 200;

const units = ["historian", "opcua-bridge", "recipe-server", "alarm-relay", "modbus-gateway"];
const logs = ["controller", "alarms", "recipes", "network", "audit", "backup"];
const measures: readonly [tag: string, unit: string, what: string][] = [
  ["TT", "°C", "temperature"],
  ["PT", "bar", "pressure"],
  ["FT", "m³/h", "flow"],
  ["LT", "%", "level"],
  ["SV", "%", "valve"],
];
const happened = [
  "signal noise above limit",
  "setpoint changed by operator",
  "valve opened",
  "valve closed",
  "communication with the historian restored",
  "scan cycle took longer than 20 ms",
  "recipe loaded",
  "interlock acknowledged",
  "calibration due in 14 days",
  "checksum of block verified",
];

export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const personOf = (n: number): string => `vendor-${["drives", "dcs", "hmi", "valves"][n % 4]}-${n}`;
export const targetOf = (n: number): string =>
  `${n % 5 === 0 ? "hmi" : "plc"}-line${n % 12}-${String(n).padStart(3, "0")}`;

/** One in forty is long: a hundred keystrokes a session on average. */
const keystrokesOf = (n: number): number => (n % 40 === 0 ? 1_050 : 58);

interface Ran {
  command: string;
  output: string[];
}

export class Plant {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #of<T>(all: readonly T[]): T {
    const one = all[this.below(all.length)];
    if (one === undefined) throw new Error("nothing to choose from");
    return one;
  }

  #tag(): string {
    return `${this.#of(measures)[0]}-${100 + this.below(400)}`;
  }

  #clock(): string {
    const two = (n: number) => String(this.below(n)).padStart(2, "0");
    return `${two(24)}:${two(60)}:${two(60)}`;
  }

  #logLine(): string {
    const level = this.#of(["info", "info", "info", "info", "warn", "alarm"]);
    return `${this.#clock()}  ${level}   ${this.#tag()} ${this.#of(happened)}`;
  }

  #lines(most: number, line: () => string): string[] {
    return Array.from({ length: 4 + this.below(most - 3) }, line);
  }

  ran(batch: string): Ran {
    switch (this.below(7)) {
      case 0:
        return {
          command: "status",
          output: this.#lines(16, () => {
            const [tag, unit, what] = this.#of(measures);
            const value = (this.#random() * 200).toFixed(1);
            return `${tag}-${100 + this.below(400)}  ${what}  ${value}  ${unit}  ${this.#of(["good", "good", "uncertain"])}`;
          }),
        };
      case 1:
        return {
          command: `tail -n ${5 + this.below(40)} /var/log/${this.#of(logs)}.log`,
          output: this.#lines(16, () => this.#logLine()),
        };
      case 2: {
        const tag = this.#tag();
        const command = `tag set ${tag} --zero ${(3.9 + this.#random() / 5).toFixed(3)} --comment 'batch ${batch}'`;
        return { command, output: [`${tag} written, 3 values, revision ${this.below(900)}`] };
      }
      case 3: {
        const unit = this.#of(units);
        return {
          command: `sudo systemctl restart ${unit}`,
          output: [`${unit}.service: started by ${this.below(30_000)}`, ...this.#lines(8, () => this.#logLine())],
        };
      }
      case 4:
        return {
          command: `grep ${this.#tag()} /var/log/${this.#of(logs)}.log`,
          output: this.#lines(16, () => this.#logLine()),
        };
      case 5:
        return {
          command: `ls -l /recipes/${this.#of(measures)[2]}`,
          output: this.#lines(16, () => {
            const name = `${this.#of(measures)[2]}-${this.below(5_000)}.prg`;
            return `-rw-r--r-- 1 service plant ${this.below(90_000)} ${this.#clock()} ${name}`;
          }),
        };
      default:
        return {
          command: `ping -c 4 10.${20 + this.below(8)}.${this.below(200)}.${this.below(250)}`,
          output: this.#lines(7, () => `64 bytes from 10.${this.below(99)}.4.2: time=${this.#random().toFixed(2)} ms`),
        };
    }
  }
}

export function madeSession(n: number): MadeSession {
  const plant = new Plant(n + 1);
  const startedMs = firstDayMs + n * betweenMs + plant.below(betweenMs);
  const random = createHash("sha256").update(`bench ${n}`).digest();
  const session = makeSessionId(random.subarray(0, 10), startedMs);
  const person = personOf(plant.below(people));
  const target = targetOf(plant.below(targets));
  const batch = `b${random.subarray(10, 14).toString("hex")}`;
  const documents: SearchDocument[] = [];
  let atUs = 0;
  let keystrokes = 0;
  const add = (kind: SearchDocument["kind"], text: string, more: Partial<SearchDocument> = {}) =>
    documents.push({ session, kind, atUs, text, ...more });
  add("session", `${person} · ${target} · cell-${plant.below(9)} · ssh · service · 192.0.2.${plant.below(250)}:22`);
  while (keystrokes < keystrokesOf(n)) {
    const { command, output } = plant.ran(batch);
    keystrokes += command.length + 1;
    atUs += (command.length + 10) * 150_000;
    const endUs = atUs + output.length * 90_000;
    add("command", command, { endUs, track: "terminal-0" });
    for (const text of output) {
      atUs += 90_000;
      add("output", text, { track: "terminal-0" });
    }
    if (plant.below(5) === 0) {
      keystrokes += 2;
      add("typed", plant.below(2) === 0 ? "y" : "q", { track: "terminal-0" });
    }
  }
  let digest: string | null = null;
  if (plant.below(3) === 0) {
    digest = createHash("sha256").update(`file ${n}`).digest("hex");
    const bytes = plant.below(200_000);
    add("file", `upload /recipes/reactor-${plant.below(99)}.prg`, { track: "files", digest, bytes });
  }
  add("event", "session ended client-closed", { track: "events" });
  const about: SearchedSession = {
    session,
    person,
    target,
    conduit: `cell-${n % 9}`,
    protocol: "ssh",
    startedAt: new Date(startedMs).toISOString(),
    version: extractorVersion,
    contents: "all",
    damage: [],
    leftOut: {},
  };
  return { about, documents, keystrokes, batch, digest };
}
