// Text in a grey picture, by tesseract.js in a thread of its own. Invariant: nothing is fetched, the language's data comes
// out of its package; a picture that takes too long, or a thread that fails, costs that picture alone.
import { readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { getPriority, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Worker as Tesseract } from "tesseract.js";
import { AppError } from "../../../shared/errors.ts";
import type { Box, GreyPicture } from "./picture.ts";

export interface SeenLine {
  text: string;
  /** In the picture that was given. */
  box: Box;
  /** 0 to 100. */
  confidence: number;
}

export interface Recogniser {
  recognise(picture: GreyPicture): Promise<{ lines: SeenLine[]; workMs: number }>;
  close(): Promise<void>;
}

const loadMs = 60_000;
const pictureMs = 60_000;
/** Of a word, of 100; below it is more often wrong than right. */
const leastConfidence = 60;
const require = createRequire(import.meta.url);

/** Throws REQUEST_NOT_FOUND for a language whose package is not installed. */
export function languageFile(language: string): string {
  const name = `@tesseract.js-data/${language}`;
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), "4.0.0_best_int", `${language}.traineddata.gz`);
  } catch {
    throw new AppError("REQUEST_NOT_FOUND", `the package ${name} is not installed beside the service`, {
      op: "search.screens",
    });
  }
}

export class TesseractRecogniser implements Recogniser {
  readonly #languages: readonly string[];
  #tesseract: Promise<Tesseract> | null = null;
  #failed: (error: Error) => void = () => {};

  constructor(languages: readonly string[]) {
    this.#languages = languages;
  }

  async recognise({ width, height, grey }: GreyPicture): Promise<{ lines: SeenLine[]; workMs: number }> {
    this.#tesseract ??= this.#load();
    const tesseract = await this.#tesseract;
    const image = Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), grey]);
    const began = spentMs();
    const { data } = await this.#within(pictureMs, tesseract.recognize(image, {}, { blocks: true, text: false }));
    const paragraphs = (data.blocks ?? []).flatMap((block) => block.paragraphs);
    const lines = paragraphs.flatMap((paragraph) => paragraph.lines).map(({ words }) => lineOf(words));
    return { lines: lines.filter((line) => line !== null), workMs: Math.max(0, spentMs() - began) };
  }

  async close(): Promise<void> {
    const tesseract = this.#tesseract;
    this.#tesseract = null;
    await (await tesseract?.catch(() => null))?.terminate();
  }

  async #load(): Promise<Tesseract> {
    const { createWorker, OEM, PSM } = await import("tesseract.js");
    // It reads the data of all languages from one folder.
    const folder = await mkdtemp(join(tmpdir(), "conduit-screens-"));
    try {
      for (const language of this.#languages)
        await copyFile(languageFile(language), join(folder, `${language}.traineddata.gz`));
      const loading = createWorker([...this.#languages], OEM.LSTM_ONLY, {
        langPath: folder,
        cacheMethod: "none",
        errorHandler: (error: unknown) => this.#failed(new Error(String(error))),
      });
      const tesseract = await this.#within(loadMs, loading);
      // Labels and values stand about on a panel: text wherever it is.
      await tesseract.setParameters({ tessedit_pageseg_mode: PSM.SPARSE_TEXT, user_defined_dpi: "200" });
      return tesseract;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #within<T>(ms: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const failure = new Promise<never>((_resolve, reject) => {
      this.#failed = reject;
      timer = setTimeout(() => reject(new Error(`a picture took more than ${ms / 1000} s`)), ms);
    });
    work.catch(() => {});
    try {
      return await Promise.race([work, failure]);
    } finally {
      clearTimeout(timer);
      this.#failed = () => {};
    }
  }
}

/** Of screens' threads and no others. */
export const screensNiceness = 19;
/** Of /proc, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Processor time of the threads that read screens; where it cannot be told, time. */
function spentMs(): number {
  if (process.platform !== "linux" || getPriority(0) !== screensNiceness) return performance.now();
  let ticks = 0;
  for (const thread of readdirSync("/proc/self/task")) {
    const fields = statOf(thread);
    if (Number(fields[16]) === screensNiceness) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks * 1_000) / ticksPerSecond;
}

/** What follows the name in brackets; nothing for a thread that is gone. */
function statOf(thread: string): string[] {
  try {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

interface SeenWord {
  text: string;
  confidence: number;
  bbox: { x0: number; y0: number; x1: number; y1: number };
}

function lineOf(words: readonly SeenWord[]): SeenLine | null {
  const sure = words.filter(({ text, confidence }) => confidence >= leastConfidence && /[\p{L}\p{N}]/u.test(text));
  const text = sure.map((word) => word.text).join(" ");
  if (!/[\p{L}\p{N}]{2}/u.test(text)) return null;
  const x = Math.min(...sure.map(({ bbox }) => bbox.x0));
  const y = Math.min(...sure.map(({ bbox }) => bbox.y0));
  const width = Math.max(...sure.map(({ bbox }) => bbox.x1)) - x;
  const height = Math.max(...sure.map(({ bbox }) => bbox.y1)) - y;
  const confidence = sure.reduce((sum, word) => sum + word.confidence, 0) / sure.length;
  return { text, box: { x, y, width, height }, confidence };
}
