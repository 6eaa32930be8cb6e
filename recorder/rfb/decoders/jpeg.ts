// JPEG rectangles by libjpeg-turbo as WebAssembly. The header is checked before the decoder sees the bytes, and an
// instance that has failed, or that has grown large, is not used again.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { AppError } from "../../../shared/errors.ts";
import type { Framebuffer } from "../framebuffer.ts";
import { describe, type Rect } from "../framed-rect.ts";
import { malformed, overLimit } from "../rfb-error.ts";

const maxKeptHeapBytes = 160 * 1024 * 1024;
/** A baseline picture has one scan, progressive ones about ten; each costs a pass over all pixels. */
const maxScans = 32;

interface JpegDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8ClampedArray;
  getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number };
}

/** What is used of WebAssembly, which the types of this project's Node do not have. */
interface Wasm {
  compile(bytes: Uint8Array): Promise<object>;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: unknown) => { exports: unknown };
}

interface JpegModule {
  HEAPU8?: Uint8Array;
  JPEGDecoder?: new () => JpegDecoder;
  instantiateWasm?: (imports: unknown, ready: (instance: object, module: object) => void) => unknown;
}

interface Instance {
  module: JpegModule;
  decoder: JpegDecoder;
}

const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: Wasm };
const packageName = "@cornerstonejs/codec-libjpeg-turbo-8bit";
const require = createRequire(import.meta.url);
let compiled: object | undefined;
let live: Instance | undefined;

/** Compiles the decoder: to be awaited once in each thread before a ScreenDecoder runs there, else its first JPEG waits. */
export async function loadJpegDecoder(): Promise<void> {
  compiled ??= await wasm.compile(wasmBytes());
  live ??= instantiate();
}

/** Draws a JPEG that must have the rectangle's size. */
export function decodeJpeg(data: Buffer, rect: Rect, framebuffer: Framebuffer): void {
  checkHeader(data, rect);
  const instance = live ?? instantiate();
  const { decoder, module } = instance;
  // Only a run to the end shows that the instance can be used again.
  live = undefined;
  try {
    decoder.getEncodedBuffer(data.length).set(data);
    decoder.decode();
  } catch (cause) {
    throw malformed(describe(rect), `its JPEG cannot be decoded (${data.length} bytes; decoder: ${String(cause)})`);
  }
  const { width, height, componentCount } = decoder.getFrameInfo();
  if (width !== rect.width || height !== rect.height || (componentCount !== 3 && componentCount !== 1)) {
    throw malformed(describe(rect), `its JPEG has ${width}×${height} pixels of ${componentCount} components`);
  }
  draw(decoder.getDecodedBuffer(), rect, framebuffer, componentCount);
  if ((module.HEAPU8?.length ?? 0) <= maxKeptHeapBytes) live = instance;
}

function instantiate(): Instance {
  compiled ??= new wasm.Module(wasmBytes());
  const code = compiled;
  const module: JpegModule = {
    instantiateWasm(imports, ready) {
      const instance = new wasm.Instance(code, imports);
      ready(instance, code);
      return instance.exports;
    },
  };
  const make = require(`${packageName}/decodewasmjs`) as (module: JpegModule) => Promise<unknown>;
  void make(module);
  if (module.JPEGDecoder === undefined) {
    throw new AppError("INTERNAL", "The JPEG decoder did not start", { op: "rfb.jpeg" });
  }
  return { module, decoder: new module.JPEGDecoder() };
}

function wasmBytes(): Uint8Array {
  return readFileSync(require.resolve(`${packageName}/decodewasm`));
}

function draw(samples: Uint8ClampedArray, rect: Rect, { pixels, width }: Framebuffer, components: number): void {
  const green = components === 3 ? 1 : 0;
  const blue = components === 3 ? 2 : 0;
  let from = 0;
  for (let line = 0; line < rect.height; line += 1) {
    const start = (rect.y + line) * width + rect.x;
    for (let to = start; to < start + rect.width; to += 1, from += components) {
      pixels[to] = 0xff000000 | (samples[from + blue]! << 16) | (samples[from + green]! << 8) | samples[from]!;
    }
  }
}

/** Walks the segments up to the first scan: size and kind must fit before memory is spent on them. */
function checkHeader(data: Buffer, rect: Rect): void {
  const bad = (what: string): Error => malformed(describe(rect), `its JPEG ${what}`);
  if (data.length < 4 || data.readUInt16BE(0) !== 0xffd8) throw bad("does not begin as one");
  let sized = false;
  for (let at = 2; at + 4 <= data.length; ) {
    if (data[at] !== 0xff) throw bad(`has no segment at byte ${at}`);
    const marker = data[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = data.readUInt16BE(at + 2);
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (at + 10 > data.length) throw bad("ends in its header");
      const [height, width] = [data.readUInt16BE(at + 5), data.readUInt16BE(at + 7)];
      if (sized || width !== rect.width || height !== rect.height) throw bad(`has ${width}×${height} pixels`);
      sized = true;
    } else if (marker === 0xda) {
      if (!sized) throw bad("has no size");
      checkScans(data, at, rect);
      return;
    }
    at += 2 + length;
  }
  throw bad("has no picture");
}

function checkScans(data: Buffer, from: number, rect: Rect): void {
  let scans = 0;
  for (let at = from; at >= 0 && at + 1 < data.length; at = data.indexOf(0xff, at + 2)) {
    if (data[at + 1] === 0xda) scans += 1;
  }
  if (scans > maxScans) throw overLimit(describe(rect), `its JPEG has ${scans} scans; at most ${maxScans} are decoded`);
}
