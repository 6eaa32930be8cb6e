// What is written beside and over the picture: the strip with time, person, target and keys, and the card that covers a
// time of which nothing is known.
import type { BurnIn } from "../../../shared/api/types.ts";
import type { InputLine } from "../../../shared/events/stored.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { foreground, mono } from "./cell-painter.ts";
import type { Card } from "./frame-source.ts";
import { blend, drawText, type Pixels, pixel } from "./glyph-table.ts";

export const stripHeight = 26;
const margin = 8;
const stripColour = 0x151b21;
const quiet = 0x8d9aa7;
const keyColour = 0xf0c674;
const alarmColour = 0xf47067;

/** Keys as people name them, each with the time at which it was pressed. */
export interface KeyStroke {
  atUs: number;
  text: string;
  /** Who typed it, where it was not the session's person. */
  by?: string;
}

/** Null for lines that are no keys: data, moves, a key let go. */
export function keyStroke(line: InputLine): KeyStroke | null {
  const text = keyText(line);
  return text === "" ? null : { atUs: line.t, text, ...(line.by === undefined ? {} : { by: line.by }) };
}

function keyText({ k, d = "", name = "", down, what, direction, buttons = 0, x = 0, y = 0 }: InputLine): string {
  switch (k) {
    case "text":
    case "unechoed":
      return d;
    case "key":
      return `[${name}]`;
    case "paste":
      return `[paste ${d.length > 40 ? `${d.slice(0, 40)}…` : d}]`;
    case "secret":
      return "[hidden]";
    case "vkey":
      return down !== true ? "" : [...name].length === 1 ? name : `[${name}]`;
    case "pointer":
      return what === "press"
        ? `[click ${x},${y}${buttons > 1 ? ` button ${Math.floor(Math.log2(buttons)) + 1}` : ""}]`
        : "";
    case "clipboard":
      return direction === "outbound" ? "[clipboard from target]" : "[clipboard]";
    default:
      return "";
  }
}

/** Control characters and line ends of what was typed, shown as signs. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "·");
}

export interface StripFacts {
  atUs: number;
  open: OpenRecord;
  show: ReadonlySet<BurnIn>;
  /** Those that are to be seen, the newest last. */
  keys: readonly KeyStroke[];
  /** The recording is no proof of what it shows. */
  unverified: boolean;
}

export function drawStrip(into: Pixels, y: number, { atUs, open, show, keys, unverified }: StripFacts): void {
  into.data.fill(pixel(stripColour), y * into.width, (y + stripHeight) * into.width);
  const top = y + 4;
  let x = margin;
  const say = (text: string, rgb: number) => {
    x = drawText(into, mono, text, x, top, pixel(rgb)) + margin * 2;
  };
  if (unverified) say("UNVERIFIED", alarmColour);
  if (show.has("time")) {
    const wall = new Date(Date.parse(open.startedAt) + Math.floor(atUs / 1000)).toISOString();
    say(`${wall.slice(0, 10)} ${wall.slice(11, 19)} UTC`, foreground);
    say(clock(atUs), quiet);
  }
  if (show.has("person")) say(visible(open.person.name), foreground);
  if (show.has("target")) say(visible(`${show.has("person") ? "→ " : ""}${open.target.name}`), foreground);
  if (!show.has("keys")) return;
  const room = Math.floor((into.width - x - margin) / mono.measure("0"));
  // Whose, where it changes.
  const named = keys.map(({ text, by }, at) => (by === keys[at - 1]?.by ? text : `${by ?? open.person.name}: ${text}`));
  const someoneElse = keys.some(({ by }) => by !== undefined);
  const typed = [...visible((someoneElse ? named : keys.map(({ text }) => text)).join(""))];
  if (room < 4) return;
  const shown = typed.length > room ? ["…", ...typed.slice(-(room - 1))] : typed;
  const text = shown.join("");
  drawText(into, mono, text, into.width - margin - mono.measure(text), top, pixel(keyColour));
}

/** `0:05`, `1:02:03` */
export function clock(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Over a darkened picture of that height: what is missing, from when to when, and why. */
export function drawCard(into: Pixels, height: number, card: Card): void {
  const { data, width } = into;
  for (let at = 0; at < width * height; at++) data[at] = blend(data[at] ?? 0, pixel(0x0b0f13), 190);
  const lines = [
    { text: card.title, rgb: alarmColour },
    { text: `${clock(card.fromUs)} to ${clock(card.toUs)}`, rgb: foreground },
    ...wrap(visible(card.text), Math.max(10, Math.floor(width / mono.measure("0")) - 4)).map((text) => ({
      text,
      rgb: foreground,
    })),
  ];
  let y = Math.max(0, Math.round((height - lines.length * 22) / 2));
  for (const { text, rgb } of lines) {
    if (y + mono.lineHeight <= height)
      drawText(into, mono, text, Math.max(0, Math.round((width - mono.measure(text)) / 2)), y, pixel(rgb));
    y += 22;
  }
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== "" && lines.length < 6; ) {
    const cut = rest.length <= columns ? rest.length : Math.max(rest.lastIndexOf(" ", columns), 0) || columns;
    lines.push(rest.slice(0, cut).trim());
    rest = rest.slice(cut).trimStart();
  }
  return lines;
}
