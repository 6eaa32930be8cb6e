// A recording as a file to take away. Everything streams: memory does not grow with the recording.
import { Readable } from "node:stream";
import type { ExportFormat, RecordingIndex } from "../../shared/api/types.ts";
import type { BundleDataKeys } from "../../shared/bundle/format.ts";
import { AppError } from "../../shared/errors.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { type BundleKey, bundleOf } from "./bundle.ts";
import type { EvidenceSource } from "./evidence.ts";
import { evidenceBundleOf } from "./evidence-bundle.ts";
import { excerptInLog, excerptInName, excerptOf } from "./excerpt.ts";
import { renderInThread } from "./export-thread.ts";
import { type RenderingJob, render } from "./rendering.ts";
import type { ExportSource } from "./segment-source.ts";

export interface ExportedFile {
  fileName: string;
  contentType: string;
  body: Readable;
  /** What its line in the audit says beside its format. */
  inLog?: { excerpt?: string };
}

export interface ExportOptions {
  unverified?: boolean;
  /** Session time; left out, the recording is exported to that end. Of the whole alone: `zip` and `bundle`. */
  fromUs?: number | undefined;
  toUs?: number | undefined;
  /** `zip`: what does not hold or is missing, said before its last bytes. */
  /** `bundle`, of an encrypted recording: what whoever has the file can read it with. */
  dataKeys?: BundleDataKeys | undefined;
  damaged?: ((texts: readonly string[]) => void) | undefined;
}

const contentTypes: Record<ExportFormat, string> = {
  cast: "application/x-asciicast",
  txt: "text/plain; charset=utf-8",
  jsonl: "application/jsonl",
  zip: "application/zip",
  bundle: "application/zip",
};

/** Exports that render at the same time, each in a thread of its own. */
const maxThreads = 8;

export class RecordingExporter {
  readonly #source: ExportSource;
  readonly #keys: () => readonly BundleKey[];
  readonly #thread: boolean;
  readonly #evidence: EvidenceSource | null;
  #rendering = 0;

  /** `thread`: segments are decompressed and parsed in a thread, so that nothing else in this one waits for it. */
  constructor(
    source: ExportSource,
    signingKeys: () => readonly BundleKey[],
    options: { thread?: boolean; evidence?: EvidenceSource } = {},
  ) {
    this.#source = source;
    this.#keys = signingKeys;
    this.#thread = options.thread === true;
    this.#evidence = options.evidence ?? null;
  }

  /**
   * REQUEST_NOT_FOUND, REQUEST_CONFLICT before the first byte; INTEGRITY_* and STORE_* also break the stream off. What
   * is no proof leaves only as zip, which says so inside, or `unverified`, which marks `cast` and `jsonl`.
   */
  async export(
    session: string,
    format: ExportFormat,
    track?: string,
    { unverified = false, dataKeys, damaged, ...stretch }: ExportOptions = {},
  ): Promise<ExportedFile> {
    const index = await this.#source.index(session);
    const whole = format === "zip" || format === "bundle";
    if (!whole && !unverified) requireProof(index);
    if (whole && index.live) {
      const message = `the session is not sealed yet; export it as ${format} when it has ended`;
      throw new AppError("REQUEST_CONFLICT", message, { op: "export.zip" });
    }
    const excerpt = excerptOf(index, stretch);
    if (whole && excerpt !== null) {
      const message = `a recording leaves as ${format} whole, so that it can be proved; export a stretch of it as cast, txt, jsonl or video`;
      throw new AppError("REQUEST_INVALID", message, { op: "export.excerpt" });
    }
    const open = await this.#source.open(session);
    const contentType = contentTypes[format];
    if (format === "bundle") {
      const fileName = `${baseName(open)}.evidence.zip`;
      return { fileName, contentType, body: await this.#evidenceBundle(index, open, dataKeys, damaged) };
    }
    const body =
      format === "zip"
        ? bundleOf(this.#source, index, this.#keys(), damaged)
        : this.#render({
            ...{ format, index, open, excerpt },
            track: format === "jsonl" ? "" : terminalTrack(index, track),
          });
    return {
      fileName: `${baseName(open)}${excerptInName(excerpt)}.${format}`,
      contentType,
      body,
      inLog: excerptInLog(excerpt),
    };
  }

  /** What is asked for after the export was written to the audit log holds that line, too. */
  async #evidenceBundle(
    index: RecordingIndex,
    open: OpenRecord,
    dataKeys: ExportOptions["dataKeys"],
    damaged: ExportOptions["damaged"],
  ): Promise<Readable> {
    if (this.#evidence === null) {
      throw new AppError("REQUEST_CONFLICT", "evidence bundles are not made here", { op: "export.bundle" });
    }
    const source = this.#source;
    const player = await this.#evidence.player();
    const evidence = () => this.#evidence!.of(index.session, open.policy.hash);
    return evidenceBundleOf({ source, index, open, evidence, player, dataKeys, damaged });
  }

  #render(job: RenderingJob): Readable {
    if (!this.#thread) return readable(render(this.#source, job));
    if (this.#rendering >= maxThreads) {
      throw new AppError("REQUEST_CONFLICT", "too many exports are under way; try again when one has ended", {
        op: "export.render",
        retryable: true,
      });
    }
    this.#rendering++;
    const body = readable(renderInThread(this.#source, job));
    body.once("close", () => this.#rendering--);
    return body;
  }
}

/** INTEGRITY_SIGNATURE when the recording is no proof of what it shows. */
export function requireProof({ session, faults = [] }: RecordingIndex): void {
  if (faults.length === 0) return;
  throw new AppError(
    "INTEGRITY_SIGNATURE",
    `the recording ${session} is no proof of what it shows: ${faults.join("; ")}. Verify it, and export it as zip to keep it as it is`,
    { op: "export.proof" },
  );
}

/** The one asked for, else the first that has anything. */
function terminalTrack(index: RecordingIndex, wanted: string | undefined): string {
  const terminals = index.tracks.filter((track) => track.kind === "terminal").map((track) => track.name);
  const chosen =
    wanted === undefined
      ? terminals.find((name) => index.segments.some((segment) => segment.track === name))
      : terminals.find((name) => name === wanted);
  if (chosen !== undefined) return chosen;
  const there = terminals.length === 0 ? "it has none" : `it has ${terminals.join(", ")}`;
  throw new AppError("REQUEST_NOT_FOUND", `the recording has no such terminal track; ${there}`, { op: "export.track" });
}

function readable(chunks: AsyncGenerator<string>): Readable {
  return Readable.from(bytesOf(chunks), { objectMode: false });
}

async function* bytesOf(chunks: AsyncGenerator<string>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) if (chunk !== "") yield Buffer.from(chunk, "utf8");
}

/** Of an exported file, without its ending. */
export function baseName(open: OpenRecord): string {
  const at = open.startedAt.slice(0, 19).replaceAll(/[-:]/g, "");
  return [at, open.target.name, open.person.name, open.session.slice(-12)]
    .join("_")
    .replaceAll(/[^A-Za-z0-9._@-]/g, "-");
}
