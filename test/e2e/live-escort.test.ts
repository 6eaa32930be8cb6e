// A session goes on only while its escort watches: OpenSSH's ssh and TigerVNC's viewer at work, and two escorts, each with a
// browser of their own. Of the first one's the window, the machine and the line fail.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LiveSession, RecordingPage } from "../../shared/api/types.ts";
import type { EventsLine } from "../../shared/events/stored.ts";
import { byId, launchBrowser, OpenPages, openPage } from "../support/browser.ts";
import { releaseOn, showsState, watchLive } from "../support/live-pages.ts";
import { type LivePlant, noConditions, startLivePlant, type TypedAtTarget } from "../support/live-plant.ts";
import { type OwnBrowser, startOwnBrowser } from "../support/own-browser.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { sleep, waitFor } from "../support/wait-for.ts";
import { type Work, workAt } from "../support/work.ts";

const emil = { name: "emil", password: "five patient garden stones" };
const edda = { name: "edda", password: "eight silent winter fields" };
const rules = [
  {
    id: "escorted",
    people: ["role:vendor"],
    targets: ["*-escorted"],
    capabilities: ["shell", "exec", "screen"],
    require: { ...noConditions, escort: "vendors" },
  },
];
const policy = { signIn: { mfa: "optional" }, escort: { graceSeconds: 90 }, rules };
/** Asks soon, and ends soon. */
const answerSeconds = 5;
const graceSeconds = 8;
const impatient = { ...policy, escort: { presenceSeconds: 8, answerSeconds, graceSeconds } };

/** After the escort was lost the session has to be frozen within three seconds; and a second for a busy machine. */
const frozenWithinMs = 3000 + 1000;

let plant: LivePlant;
let atPanel: TypedAtTarget;
/** Emil's, behind a line that can be cut. */
let own: OwnBrowser;
let line: TcpProxy;
let lineUrl: string;
/** Edda's. */
let browser: Browser;
const pages = new OpenPages();
const works: Work[] = [];

beforeAll(async () => {
  plant = await startLivePlant({
    label: "live-escort",
    people: [
      { ...emil, roles: ["escort"] },
      { ...edda, roles: ["escort", "investigator"] },
    ],
    targets: ["plc-escorted", "hmi-escorted"],
    policy,
  });
  line = await startTcpProxy(Number(new URL(plant.service.httpUrl).port));
  lineUrl = `http://127.0.0.1:${line.port}`;
  [atPanel, own, browser] = await Promise.all([plant.typedAtPanel(), startOwnBrowser(), launchBrowser()]);
  const signedIn = await own.context.request.post(`${lineUrl}/api/v1/session`, { data: emil });
  expect(signedIn.status()).toBe(200);
});

afterEach(async () => {
  own.goOn();
  line.rules = {};
  for (const work of works.splice(0)) work.stop();
  await plant.stopClients();
  await own.closePages();
  expect(await pages.close(plant.service.httpUrl)).toEqual([]);
});

afterAll(async () => {
  await own?.close();
  await browser?.close();
  await line?.close();
  await plant?.stop();
});

/** By ssh and by a viewer at once: what is lost for one is lost for the other. */
async function beginWork(): Promise<Work[]> {
  const { program, typed } = plant.typedBySsh();
  await atPanel.forget();
  const [client, viewer] = await Promise.all([
    plant.startSsh("plc-escorted", program),
    plant.startViewer("hmi-escorted"),
  ]);
  const ssh = workAt(
    "plc-escorted",
    typed,
    (letter) => client.write(letter),
    (text) => client.output().includes(text),
    client.exited,
  );
  const vnc = workAt("hmi-escorted", atPanel, viewer.key, viewer.titleHas, viewer.process.exited);
  const begun = [ssh, vnc];
  works.push(...begun);
  await Promise.all(begun.map((work) => work.told("waits for its escort")));
  // Nothing of it ever arrives.
  await Promise.all(begun.map((work) => work.types("e")));
  return begun;
}

/** Emil, in a window for each; they go on once he has released them. */
async function emilEscorts(begun: readonly Work[]): Promise<{ windows: Page[]; sessions: string[] }> {
  const windows: Page[] = [];
  for (const _ of begun) windows.push(await own.newWindow());
  const sessions = await Promise.all(
    begun.map(async (work, i) => {
      const page = windows[i] as Page;
      const session = await watchLive(page, lineUrl, work.target);
      await work.types(null);
      await sleep(300);
      await releaseOn(page);
      return session;
    }),
  );
  await Promise.all(begun.map((work) => work.types("b")));
  await Promise.all(begun.map((work) => arrives(work, "b")));
  return { windows, sessions };
}

