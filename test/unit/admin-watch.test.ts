import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLocalWatches } from "../../recorder/admin-watch.ts";
import type { WatchWish } from "../../recorder/live/watch-socket.ts";
import type { Role } from "../../shared/policy/policy.ts";

const request = {} as IncomingMessage;

function open(roles: Role[]) {
  const person = { name: "else", roles, disabled: false };
  const wishes: WatchWish[] = [];
  const watches = createLocalWatches({
    door: {
      checkRoom: () => {
        if (wishes.length > 0) throw new Error("there are too many");
      },
      upgrade: (_request, _socket, _head, wish) => wishes.push(wish),
      close: () => undefined,
    },
    isLive: () => true,
    findPerson: async () => person,
    audit: async () => undefined,
  });
  const watch = (escort: boolean) =>
    watches.upgrade({ session: "s", person: "else", escort }, request, new PassThrough(), Buffer.alloc(0));
  return { person, wishes, watch };
}

describe("a watch of the command line", () => {
  it("ends with the role of the escort that it is, also where its person may still look on", async () => {
    const { person, wishes, watch } = open(["escort", "auditor"]);
    await watch(true);
    expect(await wishes[0]?.whyNot(true)).toBeNull();
    person.roles = ["auditor"];
    expect(await wishes[0]?.whyNot(true)).toBe("not-allowed");
    person.roles = ["escort", "vendor"];
    expect(await wishes[0]?.whyNot(true)).toBe("not-allowed");
  });

  it("finds room where others came in at the same moment, or is refused", async () => {
    const { wishes, watch } = open(["auditor"]);
    const both = await Promise.allSettled([watch(false), watch(false)]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(wishes).toHaveLength(1);
  });
});
