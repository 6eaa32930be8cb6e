// Scripted VNC sessions, made by the recorder's own encoder: somebody operates the demo HMI while its picture moves. The
// pixels of chosen moments are kept beside, to be compared with what a reader shows.
import { Controller } from "../../recorder/cli/demo/controller.ts";
import { Picture } from "../../recorder/cli/demo/hmi/picture.ts";
import { arrowRows } from "../../recorder/cli/demo/hmi/pointer-shape.ts";
import { HmiProcess } from "../../recorder/cli/demo/hmi/process.ts";
import { captureFrame } from "../../recorder/screen/frames.ts";
import { type FramebufferView, ScreenEncoder } from "../../recorder/screen/screen-encoder.ts";
import type { TrackMeta } from "../../shared/manifest/manifest.ts";
import { type CursorShape, encodeRecord, screenHeaderLine } from "../../shared/screen/format.ts";
import { encodeFrame, type Frame, type FrameReason, framesHeaderLine } from "../../shared/screen/frames.ts";
import { type BuiltRecording, RecordingBuilder, type RecordingFacts, type SigningKey } from "./recording-builder.ts";

const SECOND_US = 1_000_000;
const SAMPLE_US = 100_000;
const SEGMENT_US = 10 * SECOND_US;
const FRAME_US = 5 * SECOND_US;

/** Records what is drawn into a framebuffer as the recorder does: samples, segments of ten seconds, frames. */
export class ScreenRecording {
  readonly encoder: ScreenEncoder;
  readonly builder: RecordingBuilder;
  private readonly screen: TrackMeta;
  private readonly frames: TrackMeta;
  private framebuffer: FramebufferView;
  private records: Uint8Array[] = [];
  private events = 0;
  private size = { width: 0, height: 0 };
  private startUs = 0;
  private recordUs = 0;
  private captured: Frame[] = [];

  constructor(builder: RecordingBuilder, framebuffer: FramebufferView, channel = 0) {
    this.builder = builder;
    this.framebuffer = framebuffer;
    this.encoder = new ScreenEncoder(framebuffer);
    this.screen = { name: `screen-${channel}`, kind: "screen", channel, request: "vnc" };
    this.frames = { name: `frames-${channel}`, kind: "frames", channel };
    this.begin(0);
  }

  resize(framebuffer: FramebufferView): void {
    this.framebuffer = framebuffer;
    this.encoder.resized(framebuffer);
  }

  async sample(atUs: number, why?: FrameReason): Promise<void> {
    for (const record of this.encoder.sample()) {
      this.records.push(encodeRecord(atUs - this.recordUs, record));
      this.recordUs = atUs;
      this.events++;
    }
    if (why !== undefined) {
      const { width, height, webp } = await captureFrame(this.framebuffer, { width: 384 });
      this.captured.push({ atUs, seq: 0, why, width, height, webp });
    }
    if (atUs - this.startUs >= SEGMENT_US) this.cut(atUs);
  }

  finish(atUs: number): void {
    if (this.events > 0) this.cut(atUs);
    if (this.captured.length === 0) return;
    const { session } = this.builder;
    const { index, firstSeq } = this.builder.next(this.frames);
    const startUs = this.captured[0]!.atUs;
    const conduit = { version: 1 as const, session, track: this.frames.name, index, startUs, firstSeq };
    const parts = [Buffer.from(framesHeaderLine(conduit)), ...this.captured.map((frame) => encodeFrame(frame))];
    const endUs = this.captured.at(-1)!.atUs;
    this.builder.made(this.frames, { raw: Buffer.concat(parts), startUs, endUs, events: this.captured.length });
  }

  private cut(atUs: number): void {
    const { width, height } = this.size;
    this.builder.made(this.screen, {
      raw: Buffer.concat(this.records),
      startUs: this.startUs,
      endUs: this.recordUs,
      events: this.events,
      width,
      height,
    });
    this.begin(atUs);
  }

  private begin(atUs: number): void {
    const { session } = this.builder;
    const { index, firstSeq } = this.builder.next(this.screen);
    const { width, height } = this.encoder;
    this.size = { width, height };
    this.startUs = atUs;
    this.recordUs = atUs;
    this.events = 0;
    const conduit = { version: 1 as const, session, track: this.screen.name, index, startUs: atUs, firstSeq };
    this.records = [
      Buffer.from(screenHeaderLine(conduit, width, height), "latin1"),
      encodeRecord(0, this.encoder.keyframe()),
    ];
  }
}

