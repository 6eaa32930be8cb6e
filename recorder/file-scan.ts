// Brings quarantine, scanner and evidence together, for the service and for the commands that look at them.
import type { Health } from "../shared/api/types.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import { Clamd } from "./scan/clamd.ts";
import { Evidence } from "./scan/evidence.ts";
import { openQuarantine } from "./scan/quarantine.ts";
import { noScanner, type Scanner } from "./scan/scanner.ts";
import type { FileHold } from "./tap/file-hold.ts";

type HealthCheck = NonNullable<Health["checks"]>[number];

export interface FileScanDependencies {
  database: ServiceDatabase;
  logger: { warn(facts: object, sentence: string): void; error(facts: object, sentence: string): void };
  /** A refused file is evidence now. */
  quarantined(person: string, id: string, facts: Record<string, unknown>): Promise<unknown>;
}

export interface FileScan {
  hold: FileHold;
  /** Nothing where no scanner is configured. */
  health(): Promise<HealthCheck[]>;
}

export async function createFileScan(config: Config, deps: FileScanDependencies): Promise<FileScan> {
  const { maxFileBytes, maxSessionBytes, maxQuarantineBytes, quarantineDirectory } = config.scan;
  const { logger } = deps;
  const scanner = scannerOf(config);
  const hold = await openQuarantine({
    directory: quarantineDirectory,
    limits: { maxFileBytes, maxSessionBytes, maxQuarantineBytes, floorBytes: config.spool.floorBytes },
    scanner,
    evidence: evidenceOf(config, deps.database),
    logger,
    onKept: ({ person, id, ...facts }) => {
      logger.warn({ quarantine: id, person, ...facts }, "a file was refused and is kept in quarantine");
      deps
        .quarantined(person, id, facts)
        .catch((error: unknown) => logger.error({ err: error, id }, "the audit log cannot be written"));
    },
  });
  return { hold, health: async () => (config.scan.clamd === null ? [] : [await checkScanner(scanner)]) };
}

export function scannerOf({ scan }: Config): Scanner {
  return scan.clamd === null ? noScanner : new Clamd({ address: scan.clamd, timeoutMs: scan.timeoutSeconds * 1000 });
}

export function evidenceOf({ scan }: Config, database: ServiceDatabase): Evidence {
  return new Evidence(database.scan, scan.quarantineDirectory);
}

async function checkScanner(scanner: Scanner): Promise<HealthCheck> {
  try {
    return { name: "virus scanner", ok: true, message: await scanner.version() };
  } catch (error) {
    return { name: "virus scanner", ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
