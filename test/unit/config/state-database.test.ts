import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../../recorder/config.ts";
import { isProtected } from "../../../recorder/database/postgres/place.ts";
import { hasState, stateName, stateOf } from "../../../recorder/database.ts";

const url = "postgresql://conduit:hunter2@db.example/plant";
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "state-database-"));
  writeFileSync(join(directory, "state-url"), `${url}\n`);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const load = (text: string, env: Record<string, string> = {}) => {
  const file = join(directory, "conduit.yaml");
  writeFileSync(file, text);
  return loadConfig({ file, env, directory });
};

test("the state is in its file, or in the schema of PostgreSQL that is named", () => {
  const inFile = load("recorder: { database: state.db }\n");
  expect([stateOf(inFile), hasState(inFile)]).toEqual([join(directory, "state.db"), false]);
  const there = load("database: { urlFile: state-url }\n");
  expect([stateOf(there), hasState(there)]).toEqual([{ url, schema: "conduit" }, true]);
  expect(stateName(stateOf(there))).toBe("PostgreSQL at db.example:5432/plant, schema conduit");
  expect(inspect(there, { depth: 5 }) + JSON.stringify(there)).not.toContain("hunter2");
  const env = { CONDUIT_DATABASE_URL: url, CONDUIT_DATABASE_SCHEMA: "plant_b" };
  expect(stateOf(load("recorder: {}\n", env))).toEqual({ url, schema: "plant_b" });
});

test("a connection over the network is protected only by a certificate that is verified", () => {
  const at = (rest: string) => isProtected(`postgresql://conduit:hunter2@${rest}`);
  expect(
    ["localhost/x", "127.0.0.1/x", "localhost/x?host=/run/postgresql", "db/x?sslmode=verify-full"].map(at),
  ).toEqual(Array(4).fill(true));
  expect(["db/x", "db/x?sslmode=disable", "localhost.evil/x", "db/x?sslmode=no-verify"].map(at)).toEqual(
    Array(4).fill(false),
  );
});

test.each([
  [`{ url: "${url}" }`, /has a password, which must not stand in the file.*CONDUIT_DATABASE_URL/s],
  ["{ url: postgresql://db.example/x, urlFile: state-url }", /stands beside database.urlFile/],
  ["{ urlFile: state-url, schema: pg_catalog }", /none of PostgreSQL's own/],
  [`{ urlFile: state-url, schema: 'x"; drop schema y; --' }`, /small letters, digits and underscore/],
])("%s is refused", (database, message) => {
  expect(() => load(`database: ${database}\n`)).toThrow(message);
});
