// Watching live sessions, with OpenSSH's client and server, a TigerVNC server and watchers on real WebSockets: what a
// watcher had is what the sealed recording holds; nobody who watches slows the session; who may not is refused, and let go.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { People } from "../../../recorder/access/people.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import { RecordingIndex } from "../../../shared/api/types.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { runProcess } from "../../support/process.ts";
import { sleep, waitFor } from "../../support/wait-for.ts";
import { type Portal, signInToPortal, WatchClient } from "../../support/watch-client.ts";
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
  for (const name of ["wanda", "willi", "wolf", "wilma"]) await people.create({ name, roles: ["escort"], password });
  await people.create({ name: "viktor", roles: ["vendor"], password });
});
afterAll(async () => {
  await plant?.stop();
  await database?.close();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const signIn = (name: string) => signInToPortal(plant.service.http.url, name, password);

async function watch(portal: Portal, session: string): Promise<WatchClient> {
  const client = new WatchClient(portal, session);
  clients.push(client);
  expect(await client.opened()).toBe(101);
  await waitFor(() => client.of("hello").length > 0, { what: "hello" });
  return client;
}

async function get(portal: Portal, path: string): Promise<Response> {
  const answer = await fetch(`${portal.url}/api/v1${path}`, { headers: { cookie: portal.cookie } });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** In the newest segment that it has of the terminal. */
function shows({ tracks }: WatchClient, text: string): boolean {
  const newest = Math.max(
    -1,
    ...[...tracks.segments.keys()].map((key) => Number(/^terminal-0\/(\d+)$/.exec(key)?.[1] ?? -1)),
  );
  return tracks.bytesOf("terminal-0", newest)?.includes(text) ?? false;
}

/** As a page has them: the index, and each segment as it is stored. */
async function sealedSegments(portal: Portal, target: string, session: string) {
  await plant.sealed(target);
  const index = RecordingIndex.parse(await (await get(portal, `/recordings/${session}/index`)).json());
  const stored = new Map<string, Uint8Array>();
  for (const { name, n } of index.segments) {
    const answer = await get(portal, `/recordings/${session}/segments/${n}`);
    stored.set(name, new Uint8Array(await answer.arrayBuffer()));
  }
  return { segments: index.segments, read: ({ name }: SegmentMeta) => stored.get(name) as Uint8Array };
}

describe("a watched SSH session", () => {
  it("is had byte for byte by 20 watchers who join at any time, and one who does not read slows nobody", async () => {
    const portals = await Promise.all(["wanda", "willi", "wolf"].map(signIn));
    const client = await plant.startSsh("plc-open", ["-tt"], ["sh"]);
    const { session } = await plant.live("plc-open");
    const idle = await watch(portals[0] as Portal, session);
    await waitFor(() => idle.of("state").length > 0, { what: "the session's state" });
    expect(idle.of("state")[0]?.session.health).toMatchObject({ gaps: 0 });
    client.write("stty -echo; PS1=; echo ready-$((1+1))\n");
    await waitFor(() => client.output().includes("ready-2"), { what: "the shell" });
    client.write(
      "i=0; while [ $i -lt 250 ]; do head -c 30000 /dev/urandom | base64 -w 70; i=$((i+1)); done; echo flood-$((1+1))\n",
    );
    const watchers: WatchClient[] = [];
    const stuck = await watch(portals[0] as Portal, session);
    stuck.socket.pause();
    for (let i = 0; i < 18; i++) {
      watchers.push(await watch(portals[i % 3] as Portal, session));
      await sleep(40);
    }
    await waitFor(() => client.output().includes("flood-2"), { what: "the end of the flood", timeoutMs: 60_000 });
    for (let i = 0; i < 20; i++) {
      client.write(`echo echo-$((${i}+1000))\n`);
      await waitFor(() => client.output().includes(`echo-${i + 1000}`), { what: "the echo", timeoutMs: 3000 });
    }
    // Where the flood was too much, the present comes with the next hello.
    await waitFor(() => [idle, ...watchers].every((one) => shows(one, "echo-1019")), { what: "the last echo" });
    const live = await plant.live("plc-open");
    expect(live.alarms).toEqual([]);
    client.write("exit\n");
    await client.exited;
    await Promise.all([idle, ...watchers].map((one) => one.closed()));
    const portal = portals[0] as Portal;
    const { segments, read } = await sealedSegments(portal, "plc-open", session);
    for (const one of [idle, ...watchers]) {
      expect(one.fault).toBeNull();
      const whole = one.tracks.compare(segments, read);
      expect(new Set(whole.map(({ track }) => track))).toEqual(new Set(["terminal-0", "input", "events"]));
      expect(one.of("ended")).toEqual([expect.objectContaining({ reason: "session-ended" })]);
      // From hello on every segment that was closed is told, or was followed to its end.
      if (one.of("resync").length > 0) continue;
      const nextN = one.of("hello")[0]?.nextN ?? 0;
      const told = new Set(one.of("segments").flatMap(({ items }) => items.map(({ n }) => n)));
      for (const { n } of segments) if (n >= nextN) expect(told).toContain(n);
    }
    stuck.socket.resume();
    await stuck.closed();
    expect(stuck.fault).toBeNull();
    stuck.tracks.compare(segments, read);
    const { events } = await plant.read(session);
    const begun = events.filter(({ type }) => type === "watch-begin").map(({ facts }) => facts["watch"]);
    expect(new Set(begun).size).toBe(20);
    expect(begun).toContain(idle.of("hello")[0]?.watch);
    const audited = (await plant.audited("session.watch")).filter(({ subject }) => subject === session);
    expect(audited).toHaveLength(20);
    await waitFor(async () => (await plant.verdict(session)) === "VALID", { what: `${session} to be VALID` });
  }, 180_000);

  it("refuses who may not watch, and pages of other sites, before a byte", async () => {
    const [escort, vendor] = [await signIn("wanda"), await signIn("viktor")];
    const client = await plant.startSsh("plc-no-files", ["-tt"], ["cat"]);
    const { session } = await plant.live("plc-no-files");
    const refused = async (portal: Portal, headers: Record<string, string> = {}, id = session) => {
      const one = new WatchClient(portal, id, headers);
      clients.push(one);
      return one.opened();
    };
    expect(await refused(vendor)).toBe(403);
    expect(await refused({ ...escort, cookie: "conduit-session=none" })).toBe(401);
    expect(await refused(escort, { origin: "http://elsewhere.example" })).toBe(403);
    expect(await refused(escort, { origin: "null" })).toBe(403);
    expect(await refused(escort, {}, session.replace(/....$/, "0000"))).toBe(404);
    const plain = await fetch(`${escort.url}/api/v1/sessions/${session}/watch`, { headers: { cookie: escort.cookie } });
    expect(plain.status).toBe(400);
    for (let i = 0; i < 8; i++) await watch(escort, session);
    expect(await refused(escort)).toBe(409);
    client.write("\u0004");
    await client.exited;
  });

  it("lets go of who signed out, who was disabled, who lost the role, and who sends what is no message", async () => {
    const client = await plant.startSsh("plc-masked", ["-tt"], ["cat"]);
    const { session } = await plant.live("plc-masked");
    const ended = async (one: WatchClient) => {
      await one.closed();
      return one.of("ended").map(({ reason }) => reason);
    };
    const [wanda, willi, wolf, wilma] = await Promise.all(["wanda", "willi", "wolf", "wilma"].map(signIn));
    const leaving = await watch(wanda as Portal, session);
    await fetch(`${wanda?.url}/api/v1/session`, {
      method: "DELETE",
      headers: { cookie: wanda?.cookie ?? "", "x-csrf-token": wanda?.csrf ?? "" },
    });
    expect(await ended(leaving)).toEqual(["signed-out"]);
    const disabled = await watch(willi as Portal, session);
    await people.setDisabled("willi", true);
    expect(await ended(disabled)).toEqual(["signed-out"]);
    const changed = await watch(wolf as Portal, session);
    await people.setRoles("wolf", ["approver"]);
    expect(await ended(changed)).toEqual(["not-allowed"]);
    const noisy = await watch(wilma as Portal, session);
    for (let i = 0; i < 30; i++) noisy.send({ type: "seen", us: i, visible: true });
    expect(await ended(noisy)).toEqual(["protocol"]);
    const strange = await watch(wilma as Portal, session);
    strange.socket.send("{}");
    expect(await ended(strange)).toEqual(["protocol"]);
    const quiet = await watch(wilma as Portal, session);
    expect((await plant.live("plc-masked")).state).toBe("active");
    quiet.close();
    client.write("\u0004");
    await client.exited;
    await plant.sealed("plc-masked");
    const { events } = await plant.read(session);
    const ends = events.filter(({ type }) => type === "watch-end").map(({ facts }) => facts["reason"]);
    expect(ends.sort()).toEqual(["left", "not-allowed", "protocol", "protocol", "signed-out", "signed-out"]);
  });
});

describe("a watched VNC session", () => {
  it("is had byte for byte by whoever joins while its target draws", async () => {
    const portal = await signIn("wilma");
    const viewer = await plant.startViewer("hmi-open");
    const { session } = await plant.live("hmi-open");
    const draw = (colour: number) =>
      runProcess("xsetroot", ["-solid", `#${colour.toString(16).padStart(6, "0")}`], {
        env: { DISPLAY: plant.display },
      });
    const watchers: WatchClient[] = [];
    for (let i = 0; i < 8; i++) {
      watchers.push(await watch(portal, session));
      for (let j = 0; j < 3; j++) await draw(0x10_20_30 * (i + 1) + j * 77);
    }
    const drawn = watchers[0]?.tracks.bytesOf("screen-0", 0)?.length ?? 0;
    await draw(0x12_34_56);
    await waitFor(() => (watchers[0]?.tracks.bytesOf("screen-0", 0)?.length ?? 0) > drawn, {
      what: "the last picture",
    });
    await viewer.stop();
    await Promise.all(watchers.map((one) => one.closed()));
    const { segments, read } = await sealedSegments(portal, "hmi-open", session);
    for (const one of watchers) {
      expect(one.fault).toBeNull();
      const tracks = new Set(one.tracks.compare(segments, read).map(({ track }) => track));
      expect(tracks).toContain("screen-0");
    }
    await waitFor(async () => (await plant.verdict(session)) === "VALID", { what: `${session} to be VALID` });
  }, 120_000);
});
