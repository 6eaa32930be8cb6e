// Takes away what is due, and puts right what hides what is not. Works from the table of what is kept, and now and then from
// the store itself (`whole`). Invariant: nothing is touched that is held, whose time is not over, or of which one object is
// still locked, or which its own manifest or the ledger keep for longer than the table says; nothing of another recorder's
// is touched; segments go first, the manifest and its sums last; and `expired` is written only once all of it is gone.
import { createHash } from "node:crypto";
import { AppError } from "../../shared/errors.ts";
import { checksumsName, manifestName, manifestSignatureName } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { isAtLeast, type ObjectVersion, whyLocked } from "../store/retention-store.ts";
import { type RetentionAlarms, type RetentionLedger, type RetentionLogger, recorderActor } from "./ledger.ts";
import type { Retained, RetainedRecordings } from "./retained.ts";
import { type StoredRecording, storedRecordings } from "./stored-recordings.ts";
import { heldTag, isDue, isOverdue } from "./terms.ts";
import { latest, ownWord, type WitnessOf } from "./witnessed.ts";

export interface SweeperParts {
  store: Pick<ObjectStore, "retention" | "get" | "kind">;
  retained: RetainedRecordings;
  ledger: RetentionLedger;
  /** Whose recordings these are to take away. */
  recorder: string;
  witnessed: WitnessOf;
  isHeld(session: string): boolean;
  heldSessions(): readonly string[];
  /** Its objects are still being written or uploaded. */
  isPending(session: string): boolean;
  /** All of it is gone, and the ledger has it. */
  expired(session: string): Promise<void>;
  alarms: RetentionAlarms;
  logger: RetentionLogger;
  now(): number;
}

export interface Swept {
  expired: string[];
  /** Delete markers that hid what is kept, and were taken away. */
  uncovered: number;
  /** Their holds had been taken away in the store. */
  heldAgain: string[];
  /** Due, and the store still locks some of it. */
  locked: string[];
  overdue: string[];
  /** Their manifests or the ledger keep them, and the table said that they may go; the table is corrected. */
  corrected: string[];
  /** Of other recorders, which write to the same place. */
  foreign: string[];
  /** Prefixes under `recordings/` of which nobody knows what they are. */
  unknown: string[];
  failed: string[];
}

/** Stands until somebody acknowledges it: it has to be asked how the database came to say that. */
const correctedCode = "retention-corrected";
const atATime = 500;
const heldLockMs = 7 * 86_400_000;
const renewBeforeMs = 4 * 86_400_000;
const timeOf = (ms: number): string => new Date(ms).toISOString();
const last = [manifestName, manifestSignatureName, checksumsName];

export class Sweeper {
  readonly #parts: SweeperParts;
  #sweeping: Promise<Swept> | null = null;
  /** Of which the ledger has heard already that the table was wrong. */
  readonly #told = new Set<string>();
  /** Of these nobody has looked into why. */
  readonly #unacknowledged = new Set<string>();

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  corrected(): string[] {
    return [...this.#unacknowledged];
  }

  acknowledge(sessions: readonly string[]): void {
    for (const session of sessions) this.#unacknowledged.delete(session);
    if (this.#unacknowledged.size === 0) this.#parts.alarms.clear(correctedCode);
  }

  /** One at a time: a second call waits for the first and answers the same. */
  sweep(how: { whole?: boolean } = {}): Promise<Swept> {
    this.#sweeping ??= this.#sweep(how.whole === true).finally(() => {
      this.#sweeping = null;
    });
    return this.#sweeping;
  }

  async #sweep(whole: boolean): Promise<Swept> {
    const swept: Swept = {
      ...{ expired: [], uncovered: 0, heldAgain: [], locked: [], overdue: [] },
      ...{ corrected: [], foreign: [], unknown: [], failed: [] },
    };
    if (whole) await this.#lookThrough(swept);
    for (const session of this.#parts.heldSessions())
      await this.#guardHeld(session, swept).catch((error: unknown) => this.#failed(session, error, swept));
    await this.#sweepProbes().catch((error: unknown) =>
      this.#parts.logger.warn({ err: error }, "probe objects could not be taken away"),
    );
    const now = this.#parts.now();
    for (const row of await this.#parts.retained.endedBefore(timeOf(now), atATime)) {
      if (!isDue(row.retainUntil, now) || this.#isKept(row.session)) continue;
      await this.#expire(row, swept).catch((error: unknown) => this.#failed(row.session, error, swept));
      const isOver = isOverdue(row.retainUntil, now);
      const isOther = [swept.expired, swept.corrected, swept.foreign].some((list) => list.includes(row.session));
      if (isOver && !isOther) await this.#overdue(row, swept);
    }
    if (swept.overdue.length === 0) this.#parts.alarms.clear("retention-overdue");
    if (swept.failed.length === 0) this.#parts.alarms.clear("retention-sweep");
    return swept;
  }

