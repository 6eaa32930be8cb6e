// Videos and pictures made for people at the portal: one after another, each in a thread of its own, into a folder that
// the service empties. Fed by the API, which asks for each job's progress. Invariants: few jobs are kept, what nobody
// asks after is given up, and no file of a job outlives it.
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { PictureJob as JobState, PictureFormat, PictureRequest } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { excerptInLog, excerptInName, excerptOf } from "../excerpt.ts";
import { baseName, requireProof } from "../export.ts";
import type { ExportSource } from "../segment-source.ts";
import { meantTrack } from "./meant-track.ts";
import type { PictureHooks, PictureJob } from "./picture-job.ts";
import { makePictureInThread } from "./picture-thread.ts";

export interface PictureJobsOptions {
  /** Only for these files: emptied at the start. */
  directory: string;
  /** Where ffmpeg is; REQUEST_CONFLICT says how to get it. */
  program(): string;
  limits?: Partial<PictureJobLimits>;
  make?(source: ExportSource, job: PictureJob, hooks: PictureHooks): Promise<void>;
  failed?(error: unknown, session: string): void;
  nowMs?(): number;
}

export interface PictureJobLimits {
  /** Made at the same time; others wait. */
  running: number;
  waiting: number;
  /** Of one person, in whatever state. */
  perPerson: number;
  /** Nobody asked for so long: given up. */
  forgottenMs: number;
  /** A file that is ready is kept for so long. */
  keptMs: number;
  largestBytes: number;
  /** What the disk keeps free. */
  floorBytes: number;
  tickMs: number;
}

const defaults: PictureJobLimits = {
  running: 1,
  waiting: 8,
  perPerson: 3,
  forgottenMs: 45_000,
  keptMs: 600_000,
  largestBytes: 4 * 1024 ** 3,
  floorBytes: 1024 ** 3,
  tickMs: 1000,
};

const contentTypes: Record<PictureFormat, string> = {
  mp4: "video/mp4",
  webm: "video/webm",
  gif: "image/gif",
  png: "image/png",
};

interface Job {
  person: string;
  state: JobState;
  work: PictureJob;
  abort: AbortController;
  askedMs: number;
  endedMs: number;
  /** Settles when nothing of it runs any more. */
  over: Promise<void>;
}

export interface PreparedPicture {
  fileName: string;
  track: string;
  inLog: { excerpt?: string };
  /** Begins it, or lets it wait. */
  start(): JobState;
}

