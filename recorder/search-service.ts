// The search as the service has it: its index beside the database, what feeds it, and the searches that people keep.
import { dirname, join } from "node:path";
import type { Logger } from "pino";
import type { OpenedRecordings } from "./catalog/opened-recordings.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import { SearchIndexer } from "./search/indexer.ts";
import { SavedSearches } from "./search/saved-searches.ts";
import { openSqliteIndex } from "./search/sqlite-index.ts";

export interface SearchParts {
  database: ServiceDatabase;
  recordings: OpenedRecordings;
  logger: Logger;
}

export function searchFile(config: Config): string {
  return join(dirname(config.recorder.database), "search.db");
}

/** Null: it is switched off. */
export async function openSearch(config: Config, { database, recordings, logger }: SearchParts) {
  const { enabled, encrypted, cpuShare } = config.search;
  if (!enabled) return null;
  const index = await openSqliteIndex(searchFile(config), { thread: true });
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
    logger,
  });
  return {
    indexer,
    search: (...query: Parameters<SearchIndexer["search"]>) => indexer.search(...query),
    coverage: () => indexer.coverage(),
    saved: new SavedSearches(database.searches),
    putNotes: (...notes: Parameters<typeof index.putNotes>) => index.putNotes(...notes),
  };
}
