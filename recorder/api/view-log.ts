// Who looked at which recording: one line in the audit a sign-in and recording, written before the first byte goes out.
import type { AuditTrail } from "./deps.ts";
import type { SignedIn } from "./route.ts";

const maxRemembered = 10_000;

export class ViewLog {
  readonly #audit: AuditTrail;
  /** Kept as promises, so that parallel first reads share one line and none passes before it is durable. */
  readonly #seen = new Map<string, Promise<void>>();

  readonly #action: string;

  constructor(audit: AuditTrail, action = "recording.view") {
    this.#audit = audit;
    this.#action = action;
  }

  async viewed(me: SignedIn, session: string, address: string): Promise<void> {
    const key = `${me.webSessionId} ${session}`;
    const known = this.#seen.get(key);
    if (known !== undefined) return known;
    const written = this.#audit.append({
      actor: me.name,
      action: this.#action,
      subject: session,
      address,
      details: { signIn: me.webSessionId },
    });
    this.#seen.set(key, written);
    // After a restart, or once forgotten here, a second line is written: too many rather than none.
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= maxRemembered) break;
      this.#seen.delete(oldest);
    }
    try {
      await written;
    } catch (error) {
      this.#seen.delete(key);
      throw error;
    }
  }
}
