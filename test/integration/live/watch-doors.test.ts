// What watching must not be made use of: more pages than a person may have, the place of an escort by who is none any more,
// and what a session's own person is not to learn of those who watch.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { People } from "../../../recorder/access/people.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import type { LiveSession } from "../../../shared/api/types.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { signInToPortal, WatchClient } from "../../support/watch-client.ts";
import { type EnforcedPlant, startEnforcedPlant } from "../enforcement/enforced-plant.ts";

const password = "a watcher's long password";
let plant: EnforcedPlant;
let database: ServiceDatabase;
let people: People;
const clients: WatchClient[] = [];

beforeAll(async () => {
  plant = await startEnforcedPlant();
  database = await openDatabase(plant.config.recorder.database, { thread: true });
  people = new People(database.access);
  await people.create({ name: "wanda", roles: ["escort"], password });
});
afterAll(async () => {
  await plant?.stop();
  await database?.close();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await plant.closeViewers();
});

describe("pages of one person", () => {
  it("that come at the same moment are as many as one after the other", async () => {
    const client = await plant.startSsh("plc-open", ["-tt"], ["cat"]);
    const { session } = await plant.live("plc-open");
    const portal = await signInToPortal(plant.service.http.url, "wanda", password);
    const opened = await Promise.all(
      Array.from({ length: 40 }, () => {
        const one = new WatchClient(portal, session);
        clients.push(one);
        return one.opened();
      }),
    );
    expect(opened.filter((status) => status === 101)).toHaveLength(8);
    expect(new Set(opened)).toEqual(new Set([101, 409]));
    client.write("\u0004");
    await client.exited;
  });
});

describe("a page that comes again and again", () => {
  it("is kept from filling the record with its comings", async () => {
    const client = await plant.startSsh("plc-masked", ["-tt"], ["cat"]);
    const { session } = await plant.live("plc-masked");
    const portal = await signInToPortal(plant.service.http.url, "wanda", password);
    const opened: number[] = [];
    for (let i = 0; i < 70; i++) {
      const one = new WatchClient(portal, session);
      clients.push(one);
      const status = await one.opened();
      opened.push(status);
      one.close();
      if (status === 101) await one.closed();
      await sleep(20);
    }
    expect(opened.filter((status) => status === 101)).toHaveLength(60);
    expect(opened.slice(60)).toEqual(Array.from({ length: 10 }, () => 409));
    client.write("\u0004");
    await client.exited;
    await plant.sealed("plc-masked");
    const { events } = await plant.read(session);
    expect(events.filter(({ type }) => type === "watch-begin")).toHaveLength(60);
  });
});

describe("an escort's watch", () => {
  const lost: [string, ("escort" | "auditor" | "vendor")[]][] = [
    ["is no escort any more, and may still look on", ["auditor"]],
    ["has become a vendor, too", ["escort", "vendor"]],
  ];
  it.each(lost)("ends when its person %s: the session stands still", async (_what, roles) => {
    await people.setRoles("else", ["escort", "auditor"]);
    const client = await plant.startSsh("plc-escort", ["-tt"], ["cat"]);
    await waitFor(() => client.output().includes("waits for its escort"), { what: "the sentence" });
    const { session } = await plant.live("plc-escort");
    const page = await plant.watch("else", session);
    await plant.admin("/unfreeze", { session, person: "else" });
    await people.setRoles("else", roles);
    await waitFor(async () => (await plant.live("plc-escort")).hold === "escort-lost", {
      what: "the escort to be missed",
      timeoutMs: 6000,
    });
    expect(page.ended()).toBe("not-allowed");
    await client.stop();
    await plant.sealed("plc-escort");
  });
});

describe("a page that reads nothing", () => {
  it("escorts nobody, whatever it says that it shows", async () => {
    const client = await plant.startSsh("plc-escort", ["-tt"], ["cat"]);
    await waitFor(() => client.output().includes("waits for its escort"), { what: "the sentence" });
    const { session } = await plant.live("plc-escort");
    const { url, cookie, csrfToken: csrf } = await plant.portal("emil");
    const page = new WatchClient({ url, cookie, csrf }, session);
    clients.push(page);
    expect(await page.opened()).toBe(101);
    await waitFor(() => page.of("hello").length > 0, { what: "hello" });
    const beat = () => page.send({ type: "seen", us: Number.MAX_SAFE_INTEGER, visible: true });
    beat();
    const beats = setInterval(beat, 900);
    try {
      await waitFor(async () => (await plant.live("plc-escort")).escort?.watching[0]?.counts, { what: "it to count" });
      await plant.admin("/unfreeze", { session, person: "emil" });
      page.socket.pause();
      await waitFor(async () => (await plant.live("plc-escort")).hold === "escort-lost", {
        what: "the escort to be missed",
        timeoutMs: 12_000,
      });
    } finally {
      clearInterval(beats);
    }
    await client.stop();
    await plant.sealed("plc-escort");
  });
});

describe("a session's own person", () => {
  it("is not told who watches, whether an escort looks, what patterns were found and how the service stands", async () => {
    const client = await plant.startSsh("plc-escort", ["-tt"], ["cat"]);
    await waitFor(() => client.output().includes("waits for its escort"), { what: "the sentence" });
    const { session } = await plant.live("plc-escort");
    await plant.watch("emil", session);
    const listed = async (person: string) => {
      const { url, cookie } = await plant.portal(person);
      const answer = await fetch(`${url}/api/v1/sessions`, { headers: { cookie } });
      const { items } = (await answer.json()) as { items: LiveSession[] };
      return items.find((item) => item.session === session) as LiveSession;
    };
    await waitFor(async () => (await listed("emil")).health?.checks !== undefined, { what: "the service's checks" });
    expect(await listed("emil")).toMatchObject({ watchers: ["emil"], escort: { watching: [{ person: "emil" }] } });
    const own = await listed("vera");
    expect(own).toMatchObject({ session, hold: "escort-awaited", alarms: [], health: { gaps: 0 } });
    expect(JSON.stringify(own)).not.toMatch(/emil|watching|watchers|checks/);
    await client.stop();
    await plant.sealed("plc-escort");
  });
});
