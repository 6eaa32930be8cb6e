// `conduit catalog rebuild`: the catalogue is a cache; made again from the store and the ledger in it.
import { createPublicKey } from "node:crypto";
import { KeptFacts } from "../activity/kept-facts.ts";
import { rebuildCatalogue } from "../catalogue-rebuild.ts";
import { readRootPublicKey } from "../keys/root-key.ts";
import type { Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted, printable } from "./output.ts";
import { inArchive, trustedKeys } from "./recordings/archive.ts";
import { knownRecordings, numberFaults } from "./recordings/completeness.ts";

export const registerCatalog: Register = (program, cli) => {
  program
    .command("catalog")
    .description("the index of recordings, of what is kept, gone and held")
    .command("rebuild")
    .description("make it again from the store and the ledger in it (people and secrets are not in the store)")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command) => {
      await inArchive(cli, command, async (archive) => {
        const { config, store, database, opened, keys } = archive;
        await archive.audit("recordings.rebuild", "store");
        const root = await readRootPublicKey(config.recorder.keyDirectory);
        const result = await rebuildCatalogue({
          store,
          database,
          recorder: config.recorder.id,
          root: root === null ? null : createPublicKey(root.publicKeyPem),
          given: root === null ? trustedKeys(config, []) : new Map(),
          checkpointSeconds: config.ledger.checkpointSeconds,
          rebuild: keys,
        });
        // What the service keeps of their contents for the activity view.
        const facts = new KeptFacts({
          db: database.activity,
          recordings: opened,
          failed: (error, session) => result.faults.push({ place: session, message: (error as Error).message }),
        });
        await facts.readMissing();
        const gone = await numberFaults(archive, await knownRecordings(archive), trustedKeys(config, []));
        // What expired had a number, too: the ledger accounts for it.
        const expired = await database.catalog
          .selectFrom("recordings")
          .select("sequence")
          .where("state", "=", "expired")
          .execute();
        const accounted = new Set(expired.map(({ sequence }) => Number(sequence)));
        const missing = gone.filter(({ from, to }) => {
          for (let n = from; n <= to; n++) if (!accounted.has(n)) return true;
          return false;
        });
        if (options.json === true) cli.out.json({ ...result, missing });
        else
          cli.out.line(
            `${counted(result.recordings, "recording")} in the index, ${result.expired} that expired, ${counted(result.holds, "legal hold")}.`,
          );
        for (const { place, message } of result.faults) cli.err.line(`${printable(place)}: ${printable(message)}`);
        for (const { message } of missing) cli.err.line(`WARNING: ${printable(message)}`);
        for (const fault of result.ledgerFaults) cli.err.line(`WARNING: ${printable(fault)}`);
        if (result.faults.length + missing.length + result.ledgerFaults.length > 0) cli.exitCode = exitCodes.findings;
      });
    });
};
