// The segment workers: some for terminals, some for screens, so that one session's video makes nobody's keys late. A
// session keeps its worker from its opening to its end. A worker is started with the first session that needs it.
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { FromWorker, ToWorker, WorkerSettings } from "./segments/messages.ts";
import { SegmentWorker } from "./segments/worker-client.ts";

export interface WorkerHooks {
  message(worker: number, message: FromWorker): void;
  /** The thread died: nothing of it goes on. */
  death(worker: number, error: Error): void;
  stall(worker: number, stalled: boolean): void;
}

export type WorkerCounts = Record<"ssh" | "vnc", number>;

interface Place {
  protocol: OpenRecord["protocol"];
  starting: Promise<void> | null;
  worker: SegmentWorker | null;
  sessions: Set<string>;
  dead: boolean;
}

export class SegmentWorkers {
  readonly #places: Place[] = [];
  readonly #ofSession = new Map<string, number>();
  readonly #stallMs: number;
  readonly #hooks: WorkerHooks;
  readonly #script: URL | undefined;
  #settings: Omit<WorkerSettings, "screens"> | null = null;

  constructor(counts: WorkerCounts, stallMs: number, hooks: WorkerHooks, script?: URL) {
    this.#script = script;
    for (const protocol of ["ssh", "vnc"] as const) {
      for (let i = 0; i < counts[protocol]; i++) {
        this.#places.push({ protocol, starting: null, worker: null, sessions: new Set(), dead: false });
      }
    }
    this.#stallMs = stallMs;
    this.#hooks = hooks;
  }

  /** The first worker is there when it resolves; the others come when they are needed. */
  async start(settings: Omit<WorkerSettings, "screens">): Promise<void> {
    this.#settings = settings;
    await this.#started(0);
  }

  get running(): boolean {
    return this.#settings !== null;
  }

  /** A thread has died: new sessions would wait for a restart of the service. */
  get someDead(): boolean {
    return this.#places.some((place) => place.dead);
  }

  isDead(worker: number): boolean {
    return this.#places[worker]?.dead === true;
  }

  isDeadOf(session: string): boolean {
    return this.isDead(this.numberOf(session));
  }

  /** The worker that the session keeps; started when it resolves. */
  async assign(session: string, protocol: OpenRecord["protocol"]): Promise<SegmentWorker> {
    const fitting = [...this.#places.keys()].filter((i) => this.#places[i]?.protocol === protocol);
    const count = (i: number) => this.#places[i]?.sessions.size ?? 0;
    const least = fitting.sort((a, b) => count(a) - count(b))[0] ?? 0;
    this.#places[least]?.sessions.add(session);
    this.#ofSession.set(session, least);
    try {
      return await this.#started(least);
    } catch (error) {
      this.release(session);
      throw error;
    }
  }

  release(session: string): void {
    this.#places[this.numberOf(session)]?.sessions.delete(session);
    this.#ofSession.delete(session);
  }

  numberOf(session: string): number {
    return this.#ofSession.get(session) ?? 0;
  }

  sessionsOf(worker: number): ReadonlySet<string> {
    return this.#places[worker]?.sessions ?? new Set();
  }

  at(worker: number): SegmentWorker | null {
    return this.#places[worker]?.worker ?? null;
  }

  of(session: string): SegmentWorker | null {
    return this.at(this.numberOf(session));
  }

  /** To every worker that runs; sessions of others are passed over there. */
  postAll(message: ToWorker): void {
    for (const { worker } of this.#places) worker?.post(message);
  }

  /** The numbers of those that run. */
  started(): number[] {
    return [...this.#places.keys()].filter((i) => this.#places[i]?.worker);
  }

  #running(): SegmentWorker[] {
    return this.#places.flatMap(({ worker }) => worker ?? []);
  }

  async syncAll(): Promise<void> {
    await Promise.all(this.#running().map((worker) => worker.sync()));
  }

  async stop(): Promise<void> {
    this.#settings = null;
    for (const { starting } of this.#places) await starting?.catch(() => {});
    await Promise.all(this.#running().map((worker) => worker.stop()));
    for (const place of this.#places) place.worker = null;
  }

  async #started(number: number): Promise<SegmentWorker> {
    const place = this.#places[number] as Place;
    place.starting ??= this.#startAt(number, place).catch((error: unknown) => {
      place.starting = null;
      throw error;
    });
    await place.starting;
    return place.worker as SegmentWorker;
  }

  async #startAt(number: number, place: Place): Promise<void> {
    const settings = this.#settings;
    if (!settings) throw new Error("the segment workers are stopped");
    const screens = place.protocol === "vnc";
    const worker = await SegmentWorker.start({ ...settings, screens }, this.#stallMs, this.#script);
    worker.onMessage = (message) => this.#hooks.message(number, message);
    worker.onDeath = (error) => {
      place.dead = true;
      this.#hooks.death(number, error);
    };
    worker.onStall = (stalled) => this.#hooks.stall(number, stalled);
    place.worker = worker;
  }
}