export interface ScreenScene extends BuiltRecording {
  /** The framebuffer as it was, by session time. */
  truth: Map<number, FramebufferView>;
}

function arrowShape(): CursorShape {
  const width = arrowRows[0]!.length;
  const rgba = new Uint8Array(width * arrowRows.length * 4);
  for (const [y, row] of arrowRows.entries()) {
    for (const [x, mark] of [...row].entries()) {
      const light = mark === "o" ? 255 : 0;
      rgba.set([light, light, light, mark === "." ? 0 : 255], (y * width + x) * 4);
    }
  }
  return { hotX: 0, hotY: 0, width, height: arrowRows.length, rgba };
}

type Deed = [seconds: number, run: (operator: Operator, atUs: number) => void];

/** What the person at the HMI does: into the picture, and into the input track. */
class Operator {
  private readonly builder: RecordingBuilder;
  private readonly picture: Picture;
  private readonly masked: boolean;
  private x = 640;
  private y = 400;
  private buttons = 0;

  constructor(builder: RecordingBuilder, picture: Picture, masked: boolean) {
    this.builder = builder;
    this.picture = picture;
    this.masked = masked;
  }

  get position(): { x: number; y: number } {
    return { x: this.x, y: this.y };
  }

  pointer(t: number, what: "move" | "press" | "release" | "wheel", x: number, y: number, buttons: number): void {
    Object.assign(this, { x, y });
    this.buttons = what === "wheel" ? 0 : buttons;
    this.picture.pointer(x, y, this.buttons);
    this.builder.input({ t, ch: 0, k: "pointer", what, x, y, buttons });
  }

  click(t: number, x: number, y: number, button = 1): void {
    this.pointer(t, "press", x, y, button);
    this.pointer(t + 90_000, "release", x, y, 0);
  }

  key(t: number, name: string, sym: number, text?: string): void {
    const printable = text !== undefined && this.masked;
    for (const down of [true, false]) {
      this.builder.input({
        t: down ? t : t + 60_000,
        ch: 0,
        k: "vkey",
        down,
        name: printable ? "•" : name,
        ...(printable ? {} : { sym }),
        ...(down && text !== undefined && !printable ? { d: text } : {}),
      });
    }
    this.picture.key(sym);
  }
}

/** From one place to another in steps, as pointer moves come. */
function glide(fromSeconds: number, seconds: number, from: [number, number], to: [number, number]): Deed[] {
  const steps = Math.round(seconds * 20);
  return Array.from({ length: steps }, (_, i): Deed => {
    const part = (i + 1) / steps;
    const at = (k: 0 | 1) => Math.round(from[k] + (to[k] - from[k]) * part);
    return [fromSeconds + part * seconds, (operator, t) => operator.pointer(t, "move", at(0), at(1), 0)];
  });
}

/** A set point is changed, alarms are acknowledged, a pump is stopped and started; then nobody does anything. */
const script: Deed[] = [
  ...glide(2, 1.4, [640, 400], [1210, 120]),
  [3.9, (operator, t) => operator.click(t, 1210, 120)],
  [5.0, (operator, t) => operator.key(t, "1", 0x31, "1")],
  [5.3, (operator, t) => operator.key(t, "3", 0x33, "3")],
  [5.6, (operator, t) => operator.key(t, "8", 0x38, "8")],
  [6.4, (operator, t) => operator.key(t, "Return", 0xff0d)],
  ...glide(9, 1, [1210, 120], [1216, 436]),
  [10.4, (operator, t) => operator.click(t, 1216, 436)],
  ...glide(13, 1, [1216, 436], [1210, 560]),
  [14.6, (operator, t) => operator.click(t, 1210, 560)],
  ...glide(17, 1, [1210, 560], [300, 660]),
  [18.2, (operator, t) => operator.pointer(t, "press", 300, 660, 1)],
  [18.4, (operator, t) => operator.pointer(t, "move", 360, 665, 1)],
  [18.6, (operator, t) => operator.pointer(t, "move", 440, 670, 1)],
  [18.8, (operator, t) => operator.pointer(t, "release", 520, 670, 0)],
  [20.1, (operator, t) => operator.pointer(t, "wheel", 520, 670, 16)],
  [20.2, (operator, t) => operator.pointer(t, "wheel", 520, 670, 16)],
  [20.3, (operator, t) => operator.pointer(t, "wheel", 520, 670, 16)],
  [22.0, (operator, t) => operator.key(t, "Escape", 0xff1b)],
  [23.5, (operator, t) => operator.click(t, 700, 300, 4)],
  ...glide(25, 1, [700, 300], [1138, 436]),
  [26.4, (operator, t) => operator.click(t, 1138, 436)],
];

