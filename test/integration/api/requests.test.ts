// Access over HTTP: what each role may do about requests, what a vendor does not learn, and what never leaves twice.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AccessBlock, AccessEvent, AccessRequestView, IssuedCredential } from "../../../shared/api/access.ts";
import { type ApiFixture, type Portal, startApi } from "./api-fixture.ts";

let api: ApiFixture;
const portals = new Map<string, Portal>();
const as = (role: string): Portal => {
  const portal = portals.get(role);
  if (portal === undefined) throw new Error(`${role} is not signed in`);
  return portal;
};

beforeAll(async () => {
  api = await startApi();
  await api.people.create({ name: "viktor", roles: ["vendor"], password: "correct horse battery" });
  for (const name of ["admin", "approver", "escort", "auditor", "investigator", "vendor", "viktor"]) {
    portals.set(name, await api.signIn(name));
  }
});
afterAll(() => api.close());
beforeEach(async () => {
  for (const { id } of await api.access.requests.blocks()) {
    await api.access.requests.unblock(id, { name: "admin", roles: ["admin"], address: "local" }, "next test");
  }
});

const draft = (changes: Record<string, unknown> = {}) => ({
  purpose: "calibrate the sensor",
  targets: ["plc-reactor-01"],
  from: new Date(Date.now() + 1000).toISOString(),
  to: new Date(Date.now() + 3_600_000).toISOString(),
  ...changes,
});
const json = async <T>(response: Promise<Response>, status = 200): Promise<T> => {
  const answer = await response;
  const body: unknown = await answer.json();
  expect([answer.status, body]).toEqual([status, body]);
  return body as T;
};
const ask = (role = "vendor", changes: Record<string, unknown> = {}) =>
  json<AccessRequestView>(as(role).post("/api/v1/requests", draft(changes)));
const act = (role: string, id: string, verb: string, body: unknown = {}) =>
  as(role).post(`/api/v1/requests/${id}/${verb}`, body);
const list = async (role: string, query = "") =>
  (await json<{ items: AccessRequestView[] }>(as(role).get(`/api/v1/requests?${query}`))).items.map(({ id }) => id);