const arrives = ({ typed, target }: Work, letter: string) =>
  waitFor(async () => (await typed.letters()).some((one) => one.letter === letter), {
    what: `${letter} at ${target}`,
    timeoutMs: 30_000,
  });

async function eddasPage(): Promise<Page> {
  return pages.keep(await openPage(browser, plant.service.httpUrl, { person: edda })).page;
}

async function live(page: Page, session: string): Promise<LiveSession> {
  const response = await page.context().request.get("/api/v1/sessions");
  const { items } = (await response.json()) as { items: LiveSession[] };
  const found = items.find((one) => one.session === session);
  if (found === undefined) throw new Error(`${session} is not live`);
  return found;
}

/** When it was seen to be so. */
async function heldAtMs(page: Page, session: string): Promise<number> {
  await waitFor(async () => (await live(page, session)).hold === "escort-lost", {
    what: "the escort to be missed",
    timeoutMs: 30_000,
    intervalMs: 100,
  });
  return Date.now();
}

/** From the record, once it says that the session is over. */
async function eventsOf(page: Page, session: string): Promise<EventsLine[]> {
  return waitFor(
    async () => {
      const { items } = (await (await page.context().request.get("/api/v1/sessions")).json()) as {
        items: LiveSession[];
      };
      if (items.some((one) => one.session === session)) return undefined;
      const path = `/api/v1/recordings/${session}/export?format=jsonl&track=events`;
      const response = await page.context().request.get(path);
      const lines = (await response.text()).trim().split("\n");
      return response.ok() ? lines.map((text) => JSON.parse(text) as EventsLine) : undefined;
    },
    { what: `the record of ${session}`, timeoutMs: 30_000, intervalMs: 200 },
  );
}

const of = (events: readonly EventsLine[], type: string) => events.filter((event) => event.type === type);
const seconds = (us: number) => us / 1e6;

interface Way {
  way: string;
  why: string;
  lose(windows: Page[]): unknown;
  /** His own page does not let him believe that he sees the present. */
  noticed?(windows: Page[]): unknown;
  /** The escort is there again, which lets nothing pass by itself. */
  back?(windows: Page[]): unknown;
}

const nothing = () => Buffer.alloc(0);
const ways: Way[] = [
  { way: "closes the tab", why: "left", lose: (windows) => Promise.all(windows.map((page) => page.close())) },
  {
    way: "has another tab in front",
    why: "hidden",
    lose: (windows) => Promise.all(windows.map((page) => own.cover(page))),
    back: (windows) => Promise.all(windows.map((page) => page.bringToFront())),
  },
  {
    way: "has a browser that stands still",
    why: "silent",
    lose: () => own.standStill(),
    back: () => own.goOn(),
  },
  {
    way: "has a line that passes nothing",
    why: "silent",
    lose: () => {
      line.rules = { request: nothing, response: nothing };
    },
    noticed: (windows) =>
      Promise.all(
        windows.map(async (page) => {
          await page.locator(`${byId("live-health")}[data-connected=false]`).waitFor();
          await page.locator(byId("escort-panel")).getByText("The line is lost").waitFor();
          expect(await page.locator("[data-counts=true]").count()).toBe(0);
        }),
      ),
  },
];

