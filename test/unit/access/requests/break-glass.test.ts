// Break-glass: who, with what, to where; how loud; and the review that somebody else owes.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AccessUnderTest, accessUnderTest, hourMs } from "./access-under-test.ts";

let access: AccessUnderTest;
beforeEach(async () => {
  access = await accessUnderTest();
});
afterEach(() => access.close());

const dayMs = 24 * hourMs;
const wanted = { target: "plc-1", reason: "the reactor's pump does not stop" };
const open = (by = "petra", changes: Partial<typeof wanted & { seconds: number }> = {}) =>
  access.requests.breakGlass(access.as(by), { ...wanted, ...changes });
const review = (id: string, by: string, verdict: "justified" | "not-justified" = "justified") =>
  access.requests.review(id, access.as(by), { verdict, comment: "looked at the recording" });
const types = async () => (await access.events()).map(({ type }) => type);

describe("opening", () => {
  it("gets in at once, for as long as was asked, and is told of", async () => {
    const request = await open("petra", { seconds: 600 });
    expect(request).toMatchObject({
      kind: "break-glass",
      state: "approved",
      purpose: wanted.reason,
      approvalsNeeded: 0,
      from: new Date(access.clock.wallMs).toISOString(),
      to: new Date(access.clock.wallMs + 600_000).toISOString(),
      review: { verdict: null, dueAt: new Date(access.clock.wallMs + 600_000 + 72 * hourMs).toISOString() },
    });
    expect(await access.requests.grantFor("petra", "plc-1")).toMatchObject({ kind: "break-glass", state: "open" });
    expect(await types()).toEqual(["break-glass.opened", "grant.issued"]);
    expect((await access.events())[0]).toMatchObject({
      actor: "petra",
      subject: request.id,
      details: { target: "plc-1", reason: wanted.reason, factors: ["password", "totp"] },
    });
    access.pass(600_000);
    expect((await access.requests.sweep()).ended).toHaveLength(1);
  });

  it("is one emergency when it is asked for again, and as long as the policy says when nothing is said", async () => {
    const [first, second] = [await open(), await open("petra", { reason: "still the same pump" })];
    expect(second).toEqual(first);
    expect(Date.parse(first.to) - Date.parse(first.from)).toBe(hourMs);
    expect((await types()).filter((type) => type === "break-glass.opened")).toHaveLength(1);
    access.pass(hourMs);
    expect((await open()).id).not.toBe(first.id);
  });

  it.each([
    ["who is not named", "erika", {}, "break-glass-not-named"],
    ["an administrator who is not named", "adam", {}, "break-glass-not-named"],
    ["a prohibited target", "petra", { target: "sis-1" }, "prohibited-target"],
    ["a prohibited target that is not there", "petra", { target: "SIS-9" }, "prohibited-target"],
    ["a target that is not there", "petra", { target: "plc-9" }, "no-rule"],
  ])("refuses %s, and tells of that, too", async (_what, by, changes, reason) => {
    await expect(open(by, changes)).rejects.toMatchObject({ code: "POLICY_REFUSED", details: { reason } });
    expect(await access.events()).toEqual([
      expect.objectContaining({
        type: "break-glass.refused",
        actor: by,
        subject: by,
        details: { reason, target: { ...wanted, ...changes }.target, said: wanted.reason },
      }),
    ]);
  });

  it("tells of who goes on asking now and then, not each time", async () => {
    for (let i = 0; i < 12; i++) {
      await expect(open("erika")).rejects.toMatchObject({ code: "POLICY_REFUSED" });
      access.pass(5000);
    }
    expect(await types()).toEqual(Array.from({ length: 5 }, () => "break-glass.refused"));
    await expect(open("erika")).rejects.toMatchObject({ code: "POLICY_REFUSED" });
    expect(await types()).toHaveLength(6);
  });

  it("needs a second factor: a code, or a recovery code", async () => {
    const as = (factors: ("password" | "totp" | "recovery-code")[]) =>
      access.requests.breakGlass({ ...access.as("petra"), factors }, wanted);
    await expect(as(["password"])).rejects.toMatchObject({ details: { reason: "mfa-needed" } });
    await expect(as([])).rejects.toMatchObject({ details: { reason: "mfa-needed" } });
    expect(await as(["password", "recovery-code"])).toMatchObject({ state: "approved" });
  });

  it("opens nothing that no rule opens, and lasts no longer than the policy says", async () => {
    access.setPolicy({ rules: [{ id: "others", people: ["erika"], targets: ["*"] }] });
    await expect(open()).rejects.toMatchObject({ details: { reason: "no-rule" } });
    access.setPolicy({});
    await expect(open("petra", { seconds: 3601 })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });

  it("is no way around a block", async () => {
    await access.requests.blockReconnection({
      person: "Petra",
      target: "PLC-1",
      session: null,
      by: "olga",
      address: "local",
      reason: "x",
    });
    await expect(open()).rejects.toMatchObject({ details: { reason: "reconnection-blocked" } });
  });

  it("is nothing that an approver decides on", async () => {
    const { id } = await open();
    await expect(
      access.requests.decide(id, access.as("anna"), { decision: "refuse", comment: "x" }),
    ).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    expect(await access.requests.revoke(id, access.as("anna"), "the pump has stopped")).toMatchObject({
      state: "revoked",
    });
  });
});

describe("the review", () => {
  it("is somebody else's, after the end, once", async () => {
    const { id } = await open();
    await expect(review(id, "adam")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    access.pass(hourMs);
    await access.requests.sweep();
    for (const name of ["petra", "erika", "olga"]) {
      await expect(review(id, name)).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    }
    const waiting = await access.requests.list(
      access.as("audrey"),
      { view: "to-review", limit: 10 },
      { onlyOwn: false },
    );
    expect(waiting.items.map((item) => item.id)).toEqual([id]);
    expect(await review(id, "audrey")).toMatchObject({ review: { reviewer: "audrey", verdict: "justified" } });
    expect(await review(id, "audrey")).toMatchObject({ review: { reviewer: "audrey" } });
    await expect(review(id, "audrey", "not-justified")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    await expect(review(id, "adam")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect((await types()).filter((type) => type === "break-glass.reviewed")).toHaveLength(1);
    const ordinary = await access.approved();
    await expect(review(ordinary.id, "adam")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
  });

  it("is never that of who used it, whatever their roles", async () => {
    access.setPolicy({ breakGlass: { people: ["anna"] } });
    const { id } = await open("anna");
    await access.requests.revoke(id, access.as("carla"), "done");
    await expect(review(id, "anna")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    expect(await review(id, "carla")).toMatchObject({ review: { reviewer: "carla" } });
  });

  it("is two people's race that one wins", async () => {
    await access.close();
    access = await accessUnderTest({ thread: true });
    const { id } = await open();
    access.pass(hourMs);
    await access.requests.sweep();
    const other = await access.another();
    const race = await Promise.allSettled([
      review(id, "audrey"),
      other.requests.review(id, access.as("adam"), { verdict: "not-justified", comment: "no" }),
    ]);
    expect(race.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await other.close();
  });

  it("is told as overdue once a day until it is done, over restarts, too", async () => {
    const { id } = await open();
    access.pass(hourMs);
    await access.requests.sweep();
    access.pass(72 * hourMs - 1);
    expect((await access.requests.sweep()).overdueReviews).toEqual([]);
    access.pass(1);
    const told = [];
    for (let half = 0; half < 6; half++) {
      const other = await access.another();
      told.push(
        (await other.requests.sweep()).overdueReviews.length,
        (await access.requests.sweep()).overdueReviews.length,
      );
      await other.close();
      access.pass(dayMs / 2);
    }
    expect(told).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    const days = (await access.events()).filter(({ type }) => type === "break-glass.review-overdue");
    expect(days.map(({ details }) => details["daysOverdue"])).toEqual([0, 1, 2]);
    await review(id, "anna");
    access.pass(2 * dayMs);
    expect((await access.requests.sweep()).overdueReviews).toEqual([]);
  });
});
