// What the state in PostgreSQL owes beyond the suites that both engines share: writers of several processes, connections
// that end at the worst moment, outages, accounts without rights, and the move out of SQLite.
import { createServer, connect as dial, type Server } from "node:net";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessFeed } from "../../../recorder/access/feed.ts";
import { People } from "../../../recorder/access/people.ts";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { moveState } from "../../../recorder/database/move.ts";
import { claim } from "../../../recorder/database/postgres/claim.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { createTempDir } from "../../support/temp-dir.ts";

let postgres: TestPostgres;
let schemas = 0;
const opened: ServiceDatabase[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  for (const one of opened) await one.close();
  await postgres?.stop();
});

const fresh = () => `state_${++schemas}`;
async function open(schema: string, url = postgres.url): Promise<ServiceDatabase> {
  const database = await openDatabase({ url, schema });
  opened.push(database);
  return database;
}

const secret = { name: "s", kind: "password", sealed: "hunter2-sealed", created_at: "t", updated_at: "t" };
const line = { actor: "jane'; drop table audit; --", action: "x", subject: "s", address: "local", details: {} };

const engines = {
  PostgreSQL: async () => {
    const schema = fresh();
    return [await open(schema), await open(schema)] as const;
  },
  SQLite: async () => {
    const folder = await createTempDir("racing");
    const both = [0, 1].map(() => openDatabase(`${folder.path}/conduit.db`, { thread: true }));
    const [one, other] = await Promise.all(both);
    if (one === undefined || other === undefined) throw new Error("two are opened");
    opened.push(one, other, { ...one, close: () => folder.remove() });
    return [one, other] as const;
  },
};

describe.each(Object.entries(engines))("two connections that race on %s", (_engine, both) => {
  test("number audit lines and events without a gap, and read before they write undisturbed", async () => {
    const [one, other] = await both();
    const writers = [one, other].map(({ catalog, requests }) => ({
      log: new AuditLog(catalog),
      feed: new AccessFeed(requests),
    }));
    const event = { type: "policy.loaded", actor: "a", subject: "s", address: "local", details: {} } as const;
    // Read, waited, written: what only a lock that is taken first makes safe.
    const counted = (database: ServiceDatabase) =>
      database.requests.transaction().execute(async (trx) => {
        const read = trx.selectFrom("access_counters").select("value").where("name", "=", "clock");
        const { value } = await read.executeTakeFirstOrThrow();
        await new Promise((resolve) => setTimeout(resolve, 2));
        await trx
          .updateTable("access_counters")
          .set({ value: Number(value) + 1 })
          .where("name", "=", "clock")
          .execute();
      });
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const { log, feed } = writers[i % 2] ?? {};
        await log?.append(line);
        await feed?.record(event);
        await counted(i % 2 === 0 ? one : other);
      }),
    );
    const audit = await one.catalog.selectFrom("audit").select("id").orderBy("id").execute();
    expect(audit.map(({ id }) => Number(id))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const events = await other.requests.selectFrom("access_events").select("seq").orderBy("seq").execute();
    expect(events.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const clock = one.requests.selectFrom("access_counters").select("value").where("name", "=", "clock");
    expect(Number((await clock.executeTakeFirstOrThrow()).value)).toBe(40);
    for (const { feed } of writers) await feed.close();
  });

  test("a line outside of a transaction waits for one that is under way", async () => {
    const [one, other] = await both();
    const order: string[] = [];
    let begun = (): void => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    await Promise.all([
      one.access.transaction().execute(async (trx) => {
        await trx.selectFrom("people").select("key").execute();
        begun();
        await new Promise((resolve) => setTimeout(resolve, 150));
        order.push("transaction");
      }),
      isBegun.then(() => other.access.insertInto("secrets").values(secret).execute()).then(() => order.push("line")),
    ]);
    expect(order).toEqual(["transaction", "line"]);
  });
});

test("of several that start at once one makes the tables, and schemas see nothing of one another", async () => {
  const schema = fresh();
  const all = await Promise.all(Array.from({ length: 4 }, () => open(schema)));
  await new People(all[0]?.access ?? expect.fail()).create({ name: "Jane", roles: ["admin"] });
  expect((await new People(all[3]?.access ?? expect.fail()).list()).map(({ name }) => name)).toEqual(["Jane"]);
  expect(await new People((await open(fresh())).access).list()).toEqual([]);
  expect(await all[1]?.check()).toBe("ok");
});

