// Of `conduit doctor`: does the database of the search answer, where it has one of its own?
import { AppError } from "../../../shared/errors.ts";
import type { Config } from "../../config.ts";
import { searchInPostgres } from "../../search-service.ts";
import { type Check, fail, ok } from "./check.ts";

const name = "search";

export async function checkSearch(config: Config): Promise<Check[]> {
  if (!config.search.enabled) return [ok(name, "switched off")];
  const index = searchInPostgres(config);
  if (index === null) return [];
  try {
    const { sessions } = await index.coverage();
    return [ok(name, `${index.place}: ${sessions} recordings are in the index`)];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const mend = "Mend the database or search.database (docs/search.md); recording and replay go on meanwhile.";
    return [fail(name, `${index.place}: ${error.message}`, mend)];
  } finally {
    await index.close();
  }
}
