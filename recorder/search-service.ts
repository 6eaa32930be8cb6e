// The search as the service has it: its index beside the database, what feeds it, and the searches that people keep.
import { dirname, join } from "node:path";
import type { Logger } from "pino";
import type { OpenedRecordings } from "./catalog/opened-recordings.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import { SearchIndexer } from "./search/indexer.ts";
import { NoteFeed, type StandingNote } from "./search/note-feed.ts";
import { PostgresSearchIndex } from "./search/postgres-index.ts";
import { SavedSearches } from "./search/saved-searches.ts";
import { languageFile } from "./search/screens/recogniser.ts";
import { screensInThread } from "./search/screens/screen-thread.ts";
import { openFoundIndex, openSqliteIndex, type SqliteSearchIndex } from "./search/sqlite-index.ts";

export interface SearchParts {
  database: ServiceDatabase;
  recordings: OpenedRecordings;
  logger: Logger;
}

export function searchFile(config: Config): string {
  return join(dirname(config.recorder.database), "search.db");
}

/** Null where the index is a file. It is reached when something is asked of it: a database that is away stops nothing. */
export function searchInPostgres({ search, recorder }: Config): PostgresSearchIndex | null {
  return search.database === null
    ? null
    : new PostgresSearchIndex({ url: search.database.reveal(), owner: recorder.id });
}

/** As a service left it, or has it open; null where there is none. */
export async function openFoundSearch(config: Config): Promise<PostgresSearchIndex | SqliteSearchIndex | null> {
  return searchInPostgres(config) ?? openFoundIndex(searchFile(config));
}

/** Null: it is switched off. */
export async function openSearch(config: Config, { database, recordings, logger }: SearchParts) {
  const { enabled, encrypted, cpuShare, screens } = config.search;
  if (!enabled) return null;
  const index = searchInPostgres(config) ?? (await openSqliteIndex(searchFile(config), { thread: true }));
  const indexer = new SearchIndexer({
    index,
    recordings,
    sealed: async () => {
      const rows = await database.catalog
        .selectFrom("recordings")
        .select("session")
        .where("state", "in", ["sealed", "interrupted"])
        .orderBy("started_at", "desc")
        .execute();
      return rows.map(({ session }) => session);
    },
    encrypted,
    share: cpuShare,
    thread: true,
    ...(screens.enabled && canRead(screens.languages, logger)
      ? {
          screens: (index, stop) => {
            const { languages, cpuSecondsPerHour: secondsPerHour } = screens;
            const job = { session: index.session, index, languages, secondsPerHour, share: cpuShare };
            return screensInThread(recordings, job, stop);
          },
        }
      : {}),
    logger,
  });
  const notes = new NoteFeed({
    index,
    noted: () => notedSessions(database),
    standing: (session) => standingNotes(database, session),
    logger,
  });
  return {
    indexer,
    notes,
    search: (...query: Parameters<SearchIndexer["search"]>) => indexer.search(...query),
    coverage: () => indexer.coverage(),
    saved: new SavedSearches(database.searches),
    async start() {
      await Promise.all([indexer.start(), notes.start()]);
    },
    async expired(session: string) {
      await notes.expired(session);
      await indexer.expired(session);
    },
    async close() {
      // Whatever waits for its turn to be written gives way, too.
      index.stopPutting();
      await notes.close();
      await indexer.close();
    },
  };
}

/** Without a language's data the rest of the search goes on; what was recorded until it is there is read then. */
function canRead(languages: readonly string[], logger: Logger): boolean {
  try {
    for (const language of languages) languageFile(language);
    return true;
  } catch (error) {
    logger.error({ err: error }, "text on screens is not read (search.screens.languages)");
    return false;
  }
}

/** With what differs after each step: a note is added, changed or struck out, and never goes. */
async function notedSessions({ cases }: ServiceDatabase): Promise<Map<string, string>> {
  const rows = await cases
    .selectFrom("notes")
    .select((e) => [
      "session",
      e.fn.countAll<number | bigint>().as("all"),
      e.fn.sum<number | bigint>("version").as("versions"),
      e.fn.count<number | bigint>("struck_by").as("struck"),
    ])
    .where("session", "is not", null)
    .groupBy("session")
    .execute();
  return new Map(rows.map(({ session, all, versions, struck }) => [session ?? "", `${all} ${versions} ${struck}`]));
}

async function standingNotes({ cases, catalog }: ServiceDatabase, session: string): Promise<StandingNote[] | null> {
  const recording = await catalog
    .selectFrom("recordings")
    .select("state")
    .where("session", "=", session)
    .executeTakeFirst();
  if (recording === undefined || recording.state === "expired") return null;
  const rows = await cases
    .selectFrom("notes")
    .select(["kind", "at_us", "end_us", "text", "tags", "author"])
    .where("session", "=", session)
    .where("struck_by", "is", null)
    .orderBy("at_us", (order) => order.asc().nullsFirst())
    .orderBy("created_at")
    .execute();
  return rows.map(({ kind, at_us: atUs, end_us: endUs, text, tags, author }) => ({
    kind: kind === "bookmark" ? "bookmark" : "note",
    atUs: Number(atUs ?? 0),
    endUs: endUs === null ? null : Number(endUs),
    text,
    tags: JSON.parse(tags) as string[],
    author,
  }));
}
