// What people see of the quarantine: the files that were refused, as rows, and their bytes as files. Used by the service,
// which adds, and by the CLI, which lists, exports and removes; both may run at the same time.

import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, chmod, constants, copyFile, rm } from "node:fs/promises";
import type { Kysely } from "kysely";
import { AppError } from "../../shared/errors.ts";
import type { HoldFacts } from "../tap/file-hold.ts";
import { keptPath } from "./quarantine-files.ts";
import type { QuarantineTable, ScanTables } from "./tables.ts";

export interface QuarantinedFile extends HoldFacts {
  id: string;
  at: string;
  bytes: number;
  sha256: string;
  outcome: "infected" | "unscannable";
  finding: string;
  kept: boolean;
}

/** A row for each refusal; this many at most are listed. */
const maxListed = 1000;

export class Evidence {
  readonly #db: Kysely<ScanTables>;
  readonly #directory: string;

  constructor(db: Kysely<ScanTables>, directory: string) {
    this.#db = db;
    this.#directory = directory;
  }

  async add(file: Omit<QuarantinedFile, "id" | "at">): Promise<string> {
    const id = `q-${randomBytes(6).toString("hex")}`;
    const { session, person, target, path, direction, bytes, sha256, outcome, finding } = file;
    const row = { id, at: new Date().toISOString(), session, person, target, path, direction, bytes, sha256, outcome };
    await this.#db
      .insertInto("quarantine")
      .values({ ...row, finding, kept: file.kept ? 1 : 0 })
      .execute();
    return id;
  }

  /** There was no room for its bytes. */
  async notKept(id: string): Promise<void> {
    await this.#db.updateTable("quarantine").set({ kept: 0 }).where("id", "=", id).execute();
  }

  /** The newest first. */
  async list(): Promise<QuarantinedFile[]> {
    const rows = await this.#db
      .selectFrom("quarantine")
      .selectAll()
      .orderBy("at", "desc")
      .orderBy("id")
      .limit(maxListed)
      .execute();
    return rows.map(fileOf);
  }

  /** REQUEST_NOT_FOUND when there is none. */
  async find(id: string): Promise<QuarantinedFile> {
    const row = await this.#db.selectFrom("quarantine").selectAll().where("id", "=", id).executeTakeFirst();
    if (row !== undefined) return fileOf(row);
    throw new AppError(
      "REQUEST_NOT_FOUND",
      `no file in quarantine has the id ${JSON.stringify(id.slice(0, 64))}; conduit quarantine list shows them`,
      { op: "scan.evidence" },
    );
  }

  /** Copies the bytes to a new file that only its owner may read, and checks them against their digest. */
  async export(file: QuarantinedFile, to: string): Promise<void> {
    const from = keptPath(this.#directory, file.sha256);
    if (!file.kept) {
      throw new AppError("REQUEST_NOT_FOUND", `the bytes of ${file.id} were not kept: there was no room for them`, {
        op: "scan.export",
      });
    }
    if (!(await isThere(from))) {
      throw new AppError("INTEGRITY_HASH", `the bytes of ${file.id} are missing: they ought to be in ${from}`, {
        op: "scan.export",
      });
    }
    try {
      await copyFile(from, to, constants.COPYFILE_EXCL);
      await chmod(to, 0o400);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
      const why = code === "EEXIST" ? "is there already; name another" : `cannot be written (${code})`;
      throw new AppError("REQUEST_CONFLICT", `the file ${to} ${why}`, { op: "scan.export", cause });
    }
    const hash = createHash("sha256");
    for await (const piece of createReadStream(to)) hash.update(piece as Uint8Array);
    if (hash.digest("hex") === file.sha256) return;
    await rm(to, { force: true });
    throw new AppError("INTEGRITY_HASH", `the bytes of ${file.id} in ${from} are not those that were put there`, {
      op: "scan.export",
    });
  }

  /** The row goes, and the bytes with the last row that has them. */
  async remove(file: QuarantinedFile): Promise<void> {
    await this.#db.deleteFrom("quarantine").where("id", "=", file.id).execute();
    const others = await this.#db
      .selectFrom("quarantine")
      .select("id")
      .where("sha256", "=", file.sha256)
      .limit(1)
      .execute();
    if (others.length === 0) await rm(keptPath(this.#directory, file.sha256), { force: true });
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function fileOf(row: QuarantineTable): QuarantinedFile {
  const { id, at, session, person, target, path, bytes, sha256, finding } = row;
  return {
    id,
    at,
    session,
    person,
    target,
    path,
    direction: row.direction === "inbound" ? "inbound" : "outbound",
    bytes: Number(bytes),
    sha256,
    outcome: row.outcome === "infected" ? "infected" : "unscannable",
    finding,
    kept: row.kept === 1,
  };
}
