// Random lives of requests against a model of what may be: two services on one file, several people at once, a clock that
// moves both ways. Whatever the order, the rules of the model hold.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AccessRequest, RequestState } from "../../../../shared/api/access.ts";
import { AppError } from "../../../../shared/errors.ts";
import { type AccessUnderTest, accessUnderTest, hourMs } from "./access-under-test.ts";

type Action =
  | { do: "submit"; by: string; targets: readonly string[]; maxSessions: number | undefined }
  | { do: "decide"; which: number; by: string; decision: "approve" | "refuse" }
  | { do: "withdraw" | "revoke" | "use" | "credential" | "end"; which: number; by: string }
  | { do: "sweep" }
  | { do: "pass"; ms: number }
  | { do: "set-back"; ms: number };

const names = fc.constantFrom("erika", "viktor", "anna", "boris", "carla", "adam");
const which = fc.nat(3);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("submit" as const),
      by: fc.constantFrom("erika", "viktor", "anna"),
      targets: fc.constantFrom(["plc-1"], ["plc-2"], ["plc-1", "plc-2"]),
      maxSessions: fc.constantFrom(undefined, 1, 2),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("decide" as const),
      which,
      by: names,
      decision: fc.constantFrom("approve" as const, "approve" as const, "refuse" as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "withdraw" as const,
        "revoke" as const,
        "use" as const,
        "credential" as const,
        "end" as const,
      ),
      which,
      by: names,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1, hourMs, 2 * hourMs - 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("set-back" as const), ms: fc.constantFrom(hourMs, 24 * hourMs) }),
  },
);
/** Each inner list is done at once, by both services in turn. */
const life = fc.array(fc.array(action, { minLength: 1, maxLength: 4 }), { minLength: 4, maxLength: 20 });

const after: Record<RequestState, readonly RequestState[]> = {
  submitted: ["approved", "refused", "withdrawn", "expired"],
  approved: ["active", "used-up", "withdrawn", "revoked", "expired"],
  active: ["used-up", "withdrawn", "revoked", "expired"],
  "used-up": ["withdrawn", "revoked"],
  refused: [],
  withdrawn: [],
  expired: [],
  revoked: [],
};

const expected = new Set(["AUTH_FORBIDDEN", "REQUEST_CONFLICT", "REQUEST_INVALID", "POLICY_REFUSED"]);

async function live(access: AccessUnderTest, other: AccessUnderTest["requests"], steps: Action[][]): Promise<void> {
  const services = [access.requests, other];
  const toldBefore = await access.feed.last();
  const run = `s-${toldBefore}`;
  const ids: string[] = [];
  const states = new Map<string, RequestState>();
  const closed = new Set<string>();
  let session = 0;
  let turn = 0;

  const perform = async (one: Action): Promise<void> => {
    const requests = services[turn++ % 2] ?? access.requests;
    if (one.do === "pass") return access.pass(one.ms);
    if (one.do === "set-back") {
      access.clock.wallMs -= one.ms;
      return;
    }
    if (one.do === "sweep") return void (await requests.sweep());
    if (one.do === "submit") {
      const draft = access.draft({
        targets: [...one.targets],
        from: new Date(requests.nowMs() + 2 * hourMs).toISOString(),
        to: new Date(requests.nowMs() + 4 * hourMs).toISOString(),
        ...(one.maxSessions === undefined ? {} : { maxSessions: one.maxSessions }),
      });
      ids.push((await requests.submit(access.as(one.by), draft)).id);
      return;
    }
    const id = ids[one.which % Math.max(1, ids.length)];
    if (id === undefined) return;
    const by = access.as(one.by);
    if (one.do === "decide") return void (await requests.decide(id, by, { decision: one.decision, comment: "x" }));
    if (one.do === "withdraw") return void (await requests.withdraw(id, by, "x"));
    if (one.do === "revoke") return void (await requests.revoke(id, by, "x"));
    if (one.do === "credential") return void (await requests.issueCredential(id, by, { kind: "ssh-password" }));
    const grant = (await requests.find(id))?.grants[0];
    if (grant === undefined) return;
    if (one.do === "end")
      return void (await requests.endGrant(grant.id, {
        by: "olga",
        address: "x",
        reason: "x",
        session: "s",
        target: "plc-1",
      }));
    await requests.use(grant.id, {
      id: `${run}-${session++}`,
      target: one.by === "adam" ? "plc-2" : "plc-1",
      address: "x",
    });
  };

  for (const step of steps) {
    const results = await Promise.allSettled(step.map(perform));
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      const error: unknown = result.reason;
      if (!(error instanceof AppError && expected.has(error.code))) throw error;
    }
    for (const id of ids) check((await access.requests.find(id))!);
  }
  await checkEvents();

  function check(request: AccessRequest): void {
    const { id, state, decisions, requester, people, grants } = request;
    const before = states.get(id) ?? "submitted";
    if (before !== state) expect(reachable(before)).toContain(state);
    states.set(id, state);
    const approvals = decisions.filter(({ decision }) => decision === "approve");
    // Nobody decides on their own request, nobody twice, and never both ways at the end.
    for (const { approver } of decisions) expect([requester, ...people]).not.toContain(approver);
    expect(new Set(decisions.map(({ approver }) => approver)).size).toBe(decisions.length);
    expect(decisions.filter(({ decision }) => decision === "refuse").length).toBe(state === "refused" ? 1 : 0);
    if (grants.length > 0) expect(approvals.length).toBe(request.approvalsNeeded);
    else expect(["submitted", "refused", "withdrawn", "expired"]).toContain(state);
    expect(request.sessionsOpened).toBeLessThanOrEqual(request.maxSessions ?? 1000);
    for (const grant of grants) {
      const isOpen = grant.state === "open";
      if (isOpen) expect(["approved", "active"]).toContain(state);
      if (!isOpen) expect(grant.credentials).toEqual([]);
      // What ended never opens again.
      if (closed.has(grant.id)) expect(isOpen).toBe(false);
      if (!isOpen) closed.add(grant.id);
    }
  }

  async function checkEvents(): Promise<void> {
    const events = await access.feed.after(toldBefore, 10_000);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => toldBefore + i + 1));
    const ends = ["request.refused", "request.withdrawn", "request.revoked", "request.expired"];
    for (const id of ids) {
      const own = events.filter(({ subject }) => subject === id).map(({ type }) => type);
      const request = (await access.requests.find(id))!;
      // Each state is told once, and the last one told is the one it is in.
      for (const type of new Set(own)) {
        if (type !== "request.approval") expect([type, own.filter((one) => one === type).length]).toEqual([type, 1]);
      }
      expect(own.filter((type) => ends.includes(type)).length).toBeLessThanOrEqual(1);
      const last = own.filter((type) => type !== "request.approval").at(-1);
      const told = named[last ?? ""] ?? last?.slice("request.".length);
      expect(told).toBe(request.state);
      for (const grant of request.grants) {
        const ofGrant = events.filter(
          ({ subject, type }) => subject === grant.id && /^grant\.(revoked|expired)$/.test(type),
        );
        expect(ofGrant.length).toBe(grant.state === "revoked" || grant.state === "expired" ? 1 : 0);
      }
    }
  }
}

