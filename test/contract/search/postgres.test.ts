import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PostgresSearchIndex } from "../../../recorder/search/postgres-index.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { facts, line, putInto, textsOf } from "../../support/search-index.ts";
import { searchIndexContract } from "./search-index-contract.ts";

let postgres: TestPostgres;
let owners = 0;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const open = (owner: string, url = postgres.url) => new PostgresSearchIndex({ url, owner });

searchIndexContract("PostgreSQL", async () => open(`recorder-${++owners}`));

test("services that start at once share one index, and write the same recordings at once", async () => {
  const nodes = Array.from({ length: 4 }, () => open("cluster"));
  try {
    await Promise.all(nodes.map((node) => putInto(node, facts(1), [line("pump", 1), line("valve", 2)])));
    for (const node of nodes) expect(await textsOf(node, "")).toEqual(["valve", "pump"]);
    await Promise.all(nodes.map((node) => node.remove(facts(1).session)));
    for (const node of nodes) expect(await textsOf(node, "")).toEqual([]);
  } finally {
    await Promise.all(nodes.map((node) => node.close()));
  }
});

test("recorders that share a database see nothing of one another", async () => {
  const [one, other] = [open("Plant A"), open("plant-a")];
  try {
    await putInto(one, facts(1), [line("pump")]);
    expect(await other.sessions()).toEqual(new Map());
    expect(await textsOf(other, "pump")).toEqual([]);
    await other.forget();
    expect([...(await one.sessions()).values()]).toEqual([1]);
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
});

test("a database that is away is said in words without its password, and is used again when it is back", async () => {
  const index = open("away");
  try {
    await putInto(index, facts(1), [line("pump")]);
    await postgres.kill();
    const faults = [await faultOf(textsOf(index, "pump")), await faultOf(putInto(index, facts(2), [line("pump 2")]))];
    for (const fault of faults) {
      expect(fault).toMatchObject({ code: "SEARCH_UNAVAILABLE", retryable: true });
      expect(fault.message).toMatch(/the search has no answer from its database: (?:nothing answers|it has ended)/);
    }
    await postgres.start();
    await putInto(index, facts(2), [line("pump 2")]);
    expect(await textsOf(index, "pump")).toContain("pump 2");
  } finally {
    await index.close();
  }
});

test("one that refuses the sign-in, or has not the database, is told apart, and no error has the password", async () => {
  const wrong = new URL(postgres.url);
  wrong.password = "another secret";
  const nowhere = new URL(postgres.url);
  nowhere.pathname = "/nothing";
  for (const [url, said] of [
    [wrong.href, "refuses the sign-in"],
    [nowhere.href, "no database of that name"],
    ["postgresql://conduit:secret@127.0.0.1:1/x", "nothing answers there"],
  ] as const) {
    const index = open("x", url);
    const fault = await faultOf(textsOf(index, "pump"));
    await index.close();
    expect(fault.message).toContain(said);
    const all = JSON.stringify([
      fault,
      fault.message,
      fault.stack,
      (fault as { details?: unknown }).details,
      index.place,
    ]);
    expect(all).not.toMatch(/secret|of%20the%20tests|of the tests/);
  }
});

test("tables that somebody dropped are made again, and whoever feeds the index is told", async () => {
  const index = open("dropped");
  const beside = new pg.Client({ connectionString: postgres.url });
  await beside.connect();
  let remade = 0;
  index.whenRemade(() => remade++);
  try {
    await putInto(index, facts(1), [line("pump")]);
    await beside.query(`drop schema ${/schema (\w+)$/.exec(index.place)?.[1]} cascade`);
    expect(await faultOf(textsOf(index, "pump"))).toMatchObject({ code: "SEARCH_UNAVAILABLE" });
    expect(remade).toBe(1);
    expect(await textsOf(index, "pump")).toEqual([]);
    await putInto(index, facts(1), [line("pump")]);
    expect(await textsOf(index, "pump")).toEqual(["pump"]);
  } finally {
    await Promise.all([index.close(), beside.end()]);
  }
});

async function faultOf(work: Promise<unknown>): Promise<Error> {
  const fault: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(fault).toBeInstanceOf(Error);
  return fault as Error;
}
