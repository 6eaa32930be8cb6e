// The feed: every event once, in order, in whichever process the change was made; and a consumer that outlives its process.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccessFeed } from "../../../../recorder/access/feed.ts";
import type { AccessEvent } from "../../../../shared/api/access.ts";
import { sleep, waitFor } from "../../../support/wait-for.ts";
import { type AccessUnderTest, accessUnderTest } from "./access-under-test.ts";

let access: AccessUnderTest;
beforeEach(async () => {
  access = await accessUnderTest({ thread: true });
});
afterEach(() => access.close());

const event = (subject: string) => ({
  type: "policy.loaded" as const,
  actor: "recorder",
  subject,
  address: "local",
  details: { hash: subject },
});
const subjects = (events: readonly AccessEvent[]) => events.map(({ subject }) => subject);

describe("listeners", () => {
  it("are told of what becomes durable from then on, by this process and by others, in order", async () => {
    await access.feed.record(event("before"));
    await access.feed.start();
    const told: AccessEvent[] = [];
    const end = access.feed.subscribe((one) => told.push(one));
    const other = await access.another();
    for (let i = 0; i < 20; i++) {
      await access.feed.record(event(`own-${i}`));
      await other.feed.record(event(`other-${i}`));
    }
    await waitFor(() => told.length === 40);
    expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: 40 }, (_, i) => i + 2));
    expect(subjects(told).slice(0, 2)).toEqual(["own-0", "other-0"]);
    end();
    await access.feed.record(event("after"));
    await access.feed.settled();
    expect(told).toHaveLength(40);
    await other.close();
  });

  it("hear of nothing that was rolled back, and numbers have no gap", async () => {
    await access.feed.start();
    const told: AccessEvent[] = [];
    access.feed.subscribe((one) => told.push(one));
    const failing = access.database.requests.transaction().execute(async (trx) => {
      await access.feed.append(trx, event("never"));
      throw new Error("it does not happen");
    });
    await expect(failing).rejects.toThrow("it does not happen");
    await access.feed.record(event("happened"));
    await access.feed.settled();
    expect(told).toEqual([expect.objectContaining({ seq: 1, subject: "happened" })]);
  });

  it("do not take the feed down with them", async () => {
    const errors: unknown[] = [];
    const feed = new AccessFeed(access.database.requests, { onError: (error) => errors.push(error) });
    await feed.start();
    const told: string[] = [];
    feed.subscribe(() => {
      throw new Error("a listener's own fault");
    });
    feed.subscribe(({ subject }) => told.push(subject));
    await feed.record(event("one"));
    await feed.record(event("two"));
    await feed.settled();
    expect([told, errors.length]).toEqual([["one", "two"], 2]);
    await feed.close();
  });
});

describe("a consumer", () => {
  const consumed = async () => {
    const rows = await access.database.catalog.selectFrom("audit").select("subject").orderBy("id").execute();
    return rows.map(({ subject }) => subject);
  };
  const copying = (feed: AccessFeed, fail: () => boolean = () => false) =>
    feed.consume("audit", async (events, trx) => {
      for (const { seq: _seq, type, details, ...rest } of events) {
        const row = { ...rest, action: type, details: JSON.stringify(details) };
        await (trx as unknown as typeof access.database.catalog).insertInto("audit").values(row).execute();
      }
      if (fail()) throw new Error("the disk is full");
    });

  it("takes what was there before it, and each event once, whatever fails in between", async () => {
    for (let i = 0; i < 3; i++) await access.feed.record(event(`before-${i}`));
    const errors: unknown[] = [];
    let failing = true;
    const feed = new AccessFeed(access.database.requests, { pollMs: 10, onError: (error) => errors.push(error) });
    await feed.start();
    copying(feed, () => failing);
    await waitFor(() => errors.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    // Once an outage, not once a try.
    expect([errors.length, await consumed()]).toEqual([1, []]);
    failing = false;
    await feed.record(event("then"));
    await waitFor(async () => (await consumed()).length === 4);
    await feed.close();
    expect(await consumed()).toEqual(["before-0", "before-1", "before-2", "then"]);
  });

  it("goes on where an earlier process stopped, and shares the work with one that runs beside it", async () => {
    copying(access.feed);
    await access.feed.start();
    const other = await access.another();
    copying(other.feed);
    await other.feed.start();
    for (let i = 0; i < 30; i++) await (i % 2 === 0 ? access : other).feed.record(event(`e-${i}`));
    await waitFor(async () => (await consumed()).length >= 30);
    await other.close();
    await access.feed.settled();
    const third = await access.another();
    copying(third.feed);
    await third.feed.record(event("last"));
    await third.feed.settled();
    await third.close();
    expect(await consumed()).toEqual([...Array.from({ length: 30 }, (_, i) => `e-${i}`), "last"]);
  });

  it("of more than a page takes them all", async () => {
    await access.database.requests.transaction().execute(async (trx) => {
      for (let i = 0; i < 450; i++) await access.feed.append(trx, event(`e-${i}`));
    });
    copying(access.feed);
    await access.feed.settled();
    expect(await consumed()).toHaveLength(450);
  });
});

it("ends on a machine where a look takes longer than the time between two", async () => {
  const slow = access.database.requests.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      await sleep(20);
      return result;
    },
  });
  const feed = new AccessFeed(slow, { pollMs: 1 });
  const told: AccessEvent[] = [];
  await feed.start();
  feed.subscribe((one) => told.push(one));
  await access.feed.record(event("last"));
  await feed.close();
  expect(subjects(told)).toEqual(["last"]);
});

it("events are neither changed nor deleted, whoever holds the connection", async () => {
  await access.feed.record(event("kept"));
  const { requests } = access.database;
  await expect(requests.deleteFrom("access_events").execute()).rejects.toThrow("append-only");
  await expect(requests.updateTable("access_events").set({ actor: "nobody" }).execute()).rejects.toThrow("append-only");
});
