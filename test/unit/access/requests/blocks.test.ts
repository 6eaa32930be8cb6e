// Reconnection after a session that was ended: refused until a new approval, or until somebody lifts the block.
import { afterEach, beforeEach, expect, it } from "vitest";
import { type AccessUnderTest, accessUnderTest } from "./access-under-test.ts";

let access: AccessUnderTest;
beforeEach(async () => {
  access = await accessUnderTest();
});
afterEach(() => access.close());

const block = (person = "Erika", target = "PLC-1") =>
  access.requests.blockReconnection({
    person,
    target,
    session: "s-1",
    by: "olga",
    address: "local",
    reason: "left the scope",
  });

it("holds for this person and this target, letter case aside, and is one however often it is said", async () => {
  const blocked = await block();
  expect((await block("erika", "plc-1")).id).toBe(blocked.id);
  expect(await access.requests.blockFor("ERIKA", "plc-1")).toMatchObject({
    by: "olga",
    reason: "left the scope",
    lifted: null,
  });
  expect(await access.requests.blockFor("erika", "plc-2")).toBeNull();
  expect(await access.requests.blockFor("viktor", "plc-1")).toBeNull();
  expect((await access.events()).map(({ type }) => type)).toEqual(["access.blocked"]);
});

it("ends with a new approval of the same person and target, and with no other", async () => {
  const waiting = await access.submit();
  await block();
  await access.approved({ targets: ["hmi-1"] });
  expect(await access.requests.blockFor("erika", "plc-1")).not.toBeNull();
  await access.requests.decide(waiting.id, access.as("carla"), { decision: "approve", comment: "" });
  expect(await access.requests.blockFor("erika", "plc-1")).toBeNull();
  expect(await access.requests.blocks({ all: true })).toMatchObject([
    { lifted: { by: "carla", reason: `approved request ${waiting.id}` } },
  ]);
  expect(await access.requests.blocks()).toEqual([]);
  // It does not come back, and a new one can follow.
  await block();
  expect(await access.requests.blockFor("erika", "plc-1")).not.toBeNull();
});

it("is lifted by an approver of the conduit or an administrator, never by whom it is against", async () => {
  const { id } = await block();
  const own = await block("adam");
  for (const name of ["erika", "olga", "audrey"]) {
    await expect(access.requests.unblock(id, access.as(name), "x")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
  }
  await expect(access.requests.unblock(own.id, access.as("adam"), "x")).rejects.toMatchObject({
    code: "AUTH_FORBIDDEN",
  });
  expect(await access.requests.unblock(id, access.as("carla"), "talked to her")).toMatchObject({
    lifted: { by: "carla" },
  });
  expect(await access.requests.unblock(id, access.as("adam"), "again")).toMatchObject({ lifted: { by: "carla" } });
  await expect(access.requests.unblock("x", access.as("adam"), "x")).rejects.toMatchObject({
    code: "REQUEST_NOT_FOUND",
  });
  expect((await access.events()).filter(({ type }) => type === "access.unblocked")).toHaveLength(1);
});