const named: Record<string, string> = { "request.activated": "active" };

/** Several steps may lie between two looks. */
function reachable(from: RequestState, seen = new Set<RequestState>()): Set<RequestState> {
  for (const next of after[from]) {
    if (seen.has(next)) continue;
    seen.add(next);
    reachable(next, seen);
  }
  return seen;
}

describe("any life of requests", () => {
  it("keeps to the model", { timeout: 120_000 }, async () => {
    const access = await accessUnderTest({ thread: true });
    const other = await access.another();
    try {
      await fc.assert(
        fc.asyncProperty(life, (steps) => live(access, other.requests, steps)),
        { numRuns: 60 },
      );
    } finally {
      await other.close();
      await access.close();
    }
  });

  it("lets one of two opposite decisions win, and counts two agreeing approvers both", {
    timeout: 60_000,
  }, async () => {
    const access = await accessUnderTest({ thread: true });
    const other = await access.another();
    for (let round = 0; round < 25; round++) {
      const { id } = await access.submit({ targets: ["plc-2"] });
      const decide = (requests: typeof access.requests, by: string, decision: "approve" | "refuse") =>
        requests.decide(id, access.as(by), { decision, comment: "x" });
      const agreeing = round % 2 === 0;
      const race = await Promise.allSettled([
        decide(access.requests, "anna", "approve"),
        decide(other.requests, "boris", agreeing ? "approve" : "refuse"),
        decide(access.requests, "anna", "approve"),
      ]);
      const request = await access.requests.find(id);
      if (agreeing) {
        expect(race.every(({ status }) => status === "fulfilled")).toBe(true);
        expect(request).toMatchObject({ state: "approved" });
        expect(request?.grants).toHaveLength(1);
      } else {
        expect(request).toMatchObject({ state: "refused", grants: [] });
      }
    }
    const single = await access.submit();
    const race = await Promise.allSettled([
      access.requests.decide(single.id, access.as("anna"), { decision: "approve", comment: "x" }),
      other.requests.decide(single.id, access.as("boris"), { decision: "refuse", comment: "x" }),
    ]);
    expect(race.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await other.close();
    await access.close();
  });

  it("is open exactly from its first millisecond to before its last", async () => {
    const access = await accessUnderTest();
    const { id, from, to } = await access.approved();
    const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.integer({ min: fromMs - 3, max: fromMs + 3 }), fc.integer({ min: toMs - 3, max: toMs + 3 })),
        async (nowMs) => {
          const facts = await access.requests.grantFor("erika", "plc-1", nowMs);
          expect(facts?.request).toBe(id);
          const isOpen = facts !== null && facts.state === "open" && nowMs >= facts.fromMs && nowMs < facts.toMs;
          expect(isOpen).toBe(nowMs >= fromMs && nowMs < toMs);
        },
      ),
    );
    await access.close();
  });
});
