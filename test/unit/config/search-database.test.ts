import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../../recorder/config.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "search-database-"));
  writeFileSync(join(directory, "search-url"), "postgresql://conduit:hunter2@db.example/conduit\n");
  writeFileSync(join(directory, "not-one"), "hunter2\n");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const load = (text: string, env: Record<string, string> = {}) => {
  const file = join(directory, "conduit.yaml");
  writeFileSync(file, text);
  return loadConfig({ file, env, directory }).search.database;
};

test("the search's database comes from a file, from a variable, or without a password from the configuration", () => {
  expect(load("search: { cpuShare: 1 }\n")).toBeNull();
  const url = "postgresql://conduit:hunter2@db.example/conduit";
  expect(load("search: { database: { urlFile: search-url } }\n")?.reveal()).toBe(url);
  expect(load("search: { cpuShare: 1 }\n", { CONDUIT_SEARCH_DATABASE_URL: url })?.reveal()).toBe(url);
  const peer = "postgresql://conduit@db.example/conduit";
  expect(load(`search: { database: { url: "${peer}" } }\n`)?.reveal()).toBe(peer);
});

test.each([
  ['{ url: "postgresql://conduit:hunter2@db.example/x" }', /has a password, which must not stand in the file/],
  ['{ url: "postgresql://db.example/x?password=hunter2" }', /has a password, which must not stand in the file/],
  ['{ url: "mysql://conduit:hunter2@db.example/x" }', /password|an address such as/],
  ['{ url: "postgres ://conduit@hunter2/x" }', /an address such as/],
  ["{ urlFile: not-one }", /names a file without an address of PostgreSQL/],
  ["{ urlFile: not-there }", /cannot be read|not there|does not exist/],
  ['{ url: "postgresql://db.example/x", urlFile: search-url }', /stands beside search.database.urlFile/],
])("%s is refused without the password in the message", (database, message) => {
  let fault: unknown;
  try {
    load(`search: { database: ${database} }\n`);
  } catch (error) {
    fault = error;
  }
  expect((fault as Error | undefined)?.message).toMatch(message);
  expect(inspect(fault)).not.toContain("hunter2");
});

test("printed or logged it shows no password", () => {
  const database = load("search: { database: { urlFile: search-url } }\n");
  expect(inspect({ database }, { depth: 5 }) + JSON.stringify({ database })).not.toContain("hunter2");
});
