// The escort rule with real ssh and a real VNC viewer: a session goes on only while an escort watches, whatever way the
// escort is lost, and who escorted which seconds stands in the record.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askAdmin } from "../../../recorder/admin-socket.ts";
import type { LiveSession } from "../../../shared/api/types.ts";
import type { EscortPage } from "../../support/escort.ts";
import type { RunningProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type EnforcedPlant, startEnforcedPlant } from "../enforcement/enforced-plant.ts";

let plant: EnforcedPlant;
const clients: RunningProcess[] = [];

beforeAll(async () => {
  plant = await startEnforcedPlant();
  await plant.setPolicy({ escort: { graceSeconds: 15, presenceSeconds: 6, answerSeconds: 5 } });
});
afterEach(async () => {
  await plant.closeViewers();
  for (const client of clients.splice(0)) await client.stop();
  const live = async () => (await askAdmin(plant.config.recorder.adminSocket, "GET", "/sessions")) as LiveSession[];
  await waitFor(async () => (await live()).length === 0, { what: "the sessions to be over", timeoutMs: 30_000 });
});
afterAll(() => plant.stop());

/** A session that shows something all the time, and says back what is typed. */
async function start(target = "plc-escort"): Promise<{ client: RunningProcess; session: string }> {
  const program = 'stty -echo; (while :; do printf .; sleep 0.2; done) & while read line; do echo "got<$line>"; done';
  const client = await plant.startSsh(target, ["-tt"], [program]);
  clients.push(client);
  await waitFor(() => client.output().includes("waits for its escort"), { what: "the sentence" });
  return { client, session: (await plant.live(target)).session };
}

const release = (session: string, person = "emil") => plant.admin("/unfreeze", { session, person });
/** What is asked for while it is frozen again is refused: the program has to run by then. */
async function releaseAndRun(session: string, client: RunningProcess): Promise<void> {
  await release(session);
  await waitFor(() => client.stdout().includes(".."), { what: "the program to run" });
}
const held = (target = "plc-escort") =>
  waitFor(
    async () => {
      const live = await plant.live(target);
      return live.hold === "escort-lost" ? live : undefined;
    },
    { what: "the escort to be missed", timeoutMs: 30_000, intervalMs: 50 },
  );

async function eventsOf(target: string, session: string) {
  await plant.sealed(target);
  return (await plant.read(session)).events;
}

describe("an escort that is lost", () => {
  const ways: [string, string, (page: EscortPage) => Promise<void> | void, number][] = [
    ["closes the page", "left", (page) => page.close(), 3000],
    ["has the line cut", "left", (page) => page.cut(), 3000],
    ["hides the page", "hidden", (page) => page.setVisible(false), 3000],
    ["has the page's process stand still", "silent", (page) => page.fallSilent(), 3000],
    // Three seconds behind is what it takes to be behind.
    ["falls behind", "behind", (page) => page.fallBehind(), 6000],
  ];
  it.each(ways)(
    "%s: nothing passes any more, until an escort who watches says so",
    async (_way, why, lose, withinMs) => {
      const { client, session } = await start();
      const page = await plant.watch("emil", session);
      await release(session);
      client.write("before\n");
      await waitFor(() => client.output().includes("got<before>"), { what: "the program" });
      const lostMs = Date.now();
      await lose(page);
      const live = await held();
      // A second for a machine that does other work as well.
      expect(Date.now() - lostMs).toBeLessThan(withinMs + 1000);
      expect(live.escort?.graceEndsAt).not.toBeNull();
      await waitFor(() => client.output().includes("Nobody watches this session any more"), { what: "the sentence" });
      client.write("unwatched\n");
      await sleep(1000);
      expect(client.output()).not.toContain("unwatched");
      await expect(release(session)).rejects.toThrow("Open the session and watch it");
      const again = await plant.watch("else", session);
      expect((await plant.live("plc-escort")).hold).toBe("escort-lost");
      await expect(release(session, "emil")).rejects.toThrow("Open the session and watch it");
      await release(session, "else");
      client.write("afterwards\n");
      await waitFor(() => client.output().includes("got<afterwards>"), { what: "the program, again" });
      expect(client.output()).not.toContain("unwatched");
      expect(again.escorts()?.graceEndsAt).toBeNull();
      client.write("\u0003");
      await client.stop();
      const events = await eventsOf("plc-escort", session);
      expect(events.find(({ type }) => type === "escort-lost")?.facts).toEqual({ last: "emil", why });
      const ends = events.filter(({ type }) => type === "escort-end").map(({ facts }) => [facts["by"], facts["why"]]);
      expect(ends.slice(0, 1)).toEqual([["emil", why]]);
      expect(ends.at(-1)).toEqual(["else", "ended"]);
      expect(await plant.audited("session.escort-lost")).toContainEqual(expect.objectContaining({ subject: session }));
    },
  );

  it("does not answer the question whether somebody is there; an answer lets nothing pass by itself", async () => {
    const { client, session } = await start();
    const page = await plant.watch("emil", session, { prompts: "leave" });
    await release(session);
    await waitFor(() => page.prompt() !== null, { what: "the question", timeoutMs: 15_000 });
    expect(page.prompt()?.leftMs).toBeLessThanOrEqual(5000);
    await held();
    const events = () => page.escorts()?.watching[0];
    expect(events()).toMatchObject({ counts: false, whyNot: expect.stringContaining("was not answered") });
    page.answer(page.prompt()?.id ?? "");
    await waitFor(() => events()?.counts === true, { what: "the page to count again" });
    await sleep(500);
    expect((await plant.live("plc-escort")).hold).toBe("escort-lost");
    await release(session);
    client.write("on\n");
    await waitFor(() => client.output().includes("got<on>"), { what: "the program" });
  });

  it("does not come back: the session ends after the grace, and the access stays", async () => {
    const { client, session } = await start();
    const page = await plant.watch("emil", session);
    await releaseAndRun(session, client);
    await page.close();
    await held();
    const lostMs = Date.now();
    await client.exited;
    expect(Date.now() - lostMs).toBeGreaterThan(13_000);
    expect(Date.now() - lostMs).toBeLessThan(20_000);
    expect(client.output()).toContain("No escort has come back in time");
    const { endReason } = await plant.sealed("plc-escort");
    expect(endReason).toBe("escort-gone");
    expect(await plant.conduit("recordings", "show", session)).toContain("no escort came back in time");
    await start();
  });
});

