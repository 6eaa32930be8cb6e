// What the service counts and measures, in Prometheus' form. Fed by what happens (counters) and asked at each scrape (gauges).
// Invariant: every label has few values, known beforehand: never a person, a target, a session or an address.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { endSentences } from "../../shared/end-sentences.ts";
import { reasonSentences } from "../../shared/policy/reasons.ts";

export type MeteredProtocol = "ssh" | "vnc";

/** What a scrape asks for. A part that cannot be asked leaves its gauges without a value, and fails none of the others. */
export interface Sampled {
  sessions(): readonly SampledSession[];
  alarms(): Iterable<string>;
  spool(): Promise<{
    freeBytes: number;
    floorBytes: number;
    pendingBytes: number;
    pendingAgeSeconds: number;
    accepting: boolean;
  }>;
  ledger(): SampledLedger;
  /** In the configuration's order. */
  siem(): ReadonlyArray<{ behind: number; ageSeconds: number; failing: string | null }>;
  verification(): Promise<{ recordings: number; upToDate: number; faults: number }>;
  /** Rejects where the database does not answer. */
  askDatabase(): Promise<unknown>;
  ready(): Promise<boolean>;
  draining(): boolean;
  /** Seconds since 1970. */
  certificates(): ReadonlyMap<"portal" | "vnc", number>;
}

export interface SampledSession {
  protocol: MeteredProtocol;
  state: "opening" | "active" | "frozen" | "closing";
  /** Null: it owes none. */
  escorted: boolean | null;
}

export interface SampledLedger {
  entries: number;
  /** Entries under the newest checkpoint, and of those that the store has. */
  signedEntries: number;
  uploadedEntries: number;
  /** Seconds since 1970; null: there is none yet. */
  checkpointAt: number | null;
  anchors: ReadonlyArray<{ entries: number; failing: boolean }>;
}

/** With a subject behind it (`BREAK_GLASS_OPEN 7F…`) a code stands for all of its kind. */
export function alarmCode(name: string): string {
  const code = /^[A-Z][A-Z0-9_]{2,60}(?= |$)/.exec(name)?.[0];
  return code ?? "OTHER";
}

const known = (names: object, name: string) => (Object.hasOwn(names, name) ? name : "other");
const states = ["opening", "active", "frozen", "closing"] as const;
const protocols: readonly MeteredProtocol[] = ["ssh", "vnc"];
/** A sync of a disk in order takes a few milliseconds at most; beyond a second people feel it at every key. */
const commitBuckets = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const storeBuckets = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const partTimeoutMs = 3000;

export class Metrics {
  readonly #registry = new Registry();
  readonly #opened: Counter<"protocol">;
  readonly #ended: Counter<"protocol" | "reason">;
  readonly #decisions: Counter<"effect" | "reason">;
  readonly #signInFailures: Counter<"protocol">;
  readonly #segmentBytes: Counter;
  readonly #segments: Counter;
  readonly #sealed: Counter<"state">;
  readonly #stored: Counter;
  readonly #gaps: Counter;
  readonly #commits: Histogram;
  readonly #store: Histogram<"operation" | "outcome">;
  readonly #parts: Array<() => Promise<void> | void> = [];

  readonly #failed: (error: unknown) => void;

