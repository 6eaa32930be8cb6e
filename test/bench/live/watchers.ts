// Watchers of live sessions for the live bench, in a process of their own. Each line it is given is a question in JSON,
// answered by one line. Times are of the machine's monotonic clock, which targets and operators of the bench read, too.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { type Portal, signInToPortal, WatchClient } from "../../support/watch-client.ts";
import { newestPicture } from "./pictures.ts";

export type Question =
  | { do: "sign-in"; url: string; people: string[]; password: string }
  /** Opens so many watches of a session; `one by one` says how long each took until the present was there. */
  | { do: "open"; session: string; count: number; oneByOne: boolean }
  /** What came since the last question: how late stamps of terminals were, and when a screen's picture came. */
  | { do: "take" }
  | { do: "close" };

export interface Taken {
  latenciesMs: number[];
  /** When the slowest of them came. */
  slowest: { atNs: string; latencyMs: number }[];
  pictures: [picture: number, atNs: string][];
  resyncs: number;
  /** How long this process itself was late for something at most. */
  lateMs: number;
}

const stamp = /T(\d+);/g;
const shown = /^(?:terminal|screen)-/;
let portals: Portal[] = [];
let clients: WatchClient[] = [];
const nothing = () => ({ latenciesMs: [], slowest: [], pictures: [], resyncs: 0, lateMs: 0 }) satisfies Taken;
let taken: Taken = nothing();
const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();

function count(atNs: bigint, latencyMs: number): void {
  taken.latenciesMs.push(latencyMs);
  const { slowest } = taken;
  if (slowest.length === 5 && latencyMs <= (slowest[4]?.latencyMs ?? 0)) return;
  slowest.push({ atNs: String(atNs), latencyMs });
  taken.slowest = slowest.sort((a, b) => b.latencyMs - a.latencyMs).slice(0, 5);
}

/** @param newest the last stamp and picture that this watcher had: a segment's keyframe repeats those on the screen. */
function look(track: string, bytes: Uint8Array, newest: { ns: bigint; picture: number }): void {
  const atNs = process.hrtime.bigint();
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (track.startsWith("terminal-") && frame.length < 64 * 1024) {
    for (const [, ns] of frame.toString("latin1").matchAll(stamp)) {
      const sentNs = BigInt(ns ?? "0");
      if (sentNs <= newest.ns) continue;
      newest.ns = sentNs;
      count(atNs, Number(atNs - sentNs) / 1e6);
    }
  } else if (track.startsWith("screen-")) {
    const picture = newestPicture(frame, newest.picture);
    if (picture === null) return;
    newest.picture = picture;
    taken.pictures.push([picture, String(atNs)]);
  }
}

async function open(session: string, number: number): Promise<{ client: WatchClient; joinMs: number }> {
  const startedMs = performance.now();
  const portal = portals[number % portals.length] as Portal;
  const client = new WatchClient(portal, session);
  client.keeps = false;
  clients.push(client);
  const begun = new Promise<number>((resolve, reject) => {
    const isThere = () => resolve(performance.now() - startedMs);
    client.onFrame = (track) => {
      if (shown.test(track)) isThere();
    };
    // Of a session that ended before its turn came.
    client.socket.once("close", isThere);
    client.onHello = ({ tracks }) => {
      // As a page does where nothing is open: the present is what the newest closed segment ends with.
      const resting = tracks.find(({ meta, open, last }) => shown.test(meta.name) && open === undefined && last);
      if (!resting?.last || tracks.some(({ meta, open }) => shown.test(meta.name) && open !== undefined)) return;
      const address = `${portal.url}/api/v1/recordings/${session}/segments/${resting.last.n}`;
      const read = fetch(address, { headers: { cookie: portal.cookie } }).then((answer) => answer.arrayBuffer());
      read.then(isThere, reject);
    };
  });
  const status = await client.opened();
  if (status !== 101) throw new Error(`a watch was refused with ${status}`);
  const joinMs = await begun;
  const newest = { ns: process.hrtime.bigint(), picture: -1 };
  client.onFrame = (track, bytes) => look(track, bytes, newest);
  return { client, joinMs };
}

async function answer(question: Question): Promise<unknown> {
  switch (question.do) {
    case "sign-in":
      portals = [];
      for (const name of question.people) portals.push(await signInToPortal(question.url, name, question.password));
      return true;
    case "open": {
      const joins: number[] = [];
      if (question.oneByOne) {
        for (let i = 0; i < question.count; i++) joins.push((await open(question.session, i)).joinMs);
      } else {
        const all = await Promise.all(Array.from({ length: question.count }, (_, i) => open(question.session, i)));
        joins.push(...all.map(({ joinMs }) => joinMs));
      }
      return joins;
    }
    case "take": {
      const resyncs = clients.reduce((sum, client) => sum + client.of("resync").length, 0);
      const now = { ...taken, resyncs, lateMs: delays.max / 1e6 };
      delays.reset();
      taken = nothing();
      return now;
    }
    case "close":
      for (const client of clients) client.close();
      clients = [];
      return true;
  }
}

if (process.argv[2] === "run") {
  console.log("ready");
  for await (const line of createInterface(process.stdin)) {
    console.log(JSON.stringify(await answer(JSON.parse(line) as Question)));
  }
}