test("a failed statement that somebody passes over commits nothing", async () => {
  const { access } = await open(fresh());
  await access.insertInto("secrets").values(secret).execute();
  const passedOver = access.transaction().execute(async (trx) => {
    const other = { ...secret, name: "other" };
    await trx.insertInto("secrets").values(other).execute();
    await trx
      .insertInto("secrets")
      .values(secret)
      .execute()
      .catch(() => {});
  });
  await expect(passedOver).rejects.toThrow(/was rolled back/);
  expect(await access.selectFrom("secrets").select("name").execute()).toEqual([{ name: "s" }]);
});

test("what is append-only cannot be emptied either, and no error carries the row that was refused", async () => {
  const { catalog, access } = await open(fresh());
  await new AuditLog(catalog).append(line);
  for (const statement of ["delete from audit", "update audit set actor = 'x'", "truncate audit"]) {
    await expect(sql.raw(statement).execute(catalog), statement).rejects.toThrow(/append-only/);
  }
  const other = { ...secret, kind: "other" };
  const fault: unknown = await access
    .insertInto("secrets")
    .values(other)
    .execute()
    .catch((error: unknown) => error);
  expect(fault).toMatchObject({ code: "23514", constraint: expect.any(String) });
  expect(JSON.stringify(fault, Object.getOwnPropertyNames(fault as Error))).not.toContain("hunter2");
});

test("a key that is destroyed leaves its table's file", async () => {
  const database = await open(fresh());
  const file = async () =>
    (await sql<{ at: string }>`select pg_relation_filepath('month_keys') as at`.execute(database.access)).rows[0]?.at;
  const { MonthKeys } = await import("../../../recorder/access/month-keys.ts");
  const { MasterKey } = await import("../../../recorder/access/master-key.ts");
  const keys = new MonthKeys(database.access, MasterKey.of(database.access, new Uint8Array(32)));
  await keys.recipientOf("2027-02");
  const before = await file();
  expect(await keys.destroy("2027-02")).toBe(true);
  expect(await file()).not.toBe(before);
});

