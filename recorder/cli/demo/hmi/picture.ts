// The demo HMI's screen: what never moves is painted once, what moves is painted anew each time. Takes the pointer and the
// keys as an RFB server gets them.
import type { Pixels } from "../../../export/video/glyph-table.ts";
import { type Box, inside, Painter } from "./paint.ts";
import * as panels from "./panels.ts";
import { drawPlant, drawPlantGround, plantBoxes } from "./plant-view.ts";
import type { HmiProcess } from "./process.ts";
import { colours } from "./style.ts";
import { drawTrend, drawTrendGround, plot, scrollTrend } from "./trend-view.ts";

export const pictureWidth = 1280;
export const pictureHeight = 800;

/** A part of the screen whose pixels came from another place on it. */
export interface Copy extends Box {
  fromX: number;
  fromY: number;
}

const moving: readonly Box[] = [
  { ...panels.header, height: panels.header.height - 1 },
  ...plantBoxes,
  panels.loops,
  panels.switches,
  panels.alarmList,
];

const longestNumber = 7;
const keys = { backspace: 0xff08, return: 0xff0d, escape: 0xff1b, enter: 0xff8d, tab: 0xff09 };

export class Picture {
  readonly process: HmiProcess;
  readonly pixels: Pixels;
  readonly #paint: Painter;
  readonly #ground: Uint32Array;
  readonly #operator: panels.Operator = { editing: null, pressed: null, message: null };
  #trendCount: number;
  #button = false;

  constructor(process: HmiProcess) {
    this.process = process;
    this.pixels = {
      width: pictureWidth,
      height: pictureHeight,
      data: new Uint32Array(pictureWidth * pictureHeight),
    };
    this.#paint = new Painter(this.pixels);
    this.#paint.fade({ x: 0, y: 0, width: pictureWidth, height: pictureHeight }, colours.ground, colours.groundLow);
    panels.drawPanelGround(this.#paint);
    drawPlantGround(this.#paint);
    drawTrendGround(this.#paint, process);
    this.#ground = this.pixels.data.slice();
    drawTrend(this.#paint, process);
    this.#trendCount = process.trendCount;
  }

  /** Paints what the process is now. What is given was moved before anything was painted. */
  draw(): Copy | null {
    const { process } = this;
    process.advance();
    const columns = process.trendCount - this.#trendCount;
    this.#trendCount = process.trendCount;
    const copy = this.#scroll(columns);
    for (const box of moving) this.#lay(box);
    panels.drawHeader(this.#paint, process);
    drawPlant(this.#paint, process);
    panels.drawLoops(this.#paint, process, this.#operator);
    panels.drawSwitches(this.#paint, process, this.#operator);
    panels.drawAlarms(this.#paint, process, this.#operator);
    return copy;
  }

  #scroll(columns: number): Copy | null {
    if (columns === 0) return null;
    if (columns >= plot.width) {
      drawTrend(this.#paint, this.process);
      return null;
    }
    scrollTrend(this.#paint, this.process, columns);
    return { ...plot, width: plot.width - columns, fromX: plot.x + columns, fromY: plot.y };
  }

  #lay({ x, y, width, height }: Box): void {
    for (let row = y; row < y + height; row++) {
      const at = row * pictureWidth + x;
      this.pixels.data.set(this.#ground.subarray(at, at + width), at);
    }
  }

  /** RFB's button mask: bit 0 is the left button. */
  pointer(x: number, y: number, buttons: number): void {
    const down = (buttons & 1) !== 0;
    if (down === this.#button) return;
    this.#button = down;
    const action = panels.controls(this.process).find(({ box }) => inside(box, x, y))?.action ?? null;
    if (down) {
      this.#operator.pressed = action;
      return;
    }
    const { pressed } = this.#operator;
    this.#operator.pressed = null;
    // As buttons do everywhere: it counts when it is let go where it was pressed.
    if (pressed === null || JSON.stringify(pressed) !== JSON.stringify(action)) {
      if (pressed === null && action === null) this.#operator.editing = null;
      return;
    }
    this.#act(pressed);
  }

  #act(action: panels.Action): void {
    const { process } = this;
    if (action.do === "edit") this.#operator.editing = { tag: action.tag, text: "" };
    else if (action.do === "pump") process.setPump(action.name, action.run, "operator");
    else if (action.do === "acknowledge") process.acknowledge(action.id);
    else process.acknowledgeAll();
  }

  /** A pressed key's X11 keysym. */
  key(keysym: number): void {
    const { editing } = this.#operator;
    if (editing === null) return;
    // The keypad's digits and point stand for those of the main block.
    const code = keysym >= 0xffaa && keysym <= 0xffb9 ? keysym - 0xff80 : keysym;
    if (code === keys.escape) this.#operator.editing = null;
    else if (code === keys.backspace) editing.text = editing.text.slice(0, -1);
    else if (code === keys.return || code === keys.enter || code === keys.tab) this.#enter(editing.tag, editing.text);
    else if (code < 0x7f && /[0-9.-]/.test(String.fromCharCode(code)) && editing.text.length < longestNumber)
      editing.text += String.fromCharCode(code);
  }

  #enter(tag: string, text: string): void {
    this.#operator.editing = null;
    if (text === "") return;
    const refusal = this.process.setSetpoint(tag, Number(text));
    this.#operator.message =
      refusal === null
        ? { text: `${tag} set point ${this.process.tag(tag).setpoint}`, good: true }
        : { text: `${tag} refused: ${refusal}`, good: false };
  }
}
