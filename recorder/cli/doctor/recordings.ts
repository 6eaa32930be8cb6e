// The recordings themselves: whether any that was made is gone. What each holds is for `conduit recordings verify`.
import type { Config } from "../../config.ts";
import { hasState, openDatabase, stateOf } from "../../database.ts";
import { printable } from "../output.ts";
import { atShelves, trustedKeys } from "../recordings/archive.ts";
import { knownRecordings, numberFaults } from "../recordings/completeness.ts";
import { type Check, fail, ok } from "./check.ts";

const name = "numbers";

/** Only reads, so that it may run while the service does. */
export async function checkNumbers(config: Config): Promise<Check[]> {
  // Before a first start there is nothing to check; a database that is missing has its own check.
  if (!hasState(config)) return [];
  const database = await openDatabase(stateOf(config));
  try {
    return await atShelves(config, database, async (shelves) => {
      const known = await knownRecordings(shelves);
      const faults = await numberFaults(shelves, known, trustedKeys(config, []));
      if (faults.length === 0) return [ok(name, `${known.all.length} recordings, none missing among their numbers`)];
      const mend =
        "conduit recordings verify --all; bring back what is gone from a copy of the store, and find out who removed it.";
      return faults.map(({ message }) => fail(name, printable(message), mend));
    });
  } finally {
    await database.close();
  }
}