describe("a request", () => {
  it("goes from the vendor to the approver and back as a password that is shown once", async () => {
    const request = await ask();
    expect(request).toMatchObject({ state: "submitted", may: { decide: false, withdraw: true } });
    expect(await list("approver", "view=to-decide")).toContain(request.id);
    expect(await json(as("approver").get(`/api/v1/requests/${request.id}`))).toMatchObject({ may: { decide: true } });
    expect(await json(act("approver", request.id, "approve", { comment: "permit 17" }))).toMatchObject({
      state: "approved",
      decisions: [{ approver: "approver", comment: "permit 17" }],
    });
    const issued = await json<IssuedCredential>(act("vendor", request.id, "credential", { kind: "ssh-password" }));
    expect(issued).toMatchObject({ person: "vendor", targets: ["plc-reactor-01"], password: expect.any(String) });
    for (const role of ["vendor", "admin", "auditor"]) {
      const seen = JSON.stringify([
        await json(as(role).get(`/api/v1/requests/${request.id}`)),
        role === "vendor" ? null : await json(as(role).get("/api/v1/access-events?limit=500")),
      ]);
      expect(seen).not.toContain(issued.password);
    }
    expect(await json(act("admin", request.id, "revoke", { reason: "permit taken back" }))).toMatchObject({
      state: "revoked",
      ended: { by: "admin" },
    });
  });

  it("is refused with all violations, each with its field, also when it is only checked", async () => {
    const bad = draft({ purpose: " ", targets: ["SIS-reactor-01", "elsewhere"], people: ["vendor", "nobody"] });
    const problem = await json<{ code: string; violations: { code: string }[] }>(
      as("vendor").post("/api/v1/requests", bad),
      400,
    );
    expect(problem.code).toBe("REQUEST_INVALID");
    const codes = problem.violations.map(({ code }) => code);
    expect(codes).toEqual(
      expect.arrayContaining(["purpose-missing", "prohibited-target", "no-rule", "requester-not-allowed"]),
    );
    expect(await json(as("vendor").post("/api/v1/requests/check", bad))).toEqual({
      violations: problem.violations,
      approvalsNeeded: 1,
    });
  });

  it("tells a vendor nothing of others: neither who is there nor what they may reach", async () => {
    const answers = await Promise.all(
      ["viktor", "nobody"].flatMap((person) =>
        ["plc-reactor-01", "elsewhere"].map(async (target) => {
          const asked = draft({ people: [person], targets: [target] });
          return JSON.stringify(await json(as("vendor").post("/api/v1/requests/check", asked)));
        }),
      ),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain("requester-not-allowed");
  });

  it("of another vendor does not exist for a vendor, whatever is tried on it", async () => {
    const { id } = await ask("viktor");
    expect(await list("vendor")).not.toContain(id);
    expect(await list("vendor", "person=viktor")).toEqual([]);
    const missing = "01912345-0000-7000-8000-000000000000";
    for (const [verb, body] of [
      ["withdraw", {}],
      ["credential", { kind: "ssh-password" }],
    ] as const) {
      const strip = async (response: Promise<Response>) => ({ ...(await json<object>(response, 404)), instance: "" });
      expect(await strip(act("vendor", id, verb, body))).toEqual(await strip(act("vendor", missing, verb, body)));
    }
    expect((await as("vendor").get(`/api/v1/requests/${id}`)).status).toBe(404);
  });

  it("is decided on by an approver alone, and never by who asked", async () => {
    const { id } = await ask();
    for (const role of ["admin", "escort", "investigator", "auditor", "vendor"]) {
      for (const [verb, body] of [
        ["approve", {}],
        ["refuse", { comment: "no" }],
      ] as const) {
        expect(await json(act(role, id, verb, body), 403)).toMatchObject({ code: "AUTH_FORBIDDEN" });
      }
    }
    await api.people.setRoles("escort", ["escort", "approver"]);
    const own = await ask("escort");
    expect(await json(act("escort", own.id, "approve"), 403)).toMatchObject({ code: "AUTH_FORBIDDEN" });
    await api.people.setRoles("escort", ["escort"]);
    expect(await json(act("approver", id, "approve", { conditions: { to: draft().to } }), 400)).toMatchObject({
      detail: expect.stringContaining("conditions can only narrow"),
    });
    expect(await json(act("approver", id, "refuse", {}), 400)).toMatchObject({ code: "REQUEST_INVALID" });
    expect(await json(act("approver", id, "refuse", { comment: "no" }))).toMatchObject({ state: "refused" });
    expect(await json(act("approver", id, "approve"), 409)).toMatchObject({ code: "REQUEST_CONFLICT" });
  });

  it("takes no names with control characters, paths or headers in them", async () => {
    for (const target of ["../../etc/passwd", "plc\r\nset-cookie: x=1", "plc\u0000", "a".repeat(65)]) {
      const response = await as("vendor").post("/api/v1/requests", draft({ targets: [target] }));
      expect(response.status).toBe(400);
      expect(response.headers.get("set-cookie")).toBeNull();
    }
    for (const id of ["..%2f..%2fetc", "x", "01912345-0000-7000-8000-00000000000Z"]) {
      expect([400, 404]).toContain((await as("admin").get(`/api/v1/requests/${id}`)).status);
    }
  });

  it("of any content gets an answer that is no fault of the service's", async () => {
    const time = fc.oneof(
      fc.string(),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.constantFrom("0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2026-11-23T08:00:00+23:59"),
    );
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 100 }),
      fc.constantFrom("plc-reactor-01", "vendor", "__proto__"),
    );
    const body = fc.oneof(
      fc.anything(),
      fc.record(
        {
          purpose: text,
          people: fc.array(text, { maxLength: 4 }),
          targets: fc.array(text, { maxLength: 4 }),
          protocol: fc.oneof(text, fc.constantFrom("ssh", "vnc", "telnet")),
          from: time,
          to: time,
          ticket: text,
          escorts: fc.array(text, { maxLength: 3 }),
          maxSessions: fc.oneof(fc.integer(), fc.double()),
        },
        { requiredKeys: ["purpose", "targets", "from", "to"] },
      ),
    );
    const send = async (path: string, sent: unknown) => {
      const response = await as("vendor").post(path, sent);
      expect([path, sent, response.status < 500, await response.text()]).toEqual([
        path,
        sent,
        true,
        expect.any(String),
      ]);
    };
    await fc.assert(
      fc.asyncProperty(body, async (sent) => {
        await send("/api/v1/requests/check", sent);
        await send("/api/v1/requests", sent);
        await send("/api/v1/break-glass", sent);
      }),
      { numRuns: 150 },
    );
  });

  it("needs the CSRF token", async () => {
    const { id } = await ask();
    const response = await as("approver").request("POST", `/api/v1/requests/${id}/approve`, {
      body: {},
      headers: { "x-csrf-token": "wrong" },
    });
    expect(await json(Promise.resolve(response), 403)).toMatchObject({ code: "AUTH_CSRF" });
    expect(await json(as("admin").get(`/api/v1/requests/${id}`))).toMatchObject({ state: "submitted" });
  });
});