describe("an escort who is lost", () => {
  it.each(ways)("because he $way: nothing passes until another one watches", async ({ why, lose, noticed, back }) => {
    await plant.setPolicy(policy);
    const begun = await beginWork();
    const { windows, sessions } = await emilEscorts(begun);
    const other = await eddasPage();
    await lose(windows);
    const lostMs = Date.now();
    const heldMs = await Promise.all(sessions.map((session) => heldAtMs(other, session)));
    await Promise.all(begun.map((work) => work.types("u")));
    await Promise.all(begun.map((work) => work.told("Nobody watches this session any more")));
    await noticed?.(windows);
    if (back !== undefined) {
      await back(windows);
      for (const session of sessions) {
        const counts = async () =>
          (await live(other, session)).escort?.watching.some(({ person, counts }) => person === emil.name && counts);
        await waitFor(counts, { what: "the first escort to count again", timeoutMs: 30_000 });
      }
    }
    await sleep(600);
    for (const session of sessions) expect((await live(other, session)).hold).toBe("escort-lost");
    await Promise.all(begun.map((work) => work.types(null)));
    await sleep(300);

    const eddas = [other, await eddasPage()];
    const goesOn = async (work: Work, page: Page) => {
      await watchLive(page, plant.service.httpUrl, work.target);
      await releaseOn(page);
      await work.types("a");
      await arrives(work, "a");
      await work.types(null);
    };
    await Promise.all(begun.map((work, i) => goesOn(work, eddas[i] as Page)));
    for (const [i, { typed, target }] of begun.entries()) {
      const letters = await typed.letters();
      expect(new Set(letters.map(({ letter }) => letter)), target).toEqual(new Set(["b", "a"]));
      const lastMs = letters.findLast(({ letter }) => letter === "b")?.atMs ?? Number.POSITIVE_INFINITY;
      expect(lastMs - lostMs, `${target}: until the last letter passed`).toBeLessThan(frozenWithinMs);
      expect(lastMs, `${target}: letters after the freeze`).toBeLessThan((heldMs[i] ?? 0) + 1000);
    }

    // Who escorted which seconds is in the record.
    for (const work of begun) work.stop();
    await plant.stopClients();
    for (const session of sessions) {
      const events = await eventsOf(other, session);
      const [begin, end] = ["escort-begin", "escort-end"].map((type) => of(events, type)[0]);
      expect([begin?.facts["by"], end?.facts["by"], end?.facts["why"]]).toEqual([emil.name, emil.name, why]);
      expect(end?.facts["watch"]).toBe(begin?.facts["watch"]);
      const watched = seconds((end?.t ?? 0) - (begin?.t ?? 0));
      expect(Math.abs(Number(end?.facts["seconds"]) - watched)).toBeLessThan(1.5);
      expect(of(events, "escort-lost").map(({ facts }) => facts)).toEqual([{ last: emil.name, why }]);
      expect(of(events, "unfreeze").map(({ facts }) => facts["by"])).toEqual([emil.name, edda.name]);
      expect(of(events, "escort-end").findLast(({ facts }) => facts["by"] === edda.name)?.facts["why"]).toBe("ended");
      const dropped = of(events, "input-dropped").filter(({ facts }) => facts["hold"] === "escort-lost");
      expect(dropped.reduce((sum, { facts }) => sum + Number(facts["bytes"]), 0)).toBeGreaterThan(0);
    }
  });

  it("because he does not say that he is there: it is frozen, and ends when nobody comes in the grace", async () => {
    await plant.setPolicy(impatient);
    const begun = await beginWork();
    const { windows, sessions } = await emilEscorts(begun);
    const other = await eddasPage();
    const unanswered = async (work: Work, page: Page, session: string) => {
      await page.locator(byId("presence-prompt")).waitFor();
      const askedMs = Date.now();
      const heldMs = await heldAtMs(other, session);
      await Promise.all([
        work.types("u"),
        work.told("was not answered in time"),
        showsState(page, "Its escort has left"),
      ]);
      await work.over();
      expect(Date.now() - heldMs).toBeGreaterThan(graceSeconds * 1000 - 2000);
      const letters = await work.typed.letters();
      expect(new Set(letters.map(({ letter }) => letter))).toEqual(new Set(["b"]));
      const lastMs = letters.at(-1)?.atMs ?? Number.POSITIVE_INFINITY;
      expect(lastMs - askedMs).toBeLessThan(answerSeconds * 1000 + frozenWithinMs);
      expect(lastMs).toBeLessThan(heldMs + 1000);
    };
    await Promise.all(begun.map((work, i) => unanswered(work, windows[i] as Page, sessions[i] as string)));
    for (const session of sessions) {
      const events = await eventsOf(other, session);
      expect(of(events, "escort-lost").map(({ facts }) => facts)).toEqual([{ last: emil.name, why: "unanswered" }]);
      const ended = async () => {
        const found = await other.context().request.get("/api/v1/recordings");
        const { items } = (await found.json()) as RecordingPage;
        return items.find((one) => one.session === session && one.state === "sealed")?.endReason;
      };
      expect(await waitFor(ended, { what: `the seal of ${session}`, timeoutMs: 30_000 })).toBe("escort-gone");
    }
  });
});
