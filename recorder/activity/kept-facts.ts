// Keeps the facts of sealed recordings in the database: each is read once, one at a time and in pauses, since the gateway
// shares this thread; old ones in the background. Invariant: nothing waits for it. What cannot be read is kept as damaged;
// a store that is away is asked again.
import type { Kysely, Selectable } from "kysely";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { CatalogTables } from "../catalog/tables.ts";
import type { SegmentSource } from "../export/segment-source.ts";
import { storedLines } from "../search/stored-lines.ts";
import { FactsOfSession, factsVersion, type SessionFacts } from "./facts.ts";
import type { ActivityFactsTable, ActivityTables } from "./tables.ts";

interface FactSource extends SegmentSource {
  index(session: string): Promise<RecordingIndex>;
}

export interface KeptFactsOptions {
  db: Kysely<ActivityTables & CatalogTables>;
  recordings: FactSource;
  failed(error: unknown, session: string): void;
  /** Of the thread's time; 1 without pause. */
  share?: number;
  retryMs?: number;
}

/** A segment of more is not of this recorder's making. */
const maxSegmentBytes = 16 * 1024 ** 2;
const maxPauseMs = 1_000;
const damageCodes = new Set(["INTEGRITY_FORMAT", "INTEGRITY_HASH", "INTEGRITY_SIGNATURE", "REQUEST_NOT_FOUND"]);

export class KeptFacts {
  readonly #options: KeptFactsOptions;
  readonly #queue = new Set<string>();
  #running: Promise<void> | null = null;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: KeptFactsOptions) {
    this.#options = options;
  }

  /** Those that were sealed while the service was away, or read by an older version. */
  async start(): Promise<void> {
    try {
      for (const session of await this.#missing()) this.sealed(session);
    } catch (error) {
      if (!this.#isClosed) this.#options.failed(error, "");
    }
  }

  sealed(session: string): void {
    if (this.#isClosed) return;
    this.#queue.add(session);
    this.#run();
  }

  /** Reads whatever is missing now; how many it were. What fails is told, and the others are read. */
  async readMissing(): Promise<number> {
    const missing = await this.#missing();
    for (const session of missing) await this.#read(session).catch((error) => this.#options.failed(error, session));
    return missing.length;
  }

  /** Resolves when nothing waits, or only for a store that is away. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#queue.clear();
    await this.#running;
  }

  async #missing(): Promise<string[]> {
    const rows = await this.#options.db
      .selectFrom("recordings")
      .leftJoin("activity_facts", "activity_facts.session", "recordings.session")
      .select("recordings.session as session")
      .where("recordings.state", "in", ["sealed", "interrupted"])
      .where((e) => e.or([e("version", "is", null), e("version", "<", factsVersion)]))
      .orderBy("recordings.started_at", "desc")
      .execute();
    return rows.map(({ session }) => session);
  }

  #run(): void {
    if (this.#running !== null || this.#retry !== undefined || this.#isClosed) return;
    this.#running = this.#work().finally(() => {
      this.#running = null;
      if (this.#queue.size > 0) this.#run();
    });
  }

  async #work(): Promise<void> {
    for (const session of this.#queue) {
      if (this.#isClosed) return;
      this.#queue.delete(session);
      try {
        await this.#read(session);
      } catch (error) {
        if (this.#isClosed) return;
        this.#options.failed(error, session);
        this.#queue.add(session);
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#run();
        }, this.#options.retryMs ?? 60_000).unref();
        return;
      }
    }
  }

  async #read(session: string): Promise<void> {
    const { recordings, db, share = 1 } = this.#options;
    const facts = new FactsOfSession();
    let isDamaged = false;
    let beganMs = performance.now();
    const pause = async () => {
      if (this.#isClosed) throw new AppError("INTERNAL", "the service stops", { op: "activity.read", retryable: true });
      const pauseMs = Math.min(maxPauseMs, (performance.now() - beganMs) * (1 / share - 1));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      beganMs = performance.now();
    };
    const damaged = () => {
      isDamaged = true;
    };
    const skip = (_track: unknown, { rawBytes }: { rawBytes: number }) => {
      if (rawBytes > maxSegmentBytes) damaged();
      return rawBytes > maxSegmentBytes;
    };
    try {
      const index = await recordings.index(session);
      if (index.live) return;
      const tracks = index.tracks.filter(({ kind }) => kind === "events" || kind === "files");
      for await (const stored of storedLines(recordings, { ...index, tracks }, { skip, damaged, pause })) {
        if (stored.kind === "events") facts.event(stored.line);
        else if (stored.kind === "files") facts.file(stored.line);
      }
    } catch (error) {
      if (!(error instanceof AppError && damageCodes.has(error.code))) throw error;
      damaged();
    }
    const row = rowOf(session, facts.facts, isDamaged);
    await db
      .insertInto("activity_facts")
      .values(row)
      .onConflict((conflict) => conflict.column("session").doUpdateSet(row))
      .execute();
  }
}

function rowOf(session: string, facts: SessionFacts, isDamaged: boolean): ActivityFactsTable {
  const { largest, refused, hidden, escortLost } = facts;
  return {
    session,
    version: factsVersion,
    in_bytes: facts.inBytes,
    out_bytes: facts.outBytes,
    largest_bytes: largest?.bytes ?? 0,
    largest_at_us: largest?.atUs ?? 0,
    largest_direction: largest?.direction ?? "",
    refused: refused?.count ?? 0,
    refused_at_us: refused?.atUs ?? 0,
    refused_what: refused?.what.join(",") ?? "",
    hidden: hidden?.count ?? 0,
    hidden_at_us: hidden?.atUs ?? 0,
    hidden_evasion: hidden?.evasion === true ? 1 : 0,
    escort_lost: escortLost?.count ?? 0,
    escort_lost_at_us: escortLost?.atUs ?? 0,
    damaged: isDamaged ? 1 : 0,
  };
}

/** The columns of a left join: null where there is no row. */
export type FactsRow = {
  [column in keyof Omit<Selectable<ActivityFactsTable>, "session">]: FactsColumn<column> | null;
};
type FactsColumn<column extends keyof ActivityFactsTable> = Selectable<ActivityFactsTable>[column];

export function factsOf(row: FactsRow): SessionFacts | null {
  if (row.version === null) return null;
  const number = (value: number | null) => Number(value ?? 0);
  const counted = <T>(count: number | null, one: T) => (number(count) === 0 ? null : one);
  return {
    inBytes: number(row.in_bytes),
    outBytes: number(row.out_bytes),
    largest: counted(row.largest_bytes, {
      bytes: number(row.largest_bytes),
      atUs: number(row.largest_at_us),
      direction: row.largest_direction === "inbound" ? ("inbound" as const) : ("outbound" as const),
    }),
    refused: counted(row.refused, {
      count: number(row.refused),
      atUs: number(row.refused_at_us),
      what: (row.refused_what ?? "").split(","),
    }),
    hidden: counted(row.hidden, {
      count: number(row.hidden),
      atUs: number(row.hidden_at_us),
      evasion: row.hidden_evasion === 1,
    }),
    escortLost: counted(row.escort_lost, { count: number(row.escort_lost), atUs: number(row.escort_lost_at_us) }),
  };
}