  #isKept(session: string): boolean {
    return this.#parts.isHeld(session) || this.#parts.isPending(session);
  }

  /**
   * Whoever has the store's keys can take a legal hold away. What is held is therefore locked for some days as well, again
   * and again, and a hold that was taken away is set again before those end.
   */
  async #guardHeld(session: string, swept: Swept): Promise<void> {
    const row = await this.#parts.retained.find(session);
    if (row === null || this.#parts.isPending(session)) return;
    const { retention } = this.#parts.store;
    const versions: ObjectVersion[] = [];
    for await (const version of retention.versions(row.prefix)) versions.push(version);
    await this.#uncover(session, versions, swept);
    const now = this.#parts.now();
    const open: ObjectVersion[] = [];
    let taken = 0;
    for (const version of versions.filter(({ deleteMarker }) => !deleteMarker)) {
      const lock = await retention.lock(version.key, version.versionId);
      if (!lock.hold) taken++;
      if (!lock.hold || !isAtLeast(lock.retainUntil, timeOf(now + renewBeforeMs))) open.push(version);
    }
    if (open.length === 0) return;
    await retention.secure(open, { hold: true, retainTag: heldTag, retainUntil: timeOf(now + heldLockMs) });
    if (taken === 0 || !this.#parts.isHeld(session)) return;
    const facts = { what: "hold-taken-away", objects: taken };
    this.#parts.logger.error({ session, ...facts }, "a legal hold was taken away in the store; it is set again");
    await this.#parts.ledger.append({ type: "drift-repaired", actor: recorderActor, subject: session, facts });
    swept.heldAgain.push(session);
  }

  /** Once their short locks have ended. */
  async #sweepProbes(): Promise<void> {
    const { retention } = this.#parts.store;
    for await (const { key, versionId, deleteMarker } of retention.versions("probes/")) {
      if (!deleteMarker && whyLocked(await retention.lock(key, versionId), this.#parts.now()) !== null) continue;
      await retention.deleteVersion(key, versionId);
    }
  }

  /** Everything under `recordings/`: what no table knows, what was hidden, what is gone without our doing. */
  async #lookThrough(swept: Swept): Promise<void> {
    for await (const found of storedRecordings(this.#parts.store)) {
      try {
        await this.#look(found, swept);
      } catch (error) {
        this.#failed(found.session ?? found.prefix, error, swept);
      }
    }
  }

  async #look(found: StoredRecording, swept: Swept): Promise<void> {
    const { session, prefix, versions } = found;
    if (session === null) {
      swept.unknown.push(prefix);
      return;
    }
    if (this.#parts.isPending(session)) return;
    const known = await this.#parts.retained.find(session);
    const now = this.#parts.now();
    if (known === null && (await this.#isForeign(session, prefix))) {
      swept.foreign.push(session);
      return;
    }
    // Before anything is read: what is hidden cannot be.
    if (known === null || this.#parts.isHeld(session) || !isDue(known.retainUntil, now))
      await this.#uncover(session, versions, swept);
    if (known !== null && known.state !== "expired") return;
    const facts = await found.read();
    if (facts === null || known !== null) swept.unknown.push(prefix);
    // It was hidden until now.
    else if (await this.#isForeign(session, prefix)) swept.foreign.push(session);
    else await this.#parts.retained.keep(facts.recording);
  }

  /** Two recorders that write to one place must not take away each other's: what a ledger or a record says decides. */
  async #isForeign(session: string, prefix: string): Promise<boolean> {
    const { store, recorder, witnessed } = this.#parts;
    if ((await witnessed(session)).recorded) return false;
    const word = await ownWord(store, prefix);
    return word !== null && word.recorder !== recorder;
  }

  /** A delete marker is not refused on a locked object: it hides a recording, and is taken away again. */
  async #uncover(session: string, versions: readonly ObjectVersion[], swept: Swept): Promise<void> {
    const markers = versions.filter(({ deleteMarker }) => deleteMarker);
    if (markers.length === 0) return;
    const { store, ledger, logger } = this.#parts;
    const hidden = [...new Set(markers.map(({ key }) => key))];
    const facts = { what: "delete-markers", markers: markers.length, keys: hidden.slice(0, 20) };
    logger.warn(
      { session, ...facts },
      "a recording that is to be kept was hidden by delete markers; they are taken away",
    );
    for (const { key, versionId } of markers) await store.retention.deleteVersion(key, versionId);
    await ledger.append({ type: "drift-repaired", actor: recorderActor, subject: session, facts });
    swept.uncovered += markers.length;
  }

  async #expire(row: Retained, swept: Swept): Promise<void> {
    const { store, retained } = this.#parts;
    const versions: ObjectVersion[] = [];
    for await (const version of store.retention.versions(row.prefix)) versions.push(version);
    const contents = versions.filter(({ deleteMarker }) => !deleteMarker);
    if (contents.length > 0) {
      if (await this.#mayNotGo(row, swept)) return;
      if (await this.#isLocked(row.session, contents, swept)) return;
      await retained.setExpiring(row.session);
    }
    const inOrder = versions.toSorted((a, b) => rank(a, row.prefix) - rank(b, row.prefix));
    for (const { key, versionId } of inOrder) {
      if (this.#isKept(row.session)) return;
      await store.retention.deleteVersion(key, versionId);
    }
    for await (const left of store.retention.versions(row.prefix)) {
      throw new AppError("STORE_REFUSED", `${left.key} was deleted and is still there`, { op: "retention.sweep" });
    }
    await this.#recordExpiry(row, contents, swept);
  }

  /** The table alone takes nothing away. */
  async #mayNotGo(row: Retained, swept: Swept): Promise<boolean> {
    const { store, witnessed, retained, recorder, now } = this.#parts;
    const { session } = row;
    const [said, word] = [await witnessed(session), await ownWord(store, row.prefix)];
    if (!said.recorded && word !== null && word.recorder !== recorder) {
      await retained.forget(session);
      swept.foreign.push(session);
      return true;
    }
    if (said.cases.length > 0) {
      const text = `the ledger has the recording ${session} under legal hold (${said.cases.join(", ")}), and the database has no hold of it: it stays. The database was changed, or restored from an older copy; place the hold again (conduit holds place ${session})`;
      await this.#correct(session, { what: "hold", cases: said.cases.length }, text, swept);
      return true;
    }
    const until = latest([row.retainUntil, said.retainUntil, word?.retainUntil]);
    if (until === null || Date.parse(until) <= Date.parse(row.retainUntil)) return false;
    await retained.extend(session, until);
    const text = `the recording ${session} is kept until ${until} by its manifest and the ledger, and the database said ${row.retainUntil}: that is corrected, and nothing was deleted. The database was changed, or restored from an older copy`;
    await this.#correct(session, { what: "retain-until", was: row.retainUntil, retainUntil: until }, text, swept);
    return !isDue(until, now());
  }

  async #correct(session: string, facts: Record<string, unknown>, text: string, swept: Swept): Promise<void> {
    const { alarms, ledger, logger } = this.#parts;
    swept.corrected.push(session);
    logger.error({ session, ...facts }, text);
    if (this.#told.has(session)) return;
    this.#told.add(session);
    this.#unacknowledged.add(session);
    alarms.raise(correctedCode, `${text}. When that is known: conduit retention acknowledge`, { session });
    const repaired = facts["what"] === "retain-until" ? "drift-repaired" : "drift";
    await ledger.append({ type: repaired, actor: recorderActor, subject: session, facts });
  }

  /** All or nothing: half a recording would be neither kept nor gone. */
  async #isLocked(session: string, contents: readonly ObjectVersion[], swept: Swept): Promise<boolean> {
    for (const { key, versionId } of contents) {
      const why = whyLocked(await this.#parts.store.retention.lock(key, versionId), this.#parts.now());
      if (why === null) continue;
      this.#parts.logger.info({ session, key, why }, "a recording is due and not yet free");
      swept.locked.push(session);
      return true;
    }
    return false;
  }

  async #recordExpiry(row: Retained, contents: readonly ObjectVersion[], swept: Swept): Promise<void> {
    const { ledger, retained, expired, now } = this.#parts;
    // What a sweep that broke off had begun, the next one ends.
    const by = contents.length > 0 || row.state === "expiring" ? "sweeper" : "lifecycle";
    const list = contents.map(({ key, versionId, bytes }) => `${key}\t${versionId ?? "-"}\t${bytes}\n`).join("");
    await ledger.append({
      type: "expired",
      actor: recorderActor,
      subject: row.session,
      facts: {
        manifestSha256: row.manifestSha256,
        objects: new Set(contents.map(({ key }) => key)).size || row.objects,
        versions: contents.length,
        bytes: contents.reduce((sum, { bytes }) => sum + bytes, 0) || row.bytes,
        retainUntil: row.retainUntil,
        proof: createHash("sha256").update(list).digest("hex"),
        by,
      },
    });
    await retained.setExpired(row.session, timeOf(now()), by);
    await expired(row.session);
    swept.expired.push(row.session);
  }

  async #overdue(row: Retained, swept: Swept): Promise<void> {
    swept.overdue.push(row.session);
    const { alarms, ledger, retained, now } = this.#parts;
    const text = `the recording ${row.session} was to be gone by ten days after ${row.retainUntil}, and is still in the store: look at its locks, and at the rights of the recorder's keys`;
    alarms.raise("retention-overdue", text, { session: row.session, retainUntil: row.retainUntil });
    if (row.overdueAt !== null) return;
    await ledger.append({
      type: "overdue",
      actor: recorderActor,
      subject: row.session,
      facts: { retainUntil: row.retainUntil },
    });
    await retained.setOverdue(row.session, timeOf(now()));
  }

  #failed(session: string, error: unknown, swept: Swept): void {
    swept.failed.push(session);
    const text = `the recording ${session} is due or hidden, and cannot be swept (${(error as Error).message}); it is tried again`;
    this.#parts.logger.error({ session, err: error }, text);
    this.#parts.alarms.raise("retention-sweep", text, { session });
  }
}

/** Segments, the OPEN record, what proves them; of each object its contents before the markers above it. */
function rank({ key, deleteMarker }: ObjectVersion, prefix: string): number {
  const name = key.slice(prefix.length);
  const group = name.includes("/") ? 0 : last.includes(name) ? 2 + last.indexOf(name) : 1;
  return 2 * group + (deleteMarker ? 1 : 0);
}
