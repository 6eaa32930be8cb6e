// The search of a real service whose index is in PostgreSQL: what is recorded is found over HTTP.
import { afterAll, beforeAll, expect, it } from "vitest";
import { SearchPage } from "../../../shared/api/search.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh } from "../ssh/clients.ts";
import { investigator, type Plant, startPlant } from "./plant.ts";

let postgres: TestPostgres;
let plant: Plant;
let cookie: string;

beforeAll(async () => {
  postgres = await startPostgres();
  plant = await startPlant({ config: { search: { cpuShare: 1 } }, env: { CONDUIT_SEARCH_DATABASE_URL: postgres.url } });
  const response = await fetch(`${plant.service.httpUrl}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(investigator),
  });
  cookie = response.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
}, 120_000);
afterAll(async () => {
  await plant?.stop();
  await postgres?.stop();
});

it("finds what was run", async () => {
  expect((await ssh(plant.gateway(), ["echo valve-77; exit 3"])).code).toBe(3);
  await waitFor(
    async () => {
      const response = await fetch(`${plant.service.httpUrl}/api/v1/search?q=valve-77&kinds=command`, {
        headers: { cookie },
      });
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      const [hit] = SearchPage.parse(await response.json()).items;
      return hit?.exitStatus === 3;
    },
    { what: "the command to be found", timeoutMs: 90_000, intervalMs: 300 },
  );
});
