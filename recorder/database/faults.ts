// What the disk under the database does wrong, said with a code and a mend. Fed by any Executor; every other error passes
// as it is.
import { AppError } from "../../shared/errors.ts";
import type { Executor } from "./executor.ts";

interface Fault {
  what: string;
  mend: string;
}

/** By SQLite's primary result code; extended ones (SQLITE_IOERR_WRITE) begin with it. */
const faults: readonly [code: string, fault: Fault][] = [
  ["SQLITE_FULL", { what: "its disk is full", mend: "make room on it, then try again" }],
  [
    "SQLITE_READONLY",
    {
      what: "it is read-only",
      mend: "mount its disk for writing, and let the service's account write the file and its folder",
    },
  ],
  [
    "SQLITE_IOERR",
    { what: "its disk failed", mend: "check the disk, its mount and its free space; the system's log has more" },
  ],
];

export function explainingFaults(executor: Executor, file: string): Executor {
  return {
    execute: async (query) => {
      try {
        return await executor.execute(query);
      } catch (error) {
        throw explained(error, file);
      }
    },
    close: () => executor.close(),
  };
}

function explained(error: unknown, file: string): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return error;
  const fault = faults.find(([primary]) => code === primary || code.startsWith(`${primary}_`))?.[1];
  if (fault === undefined) return error;
  return new AppError(
    "DATABASE_FAILED",
    `the database ${file} cannot be used: ${fault.what} (${code}); ${fault.mend}`,
    {
      op: "database.execute",
      retryable: true,
      cause: error,
      details: { file },
    },
  );
}
