// The thread that holds the service's SQLite connection: its calls block, and nothing that goes through the gateway may
// stand still meanwhile.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { connectSqlite, type SqliteAnswer, type SqliteConnection, type SqliteQuery } from "./connection.ts";

export interface ToDatabase {
  id: number;
  query: SqliteQuery | "close";
}

export interface FromDatabase {
  id: number;
  answer?: SqliteAnswer;
  error?: { message: string; code?: string };
}

const { file } = workerData as { file: string };
// On Linux 0 is the calling thread alone, which has inherited what the gateway has.
if (process.platform === "linux") setPriority(0, 0);
let connection: SqliteConnection | undefined;

parentPort?.on("message", ({ id, query }: ToDatabase) => {
  parentPort?.postMessage({ id, ...answer(query) } satisfies FromDatabase);
});

function answer(query: ToDatabase["query"]): Omit<FromDatabase, "id"> {
  try {
    if (query === "close") {
      connection?.close();
      connection = undefined;
      return {};
    }
    connection ??= connectSqlite(file);
    return { answer: connection.execute(query) };
  } catch (cause) {
    const { message, code } = cause as Error & { code?: string };
    return { error: { message, ...(code === undefined ? {} : { code }) } };
  }
}
