// `conduit database move`: the state from its file into PostgreSQL, while nothing else is at work on it.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { resolve } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { moveState } from "../database/move.ts";
import { openDatabase, stateName } from "../database.ts";
import { inWorkspace, type Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted } from "./output.ts";

interface MoveOptions {
  to: string;
  schema: string;
}

export const registerDatabase: Register = (program, cli) => {
  program
    .command("database")
    .description("the state: people, requests, the index of recordings, the audit log")
    .command("move")
    .description("from the SQLite file into PostgreSQL, all or nothing; the service has to be stopped")
    .requiredOption("--to <file>", "a file whose one line is the address: postgresql://USER:PASSWORD@HOST/DATABASE")
    .option("--schema <name>", "whose tables there, as database.schema", "conduit")
    .action(async ({ to, schema }: MoveOptions, command) => {
      const place = { url: addressIn(resolve(cli.directory, to)), schema: schemaName(schema) };
      await inWorkspace(cli, command, async ({ config, database, audit }) => {
        if (config.database !== null) {
          throw refused("REQUEST_CONFLICT", "the state is in PostgreSQL already, as database.url or urlFile says");
        }
        if (await answers(config.recorder.adminSocket)) {
          throw refused("REQUEST_CONFLICT", "the service is running: stop it, and what it writes is not left behind");
        }
        const destination = await openDatabase(place);
        try {
          // Before the move, so that it is on both sides.
          await audit("database.move", stateName(place));
          const tables = await moveState(database.access, destination.access, ({ name, rows, sha256 }) => {
            cli.out.line(`${name}: ${counted(rows, "row")}, SHA-256 ${sha256.slice(0, 16)}…`);
          });
          const rows = tables.reduce((sum, table) => sum + table.rows, 0);
          cli.out.line(
            `${counted(rows, "row")} in ${counted(tables.length, "table")} moved to ${stateName(place)}, and read back as they were.`,
          );
          cli.out.line(
            `Now set database.urlFile${schema === "conduit" ? "" : " and database.schema"}, and start the service.`,
          );
          cli.out.line(`Then keep or destroy ${config.recorder.database}: it holds all secrets still.`);
        } finally {
          await destination.close();
        }
      });
    });
};

function addressIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw refused("CONFIG_UNREADABLE", `${file} cannot be read; give the file that holds the address`, cause);
  }
  if (/^postgres(?:ql)?:\/\/\S+$/.test(text)) return text;
  throw refused(
    "REQUEST_INVALID",
    `${file} holds no address of PostgreSQL; put one line into it, such as postgresql://conduit:PASSWORD@db.example/conduit`,
  );
}

function schemaName(name: string): string {
  if (/^(?!pg_)[a-z][a-z0-9_]{0,62}$/.test(name)) return name;
  const message = "--schema takes small letters, digits and underscore, and none of PostgreSQL's own";
  throw refused("REQUEST_INVALID", message);
}

function answers(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const connection = connect(socket);
    connection.once("connect", () => {
      connection.destroy();
      done(true);
    });
    connection.once("error", () => done(false));
  });
}

function refused(code: "REQUEST_CONFLICT" | "REQUEST_INVALID" | "CONFIG_UNREADABLE", message: string, cause?: unknown) {
  const details = code === "REQUEST_INVALID" ? { details: { exitCode: exitCodes.usage } } : {};
  return new AppError(code, message, { op: "cli.database", ...details, ...(cause === undefined ? {} : { cause }) });
}