describe("two escorts", () => {
  it("one leaves: the session goes on", async () => {
    const { client, session } = await start();
    const emil = await plant.watch("emil", session);
    await plant.watch("else", session);
    await release(session);
    await emil.close();
    await sleep(3500);
    expect((await plant.live("plc-escort")).state).toBe("active");
    client.write("still\n");
    await waitFor(() => client.output().includes("got<still>"), { what: "the program" });
  });
});

describe("who cannot escort", () => {
  it("whoever is no escort, or none of those whom the request names, watches and does not count", async () => {
    await plant.approve({ targets: ["plc-named"], escorts: ["emil"] });
    const { session } = await start("plc-named");
    const other = await plant.watch("else", session, { counting: false });
    await waitFor(() => other.escorts()?.watching[0], { what: "the escort's state" });
    expect(other.escorts()?.watching).toMatchObject([
      { person: "else", counts: false, whyNot: expect.stringContaining("names who escorts this session: emil") },
    ]);
    await plant.watch("adam", session, { counting: false });
    await expect(release(session, "adam")).rejects.toThrow("a person with that role");
    await sleep(1500);
    expect(other.escorts()?.watching).toHaveLength(1);
  });

  it("nobody of the vendor's own company", async () => {
    await plant.setPolicy({ groups: { acme: ["vera", "emil"] }, escort: { companies: ["acme"] } });
    const { session } = await start();
    await plant.watch("emil", session, { counting: false });
    await expect(release(session)).rejects.toThrow("of the same company as vera");
    await plant.watch("else", session);
    expect(await release(session, "else")).toEqual({ released: true });
    await plant.setPolicy({ escort: { graceSeconds: 15, presenceSeconds: 6, answerSeconds: 5 } });
  });

  it("an administrator lets a session that was frozen go on only while an escort watches it", async () => {
    const { client, session } = await start();
    const page = await plant.watch("emil", session);
    await releaseAndRun(session, client);
    await plant.admin("/freeze", { session, operator: "os:x", reason: "look" });
    page.setVisible(false);
    await held();
    await expect(release(session, "adam")).rejects.toThrow("a person with that role");
  });
});

describe("VNC", () => {
  it("goes on while it is watched, and stands still when the page is closed", async () => {
    await plant.startViewer("hmi-escort");
    const { session } = await plant.live("hmi-escort");
    const page = await plant.watch("emil", session);
    await release(session);
    await waitFor(async () => (await plant.live("hmi-escort")).state === "active", { what: "the release" });
    await plant.typeInViewer("a");
    await page.close();
    await held("hmi-escort");
    await plant.typeInViewer("b", "c");
    await plant.watch("else", session);
    await release(session, "else");
    await plant.typeInViewer("d");
    await sleep(1000);
    await plant.closeViewers();
    const events = await eventsOf("hmi-escort", session);
    expect(events.find(({ type }) => type === "escort-lost")?.facts).toEqual({ last: "emil", why: "left" });
    expect(events.filter(({ type }) => type === "input-dropped").map(({ facts }) => facts["hold"])).toContain(
      "escort-lost",
    );
  });
});
