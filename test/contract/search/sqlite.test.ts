import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { openSqliteIndex } from "../../../recorder/search/sqlite-index.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { searchIndexContract } from "./search-index-contract.ts";

let folder: TempDir;
let files = 0;

beforeAll(async () => {
  folder = await createTempDir("search-contract");
});
afterAll(() => folder.remove());

searchIndexContract("SQLite", () => openSqliteIndex(join(folder.path, `search-${++files}.db`)));
