// The time of windows: a clock that is set back opens nothing again, here, after a restart, and in another process.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AccessUnderTest, accessUnderTest, hourMs, startMs } from "./access-under-test.ts";

let access: AccessUnderTest;
beforeEach(async () => {
  access = await accessUnderTest();
});
afterEach(() => access.close());

const set = (ms: number) => {
  access.clock.wallMs = ms;
};

describe("a clock that is set back", () => {
  it("does not make a window longer: time goes on from where it was", async () => {
    await access.approved();
    access.pass(3 * hourMs);
    expect(await access.requests.grantFor("erika", "plc-1")).toMatchObject({ state: "open" });
    set(startMs + 2.5 * hourMs);
    expect(access.requests.nowMs()).toBe(startMs + 3 * hourMs);
    access.pass(hourMs - 1);
    expect((await access.requests.sweep()).ended).toHaveLength(0);
    access.pass(1);
    expect(access.requests.nowMs()).toBe(startMs + 4 * hourMs);
    expect((await access.requests.sweep()).ended).toHaveLength(1);
    expect(access.requests.clockBehindMs()).toBe(0.5 * hourMs);
  });

  it("opens nothing that was over, whatever time is believed", async () => {
    const { id, grants } = await access.approved();
    access.pass(4 * hourMs);
    await access.requests.sweep();
    set(startMs + 3 * hourMs);
    const other = await access.another();
    for (const requests of [access.requests, other.requests]) {
      for (const believed of [undefined, startMs + 3 * hourMs, 1]) {
        const facts = await requests.grantFor("erika", "plc-1", believed);
        expect(facts?.request).toBe(id);
        expect((believed ?? 1) < (facts?.toMs ?? 1)).toBe(false);
      }
      await expect(requests.use(grants[0]!.id, { id: "s", target: "plc-1", address: "x" })).rejects.toMatchObject({
        details: { reason: "window-over" },
      });
    }
    await other.close();
  });

  it("is not believed by another process, or after a restart", async () => {
    await access.approved();
    access.pass(3 * hourMs);
    await access.requests.sweep();
    set(startMs);
    const other = await access.another();
    expect(other.requests.nowMs()).toBe(startMs + 3 * hourMs);
    access.clock.monotonicMs += 10_000;
    expect(other.requests.nowMs()).toBe(startMs + 3 * hourMs + 10_000);
    await other.close();
  });

  it("is no reason to write more than now and then", async () => {
    const kept = async () => {
      const row = await access.database.requests
        .selectFrom("access_counters")
        .select("value")
        .where("name", "=", "clock")
        .executeTakeFirstOrThrow();
      return Number(row.value) - startMs;
    };
    access.pass(60_000);
    await access.requests.sweep();
    // Nothing depends on the time yet.
    expect(await kept()).toBe(-startMs);
    await access.approved();
    const first = await kept();
    for (let i = 0; i < 9; i++) {
      access.pass(1000);
      await access.requests.sweep();
    }
    expect(await kept()).toBe(first);
    access.pass(1000);
    await access.requests.sweep();
    expect(await kept()).toBe(first + 10_000);
  });
});

describe("a clock that ran ahead by mistake", () => {
  it("is accepted by an administrator, in every process, and what had ended stays ended", async () => {
    const { id } = await access.approved();
    set(startMs + 1000 * hourMs);
    await access.requests.sweep();
    expect(await access.requests.find(id)).toMatchObject({ state: "expired" });
    set(startMs);
    const other = await access.another();
    await expect(access.submit()).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    await expect(access.requests.acceptClock(access.as("anna"), "x")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    await access.requests.acceptClock(access.as("adam"), "the time server was wrong");
    expect(access.requests.nowMs()).toBe(startMs);
    const [event] = (await access.feed.newest(1)) ?? [];
    expect(event).toMatchObject({ type: "access.clock-accepted", actor: "adam", details: { toMs: startMs } });
    // Nothing that the other process writes brings the wrong time back.
    expect(other.requests.nowMs()).toBe(startMs + 1000 * hourMs);
    await other.requests.submit(access.as("viktor"), access.draft());
    expect(other.requests.nowMs()).toBe(startMs);
    await access.requests.start();
    expect(access.requests.nowMs()).toBe(startMs);
    expect(await access.submit()).toMatchObject({ state: "submitted" });
    expect(await access.requests.find(id)).toMatchObject({ state: "expired" });
    await other.close();
  });
});