describe("emergency access", () => {
  const wanted = { target: "plc-reactor-01", reason: "the pump does not stop", seconds: 60 };

  it("is for whom the policy names, with a fresh code", async () => {
    expect(await json(as("vendor").post("/api/v1/break-glass", wanted), 403)).toMatchObject({ code: "POLICY_REFUSED" });
    expect(await json(as("escort").post("/api/v1/break-glass", wanted), 403)).toMatchObject({ code: "AUTH_CONFIRM" });
    await api.database.access
      .updateTable("web_sessions")
      .set({ factors: JSON.stringify(["password", "totp"]), confirmed_at_ms: Date.now() })
      .where("person", "=", "escort")
      .execute();
    expect(await json(as("escort").post("/api/v1/break-glass", { ...wanted, reason: "help" }), 400)).toMatchObject({
      code: "REQUEST_INVALID",
    });
    expect(
      await json(as("escort").post("/api/v1/break-glass", { ...wanted, target: "SIS-reactor-01" }), 403),
    ).toMatchObject({
      code: "POLICY_REFUSED",
    });
    const { id } = await json<AccessRequestView>(as("escort").post("/api/v1/break-glass", wanted));
    await json(act("admin", id, "revoke", { reason: "the pump has stopped" }));
    const review = { verdict: "justified", comment: "looked at it" };
    expect(await json(act("escort", id, "review", review), 403)).toMatchObject({ code: "AUTH_FORBIDDEN" });
    expect(await list("auditor", "view=to-review")).toEqual([id]);
    expect(await json(act("auditor", id, "review", review))).toMatchObject({ review: { reviewer: "auditor" } });
  });
});

describe("blocks", () => {
  it("are made by escorts, lifted by approvers, and unknown names are none", async () => {
    const wanted = { person: "VENDOR", target: "PLC-reactor-01", reason: "left the scope" };
    const blocked = await json<AccessBlock>(as("escort").post("/api/v1/access-blocks", wanted));
    expect(blocked).toMatchObject({ person: "vendor", target: "plc-reactor-01", by: "escort", lifted: null });
    expect((await as("escort").post("/api/v1/access-blocks", { ...wanted, person: "nobody" })).status).toBe(404);
    const lift = (role: string) => as(role).post(`/api/v1/access-blocks/${blocked.id}/lift`, { reason: "talked" });
    expect((await lift("escort")).status).toBe(403);
    expect(await json(lift("approver"))).toMatchObject({ lifted: { by: "approver" } });
    const items = async (query: string) =>
      (await json<{ items: AccessBlock[] }>(as("auditor").get(`/api/v1/access-blocks${query}`))).items;
    expect(await items("")).toEqual([]);
    expect((await items("?all=true")).map(({ id }) => id)).toContain(blocked.id);
  });
});

describe("events", () => {
  it("are followed by number, without gap, with who and from where", async () => {
    const { last } = await json<{ last: number }>(as("auditor").get("/api/v1/access-events?limit=1"));
    const { id } = await ask();
    const page = await json<{ items: AccessEvent[]; last: number }>(
      as("auditor").get(`/api/v1/access-events?after=${last}`),
    );
    expect(page).toMatchObject({
      last: last + 1,
      items: [{ seq: last + 1, type: "request.submitted", actor: "vendor", subject: id, address: "127.0.0.1" }],
    });
    const newest = await json<{ items: AccessEvent[] }>(as("auditor").get(`/api/v1/access-events?subject=${id}`));
    expect(newest.items).toEqual(page.items);
  });
});
