// Retention as the service uses it: locks for the recorder, holds, the sweeper and the look after the store, driven by one
// clock. Invariant: nothing waits for it. A store that is away is asked again; sessions go on.
import type { Kysely } from "kysely";
import type { RecordingRetention } from "../../shared/api/retention.ts";
import type { HealthCheck } from "../../shared/api/types.ts";
import type { Policy } from "../../shared/policy/policy.ts";
import { recordingPrefix } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { VersionRef } from "../store/retention-store.ts";
import { Holds } from "./holds.ts";
import type { RetentionAlarms, RetentionAudit, RetentionLedger, RetentionLogger } from "./ledger.ts";
import { RecordingLocks } from "./recording-locks.ts";
import { RetainedRecordings } from "./retained.ts";
import { StoreCare } from "./store-care.ts";
import { Sweeper, type Swept } from "./sweeper.ts";
import type { RetentionTables } from "./tables.ts";
import { bucketPolicy, heldTag, retainTag } from "./terms.ts";
import type { WitnessOf } from "./witnessed.ts";

export interface RetentionSettings {
  onDrift: "repair" | "report";
  /** False: the store gets no rule of its own to expire by; the sweeper alone takes what is due. */
  lifecycle: boolean;
  ledgerYears: number;
  sweepEverySeconds: number;
  probe: "daily" | "start" | "off";
}

export interface RetentionParts {
  settings: RetentionSettings;
  store: ObjectStore;
  db: Kysely<RetentionTables>;
  ledger: RetentionLedger;
  /** This recorder's id, and what its own ledger says of a session. */
  recorder: string;
  witnessed: WitnessOf;
  audit: RetentionAudit;
  policy(): Pick<Policy, "retentionDays" | "retention" | "limits">;
  isPending(session: string): boolean;
  /** Of the catalogue. */
  find(session: string): Promise<{ startedAt: string } | null>;
  expired(session: string): Promise<void>;
  /** Whether this person's proof is another's as well: of those who release holds. */
  setByAnother?(person: string): Promise<{ what: string; by: string; at: string } | null>;
  alarms: RetentionAlarms;
  logger: RetentionLogger;
  now?(): number;
}

/** When each was done last. */
interface Done {
  look: number;
  probe: number;
  sweep: number;
  whole: number;
}

const tickMs = 30_000;
const dayMs = 86_400_000;

