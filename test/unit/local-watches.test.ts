// Who may watch from the recorder's own machine, and how long.
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { beforeEach, expect, test } from "vitest";
import { createLocalWatches, type LocalWatchParts, watchOf, watchPath } from "../../recorder/admin-watch.ts";
import type { WatchWish } from "../../recorder/live/watch-socket.ts";
import type { Role } from "../../shared/policy/policy.ts";

const session = "01a2061a-33bf-7a59-915f-1aeaf229edbe";
const people = new Map<string, { name: string; roles: Role[]; disabled: boolean }>();
let done: string[];
let wishes: WatchWish[];

beforeEach(() => {
  done = [];
  wishes = [];
  people.clear();
  people.set("emil", { name: "emil", roles: ["escort"], disabled: false });
  people.set("ida", { name: "ida", roles: ["investigator"], disabled: false });
  people.set("vera", { name: "vera", roles: ["vendor"], disabled: false });
  people.set("gone", { name: "gone", roles: ["admin"], disabled: true });
});

const parts: LocalWatchParts = {
  door: {
    checkRoom: () => undefined,
    upgrade: (_request, _socket, _head, wish) => {
      done.push("joined");
      wishes.push(wish);
    },
    close: () => undefined,
  },
  isLive: (id) => id === session,
  findPerson: async (name) => people.get(name) ?? null,
  audit: async ({ actor, action, subject, address, details }) => {
    done.push(`audit ${actor} ${action} ${subject} ${address} ${JSON.stringify(details)}`);
  },
};

const upgrade = (
  person: string,
  more: { session?: string; escort?: boolean } = {},
  over: Partial<LocalWatchParts> = {},
) =>
  createLocalWatches({ ...parts, ...over }).upgrade(
    { session, person, escort: false, ...more },
    {} as IncomingMessage,
    new PassThrough(),
    Buffer.alloc(0),
  );

test("what is asked for comes back from its address, and nothing else is a watch", () => {
  const proof = "0123456789abcdef".repeat(2);
  const asked = { session, proof, escort: true };
  expect(watchOf(watchPath(asked))).toEqual(asked);
  expect(watchOf("/sessions")).toBeNull();
  expect(watchOf(`/watch?session=${session}&proof=${proof}`)).toBeNull();
  expect(watchOf(`/watch?session=x&proof=${proof}&escort=no`)).toBeNull();
  expect(watchOf(`${watchPath(asked)}&more=1`)).toBeNull();
  expect(watchOf(`/watch?session=${session}&person=emil&escort=no`)).toBeNull();
  expect(watchOf("//[")).toBeNull();
});

test("who may read recordings watches, and stands in the audit before", async () => {
  await upgrade("ida");
  expect(done).toEqual([`audit ida session.watch ${session} local {"with":"watch"}`, "joined"]);
  expect(wishes[0]).toMatchObject({ session, person: { name: "ida", roles: ["investigator"] }, escorts: false });
  await upgrade("emil", { escort: true });
  expect(wishes[1]?.escorts).toBe(true);
});

test.each([
  ["vera", {}, "AUTH_FORBIDDEN"],
  ["gone", {}, "AUTH_FORBIDDEN"],
  ["nobody", {}, "AUTH_FORBIDDEN"],
  ["ida", { escort: true }, "AUTH_FORBIDDEN"],
  ["ida", { session: "01a2061a-33bf-7a59-915f-1aeaf2290000" }, "REQUEST_NOT_FOUND"],
])("%s with %o is refused before anything", async (person, more, code) => {
  await expect(upgrade(person, more)).rejects.toMatchObject({ code });
  expect(done).toEqual([]);
});

test("where there is no room nobody joins, and the audit says nothing of it", async () => {
  const full = () => {
    throw new Error("200 watch this session already");
  };
  await expect(upgrade("ida", {}, { door: { ...parts.door, checkRoom: full } })).rejects.toThrow("200 watch");
  expect(done).toEqual([]);
});

test("what cannot be written into the audit is not watched", async () => {
  await expect(upgrade("ida", {}, { audit: () => Promise.reject(new Error("disk full")) })).rejects.toThrow(
    "disk full",
  );
  expect(wishes).toEqual([]);
});

test("a watch goes on only while its person may", async () => {
  await upgrade("ida");
  const whyNot = () => wishes[0]?.whyNot(true);
  expect(await whyNot()).toBeNull();
  people.set("ida", { name: "ida", roles: ["approver"], disabled: false });
  expect(await whyNot()).toBe("not-allowed");
  people.set("ida", { name: "ida", roles: ["investigator"], disabled: true });
  expect(await whyNot()).toBe("signed-out");
});
