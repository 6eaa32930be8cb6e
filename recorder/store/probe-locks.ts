// Asks a store, with objects of its own under `probes/`, whether its locks are real: what must be refused is tried as the
// holder of the recorder's keys would. The locked one stays until its lock has ended; the sweeper takes it then.
import type { ObjectLock, ProbeCheck, ProbeResult } from "./retention-store.ts";
import { isAtLeast } from "./retention-store.ts";

export type Checked = "done" | "refused";

export interface ProbeActions {
  key(name: string): string;
  locks: boolean;
  /** @returns the version. */
  put(key: string, lock: { retainUntil?: string; hold?: boolean }, body: string): Promise<string | null>;
  lock(key: string, versionId: string | null): Promise<ObjectLock>;
  /** Rejects where it is neither: no answer is no refusal. */
  refused(action: Promise<unknown>): Promise<Checked>;
  deleteVersion(key: string, versionId: string | null): Promise<void>;
  shorten(key: string, versionId: string | null, until: string): Promise<void>;
  hold(key: string, versionId: string | null, on: boolean): Promise<void>;
  /** The store keeps older versions of a key. */
  versioned: boolean;
}

const lockSeconds = 60;
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

export async function probeLocks(probe: ProbeActions): Promise<ProbeResult> {
  const checks: ProbeCheck[] = [];
  const say = (name: ProbeCheck["name"], ok: boolean, message: string) => checks.push({ name, ok, message });
  const result = (): ProbeResult => ({
    at: new Date().toISOString(),
    // A second put makes a second version, and the first stays locked: not on that does the promise rest.
    ok: checks.every(({ name, ok }) => ok || name === "overwrite-refused"),
    checks,
  });
  if (!probe.locks) {
    say("lock", false, "The store has no locks.");
    return result();
  }
  const key = probe.key("locked");
  const retainUntil = inSeconds(lockSeconds);
  const version = await probe.put(key, { retainUntil }, "conduit probe\n");
  say("put", true, "An object with a lock was stored.");
  if (probe.versioned)
    say("versions", version !== null, version === null ? "The store gives no version ids." : "Objects have versions.");
  const shown = await probe.lock(key, version);
  const locked = shown.mode === "compliance" && isAtLeast(shown.retainUntil, new Date(Date.now() + 1000).toISOString());
  say(
    "lock",
    locked,
    locked ? "Its lock is shown." : `It was taken, and its lock is not shown (${JSON.stringify(shown)}).`,
  );
  const shortened = await probe.refused(probe.shorten(key, version, inSeconds(lockSeconds / 2)));
  const after = shortened === "done" ? await probe.lock(key, version) : shown;
  const stands = isAtLeast(after.retainUntil, shown.retainUntil ?? retainUntil);
  say(
    "shorten-refused",
    stands,
    stands ? "A lock cannot be shortened." : "A lock was shortened by the recorder's own keys.",
  );
  const again = await probe.refused(probe.put(key, { retainUntil }, "another body\n"));
  const said =
    again === "refused"
      ? "A second put of the same key is refused."
      : "A second put of the same key is taken: the recorder asks before and compares after, and older versions stay.";
  say("overwrite-refused", again === "refused", said);
  const gone = await probe.refused(probe.deleteVersion(key, version));
  const deleteRefused = gone === "refused";
  say(
    "delete-refused",
    deleteRefused,
    deleteRefused ? "What is locked cannot be deleted." : "What is locked was deleted by the recorder's own keys.",
  );
  await probeHold(probe, say);
  return result();
}

async function probeHold(
  probe: ProbeActions,
  say: (name: ProbeCheck["name"], ok: boolean, message: string) => void,
): Promise<void> {
  const key = probe.key("held");
  const version = await probe.put(key, { hold: true }, "conduit probe\n");
  const shown = await probe.lock(key, version);
  const refused = (await probe.refused(probe.deleteVersion(key, version))) === "refused";
  const ok = shown.hold && refused;
  const fault = refused
    ? "A legal hold was taken and is not shown."
    : "What is held was deleted by the recorder's own keys.";
  say("hold-enforced", ok, ok ? "What is held cannot be deleted." : fault);
  if (!refused) return;
  await probe.hold(key, version, false);
  await probe.deleteVersion(key, version);
}
