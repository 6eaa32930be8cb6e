// Who looked at which recording, and at which stretches of it: one line in the audit a sign-in and recording, written
// before the first byte goes out, and lines of the stretches whose segments were handed over, gathered and written every
// minute. Where policy asks why, nothing goes out before it was said.
import { AppError } from "../../shared/errors.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { CustodyAction } from "../../shared/policy/policy.ts";
import type { ApiDeps, AuditTrail } from "./deps.ts";
import type { SignedIn } from "./route.ts";

const maxRemembered = 10_000;
const flushEveryMs = 60_000;
/** Stretches with less between them are one. */
const joinUs = 1_000_000;
/** One line holds so many; more are written at once. */
const maxRanges = 200;

interface Range {
  fromUs: number;
  toUs: number;
}

interface Watched {
  actor: string;
  session: string;
  address: string;
  signIn: string;
  tracks: Set<string>;
  ranges: Range[];
}

export interface ViewLogOptions {
  audit: AuditTrail;
  /** Left out: `recording.view`. */
  action?: string;
  /** Of what policy asks why, now. */
  reasonFor: () => readonly CustodyAction[];
  isLive: (session: string) => Promise<boolean>;
  /** Stretches could not be written: they are kept and written with the next. */
  failed: (error: unknown) => void;
}

export class ViewLog {
  readonly #options: ViewLogOptions;
  /** Kept as promises, so that parallel first reads share one line and none passes before it is durable. */
  readonly #seen = new Map<string, Promise<void>>();
  #watched = new Map<string, Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: ViewLogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#flush(), flushEveryMs).unref();
  }

  /** What is still to be written, at the end. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
  }

  /** REASON_REQUIRED where policy asks for one and none was said. */
  requireReason(action: CustodyAction, reason: string | undefined): void {
    if (reason !== undefined || !this.#options.reasonFor().includes(action)) return;
    throw new AppError("REASON_REQUIRED", `policy asks why: say the reason of this ${nouns[action]}`, {
      op: "api.custody",
      details: { action },
    });
  }

  /** A session that goes on is watched without a reason: watching it is a duty, and told by itself. */
  async viewed(me: SignedIn, session: string, address: string, reason?: string): Promise<void> {
    let key = `${me.webSessionId} ${session}`;
    // Whoever says another reason gets another line.
    if (reason === undefined) {
      const known = this.#seen.get(key);
      if (known !== undefined) return known;
      if (this.#options.reasonFor().includes("view")) {
        if (!(await this.#options.isLive(session))) this.requireReason("view", reason);
        key += " live";
        const watching = this.#seen.get(key);
        if (watching !== undefined) return watching;
      }
    }
    const written = this.#options.audit.append({
      actor: me.name,
      action: this.#options.action ?? "recording.view",
      subject: session,
      address,
      details: { signIn: me.webSessionId, ...(reason === undefined ? {} : { reason }) },
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

  /** A segment's bytes are handed over: the stretch it covers counts as watched. */
  handedOver(me: SignedIn, session: string, address: string, { track, startUs, endUs }: SegmentMeta): void {
    // The timeline reads lists far ahead of the screen: a stretch of them says nothing of what was on the screen.
    const key = `${me.webSessionId} ${session} ${isList(track) ? "lists" : "screens"}`;
    let watched = this.#watched.get(key);
    if (watched === undefined) {
      if (this.#watched.size >= maxRemembered) void this.#flush();
      watched = { actor: me.name, session, address, signIn: me.webSessionId, tracks: new Set(), ranges: [] };
      this.#watched.set(key, watched);
    }
    watched.tracks.add(track);
    watched.ranges = joined([...watched.ranges, { fromUs: startUs, toUs: endUs }]);
    if (watched.ranges.length >= maxRanges) void this.#flush();
  }

  async #flush(): Promise<void> {
    const all = this.#watched;
    this.#watched = new Map();
    for (const [key, { actor, session, address, signIn, tracks, ranges }] of all) {
      try {
        await this.#options.audit.append({
          actor,
          action: "recording.watched-range",
          subject: session,
          address,
          details: { signIn, tracks: [...tracks].sort(), ranges },
        });
      } catch (error) {
        this.#options.failed(error);
        const since = this.#watched.get(key);
        const kept = all.get(key)!;
        if (since !== undefined) {
          for (const track of since.tracks) kept.tracks.add(track);
          kept.ranges = joined([...kept.ranges, ...since.ranges]);
        }
        this.#watched.set(key, kept);
      }
    }
  }
}

function isList(track: string): boolean {
  return track === "input" || track === "files" || track === "events";
}

export function viewLogOf(deps: Pick<ApiDeps, "audit" | "inventory" | "recordings" | "logger">): ViewLog {
  return new ViewLog({
    audit: deps.audit,
    reasonFor: () => deps.inventory().policy.custody.reasonFor,
    isLive: async (id) => ["recording", "closing"].includes((await deps.recordings.find(id))?.state ?? ""),
    failed: (error) => deps.logger?.error({ err: error }, "what was watched is not in the audit log yet"),
  });
}

const nouns: Record<CustodyAction, string> = {
  view: "view (POST /recordings/:id/view)",
  search: "search",
  export: "export",
  verify: "verification",
};

/** In order, without overlaps; those with hardly anything between them are one. */
export function joined(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of [...ranges].sort((a, b) => a.fromUs - b.fromUs)) {
    const last = result.at(-1);
    if (last !== undefined && range.fromUs <= last.toUs + joinUs) last.toUs = Math.max(last.toUs, range.toUs);
    else result.push({ ...range });
  }
  return result;
}