export class Retention {
  readonly locks: RecordingLocks;
  readonly holds: Holds;
  readonly #parts: RetentionParts;
  readonly #retained: RetainedRecordings;
  readonly #sweeper: Sweeper;
  readonly #care: StoreCare;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | null = null;
  #ticking: Promise<void> | null = null;
  #done: Done = { look: 0, probe: 0, sweep: 0, whole: 0 };
  #mustLook = true;
  #unknown = 0;
  #foreign = 0;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => Date.now());
    const { store, ledger, alarms, logger, settings } = parts;
    this.#retained = new RetainedRecordings(parts.db);
    this.holds = new Holds({
      db: parts.db,
      audit: parts.audit,
      enforce: (session, held) => this.#enforce(session, held),
      stateOf: (session) => this.#stateOf(session),
      setByAnother: async (person) => (await parts.setByAnother?.(person)) ?? null,
      alarms,
      logger,
      now: this.#now,
    });
    const isHeld = (session: string) => this.holds.isHeld(session);
    this.locks = new RecordingLocks({
      store,
      retained: this.#retained,
      isHeld,
      ledgerYears: settings.ledgerYears,
      now: this.#now,
    });
    this.#sweeper = new Sweeper({
      store,
      retained: this.#retained,
      ledger,
      recorder: parts.recorder,
      witnessed: parts.witnessed,
      isHeld,
      heldSessions: () => this.holds.heldSessions(),
      isPending: parts.isPending,
      expired: parts.expired,
      alarms,
      logger,
      now: this.#now,
    });
    this.#care = new StoreCare({
      store,
      audit: parts.audit,
      wanted: () => (settings.lifecycle ? bucketPolicy(parts.policy()) : { classes: [] }),
      onDrift: settings.onDrift,
      alarms,
      logger,
    });
  }

  /** Before anything is uploaded: what is held is known from then on. */
  start(): Promise<void> {
    return this.holds.start();
  }

  /** The service is up: from now on the store is looked after. */
  run(): void {
    this.#timer ??= setInterval(() => void this.tick(), tickMs).unref();
    void this.tick();
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await this.#ticking;
  }

  /** The policy's classes may be others. */
  policyChanged(): void {
    this.#mustLook = true;
  }

  /** What is due of all this; one at a time. */
  tick(): Promise<void> {
    this.#ticking ??= this.#tick()
      .catch((error: unknown) => this.#parts.logger.error({ err: error }, "retention could not do its round"))
      .finally(() => {
        this.#ticking = null;
      });
    return this.#ticking;
  }

  async #tick(): Promise<void> {
    const { settings } = this.#parts;
    const now = this.#now();
    const since = (what: keyof Done) => Math.abs(now - this.#done[what]);
    const probe =
      settings.probe === "daily" ? since("probe") >= dayMs : settings.probe === "start" && this.#done.probe === 0;
    if (probe || this.#mustLook || since("look") >= dayMs) {
      this.#mustLook = !(await this.#care.look({ probe }));
      if (!this.#mustLook) this.#done = { ...this.#done, look: now, ...(probe && { probe: now }) };
    }
    // An away store is asked again at the next tick; until then nothing else of this would succeed.
    if (this.#mustLook) return;
    await this.holds.settleAll();
    if (since("sweep") < settings.sweepEverySeconds * 1000) return;
    await this.sweep({ whole: since("whole") >= dayMs });
  }

  async sweep(how: { whole?: boolean } = {}): Promise<Swept> {
    const swept = await this.#sweeper.sweep(how);
    const now = this.#now();
    this.#done = { ...this.#done, sweep: now, ...(how.whole === true && { whole: now }) };
    if (how.whole === true) {
      this.#unknown = swept.unknown.length;
      this.#foreign = swept.foreign.length;
    }
    return swept;
  }

  /** Recordings that the database said may go, and that were kept: nobody has looked into them yet. */
  corrected(): string[] {
    return this.#sweeper.corrected();
  }

  acknowledge(sessions: readonly string[]): void {
    this.#sweeper.acknowledge(sessions);
  }

  lookAfterStore(): Promise<boolean> {
    return this.#care.look({ probe: true });
  }

  get storeState(): StoreCare["state"] {
    return this.#care.state;
  }

  async of(session: string): Promise<RecordingRetention> {
    const [row, holds] = await Promise.all([this.#retained.find(session), this.holds.list(session)]);
    const held = this.holds.isHeld(session);
    const state = row?.state === "expired" ? "expired" : held ? "held" : row === null ? "in-progress" : "kept";
    return {
      session,
      retainUntil: row?.retainUntil ?? null,
      state,
      overdue: row !== null && row.state !== "expired" && row.overdueAt !== null,
      expiredAt: row?.expiredAt ?? null,
      holds,
    };
  }

  async counts(): Promise<{ kept: number; overdue: number; held: number }> {
    return { ...(await this.#retained.counts()), held: this.holds.heldSessions().length };
  }

  health(): HealthCheck {
    const { promise, drift, probe, fault } = this.#care.state;
    const name = "retention";
    if (fault !== null && promise === null) return { name, ok: false, message: `the store cannot be asked: ${fault}` };
    if (promise === null) return { name, ok: true, message: "the store has not been asked yet" };
    const open = drift.filter(({ repaired }) => !repaired);
    const probed =
      probe === null ? "not probed" : probe.ok ? `probed at ${probe.at}` : `the probe of ${probe.at} failed`;
    const unknown = this.#unknown === 0 ? "" : `; ${this.#unknown} folders of the store are nobody's`;
    const foreign =
      this.#foreign === 0
        ? ""
        : `; ${this.#foreign} recordings in the store are another recorder's, which this one never takes away: give each its own place in the store`;
    return {
      name,
      ok: promise.locks && open.length === 0 && probe?.ok !== false && this.#foreign === 0,
      message: `${words[promise.enforcedBy]}; ${probed}; ${open.length} settings are not as wanted${unknown}${foreign}`,
    };
  }

  async #stateOf(session: string): Promise<"there" | "gone" | null> {
    const row = await this.#retained.find(session);
    if (row !== null) return row.state === "expired" ? "gone" : "there";
    return (await this.#parts.find(session)) === null ? null : "there";
  }

  async #enforce(session: string, held: boolean): Promise<void> {
    const row = await this.#retained.find(session);
    const startedAt = row?.startedAt ?? (await this.#parts.find(session))?.startedAt;
    if (startedAt === undefined) return;
    const { retention } = this.#parts.store;
    const versions: VersionRef[] = [];
    for await (const version of retention.versions(row?.prefix ?? recordingPrefix(startedAt, session))) {
      if (!version.deleteMarker) versions.push({ key: version.key, versionId: version.versionId });
      else if (held) await retention.deleteVersion(version.key, version.versionId);
    }
    const tag = held ? heldTag : (row?.retainTag ?? retainTag(this.#parts.policy().retentionDays));
    if (versions.length > 0) await retention.secure(versions, { hold: held, retainTag: tag });
  }
}

const words = {
  server: "the store refuses to delete what is locked",
  "file-system": "files are immutable until this service takes that away",
  service: "what is locked is kept by this service's own refusal",
  nobody: "nothing keeps what is stored from being deleted",
};
