// Looks after the store itself: whether it is set as retention wants it, and whether its locks are real. At the start,
// daily, and when the policy's classes change. What it finds stands in health, as an alarm, and in the ledger.
import { AppError } from "../../shared/errors.ts";
import type { BucketPolicy, Drift, ProbeResult, StorePromise, StoreRetention } from "../store/retention-store.ts";
import { type RetentionAlarms, type RetentionAudit, type RetentionLogger, recorderActor } from "./ledger.ts";

export interface StoreCareParts {
  store: { kind: string; retention: Pick<StoreRetention, "promise" | "ensure" | "probe"> };
  /** So that the report can count them; and through it the ledger. */
  audit: RetentionAudit;
  wanted(): BucketPolicy;
  onDrift: "repair" | "report";
  alarms: RetentionAlarms;
  logger: RetentionLogger;
}

export interface StoreState {
  /** Null: the store could not be asked. */
  promise: StorePromise | null;
  drift: Drift[];
  probe: ProbeResult | null;
  /** Why it could not be asked. */
  fault: string | null;
}

const driftAlarm = "retention-drift";
const probeAlarm = "retention-probe";

export class StoreCare {
  readonly #parts: StoreCareParts;
  #state: StoreState = { promise: null, drift: [], probe: null, fault: null };

  constructor(parts: StoreCareParts) {
    this.#parts = parts;
  }

  get state(): StoreState {
    return this.#state;
  }

  /** The store was asked and answered. */
  async look(options: { probe: boolean }): Promise<boolean> {
    const { retention } = this.#parts.store;
    try {
      const drift = await this.#drift();
      const promise = await retention.promise();
      const probe = options.probe ? await this.#probe() : this.#state.probe;
      this.#state = { promise, drift, probe, fault: null };
      return true;
    } catch (error) {
      const fault = (error as Error).message;
      this.#state = { ...this.#state, fault };
      this.#parts.logger.warn(
        { err: error },
        "the store cannot be asked how it keeps what is stored; it is asked again",
      );
      return false;
    }
  }

  async #drift(): Promise<Drift[]> {
    const { store, wanted, onDrift, alarms, logger } = this.#parts;
    const drift = await store.retention.ensure(wanted(), onDrift);
    const known = new Set(this.#state.drift.map(({ message }) => message));
    for (const { what, message, repaired } of drift) {
      logger[repaired ? "warn" : "error"]({ what, repaired }, message);
      if (known.has(message)) continue;
      await this.#tell(repaired ? "store.drift-repaired" : "store.drift", { what, message });
    }
    const open = drift.filter(({ repaired }) => !repaired);
    if (open.length === 0) alarms.clear(driftAlarm);
    else alarms.raise(driftAlarm, open.map(({ message }) => message).join("; "), { drift: open.length });
    return drift;
  }

  async #probe(): Promise<ProbeResult> {
    const { store, alarms } = this.#parts;
    const result = await store.retention.probe().catch(asResult);
    const checks = Object.fromEntries(result.checks.map(({ name, ok }) => [name, ok]));
    await this.#tell(result.ok ? "store.probe" : "store.probe-failed", { kind: store.kind, checks });
    if (result.ok) alarms.clear(probeAlarm);
    else alarms.raise(probeAlarm, probeFault(result), {});
    return result;
  }

  #tell(action: string, details: Record<string, unknown>): Promise<void> {
    return this.#parts.audit.append({ actor: recorderActor, action, subject: "store", address: "local", details });
  }
}

/** A store that refuses the probe itself has failed it; one that does not answer was not probed. */
function asResult(error: unknown): ProbeResult {
  if (!(error instanceof AppError) || error.retryable) throw error;
  return { at: new Date().toISOString(), ok: false, checks: [{ name: "put", ok: false, message: error.message }] };
}

function probeFault({ checks }: ProbeResult): string {
  const failed = checks.filter(({ ok }) => !ok).map(({ message }) => message);
  return `the store does not keep what it is given beyond reach: ${failed.join(" ")}`;
}
