// The life of a request: each step, who may take it, what it tells, and what it leaves behind.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RequestDraft } from "../../../../shared/api/access.ts";
import { type AccessUnderTest, accessUnderTest, hourMs } from "./access-under-test.ts";

let access: AccessUnderTest;
beforeEach(async () => {
  access = await accessUnderTest();
});
afterEach(() => access.close());

const approve = { decision: "approve" as const, comment: "work permit 17" };
const refuse = { decision: "refuse" as const, comment: "not today" };
const decide = (id: string, by: string, decided: Parameters<AccessUnderTest["requests"]["decide"]>[2] = approve) =>
  access.requests.decide(id, access.as(by), decided);
const types = async () => (await access.events()).map(({ type }) => type);
const session = (n: number, target = "plc-1") => ({
  id: `01912345-0000-7000-8000-00000000000${n}`,
  target,
  address: "192.0.2.9",
});

describe("asking", () => {
  it("keeps what was asked under the names that exist, and tells of it", async () => {
    const request = await access.submit({ people: ["ERIKA"], targets: ["PLC-1", "plc-1"], ticket: "CHG-1" });
    expect(request).toMatchObject({
      kind: "request",
      state: "submitted",
      requester: "erika",
      people: ["erika"],
      targets: ["plc-1"],
      conduits: ["cell-1"],
      protocol: "ssh",
      ticket: "CHG-1",
      approvalsNeeded: 1,
      grants: [],
      ended: null,
    });
    expect(request.asked).toEqual({ from: request.from, to: request.to });
    expect(await access.requests.find(request.id)).toEqual(request);
    expect(await access.events()).toEqual([
      expect.objectContaining({
        seq: 1,
        type: "request.submitted",
        actor: "erika",
        subject: request.id,
        address: "192.0.2.9",
      }),
    ]);
  });

  it("is one request when the same is asked twice while it waits, and another afterwards", async () => {
    const other = await access.another();
    const draft = access.draft();
    const first = await access.requests.submit(access.as("erika"), draft);
    expect(await access.requests.submit(access.as("erika"), draft)).toEqual(first);
    expect((await access.requests.submit(access.as("viktor"), draft)).id).not.toBe(first.id);
    expect((await access.requests.submit(access.as("erika"), { ...draft, maxSessions: 1 })).id).not.toBe(first.id);
    await access.requests.withdraw(first.id, access.as("erika"), "");
    expect((await other.requests.submit(access.as("erika"), draft)).id).not.toBe(first.id);
    expect((await types()).filter((type) => type === "request.submitted")).toHaveLength(4);
    await other.close();
  });

  it("is refused when a hundred wait already", async () => {
    for (let i = 0; i < 100; i++) await access.submit();
    await expect(access.submit()).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect(await access.submit({}, "viktor")).toMatchObject({ state: "submitted" });
  });

  it("names all violations together, and keeps no request", async () => {
    const draft = access.draft({
      purpose: "",
      people: ["erika", "nobody"],
      targets: ["plc-1", "SIS-1", "elsewhere"],
      from: new Date(access.clock.wallMs).toISOString(),
      to: new Date(access.clock.wallMs + 20 * hourMs).toISOString(),
      escorts: ["erika", "anna"],
    });
    const failure = await access.requests.submit(access.as("erika"), draft).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "REQUEST_INVALID" });
    const { violations } = (failure as { details: { violations: { code: string; field: string }[] } }).details;
    expect(new Set(violations.map(({ code, field }) => `${field}: ${code}`))).toEqual(
      new Set([
        "purpose: purpose-missing",
        "window: notice-too-short",
        "window: window-too-long",
        "requester: requester-not-allowed",
        "escorts: escort-in-request",
        "escorts: unknown-escort",
        "targets: prohibited-target",
        "targets: no-rule",
      ]),
    );
    expect(await access.requests.check(access.as("erika"), draft)).toEqual({ violations, approvalsNeeded: 1 });
    expect(await types()).toEqual(["request.rejected"]);
    expect((await access.requests.list(access.as("adam"), listAll, { onlyOwn: false })).items).toEqual([]);
  });

  it("tells what was tried when the policy turns it away, and what is only asked for advice leaves no trace", async () => {
    const draft = access.draft({ targets: ["sis-1", "plc-1"], from: new Date(access.clock.wallMs).toISOString() });
    await access.requests.check(access.as("erika"), draft);
    expect(await access.events()).toEqual([]);
    await expect(access.requests.submit(access.as("erika"), draft)).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    expect(await access.events()).toEqual([
      expect.objectContaining({
        type: "request.rejected",
        actor: "erika",
        subject: "erika",
        address: "192.0.2.9",
        details: {
          violations: [{ code: "prohibited-target", target: "SIS-1" }, { code: "notice-too-short" }],
          targets: ["sis-1", "plc-1"],
        },
      }),
    ]);
  });

  it("tells of who goes on asking by a number, also when nobody asks any more", async () => {
    const ask = (by: string) => access.submit({ targets: ["SIS-1"] }, by).catch((error: unknown) => error);
    const told = async () =>
      (await access.events()).map(({ subject, details }) => [subject, (details as { untold?: number }).untold ?? 0]);
    for (let i = 0; i < 25; i++) await ask("erika");
    await ask("viktor");
    const first = [...Array.from({ length: 5 }, () => ["erika", 0]), ["viktor", 0]];
    expect(await told()).toEqual(first);
    await access.requests.sweep();
    expect(await told()).toEqual(first);
    access.pass(60_001);
    await access.requests.sweep();
    expect(await told()).toEqual([...first, ["erika", 20]]);
    await ask("erika");
    access.pass(60_001);
    await access.requests.sweep();
    expect(await told()).toEqual([...first, ["erika", 20], ["erika", 0]]);
  });

  it("keeps what it tells small, and what is prohibited in it", async () => {
    const targets = [...Array.from({ length: 90 }, (_, n) => `nowhere-${n}`), "SIS-1"];
    await access.submit({ targets }).catch((error: unknown) => error);
    const [event] = await access.events();
    const { violations, ...rest } = (event?.details ?? {}) as { violations: { code: string; target?: string }[] };
    expect(violations).toHaveLength(50);
    expect(violations[0]).toMatchObject({ code: "prohibited-target", target: "SIS-1" });
    expect(rest).toEqual({ moreViolations: 41, targets: targets.slice(0, 50) });
  });

  it("refuses a disabled person, and a protocol that is blocked", async () => {
    await access.people.setDisabled("viktor", true);
    const check = (changes: Partial<RequestDraft>) => access.requests.check(access.as("anna"), access.draft(changes));
    expect((await check({ people: ["viktor"] })).violations.map(({ code }) => code)).toEqual(["unknown-person"]);
    expect((await check({ protocol: "Telnet" })).violations.map(({ code }) => code)).toEqual(["protocol-blocked"]);
  });

  it("takes times with an offset, and none that is no time", () => {
    const parse = (from: string) => RequestDraft.safeParse(access.draft({ from })).success;
    expect(parse("2026-11-23T08:00:00+02:00")).toBe(true);
    expect(["tomorrow", "2026-11-23", "2026-11-23T08:00:00", "2026-02-30T08:00:00Z"].map(parse)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

const listAll = { view: "all" as const, limit: 50 };

describe("deciding", () => {
  it("approves: one grant a person, open in the window and no other", async () => {
    const { id } = await access.submit({ people: ["viktor", "erika"] }, "anna");
    expect(await access.requests.grantFor("erika", "plc-1")).toBeNull();
    const request = await decide(id, "boris");
    expect(request).toMatchObject({
      state: "approved",
      decisions: [{ approver: "boris", decision: "approve", comment: "work permit 17" }],
    });
    expect(request.grants.map(({ person, state }) => [person, state])).toEqual(
      expect.arrayContaining([
        ["erika", "open"],
        ["viktor", "open"],
      ]),
    );
    expect(await types()).toEqual(["request.submitted", "request.approved", "grant.issued", "grant.issued"]);
    expect(await access.requests.grantFor("Erika", "PLC-1")).toMatchObject({
      request: id,
      kind: "request",
      state: "open",
      protocol: "ssh",
      targets: ["plc-1"],
      fromMs: Date.parse(request.from),
      toMs: Date.parse(request.to),
    });
    expect(await access.requests.grantFor("anna", "plc-1")).toBeNull();
  });

  it("is not for who asked, who gets access by it, vendors, escorts, administrators, or approvers of other conduits", async () => {
    const own = await access.submit({}, "anna");
    const forAnna = await access.submit({ people: ["anna"] }, "boris");
    for (const id of [own.id, forAnna.id]) {
      await expect(decide(id, "anna")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
      await expect(decide(id, "anna", refuse)).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    }
    await expect(decide(forAnna.id, "boris")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    const both = await access.submit({ targets: ["plc-1", "plc-2"] });
    // Carla is an approver, but not of cell-2.
    for (const name of ["erika", "viktor", "olga", "adam", "audrey", "carla"]) {
      await expect(decide(both.id, name)).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    }
    // A vendor who is called an approver is none: of nothing, and takes nothing away.
    const disguised = { ...access.as("viktor"), roles: ["vendor", "approver", "admin"] as const };
    const simple = await access.submit();
    await expect(access.requests.decide(simple.id, disguised, approve)).rejects.toMatchObject({
      code: "AUTH_FORBIDDEN",
    });
    await expect(access.requests.revoke(simple.id, disguised, "x")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
    expect((await types()).every((type) => type === "request.submitted")).toBe(true);
  });

  it("waits for as many approvers as the conduit asks for, each counted once", async () => {
    const { id, approvalsNeeded } = await access.submit({ targets: ["plc-1", "plc-2"] });
    expect(approvalsNeeded).toBe(2);
    expect(await decide(id, "anna")).toMatchObject({ state: "submitted", grants: [] });
    expect(await decide(id, "anna")).toMatchObject({ state: "submitted" });
    await expect(decide(id, "anna", refuse)).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect(await decide(id, "boris")).toMatchObject({ state: "approved" });
    expect(await types()).toEqual(["request.submitted", "request.approval", "request.approved", "grant.issued"]);
  });

  describe("two approvals, of whose first the approver is none any more", () => {
    const both = { targets: ["plc-2"] };
    const lapsed = [
      ["was disabled", () => access.people.setDisabled("anna", true), /disabled/],
      ["is of another role", () => access.people.setRoles("anna", ["vendor"]), /no approver/],
      [
        "was taken off the list",
        async () =>
          access.setPolicy({ groups: {}, requests: { noticeSeconds: 3600 } }, { approvers: ["boris", "carla"] }),
        /no approver/,
      ],
    ] as const;
    it.each(lapsed)("counts the other alone: %s", async (_what, change, why) => {
      const { id } = await access.submit(both);
      await decide(id, "anna");
      await change();
      const [shown] = (await access.requests.list(access.as("boris"), listAll, { onlyOwn: false })).items;
      expect(shown?.decisions).toMatchObject([{ approver: "anna", lapsed: expect.stringMatching(why) }]);
      expect(await decide(id, "boris")).toMatchObject({
        state: "submitted",
        grants: [],
        decisions: [{ approver: "anna", lapsed: expect.stringMatching(why) }, { approver: "boris" }],
      });
      expect(await types()).toEqual([
        "request.submitted",
        "request.approval",
        "request.approval-lapsed",
        "request.approval",
      ]);
      expect((await access.events())[2]).toMatchObject({
        actor: "recorder",
        subject: id,
        details: { approver: "anna" },
      });
    });

    it("counts an approval that is given anew, and one of a third", async () => {
      const { id } = await access.submit(both);
      await decide(id, "anna");
      await access.people.setDisabled("anna", true);
      await expect(decide(id, "anna")).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
      await expect(decide(id, "anna", refuse)).rejects.toMatchObject({ code: "AUTH_FORBIDDEN" });
      await decide(id, "boris");
      await access.people.setDisabled("anna", false);
      // What lapsed stays so until she says it again.
      expect((await access.requests.find(id))?.decisions).toMatchObject([{ lapsed: expect.any(String) }, {}]);
      const request = await decide(id, "anna");
      expect(request).toMatchObject({ state: "approved" });
      expect(request.decisions.map(({ approver, lapsed: why }) => [approver, why])).toEqual(
        expect.arrayContaining([
          ["anna", undefined],
          ["boris", undefined],
        ]),
      );
    });

    it("keeps what is approved, whoever leaves afterwards", async () => {
      const { id } = await access.submit(both);
      await decide(id, "anna");
      await decide(id, "boris");
      await access.people.setDisabled("anna", true);
      const request = await access.requests.find(id);
      expect(request?.decisions.every(({ lapsed: why }) => why === undefined)).toBe(true);
      expect(await access.requests.grantFor("erika", "plc-2")).toMatchObject({
        state: "open",
        approvers: ["anna", "boris"],
      });
    });
  });

  it("leaves somebody to escort where approvers may not", async () => {
    access.setPolicy({ requests: { noticeSeconds: 3600, approverMayEscort: false } });
    await access.people.setRoles("anna", ["approver", "escort"]);
    const alone = await access.submit({ escorts: ["anna"] });
    await expect(decide(alone.id, "anna")).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    const { id } = await access.submit({ escorts: ["anna", "olga"] });
    expect(await decide(id, "anna")).toMatchObject({ state: "approved" });
  });

  it("ends with one refusal", async () => {
    const { id } = await access.submit({ targets: ["plc-2"] });
    await decide(id, "anna");
    expect(await decide(id, "boris", refuse)).toMatchObject({
      state: "refused",
      ended: { by: "boris", reason: "not today" },
      grants: [],
    });
    await expect(decide(id, "boris")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect(await decide(id, "boris", refuse)).toMatchObject({ state: "refused" });
    expect((await types()).filter((type) => type === "request.refused")).toHaveLength(1);
  });

  it("narrows by conditions, and refuses what would widen", async () => {
    const { id, from, to } = await access.submit({ escorts: ["olga", "omar"], maxSessions: 3 });
    const later = new Date(Date.parse(from) + 1).toISOString();
    const earlier = new Date(Date.parse(to) - 1).toISOString();
    const wide = [
      { from: new Date(Date.parse(from) - 1).toISOString() },
      { to: new Date(Date.parse(to) + 1).toISOString() },
      { escorts: ["petra"] },
      { maxSessions: 4 },
      { from: earlier, to: later },
    ];
    for (const conditions of wide) {
      await expect(decide(id, "anna", { ...approve, conditions })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    }
    // Nobody's name is an escort's only because an approver wrote it.
    const free = await access.submit();
    await expect(decide(free.id, "anna", { ...approve, conditions: { escorts: ["carla"] } })).rejects.toMatchObject({
      code: "REQUEST_CONFLICT",
      details: { violations: [{ code: "unknown-escort" }] },
    });
    const conditions = { from: later, to: earlier, escorts: ["omar"], maxSessions: 2, capabilities: ["sftp" as const] };
    const approved = await decide(id, "anna", { ...approve, conditions });
    expect(approved).toMatchObject({
      from: later,
      to: earlier,
      asked: { from, to },
      escorts: ["omar"],
      maxSessions: 2,
      capabilities: ["sftp"],
      decisions: [{ conditions }],
    });
    expect(await access.requests.grantFor("erika", "plc-1")).toMatchObject({
      fromMs: Date.parse(later),
      toMs: Date.parse(earlier),
      escorts: ["omar"],
      capabilities: ["sftp"],
    });
  });

  it("keeps to what every approver has left over", async () => {
    const { id } = await access.submit({ targets: ["plc-2"] });
    await decide(id, "anna", { ...approve, conditions: { capabilities: ["shell", "sftp"] } });
    const approved = await decide(id, "boris", { ...approve, conditions: { capabilities: ["sftp", "exec"] } });
    expect(approved.capabilities).toEqual(["sftp"]);
  });

  it("asks the policy again: what it forbids by now is not approved, and may be refused", async () => {
    const { id } = await access.submit();
    access.setPolicy({ prohibitedTargets: ["plc-*"] });
    await expect(decide(id, "anna")).rejects.toMatchObject({
      code: "REQUEST_CONFLICT",
      details: { violations: [{ code: "prohibited-target", target: "plc-1" }] },
    });
    expect(await decide(id, "anna", refuse)).toMatchObject({ state: "refused" });
    // More approvals by now than when it was asked for.
    access.setPolicy({});
    const second = await access.submit();
    access.setPolicy({ requests: { noticeSeconds: 0, approvals: 2 } });
    expect(await decide(second.id, "anna")).toMatchObject({ state: "submitted", approvalsNeeded: 2 });
  });

  it("is late when the window is over, and in time a millisecond before", async () => {
    const [inTime, late] = [await access.submit(), await access.submit()];
    access.pass(4 * hourMs - 1);
    expect(await decide(inTime.id, "anna")).toMatchObject({ state: "approved" });
    access.pass(1);
    await expect(decide(late.id, "anna")).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    await access.requests.sweep();
    expect(await access.requests.find(late.id)).toMatchObject({ state: "expired", ended: { by: "recorder" } });
  });
});

describe("ending", () => {
  it("is withdrawn by who asked, before and after approval, once", async () => {
    const waiting = await access.submit();
    const open = await access.approved();
    await expect(access.requests.withdraw(open.id, access.as("anna"), "")).rejects.toMatchObject({
      code: "AUTH_FORBIDDEN",
    });
    for (const { id } of [waiting, open, waiting, open]) {
      expect(await access.requests.withdraw(id, access.as("erika"), "postponed")).toMatchObject({
        state: "withdrawn",
        ended: { by: "erika", reason: "postponed" },
      });
    }
    expect((await types()).filter((type) => type === "request.withdrawn")).toHaveLength(2);
    expect((await types()).filter((type) => type === "grant.revoked")).toHaveLength(1);
    access.pass(3 * hourMs);
    expect(await access.requests.grantFor("erika", "plc-1")).toMatchObject({ state: "revoked" });
  });

  it("is revoked by an approver of a conduit or an administrator, and stays so", async () => {
    const one = await access.approved();
    const two = await access.approved();
    const waiting = await access.submit();
    for (const name of ["erika", "olga", "audrey"]) {
      await expect(access.requests.revoke(one.id, access.as(name), "x")).rejects.toMatchObject({
        code: "AUTH_FORBIDDEN",
      });
    }
    await expect(access.requests.revoke(waiting.id, access.as("adam"), "x")).rejects.toMatchObject({
      code: "REQUEST_CONFLICT",
    });
    await access.requests.revoke(one.id, access.as("carla"), "permit taken back");
    await access.requests.revoke(one.id, access.as("adam"), "again");
    await access.requests.revoke(two.id, access.as("adam"), "drill");
    expect(await access.requests.find(one.id)).toMatchObject({
      state: "revoked",
      ended: { by: "carla", reason: "permit taken back" },
      grants: [{ state: "revoked" }],
    });
    await expect(access.requests.withdraw(one.id, access.as("erika"), "")).rejects.toMatchObject({
      code: "REQUEST_CONFLICT",
    });
    access.pass(3 * hourMs);
    expect(await access.requests.grantFor("erika", "plc-1")).toMatchObject({ state: "revoked" });
    await expect(access.requests.use(one.grants[0]!.id, session(1))).rejects.toMatchObject({
      code: "POLICY_REFUSED",
      details: { reason: "access-revoked" },
    });
  });

  it("takes one person's grant when their session was ended, and the request with the last", async () => {
    const { id } = await access.submit({ people: ["erika", "viktor"] }, "anna");
    const { grants } = await decide(id, "boris");
    const end = { by: "olga", address: "local", reason: "pressed the wrong button", session: "s-1", target: "plc-1" };
    expect(await access.requests.endGrant(grants[0]!.id, end)).toBe(true);
    expect(await access.requests.endGrant(grants[0]!.id, end)).toBe(false);
    expect(await access.requests.find(id)).toMatchObject({ state: "approved" });
    expect(await access.requests.endGrant(grants[1]!.id, end)).toBe(true);
    expect(await access.requests.find(id)).toMatchObject({ state: "revoked", ended: { by: "olga" } });
    expect((await types()).filter((type) => type === "grant.revoked")).toHaveLength(2);
    expect(await access.requests.endGrant("no-such", end)).toBe(false);
    for (const name of ["erika", "viktor"]) {
      expect(await access.requests.blockFor(name, "plc-1")).toMatchObject({ by: "olga", session: "s-1" });
    }
  });

  it("refuses whom somebody cut off at that target, whatever else is approved already, until a new approval", async () => {
    const [cut, waits] = [await access.approved(), await access.submit()];
    const second = await access.approved();
    await access.requests.endGrant(cut.grants[0]!.id, {
      by: "olga",
      address: "local",
      reason: "left the scope",
      session: "s-1",
      target: "plc-1",
    });
    access.pass(2 * hourMs);
    expect(await access.requests.grantFor("erika", "plc-1")).toMatchObject({ request: second.id, state: "open" });
    expect(await access.requests.blockFor("erika", "plc-1")).toMatchObject({ reason: "left the scope" });
    await decide(waits.id, "carla");
    expect(await access.requests.blockFor("erika", "plc-1")).toBeNull();
  });

  it("is over at the window's end to the millisecond, swept once, and told with its grants", async () => {
    const { id, grants } = await access.approved();
    access.pass(4 * hourMs - 1);
    expect(await access.requests.sweep()).toEqual({ ended: [], overdueReviews: [] });
    access.pass(1);
    expect(await access.requests.sweep()).toEqual({
      ended: [{ grant: grants[0]!.id, request: id, person: "erika" }],
      overdueReviews: [],
    });
    expect(await access.requests.sweep()).toEqual({ ended: [], overdueReviews: [] });
    expect(await access.requests.find(id)).toMatchObject({ state: "expired", grants: [{ state: "expired" }] });
    expect((await types()).slice(-2)).toEqual(["request.expired", "grant.expired"]);
  });
});

describe("using", () => {
  it("makes the request active with its first session, counted once a session", async () => {
    const { id, grants } = await access.approved();
    const grant = grants[0]!.id;
    access.pass(2 * hourMs - 1);
    await expect(access.requests.use(grant, session(1))).rejects.toMatchObject({
      details: { reason: "window-not-begun" },
    });
    access.pass(1);
    await access.requests.use(grant, session(1));
    await access.requests.use(grant, session(1));
    await access.requests.use(grant, session(2));
    expect(await access.requests.find(id)).toMatchObject({ state: "active", sessionsOpened: 2 });
    expect((await types()).filter((type) => type === "request.activated")).toHaveLength(1);
    await expect(access.requests.use(grant, session(3, "plc-2"))).rejects.toMatchObject({
      details: { reason: "not-in-request" },
    });
    access.pass(2 * hourMs);
    await expect(access.requests.use(grant, session(4))).rejects.toMatchObject({ details: { reason: "window-over" } });
  });

  it("is used up with its last session: live ones go on to the window's end, no other opens", async () => {
    const { id, grants } = await access.approved({ maxSessions: 2 });
    const grant = grants[0]!.id;
    access.pass(2 * hourMs);
    await access.requests.use(grant, session(1));
    const race = await Promise.allSettled([2, 3, 4].map((n) => access.requests.use(grant, session(n))));
    expect(race.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await access.requests.find(id)).toMatchObject({
      state: "used-up",
      sessionsOpened: 2,
      grants: [{ state: "used-up" }],
    });
    expect(await access.requests.grantFor("erika", "plc-1")).toMatchObject({ state: "used-up" });
    access.pass(2 * hourMs);
    expect((await access.requests.sweep()).ended).toHaveLength(1);
    expect((await access.requests.sweep()).ended).toHaveLength(0);
    expect(await access.requests.find(id)).toMatchObject({ state: "used-up", grants: [{ state: "expired" }] });
  });

  it("prefers the grant that is open, and explains the refusal best where none is", async () => {
    const of = async (target = "plc-1") => (await access.requests.grantFor("erika", target))?.request;
    const short = await access.approved();
    const long = await access.approved({ to: new Date(access.clock.wallMs + 5 * hourMs).toISOString() });
    const soon = await access.approved({
      from: new Date(access.clock.wallMs + 1.5 * hourMs).toISOString(),
      to: new Date(access.clock.wallMs + 2 * hourMs).toISOString(),
    });
    expect(await of()).toBe(soon.id);
    access.pass(2 * hourMs);
    expect(await of()).toBe(long.id);
    expect(await of("plc-2")).toBeDefined();
    await access.requests.revoke(long.id, access.as("adam"), "x");
    expect(await of()).toBe(short.id);
    const only = await access.requests.grantFor("erika", "plc-1", undefined, { only: long.grants[0]!.id });
    expect(only).toMatchObject({ request: long.id, state: "revoked" });
    expect(await access.requests.grantFor("viktor", "plc-1", undefined, { only: long.grants[0]!.id })).toBeNull();
  });
});

describe("lists", () => {
  it("show each person what waits for them, page by page", async () => {
    const asked: { id: string }[] = [];
    for (let i = 0; i < 5; i++) {
      asked.push(await access.submit(i % 2 === 0 ? {} : { targets: ["plc-2"] }));
      access.pass(1);
    }
    const list = async (name: string, query: Partial<Parameters<typeof access.requests.list>[1]>, onlyOwn = false) =>
      access.requests.list(access.as(name), { ...listAll, ...query }, { onlyOwn });
    const ids = (page: { items: { id: string }[] }) => page.items.map(({ id }) => id);
    expect(ids(await list("carla", { view: "to-decide" }))).toEqual([4, 2, 0].map((i) => asked[i]!.id));
    expect(ids(await list("erika", { view: "to-decide" }))).toEqual([]);
    expect(ids(await list("viktor", {}, true))).toEqual([]);
    expect(ids(await list("viktor", { view: "mine" }))).toEqual([]);
    const first = await list("erika", { limit: 2 }, true);
    expect([ids(first), first.next]).toEqual([[asked[4]!.id, asked[3]!.id], asked[3]!.id]);
    const rest = await list("erika", { limit: 3, cursor: first.next ?? "" }, true);
    expect([ids(rest), rest.next]).toEqual([[asked[2]!.id, asked[1]!.id, asked[0]!.id], null]);
    expect(ids(await list("adam", { target: "PLC-2", person: "Erika", state: "submitted" }))).toHaveLength(2);
    const [mine] = (await list("erika", {}, true)).items;
    expect(mine?.may).toEqual({ decide: false, withdraw: true, revoke: false, issueCredential: false, review: false });
    await expect(list("adam", { cursor: "x" })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });
});