/** Between client and server: `commit` is lost on its way there, or its answer on the way back. */
async function startCutter(): Promise<{ url: string; cut: "request" | "answer" | null; server: Server }> {
  const socket = `${new URL(postgres.url).searchParams.get("host") ?? ""}/.s.PGSQL.5432`;
  const cutter = { url: "", cut: null as "request" | "answer" | null, server: createServer() };
  cutter.server.on("connection", (client) => {
    const upstream = dial(socket);
    let isCut = false;
    client.on("data", (bytes) => {
      if (cutter.cut !== null && bytes[0] === 0x51 && bytes.includes("commit\0")) {
        if (cutter.cut === "answer") isCut = true;
        else {
          cutter.cut = null;
          client.destroy();
          upstream.destroy();
          return;
        }
        cutter.cut = null;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (isCut) client.destroy();
      else client.write(bytes);
    });
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      end.on("error", () => other.destroy());
      end.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => cutter.server.listen(0, "127.0.0.1", resolve));
  const address = cutter.server.address();
  const url = new URL(postgres.url);
  url.searchParams.delete("host");
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? address?.port : 0);
  cutter.url = url.href;
  return cutter;
}

test("of a connection that ends at the commit it is known what became of it", async () => {
  const cutter = await startCutter();
  try {
    const { access } = await open(fresh(), cutter.url);
    const add = (name: string) =>
      access
        .insertInto("secrets")
        .values({ ...secret, name })
        .execute();
    cutter.cut = "answer";
    await add("done");
    cutter.cut = "request";
    await expect(add("not done")).rejects.toMatchObject({ code: "DATABASE_FAILED", retryable: true });
    expect(cutter.cut).toBeNull();
    await add("after");
    expect(
      (await access.selectFrom("secrets").select("name").orderBy("name").execute()).map(({ name }) => name),
    ).toEqual(["after", "done"]);
  } finally {
    cutter.server.close();
  }
});

test("readers get their answer while more writers wait than there are connections", async () => {
  const { access } = await open(fresh());
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const holder = access.transaction().execute(async (trx) => {
    await trx.selectFrom("people").select("key").execute();
    await held;
  });
  const waiting = Array.from({ length: 30 }, (_, i) =>
    access
      .insertInto("secrets")
      .values({ ...secret, name: `n${i}` })
      .execute(),
  );
  for (let i = 0; i < 20; i++) expect(await access.selectFrom("people").select("key").execute()).toEqual([]);
  release();
  await Promise.all([holder, ...waiting]);
  expect(await access.selectFrom("secrets").select("name").execute()).toHaveLength(30);
});

test("an account without rights, and a database that is none, are said with a mend and without the password", async () => {
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  try {
    await admin.query("create role poor login password 'hunter2'; create schema given authorization poor");
    await admin.query("create database latin encoding 'LATIN1' locale 'C' template template0");
  } finally {
    await admin.end();
  }
  const as = (change: (url: URL) => void) => {
    const url = new URL(postgres.url);
    change(url);
    return url.href;
  };
  const poor = as((url) => {
    url.username = "poor";
    url.password = "hunter2";
  });
  const faultOf = (url: string, schema = fresh()) =>
    openDatabase({ url, schema }).then(
      () => expect.fail("it was opened"),
      (error: unknown) => error,
    );
  const expected = [
    [await faultOf(poor), "DATABASE_FAILED", /lacks a right there \(42501\); let it own its schema/],
    [await faultOf(as((url) => (url.password = "hunter3"))), "DATABASE_FAILED", /refuses the sign-in .*urlFile/],
    [await faultOf(as((url) => (url.pathname = "/none"))), "DATABASE_FAILED", /no database of that name/],
    [await faultOf(as((url) => (url.pathname = "/latin"))), "CONFIG_INVALID", /its encoding is LATIN1/],
  ] as const;
  for (const [fault, code, message] of expected) {
    expect(fault).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(JSON.stringify(fault, Object.getOwnPropertyNames(fault as Error))).not.toMatch(/hunter|of the tests/);
  }
  // A schema that an administrator has made for it is enough.
  expect(await (await open("given", poor)).check()).toBe("ok");
});

test("everything moves out of SQLite, byte for byte, into an empty schema alone", async () => {
  const source = await openDatabase(":memory:");
  opened.push(source);
  await new People(source.access).create({ name: "Jane", roles: ["admin"] });
  for (let i = 0; i < 700; i++) await new AuditLog(source.catalog).append({ ...line, subject: `Jäne 😀 ${i % 7}` });
  const bytes = new Uint8Array(3_000_000).map((_, i) => i % 251);
  for (const import_id of ["b", "a"]) {
    await source.cases.insertInto("import_files").values({ import_id, raw: bytes, events: new Uint8Array() }).execute();
  }
  const target = await open(fresh());
  await moveState(source.access, target.access);
  for (const table of ["people", "audit", "access_counters"] as const) {
    const all = (database: ServiceDatabase) =>
      sql`select * from ${sql.table(table)} order by 1`.execute(database.access);
    expect((await all(target)).rows, table).toEqual((await all(source)).rows);
  }
  const files = await target.cases.selectFrom("import_files").selectAll().orderBy("import_id").execute();
  expect(files.map(({ import_id }) => import_id)).toEqual(["a", "b"]);
  expect(Buffer.compare(files[0]?.raw ?? new Uint8Array(), bytes)).toBe(0);
  await new AuditLog(target.catalog).append(line);
  expect((await new AuditLog(target.catalog).list({ limit: 1 })).items[0]?.id).toBe(701);
  await expect(moveState(source.access, target.access)).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
});

test("one recorder at a time is at work on a schema, also after its connection was cut", async () => {
  const where = { url: postgres.url, schema: fresh() };
  const end = await claim(where, { recorder: "plant-a", taken: () => {} });
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  const second = claim(where, { recorder: "plant-b", taken: () => {} });
  try {
    await expect.poll(async () => (await admin.query(waitingSql, ["conduit-recorder plant-b"])).rows).toHaveLength(1);
    await end();
    await (await second)();
    const holder = await claim(where, { recorder: "plant-c", taken: () => {} });
    const names: string[] = [];
    const lost = await claim({ ...where, schema: fresh() }, { recorder: "plant-d", taken: (by) => names.push(by) });
    // Its connection ends, and it takes the schema again by itself.
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ 'plant-d'");
    await expect
      .poll(async () => (await admin.query(waitingSql, ["conduit-recorder plant-d"])).rows, { timeout: 15_000 })
      .toHaveLength(1);
    expect(names).toEqual([]);
    await holder();
    await lost();
  } finally {
    await admin.end();
  }
});

const waitingSql = "select from pg_stat_activity where application_name = $1";

// The last: it takes the server away from under the others.
test("after a crash of the server it goes on with the next request, and what was committed is there", async () => {
  const { access } = await open(fresh());
  await access.insertInto("secrets").values(secret).execute();
  await postgres.kill();
  await expect(access.selectFrom("secrets").selectAll().execute()).rejects.toMatchObject({
    code: "DATABASE_FAILED",
    retryable: true,
    message: expect.stringMatching(/cannot be used: (?:nothing answers|it has ended)/),
  });
  await postgres.start();
  expect(await access.selectFrom("secrets").selectAll().execute()).toEqual([secret]);
  await access
    .insertInto("secrets")
    .values({ ...secret, name: "later" })
    .execute();
});
