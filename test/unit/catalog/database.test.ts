import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../../recorder/database.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conduit-database-"));
  path = join(directory, "deep", "conduit.db");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const secret = { name: "s", kind: "password", sealed: "x", created_at: "t", updated_at: "t" };

describe.each([{ thread: false }, { thread: true }])("with %o", ({ thread }) => {
  it("creates the file for the service alone, and finds everything again", async () => {
    const first = await openDatabase(path, { thread });
    await first.access.insertInto("secrets").values(secret).execute();
    for (const file of [path, `${path}-wal`]) expect((await stat(file)).mode & 0o777, file).toBe(0o600);
    await first.close();
    const second = await openDatabase(path, { thread });
    expect(await second.access.selectFrom("secrets").selectAll().execute()).toEqual([secret]);
    await second.close();
  });

  it("says how to mend a disk that is full or read-only, also within a transaction", async () => {
    const database = await openDatabase(path, { thread });
    const large = { ...secret, sealed: "x".repeat(1_000_000) };
    const full = { code: "DATABASE_FAILED", message: expect.stringMatching(/conduit\.db .*disk is full.*make room/) };
    await sql`pragma max_page_count = 1`.execute(database.access);
    await expect(database.access.insertInto("secrets").values(large).execute()).rejects.toMatchObject(full);
    const inTransaction = database.access
      .transaction()
      .execute((tx) => tx.insertInto("secrets").values(large).execute());
    await expect(inTransaction).rejects.toMatchObject(full);
    await sql`pragma max_page_count = 100000`.execute(database.access);
    await sql`pragma query_only = on`.execute(database.access);
    await expect(database.access.insertInto("secrets").values(secret).execute()).rejects.toMatchObject({
      code: "DATABASE_FAILED",
      message: expect.stringMatching(/read-only.*account write/),
    });
    await sql`pragma query_only = off`.execute(database.access);
    // It goes on where it was.
    await database.access.insertInto("secrets").values(secret).execute();
    await expect(database.access.insertInto("secrets").values(secret).execute()).rejects.toMatchObject({
      code: expect.stringContaining("SQLITE_CONSTRAINT"),
    });
    await database.close();
  });

  it("enforces what the schema says: references, checks, uniqueness", async () => {
    const database = await openDatabase(path, { thread });
    const key = {
      fingerprint: "f",
      person: "nobody",
      algorithm: "a",
      blob: "b",
      comment: "",
      added_at: "t",
      last_used_at: null,
    };
    await expect(database.access.insertInto("person_keys").values(key).execute()).rejects.toThrow(/FOREIGN KEY/);
    await expect(
      database.access
        .insertInto("secrets")
        .values({ ...secret, kind: "other" })
        .execute(),
    ).rejects.toThrow(/CHECK/);
    await database.close();
  });

  it("passes on any value that JavaScript has, text with NUL in it included", async () => {
    const database = await openDatabase(path, { thread });
    const values = async (...given: unknown[]) => {
      const columns = given.map((value, i) => sql`${value} as ${sql.ref(`c${i}`)}`);
      const { rows } = await sql<Record<string, unknown>>`select ${sql.join(columns)}`.execute(database.catalog);
      return Object.values(rows[0] ?? {});
    };
    expect(await values(true, false, 5, 1.5, 2 ** 53 - 1, -7n, null, "ä\ud83d\ude00", "")).toEqual([
      1,
      0,
      5,
      1.5,
      2 ** 53 - 1,
      -7,
      null,
      "ä\ud83d\ude00",
      "",
    ]);
    expect(await values("before\0after")).toEqual(["before\ufffdafter"]);
    expect(await values(new Uint8Array([0, 1, 255]).subarray(1))).toEqual([new Uint8Array([1, 255])]);
    const { rows } = await sql<{ kind: string }>`select typeof(${5}) as kind`.execute(database.catalog);
    expect(rows).toEqual([{ kind: "integer" }]);
    await database.close();
  });

  it("finds nothing wrong with a file that is sound", async () => {
    const database = await openDatabase(path, { thread });
    expect(await database.check()).toBe("ok");
    await database.close();
  });

  it("rolls a failed transaction back and goes on", async () => {
    const database = await openDatabase(path, { thread });
    const failing = database.access.transaction().execute(async (tx) => {
      await tx.insertInto("secrets").values(secret).execute();
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await database.access.selectFrom("secrets").selectAll().execute()).toEqual([]);
    await database.close();
  });

  it("runs transactions one after another, and other queries not within them", async () => {
    const database = await openDatabase(path, { thread });
    const add = (name: string) => database.access.insertInto("secrets").values({ ...secret, name });
    const order: string[] = [];
    await Promise.all([
      database.access
        .transaction()
        .execute(async (tx) => {
          await tx
            .insertInto("secrets")
            .values({ ...secret, name: "a" })
            .execute();
          order.push("a");
          await tx.selectFrom("secrets").selectAll().execute();
          throw new Error("no");
        })
        .catch(() => order.push("rolled back")),
      add("b")
        .execute()
        .then(() => order.push("b")),
    ]);
    expect(order).toEqual(["a", "rolled back", "b"]);
    expect((await database.access.selectFrom("secrets").select("name").execute()).map((row) => row.name)).toEqual([
      "b",
    ]);
    await database.close();
    await expect(add("c").execute()).rejects.toThrow();
  });

  it("passes on a failure with its code, and works on", async () => {
    const database = await openDatabase(path, { thread });
    await database.access.insertInto("secrets").values(secret).execute();
    await expect(database.access.insertInto("secrets").values(secret).execute()).rejects.toMatchObject({
      code: "SQLITE_CONSTRAINT_PRIMARYKEY",
    });
    expect(await database.access.selectFrom("secrets").selectAll().execute()).toHaveLength(1);
    await database.close();
  });
});

it("lets several processes create it and write to it at once", async () => {
  const writer = `
    import { openDatabase } from ${JSON.stringify(new URL("../../../recorder/database.ts", import.meta.url).href)};
    const database = await openDatabase(process.argv[1]);
    for (let i = 0; i < 40; i++) {
      await database.catalog.transaction().execute(async (tx) => {
        const { n } = await tx.selectFrom("audit").select((e) => e.fn.countAll().as("n")).executeTakeFirstOrThrow();
        await tx.insertInto("audit").values({ at: "t", actor: process.argv[2], action: String(n), subject: "", address: "", details: "{}" }).execute();
      });
    }
    await database.close();`;
  const run = async (name: string) => {
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", writer, path, name], {
      stdio: ["ignore", "inherit", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = await once(child, "exit");
    return { code, said };
  };
  const results = await Promise.all(["a", "b", "c"].map(run));
  for (const { code, said } of results) expect([code, said]).toEqual([0, expect.not.stringContaining("Error")]);
  const database = await openDatabase(path);
  const rows = await database.catalog.selectFrom("audit").select("action").orderBy("id").execute();
  // Each saw what all others had written before it: no transaction read a state that another was just changing.
  expect(rows.map((row) => row.action)).toEqual(Array.from({ length: 120 }, (_, i) => String(i)));
  await database.close();
});

it("says what to do about a file that is no database, or of a newer version", async () => {
  await writeFile(
    join(directory, "text.db"),
    "this is not a database file, but it is long enough to be read as one".repeat(20),
  );
  await expect(openDatabase(join(directory, "text.db"))).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("cannot be used"),
  });
  await expect(openDatabase(join(directory, "text.db", "x.db"))).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const database = await openDatabase(path);
  await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2030')`.execute(database.access);
  await database.close();
  await expect(openDatabase(path)).rejects.toThrow(/written by another version/);
});

it("does not block this thread while another process holds the lock", async () => {
  const holder = await openDatabase(path);
  const database = await openDatabase(path, { thread: true });
  let ticks = 0;
  let waited: Promise<unknown> = Promise.resolve();
  await holder.access.transaction().execute(async (tx) => {
    await tx.insertInto("secrets").values(secret).execute();
    waited = database.access
      .insertInto("secrets")
      .values({ ...secret, name: "later" })
      .execute();
    for (; ticks < 20; ticks++) await new Promise((resume) => setTimeout(resume, 5));
  });
  await waited;
  expect(ticks).toBe(20);
  expect(await database.access.selectFrom("secrets").selectAll().execute()).toHaveLength(2);
  await database.close();
  await holder.close();
});
