// Who searched for which recordings: a line in the audit for each other search of a sign-in. Turning to the next page of
// the same one is no other search.
import type { RecordingQuery } from "../../shared/api/types.ts";
import type { AuditTrail } from "./deps.ts";
import type { SignedIn } from "./route.ts";

const maxRemembered = 10_000;
/** The same search some time later is another. */
const sameForMs = 10 * 60_000;

export class SearchLog {
  readonly #audit: AuditTrail;
  readonly #last = new Map<string, { filter: string; atMs: number }>();

  constructor(audit: AuditTrail) {
    this.#audit = audit;
  }

  /** What is searched for; null: nothing, it is the list as it is. */
  filterOf({
    limit: _limit,
    cursor: _cursor,
    reason: _reason,
    ...filter
  }: RecordingQuery): Record<string, unknown> | null {
    const asked = Object.entries(filter).filter(([, value]) => value !== undefined);
    return asked.length === 0 ? null : Object.fromEntries(asked);
  }

  isNew(me: SignedIn, filter: Record<string, unknown>): boolean {
    const last = this.#last.get(me.webSessionId);
    if (last?.filter !== JSON.stringify(filter) || Date.now() - last.atMs > sameForMs) return true;
    // A page that is open asks again and again.
    last.atMs = Date.now();
    return false;
  }

  async searched(me: SignedIn, filter: Record<string, unknown>, address: string, reason?: string): Promise<void> {
    const details = { filter, signIn: me.webSessionId, ...(reason === undefined ? {} : { reason }) };
    await this.#audit.append({ actor: me.name, action: "recording.search", subject: "recordings", address, details });
    this.#last.delete(me.webSessionId);
    this.#last.set(me.webSessionId, { filter: JSON.stringify(filter), atMs: Date.now() });
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= maxRemembered) break;
      this.#last.delete(oldest);
    }
  }
}