export interface HmiSceneOptions {
  seconds?: number;
  /** Keys are masked, as they are unless a target's policy says otherwise. */
  masked?: boolean;
  /** From this second on the screen is 1024×640. */
  resizeAtSeconds?: number;
  /** Seconds of which the framebuffer is kept. */
  truthAt?: readonly number[];
  withFrames?: boolean;
}

export async function hmiScene(
  facts: RecordingFacts,
  key: SigningKey,
  options: HmiSceneOptions = {},
): Promise<ScreenScene> {
  const { seconds = 40, masked = true, truthAt = [], withFrames = true } = options;
  const builder = new RecordingBuilder({ protocol: "vnc", ...facts }, key);
  const startedMs = Date.parse(facts.startedAt);
  let nowMs = startedMs;
  const picture = new Picture(new HmiProcess(new Controller(() => nowMs), () => nowMs));
  picture.draw();
  let small: FramebufferView | null = null;
  const whole = (): FramebufferView => ({ width: 1280, height: 800, pixels: picture.pixels.data });
  const recording = new ScreenRecording(builder, whole());
  const { encoder } = recording;
  const operator = new Operator(builder, picture, masked);
  const truth = new Map<number, FramebufferView>();
  builder.event({ t: 0, type: "session-open", facts: { person: facts.person, client: "10.20.0.14" } });
  builder.event({ t: 10, type: "decision", facts: { effect: "allow", rule: "vendors", reason: "allowed-by-rule" } });
  builder.event({ t: 2_000, ch: 0, type: "channel-open", facts: { request: "vnc" } });
  builder.event({ t: 2_100, ch: 0, type: "vnc-init", facts: { version: "3.8", security: "vnc-auth", name: "hmi" } });
  encoder.cursor(arrowShape());
  const deeds = [...script].sort((a, b) => a[0] - b[0]);
  for (let atUs = 0; atUs <= seconds * SECOND_US; atUs += SAMPLE_US) {
    for (; deeds[0] !== undefined && deeds[0][0] * SECOND_US <= atUs; deeds.shift()) {
      deeds[0][1](operator, Math.round(deeds[0][0] * SECOND_US));
    }
    nowMs = startedMs + atUs / 1_000;
    const copy = picture.draw();
    if (options.resizeAtSeconds !== undefined && atUs === options.resizeAtSeconds * SECOND_US) {
      small = { width: 1024, height: 640, pixels: new Uint32Array(1024 * 640) };
      crop(picture.pixels.data, small);
      recording.resize(small);
    }
    if (small === null) {
      if (copy !== null) encoder.copied(copy.fromX, copy.fromY, copy.x, copy.y, copy.width, copy.height);
      encoder.changed(0, 0, 1280, 800);
    } else {
      crop(picture.pixels.data, small);
      encoder.changed(0, 0, small.width, small.height);
    }
    const why = !withFrames || atUs % FRAME_US !== 0 ? undefined : atUs === 0 ? "start" : "change";
    await recording.sample(atUs, why);
    if (truthAt.includes(atUs / SECOND_US)) {
      const now = small ?? whole();
      truth.set(atUs, { ...now, pixels: now.pixels.slice() });
    }
  }
  recording.finish(seconds * SECOND_US);
  builder.event({ t: seconds * SECOND_US, type: "session-close", facts: { reason: "client-closed" } });
  return { ...builder.finish(seconds * SECOND_US), truth };
}

function crop(from: Uint32Array, to: { width: number; height: number; pixels: Uint32Array }): void {
  for (let y = 0; y < to.height; y++) to.pixels.set(from.subarray(y * 1280, y * 1280 + to.width), y * to.width);
}