  /** @param failed told of what a scrape could not ask. */
  constructor(version: string, failed: (error: unknown) => void) {
    this.#failed = failed;
    const registers = [this.#registry];
    const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter<L>({ name: `conduit_${name}`, help, labelNames: [...labelNames], registers });
    this.#opened = counter("sessions_opened_total", "Sessions that began.", ["protocol"]);
    this.#ended = counter("sessions_ended_total", "Sessions that ended, by why.", ["protocol", "reason"]);
    this.#decisions = counter("decisions_total", "Openings of sessions that policy decided on, by reason code.", [
      "effect",
      "reason",
    ]);
    this.#signInFailures = counter("sign_in_failures_total", "Log-ins at a gateway that were refused.", ["protocol"]);
    this.#segmentBytes = counter("recorded_bytes_total", "Bytes of segments that are durable in the spool.");
    this.#segments = counter("recorded_segments_total", "Segments that are durable in the spool.");
    this.#sealed = counter("recordings_sealed_total", "Recordings that were sealed.", ["state"]);
    this.#stored = counter("recordings_stored_total", "Recordings that are whole in the store.");
    this.#gaps = counter("recording_gaps_total", "Gaps that sealed recordings state.");
    this.#commits = new Histogram({
      name: "conduit_journal_commit_seconds",
      help: "How long a durable write of the journal took.",
      buckets: commitBuckets,
      registers,
    });
    this.#store = new Histogram({
      name: "conduit_store_request_seconds",
      help: "How long a request to the object store took.",
      labelNames: ["operation", "outcome"] as const,
      buckets: storeBuckets,
      registers,
    });
    this.#gauge("build_info", "1; the version is in the label.", ["version"]).set({ version }, 1);
    for (const protocol of protocols) {
      this.#opened.inc({ protocol }, 0);
      this.#signInFailures.inc({ protocol }, 0);
    }
    for (const state of ["sealed", "interrupted"]) this.#sealed.inc({ state }, 0);
    collectDefaultMetrics({ register: this.#registry });
  }

  sessionOpened(protocol: MeteredProtocol): void {
    this.#opened.inc({ protocol });
    this.#decisions.inc({ effect: "allow", reason: "allowed-by-rule" });
  }

  sessionEnded(protocol: MeteredProtocol, reason: string): void {
    this.#ended.inc({ protocol, reason: known(endSentences, reason) });
  }

  /** @param reason of the policy's reason codes. */
  sessionRefused(reason: string): void {
    this.#decisions.inc({ effect: "deny", reason: known(reasonSentences, reason) });
  }

  signInFailed(protocol: MeteredProtocol): void {
    this.#signInFailures.inc({ protocol });
  }

  segmentWritten(bytes: number): void {
    this.#segments.inc();
    this.#segmentBytes.inc(bytes);
  }

  recordingSealed(state: "sealed" | "interrupted", gaps: number): void {
    this.#sealed.inc({ state });
    this.#gaps.inc(gaps);
  }

  recordingStored(): void {
    this.#stored.inc();
  }

  journalCommitted(ms: number): void {
    this.#commits.observe(ms / 1000);
  }

  /** @param outcome `ok`, or the code of the error. */
  storeAnswered(operation: string, outcome: string, ms: number): void {
    this.#store.observe({ operation, outcome }, ms / 1000);
  }

  /** What each scrape asks; once. */
  sample(from: Sampled): void {
    this.#sampleSessions(from);
    this.#sampleSpool(from);
    this.#sampleLedger(from);
    this.#sampleSiem(from);
    this.#sampleRest(from);
  }

  /** In Prometheus' text format. */
  async render(): Promise<{ contentType: string; text: string }> {
    await Promise.all(this.#parts.map((part) => inTime(part, this.#failed)));
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    const registers = [this.#registry];
    return new Gauge<L>({ name: `conduit_${name}`, help, labelNames: [...labelNames], registers });
  }

  /** Values of the last scrape are forgotten first: what cannot be asked any more is absent, and not as it was. */
  #part(gauges: ReadonlyArray<Gauge<string>>, ask: () => Promise<void> | void): void {
    this.#parts.push(async () => {
      for (const gauge of gauges) {
        // Without labels `reset` would make a zero of it.
        if (hasLabels(gauge)) gauge.reset();
        else gauge.remove();
      }
      await ask();
    });
  }

  #sampleSessions(from: Sampled): void {
    const live = this.#gauge("sessions_live", "Live sessions.", ["protocol", "state"]);
    const escorts = this.#gauge("escort_sessions", "Live sessions that owe an escort, by whether one watches.", [
      "escorted",
    ]);
    this.#part([live, escorts], () => {
      const sessions = from.sessions();
      for (const protocol of protocols) {
        for (const state of states) {
          const count = sessions.filter((one) => one.protocol === protocol && one.state === state).length;
          live.set({ protocol, state }, count);
        }
      }
      for (const escorted of [true, false]) {
        escorts.set({ escorted: String(escorted) }, sessions.filter((one) => one.escorted === escorted).length);
      }
    });
  }

  #sampleSpool(from: Sampled): void {
    const free = this.#gauge("spool_free_bytes", "Free on the spool's disk.");
    const floor = this.#gauge("spool_floor_bytes", "Below it no session begins.");
    const pending = this.#gauge("upload_pending_bytes", "In the spool, and not in the store yet.");
    const age = this.#gauge("upload_lag_seconds", "Age of the oldest that is not in the store yet.");
    const accepting = this.#gauge("spool_accepting", "1 while the spool takes new sessions.");
    this.#part([free, floor, pending, age, accepting], async () => {
      const spool = await from.spool();
      free.set(spool.freeBytes);
      floor.set(spool.floorBytes);
      pending.set(spool.pendingBytes);
      age.set(spool.pendingAgeSeconds);
      accepting.set(spool.accepting ? 1 : 0);
    });
  }

  #sampleLedger(from: Sampled): void {
    const entries = this.#gauge("ledger_entries", "Entries of the ledger, by how far they got.", ["stage"]);
    const checkpoint = this.#gauge("ledger_checkpoint_timestamp_seconds", "When the newest checkpoint was signed.");
    const behind = this.#gauge("ledger_anchor_behind_entries", "Entries that an anchor has not taken.", ["anchor"]);
    const failing = this.#gauge("ledger_anchor_failing", "1 while an anchor does not take checkpoints.", ["anchor"]);
    this.#part([entries, checkpoint, behind, failing], () => {
      const ledger = from.ledger();
      entries.set({ stage: "written" }, ledger.entries);
      entries.set({ stage: "signed" }, ledger.signedEntries);
      entries.set({ stage: "stored" }, ledger.uploadedEntries);
      if (ledger.checkpointAt !== null) checkpoint.set(ledger.checkpointAt);
      for (const [i, anchor] of ledger.anchors.entries()) {
        // By its place in the configuration: its name may be an address of the plant.
        const label = { anchor: String(i + 1) };
        behind.set(label, Math.max(0, ledger.signedEntries - anchor.entries));
        failing.set(label, anchor.failing ? 1 : 0);
      }
    });
  }

  #sampleSiem(from: Sampled): void {
    const behind = this.#gauge("siem_behind_events", "Events that were not sent for sure.", ["destination"]);
    const age = this.#gauge("siem_behind_seconds", "Age of the oldest event that was not sent for sure.", [
      "destination",
    ]);
    const failing = this.#gauge("siem_failing", "1 while a destination cannot be sent to.", ["destination"]);
    this.#part([behind, age, failing], () => {
      for (const [i, one] of from.siem().entries()) {
        // By its place, as anchors are.
        const label = { destination: String(i + 1) };
        behind.set(label, one.behind);
        age.set(label, one.ageSeconds);
        failing.set(label, one.failing === null ? 0 : 1);
      }
    });
  }

  #sampleRest(from: Sampled): void {
    const alarms = this.#gauge("alarms", "Alarms that stand, by code.", ["code"]);
    this.#part([alarms], () => {
      for (const name of from.alarms()) alarms.inc({ code: alarmCode(name) });
    });
    const verified = this.#gauge("verification_recordings", "Recordings in the store, by what verification knows.", [
      "verdict",
    ]);
    this.#part([verified], async () => {
      const { recordings, upToDate, faults } = await from.verification();
      verified.set({ verdict: "up-to-date" }, upToDate);
      verified.set({ verdict: "due" }, Math.max(0, recordings - upToDate));
      verified.set({ verdict: "faulty" }, faults);
    });
    const database = this.#gauge("database_up", "1 when the database answered this scrape.");
    const asked = this.#gauge("database_answer_seconds", "How long the database took to answer this scrape.");
    this.#parts.push(async () => {
      database.set(0);
      asked.remove();
      const beganMs = performance.now();
      await from.askDatabase();
      database.set(1);
      asked.set((performance.now() - beganMs) / 1000);
    });
    const ready = this.#gauge("ready", "1 when a session would be taken now.");
    const draining = this.#gauge("draining", "1 while the service drains.");
    this.#parts.push(async () => {
      ready.set(0);
      draining.set(from.draining() ? 1 : 0);
      ready.set((await from.ready()) ? 1 : 0);
    });
    const expiry = this.#gauge("certificate_expiry_timestamp_seconds", "When a listener's certificate expires.", [
      "listener",
    ]);
    this.#part([expiry], () => {
      for (const [listener, at] of from.certificates()) expiry.set({ listener }, at);
    });
  }
}

function hasLabels(gauge: Gauge<string>): boolean {
  return (gauge as unknown as { labelNames: readonly string[] }).labelNames.length > 0;
}

/** A part that hangs or fails costs the scrape its own values, and no more. */
async function inTime(part: () => Promise<void> | void, failed: (error: unknown) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      failed(new Error(`a part of the metrics did not answer within ${partTimeoutMs} ms`));
      resolve();
    }, partTimeoutMs);
  });
  const asked = (async () => part())().catch(failed);
  await Promise.race([asked, late]);
  clearTimeout(timer);
}