export class PictureJobs {
  readonly #source: ExportSource;
  readonly #options: PictureJobsOptions;
  readonly #limits: PictureJobLimits;
  readonly #jobs = new Map<string, Job>();
  readonly #now: () => number;
  #ticker: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(source: ExportSource, options: PictureJobsOptions) {
    this.#source = source;
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
    this.#now = options.nowMs ?? (() => performance.now());
  }

  static async open(source: ExportSource, options: PictureJobsOptions): Promise<PictureJobs> {
    // What a crash left.
    await rm(options.directory, { recursive: true, force: true });
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    return new PictureJobs(source, options);
  }

  /** Says all that can be said before any work: REQUEST_*, INTEGRITY_SIGNATURE. Nothing is made before `start`. */
  async prepare(person: string, session: string, wish: PictureRequest): Promise<PreparedPicture> {
    this.#requireRoom(person);
    const { format } = wish;
    const program = format === "png" ? "" : this.#options.program();
    const index = await this.#source.index(session);
    requireProof(index);
    const track =
      wish.track === undefined ? meantTrack(index) : index.tracks.find((candidate) => candidate.name === wish.track);
    if (track === undefined || (track.kind !== "screen" && track.kind !== "terminal")) {
      const there = index.tracks.filter(({ kind }) => kind === "screen" || kind === "terminal").map(({ name }) => name);
      const has = there.length === 0 ? "it has none" : `it has ${there.join(", ")}`;
      throw refused("REQUEST_NOT_FOUND", `the recording has no such terminal or screen track; ${has}`);
    }
    if (wish.cursor !== undefined && track.kind !== "screen") {
      throw refused("REQUEST_INVALID", "`cursor` means nothing for a terminal");
    }
    const recordedBy = await this.#source.open(session);
    await this.#requireDisk();
    const id = randomUUID();
    const excerpt = excerptOf(index, { fromUs: microseconds(wish.fromSeconds), toUs: microseconds(wish.toSeconds) });
    const fileName = `${baseName(recordedBy)}${excerptInName(excerpt)}.${format}`;
    const work: PictureJob = {
      ...{ index, open: recordedBy, track, format, program, burnIn: wish.burnIn, cursor: wish.cursor },
      ...{ width: wish.width, speed: wish.speed, fps: wish.fps },
      path: join(this.#options.directory, `${id}.${format}`),
      atUs: microseconds(wish.atSeconds),
      fromUs: microseconds(wish.fromSeconds),
      toUs: microseconds(wish.toSeconds),
      idleLimitUs: microseconds(wish.skipIdleSeconds),
    };
    const state: JobState = {
      ...{ id, session, format, fileName, state: "waiting", progress: 0, bytes: null, damage: [], error: null },
    };
    return { fileName, track: track.name, inLog: excerptInLog(excerpt), start: () => this.#start(person, work, state) };
  }

  /** The newest of it, which also says that somebody waits. */
  state(person: string, id: string): JobState {
    const job = this.#find(person, id);
    job.askedMs = this.#now();
    return job.state;
  }

  file(person: string, id: string): { fileName: string; contentType: string; bytes: number; body: Readable } {
    const { state, work } = this.#find(person, id);
    if (state.state !== "ready" || state.bytes === null) {
      throw refused("REQUEST_CONFLICT", "the file is not ready; ask for the job's state first");
    }
    const { fileName, format, bytes } = state;
    return { fileName, contentType: contentTypes[format], bytes, body: createReadStream(work.path) };
  }

  async drop(person: string, id: string): Promise<void> {
    await this.#remove(this.#find(person, id));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#jobs.values()].map((job) => this.#remove(job)));
    await rm(this.#options.directory, { recursive: true, force: true });
  }

  #find(person: string, id: string): Job {
    const job = this.#jobs.get(id);
    if (job?.person === person) return job;
    throw refused("REQUEST_NOT_FOUND", "there is no such export; one that nobody asks after is given up");
  }

  #of(...states: JobState["state"][]): Job[] {
    return [...this.#jobs.values()].filter((job) => states.includes(job.state.state));
  }

  #requireRoom(person: string): void {
    if (this.#closed) throw refused("REQUEST_CONFLICT", "the service is being stopped");
    const own = [...this.#jobs.values()].filter((job) => job.person === person);
    if (own.length >= this.#limits.perPerson) {
      // A file that was fetched or forgotten makes room for the next wish.
      const done = own.find(({ state }) => state.state === "ready" || state.state === "failed");
      if (done === undefined) {
        throw refused("REQUEST_CONFLICT", `${own.length} exports of yours are under way; wait for one, or cancel it`);
      }
      void this.#remove(done);
    }
    if (this.#of("waiting").length >= this.#limits.waiting) {
      throw refused("REQUEST_CONFLICT", "too many exports wait already; try again when one has ended");
    }
  }

  async #requireDisk(): Promise<void> {
    if (!(await this.#diskIsLow())) return;
    throw refused("REQUEST_CONFLICT", "the recorder's disk has no room for an export; an administrator can free some");
  }

  async #diskIsLow(): Promise<boolean> {
    const free = await statfs(this.#options.directory).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => 0,
    );
    return free < this.#limits.floorBytes;
  }

  #start(person: string, work: PictureJob, state: JobState): JobState {
    this.#requireRoom(person);
    const now = this.#now();
    const abort = new AbortController();
    this.#jobs.set(state.id, { person, state, work, abort, askedMs: now, endedMs: now, over: Promise.resolve() });
    this.#ticker ??= setInterval(() => void this.#tick(), this.#limits.tickMs).unref();
    this.#next();
    return state;
  }

  #next(): void {
    for (const job of this.#of("waiting")) {
      if (this.#of("working").length >= this.#limits.running) return;
      job.state.state = "working";
      job.over = this.#work(job).finally(() => this.#next());
    }
  }

  async #work(job: Job): Promise<void> {
    const { state, work, abort } = job;
    const make = this.#options.make ?? makePictureInThread;
    try {
      await (await open(work.path, "wx", 0o600)).close();
      await make(this.#source, work, {
        signal: abort.signal,
        progress: (share) => {
          state.progress = Math.min(1, Math.max(state.progress, share));
        },
        damaged: (texts) => {
          state.damage = [...texts];
        },
      });
      state.bytes = (await stat(work.path)).size;
      state.progress = 1;
      state.state = "ready";
    } catch (error) {
      state.state = "failed";
      state.error = saidOf(abort.signal.aborted ? abort.signal.reason : error);
      if (state.error.code === "INTERNAL") this.#options.failed?.(error, state.session);
      await rm(work.path, { force: true });
    }
    job.endedMs = this.#now();
  }

  async #remove(job: Job): Promise<void> {
    this.#jobs.delete(job.state.id);
    job.abort.abort(refused("REQUEST_CONFLICT", "the export was given up"));
    await job.over;
    await rm(job.work.path, { force: true });
    if (this.#jobs.size > 0) return;
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  async #tick(): Promise<void> {
    const now = this.#now();
    const { forgottenMs, keptMs } = this.#limits;
    for (const job of [...this.#jobs.values()]) {
      const ended = job.state.state === "ready" || job.state.state === "failed";
      if (ended ? now - job.endedMs > keptMs : now - job.askedMs > forgottenMs) void this.#remove(job);
    }
    for (const job of this.#of("working")) {
      const why = await this.#tooMuch(job);
      if (why !== null) job.abort.abort(refused("REQUEST_CONFLICT", why));
    }
  }

  async #tooMuch({ work }: Job): Promise<string | null> {
    const { size } = await stat(work.path).catch(() => ({ size: 0 }));
    if (size > this.#limits.largestBytes) {
      return `the file grows beyond ${this.#limits.largestBytes} bytes; export a section, a smaller width, or by the command line`;
    }
    return (await this.#diskIsLow()) ? "the recorder's disk has no room for it; an administrator can free some" : null;
  }
}

function refused(code: "REQUEST_CONFLICT" | "REQUEST_INVALID" | "REQUEST_NOT_FOUND", message: string): AppError {
  return new AppError(code, message, { op: "export.picture" });
}

/** Faults of the service say nothing about its insides. */
function saidOf(error: unknown): { code: string; message: string } {
  if (error instanceof AppError && error.code !== "INTERNAL") return { code: error.code, message: error.message };
  return { code: "INTERNAL", message: "The service could not make it; its log has the details." };
}

function microseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e6);
}
