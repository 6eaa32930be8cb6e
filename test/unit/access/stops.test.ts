import { afterEach, beforeEach, expect, it } from "vitest";
import { AccessFeed } from "../../../recorder/access/feed.ts";
import { Stops } from "../../../recorder/access/stops.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import type { Stop } from "../../../shared/api/types.ts";
import { openState } from "../../support/state.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

let folder: TempDir;
let database: ServiceDatabase;
const ending: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = await createTempDir("stops");
  database = await openState(`${folder.path}/conduit.db`);
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  await database.close();
  await folder.remove();
});

const emil = { name: "emil", address: "10.0.0.7" };

/** As one process of the service has it. */
async function begin() {
  const feed = new AccessFeed(database.requests, { pollMs: 20 });
  await feed.start();
  const done: string[] = [];
  const stops = new Stops(database.stops, feed, {
    stop: ({ scope, action }: Stop) => done.push(`${action} ${scope}`),
    lifted: (by, reason, stillStopped) =>
      done.push(`lifted by ${by} (${reason})${stillStopped("reactor") ? ", reactor still stopped" : ""}`),
    conduits: () => ["reactor", "Line-2"],
    onError: (error) => done.push(String(error)),
  });
  await stops.start();
  ending.push(
    () => feed.close(),
    () => stops.close(),
  );
  return { stops, done, feed };
}

it("holds what it covers, in the inventory's own letters, and tells who did it", async () => {
  const { stops, feed } = await begin();
  expect(stops.covering("reactor")).toBeNull();
  const { stop } = await stops.set("conduit:LINE-2", { action: "freeze", reason: "drill" }, emil);
  expect(stop).toMatchObject({ scope: "conduit:Line-2", by: "emil" });
  expect([stops.covering("line-2")?.reason, stops.covering("reactor")]).toEqual(["drill", null]);
  await stops.set("all", { action: "end", reason: "fire" }, emil);
  expect(stops.covering("reactor")?.reason).toBe("fire");
  expect(await feed.newest(2)).toMatchObject([
    {
      type: "stop.set",
      subject: "all",
      actor: "emil",
      address: "10.0.0.7",
      details: { action: "end", reason: "fire" },
    },
    { type: "stop.set", subject: "conduit:Line-2" },
  ]);
});

it("knows them after a restart, and brings them into force again", async () => {
  const before = await begin();
  await before.stops.set("conduit:reactor", { action: "freeze", reason: "drill" }, emil);
  await before.stops.set("conduit:reactor", { action: "end", reason: "no drill" }, emil);
  const { stops, done } = await begin();
  expect(stops.list()).toMatchObject([{ scope: "conduit:reactor", action: "end", reason: "no drill", by: "emil" }]);
  expect(done).toEqual(["end conduit:reactor"]);
});

it("is lifted scope by scope", async () => {
  const { stops, done } = await begin();
  await stops.set("all", { action: "freeze", reason: "x" }, emil);
  await stops.set("conduit:reactor", { action: "freeze", reason: "y" }, emil);
  await stops.lift("all", "over", emil);
  expect([stops.covering("line-2"), stops.covering("reactor")?.reason]).toEqual([null, "y"]);
  await stops.lift("CONDUIT:reactor", "over, too", emil);
  expect(done.slice(2)).toEqual(["lifted by emil (over), reactor still stopped", "lifted by emil (over, too)"]);
  await expect(stops.lift("all", "", emil)).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
  expect(stops.list()).toEqual([]);
});

it("follows what another process sets and lifts", async () => {
  const [one, two] = [await begin(), await begin()];
  await one.stops.set("all", { action: "freeze", reason: "fire" }, emil);
  await waitFor(() => two.stops.covering("reactor") !== null, { what: "the stop in the other process" });
  expect(two.done).toEqual(["freeze all"]);
  await two.stops.lift("all", "over", emil);
  await waitFor(() => one.stops.covering("reactor") === null, { what: "the end of the stop" });
  expect(one.done).toEqual(["freeze all", "lifted by emil (over)"]);
});

it("is in force where it cannot be written, and says that a restart forgets it", async () => {
  const { stops, done } = await begin();
  await database.stops.schema.dropTable("stops").execute();
  await expect(stops.set("all", { action: "freeze", reason: "fire" }, emil)).rejects.toMatchObject({
    code: "DATABASE_FAILED",
    message: expect.stringContaining("a restart of the service forgets it"),
  });
  expect([stops.covering("reactor")?.reason, done]).toEqual(["fire", ["freeze all"]]);
});

it("refuses a conduit that is not there, and stops nothing", async () => {
  const { stops, done } = await begin();
  await expect(stops.set("conduit:nowhere", { action: "end", reason: "x" }, emil)).rejects.toMatchObject({
    code: "REQUEST_NOT_FOUND",
  });
  expect([done, stops.list()]).toEqual([[], []]);
});
