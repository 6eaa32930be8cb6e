// Who may call what, for every route that exists and every role. A new route fails here until it has its line.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../shared/policy/policy.ts";
import { type ApiFixture, type Portal, password, startApi } from "./api-fixture.ts";

const everybody = Role.options;
const readers = ["admin", "escort", "investigator", "auditor"];
const exporters = ["admin", "investigator", "auditor"];
const policyReaders = ["admin", "approver", "escort", "auditor"];
const deciders = ["admin", "approver", "escort", "investigator", "auditor"];

/** Route → the roles that it lets pass, or `public`. */
const table: Record<string, "public" | readonly string[]> = {
  "POST /api/v1/session": "public",
  "GET /api/v1/session": everybody,
  "HEAD /api/v1/session": everybody,
  "DELETE /api/v1/session": everybody,
  "POST /api/v1/me/password": everybody,
  "POST /api/v1/session/second-step": "public",
  "POST /api/v1/session/provider": "public",
  "POST /api/v1/session/provider/answer": "public",
  "POST /api/v1/session/confirm/provider": everybody,
  "GET /api/v1/me/provider": everybody,
  "HEAD /api/v1/me/provider": everybody,
  "POST /api/v1/me/provider/link": everybody,
  "POST /api/v1/me/provider/unlink": everybody,
  "GET /api/v1/session/ways": "public",
  "HEAD /api/v1/session/ways": "public",
  "POST /api/v1/session/passkey": "public",
  "POST /api/v1/session/confirm": everybody,
  "POST /api/v1/session/confirm/challenge": everybody,
  "GET /api/v1/me/passkeys": everybody,
  "HEAD /api/v1/me/passkeys": everybody,
  "POST /api/v1/me/passkeys": everybody,
  "POST /api/v1/me/passkeys/begin": everybody,
  "POST /api/v1/me/passkeys/rename": everybody,
  "POST /api/v1/me/passkeys/remove": everybody,
  "POST /api/v1/me/portal-code": everybody,
  "GET /api/v1/me/tokens": everybody,
  "HEAD /api/v1/me/tokens": everybody,
  "POST /api/v1/me/tokens": everybody,
  "POST /api/v1/me/tokens/:id/revoke": everybody,
  "GET /api/v1/tokens": ["admin", "approver", "auditor"],
  "HEAD /api/v1/tokens": ["admin", "approver", "auditor"],
  "POST /api/v1/tokens/:id/revoke": ["admin"],
  "GET /api/v1/me/keys": everybody,
  "HEAD /api/v1/me/keys": everybody,
  "POST /api/v1/me/keys": everybody,
  "POST /api/v1/me/keys/remove": everybody,
  "GET /api/v1/me/mfa": everybody,
  "HEAD /api/v1/me/mfa": everybody,
  "POST /api/v1/me/mfa/enrolment": everybody,
  "POST /api/v1/me/mfa/enrolment/confirm": everybody,
  "POST /api/v1/me/mfa/recovery-codes": everybody,
  "POST /api/v1/people/:name/mfa/reset": ["admin"],
  "GET /api/v1/health": "public",
  "HEAD /api/v1/health": "public",
  "GET /healthz": "public",
  "HEAD /healthz": "public",
  "GET /readyz": "public",
  "HEAD /readyz": "public",
  "GET /api/v1/recordings": everybody,
  "HEAD /api/v1/recordings": everybody,
  "GET /api/v1/recordings/:id": everybody,
  "HEAD /api/v1/recordings/:id": everybody,
  "GET /api/v1/recordings/:id/index": readers,
  "GET /api/v1/recordings/:id/segments/:n": readers,
  "GET /api/v1/recordings/:id/objects/:name": readers,
  "POST /api/v1/recordings/:id/view": readers,
  "GET /api/v1/recordings/:id/keys": readers,
  "POST /api/v1/recordings/:id/verify": exporters,
  "GET /api/v1/recordings/:id/custody": exporters,
  "GET /api/v1/recordings/:id/export": exporters,
  "GET /api/v1/holds": exporters,
  "GET /api/v1/recordings/:id/holds": exporters,
  "POST /api/v1/recordings/:id/holds": ["admin", "investigator"],
  "POST /api/v1/recordings/:id/holds/:hold/release": ["admin", "investigator"],
  "POST /api/v1/recordings/:id/pictures": exporters,
  "GET /api/v1/search": readers,
  "GET /api/v1/activity": everybody,
  "GET /api/v1/searches": readers,
  "POST /api/v1/searches": readers,
  "DELETE /api/v1/searches/:id": readers,
  "GET /api/v1/pictures/:job": exporters,
  "GET /api/v1/pictures/:job/file": exporters,
  "DELETE /api/v1/pictures/:job": exporters,
  "GET /api/v1/recordings/:id/notes": readers,
  "POST /api/v1/recordings/:id/notes": readers,
  "POST /api/v1/recordings/:id/notes/:note": readers,
  "POST /api/v1/recordings/:id/notes/:note/strike": readers,
  "GET /api/v1/recordings/:id/imported": readers,
  "POST /api/v1/recordings/:id/imports": readers,
  "POST /api/v1/recordings/:id/imports/:import/remove": readers,
  "GET /api/v1/imports/:import/file": readers,
  "GET /api/v1/cases": readers,
  "POST /api/v1/cases": exporters,
  "GET /api/v1/cases/:id": readers,
  "POST /api/v1/cases/:id": readers,
  "GET /api/v1/cases/:id/export": exporters,
  "POST /api/v1/cases/:id/members": readers,
  "POST /api/v1/cases/:id/members/remove": readers,
  "POST /api/v1/cases/:id/sessions": readers,
  "POST /api/v1/cases/:id/sessions/:session/remove": readers,
  "POST /api/v1/cases/:id/holds": ["admin", "investigator"],
  "POST /api/v1/cases/:id/holds/release": ["admin", "investigator"],
  "POST /api/v1/cases/:id/notes": readers,
  "POST /api/v1/cases/:id/notes/:note": readers,
  "POST /api/v1/cases/:id/notes/:note/strike": readers,
  "GET /api/v1/cases/:id/imported": readers,
  "POST /api/v1/cases/:id/imports": readers,
  "POST /api/v1/cases/:id/imports/:import/remove": readers,
  "GET /api/v1/sessions": everybody,
  "HEAD /api/v1/sessions": everybody,
  "POST /api/v1/sessions/:id/terminate": ["admin", "escort"],
  "POST /api/v1/sessions/:id/freeze": ["admin", "escort"],
  "POST /api/v1/sessions/:id/unfreeze": ["admin", "escort"],
  "GET /api/v1/sessions/:id/watch": readers,
  "POST /api/v1/sessions/:id/message": ["admin", "escort"],
  "POST /api/v1/sessions/:id/marks": ["admin", "escort"],
  "POST /api/v1/sessions/:id/confirmations/:n": ["approver", "escort"],
  "GET /api/v1/stops": everybody,
  "HEAD /api/v1/stops": everybody,
  "PUT /api/v1/stops/:scope": ["admin", "escort"],
  "DELETE /api/v1/stops/:scope": ["admin"],
  "GET /api/v1/report": ["admin", "approver", "auditor"],
  "GET /api/v1/verification": ["admin", "investigator", "auditor"],
  "GET /api/v1/verification/:session": ["admin", "investigator", "auditor"],
  "GET /api/v1/attestation": ["admin", "investigator", "auditor"],
  "GET /api/v1/people": ["admin", "approver", "auditor"],
  "HEAD /api/v1/people": ["admin", "approver", "auditor"],
  "POST /api/v1/people": ["admin"],
  "POST /api/v1/people/:name/roles": ["admin"],
  "POST /api/v1/people/:name/disable": ["admin"],
  "POST /api/v1/people/:name/enable": ["admin"],
  "POST /api/v1/people/:name/one-time-password": ["admin"],
  "POST /api/v1/people/:name/keys": ["admin"],
  "POST /api/v1/people/:name/keys/remove": ["admin"],
  "GET /api/v1/policy": policyReaders,
  "HEAD /api/v1/policy": policyReaders,
  "GET /api/v1/policy/versions": policyReaders,
  "HEAD /api/v1/policy/versions": policyReaders,
  "GET /api/v1/policy/versions/:hash": policyReaders,
  "HEAD /api/v1/policy/versions/:hash": policyReaders,
  "GET /api/v1/targets": ["admin", "approver", "escort", "investigator", "auditor"],
  "HEAD /api/v1/targets": ["admin", "approver", "escort", "investigator", "auditor"],
  "GET /api/v1/me/targets": everybody,
  "HEAD /api/v1/me/targets": everybody,
  "GET /api/v1/me/access": everybody,
  "HEAD /api/v1/me/access": everybody,
  "POST /api/v1/targets/:name/vnc-ticket": everybody,
  "GET /api/v1/targets/:name/screen": everybody,
  "GET /api/v1/requests": everybody,
  "HEAD /api/v1/requests": everybody,
  "POST /api/v1/requests": everybody,
  "POST /api/v1/requests/check": everybody,
  "GET /api/v1/requests/:id": everybody,
  "HEAD /api/v1/requests/:id": everybody,
  "POST /api/v1/requests/:id/approve": deciders,
  "POST /api/v1/requests/:id/refuse": deciders,
  "POST /api/v1/requests/:id/withdraw": everybody,
  "POST /api/v1/requests/:id/revoke": deciders,
  "POST /api/v1/requests/:id/credential": everybody,
  "POST /api/v1/requests/:id/review": deciders,
  "POST /api/v1/break-glass": everybody,
  "GET /api/v1/access-blocks": deciders,
  "HEAD /api/v1/access-blocks": deciders,
  "POST /api/v1/access-blocks": ["admin", "approver", "escort"],
  "POST /api/v1/access-blocks/:id/lift": ["admin", "approver"],
  "GET /api/v1/access-events": ["admin", "approver", "escort", "auditor"],
  "HEAD /api/v1/access-events": ["admin", "approver", "escort", "auditor"],
  "GET /api/v1/ledger": ["admin", "auditor"],
  "GET /api/v1/ledger/entries": ["admin", "auditor"],
  "GET /api/v1/ledger/entries/:n/proof": ["admin", "auditor"],
  "GET /api/v1/audit": ["admin", "auditor"],
  "HEAD /api/v1/audit": ["admin", "auditor"],
  "GET /api/v1/keys": everybody,
  "HEAD /api/v1/keys": everybody,
  "GET /api/v1/openapi.json": everybody,
  "HEAD /api/v1/openapi.json": everybody,
};

let api: ApiFixture;
const portals = new Map<string, Portal>();

beforeAll(async () => {
  api = await startApi();
  for (const role of everybody) portals.set(role, await api.signIn(role));
});
afterAll(() => api.close());

function addressOf(route: string): { method: string; path: string } {
  const [method = "", pattern = ""] = route.split(" ");
  // A vendor may ask for his own recording.
  const path = pattern.replace(":id", api.recording.index.session).replace(":n", "0").replace(":name", "open.json");
  return { method, path };
}

describe("every route", () => {
  it("is in the table, and the table has no other", () => {
    expect(api.routes).toEqual(Object.keys(table).sort());
  });

  it("refuses who has not signed in", async () => {
    for (const [route, access] of Object.entries(table)) {
      if (access === "public") continue;
      const { method, path } = addressOf(route);
      const response = await fetch(api.origin + path, { method });
      expect([route, response.status]).toEqual([route, 401]);
      if (method !== "HEAD") expect(await response.json()).toMatchObject({ code: "AUTH_REQUIRED" });
    }
  });

  it("refuses a cookie that opens nothing, as if there were none", async () => {
    for (const cookie of ["conduit-session=x", `conduit-session=${"A".repeat(43)}`, "__Host-conduit=x"]) {
      expect((await fetch(`${api.origin}/api/v1/session`, { headers: { cookie } })).status).toBe(401);
    }
  });

  it.each(everybody)("lets %s pass where the table says so, and nowhere else", async (role) => {
    const portal = portals.get(role);
    if (portal === undefined) throw new Error(`${role} is not signed in`);
    for (const [route, access] of Object.entries(table)) {
      if (access === "public" || route === "DELETE /api/v1/session") continue;
      const { method, path } = addressOf(route);
      const response = await portal.request(method, path);
      const problem = method === "HEAD" || response.ok ? {} : ((await response.json()) as { code?: string });
      // Who may come in is asked for a fresh code, not for a role.
      const refused = (response.status === 403 && problem.code !== "AUTH_CONFIRM") || response.status === 401;
      expect([role, route, refused, response.status]).toEqual([role, route, !access.includes(role), response.status]);
      if (refused && method !== "HEAD") expect(problem).toMatchObject({ code: "AUTH_FORBIDDEN" });
      if (response.ok) await response.arrayBuffer();
    }
  });

  it("that changes something refuses whom the table lets pass without the CSRF token, with another's, and from another site", async () => {
    const unsafe = Object.entries(table).filter(([route]) => !/^(GET|HEAD) /.test(route));
    expect(unsafe.length).toBeGreaterThan(20);
    for (const [route, access] of unsafe) {
      const { method, path } = addressOf(route);
      const role = access === "public" ? "vendor" : (access[0] ?? "");
      const portal = portals.get(role)!;
      const another = portals.get(role === "auditor" ? "admin" : "auditor")!;
      const forged: Record<string, string>[] = [
        { origin: "https://elsewhere.example" },
        { origin: "null" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        // Who signs in has no token yet: the site alone counts.
        ...(access === "public" ? [] : [{ "x-csrf-token": "" }, { "x-csrf-token": another.csrfToken }]),
      ];
      for (const headers of forged) {
        const response = await portal.request(method, path, { headers, body: {} });
        const { code } = (await response.json()) as { code: string };
        expect([route, headers, response.status, code]).toEqual([route, headers, 403, "AUTH_CSRF"]);
      }
    }
    for (const [, portal] of portals) expect((await portal.get("/api/v1/session")).status).toBe(200);
  });

  it("lets an API token pass where its roles and its kind let it, and never where a person is asked", async () => {
    // What tokens may change at all; the rest of what is not GET is for people alone.
    const acts = new Set([
      "POST /api/v1/requests",
      "POST /api/v1/requests/:id/withdraw",
      "POST /api/v1/recordings/:id/holds",
      "POST /api/v1/recordings/:id/pictures",
      "DELETE /api/v1/pictures/:job",
      "POST /api/v1/sessions/:id/terminate",
      "POST /api/v1/sessions/:id/freeze",
      "POST /api/v1/sessions/:id/message",
      "POST /api/v1/sessions/:id/marks",
      "POST /api/v1/searches",
      "DELETE /api/v1/searches/:id",
      "POST /api/v1/recordings/:id/notes",
      "POST /api/v1/recordings/:id/imports",
      "POST /api/v1/cases",
      "POST /api/v1/cases/:id/notes",
      "POST /api/v1/cases/:id/imports",
      "POST /api/v1/cases/:id/sessions",
    ]);
    const reads = new Set([
      "POST /api/v1/recordings/:id/view",
      "POST /api/v1/recordings/:id/verify",
      "POST /api/v1/requests/check",
    ]);
    const neverGet = new Set(["GET /api/v1/sessions/:id/watch", "GET /api/v1/targets/:name/screen"]);
    await api.people.create({ name: "several", roles: ["admin", "auditor", "escort"], password });
    const by = { actor: "several", secondFactor: true };
    const make = async (roles: Role[], readOnly: boolean) =>
      (await api.tokens.create("several", { name: "t", roles, readOnly, days: 1 }, by)).token;
    const tokens = [
      { token: await make(["auditor"], true), roles: ["auditor"], readOnly: true },
      { token: await make(["auditor"], false), roles: ["auditor"], readOnly: false },
      { token: await make(["admin", "escort"], false), roles: ["admin", "escort"], readOnly: false },
    ];
    for (const { token, roles, readOnly } of tokens) {
      for (const [route, access] of Object.entries(table)) {
        if (access === "public") continue;
        const { method, path } = addressOf(route);
        // A cookie of somebody with more roles comes along, and counts for nothing.
        const headers = { authorization: `Bearer ${token}`, cookie: portals.get("investigator")!.cookie };
        const response = await fetch(api.origin + path, { method, headers });
        const isRead = /^(GET|HEAD) /.test(route) ? !neverGet.has(route) : reads.has(route);
        const mayPass = (isRead || (acts.has(route) && !readOnly)) && roles.some((role) => access.includes(role));
        const passed = response.status !== 401 && response.status !== 403;
        await response.arrayBuffer();
        expect([roles, readOnly, route, passed, response.status]).toEqual([
          roles,
          readOnly,
          route,
          mayPass,
          response.status,
        ]);
      }
    }
    // Roles that its owner has no more are gone from it, and with the owner's account it is shut.
    const ask = (path: string) =>
      fetch(api.origin + path, { headers: { authorization: `Bearer ${tokens[0]?.token}` } }).then(
        ({ status }) => status,
      );
    expect(await ask("/api/v1/audit")).toBe(200);
    await api.people.setRoles("several", ["vendor"]);
    expect(await ask("/api/v1/audit")).toBe(403);
    await api.people.setDisabled("several", true);
    expect(await ask("/api/v1/session")).toBe(401);
    await expect(make(["admin"], true)).rejects.toThrow(/does not have the role admin/);
  });

  it("takes changed roles at once", async () => {
    const portal = await api.signIn("approver");
    expect((await portal.get("/api/v1/audit")).status).toBe(403);
    await api.people.setRoles("approver", ["auditor"]);
    expect((await portal.get("/api/v1/audit")).status).toBe(200);
    await api.people.setRoles("approver", ["approver"]);
    await api.people.setDisabled("approver", true);
    expect((await portal.get("/api/v1/recordings")).status).toBe(401);
  });

  it("cannot be registered without saying who may call it", async () => {
    const { default: Fastify } = await import("fastify");
    const { requireAccessOnEveryRoute } = await import("../../../recorder/api/route.ts");
    const app = Fastify();
    requireAccessOnEveryRoute(app);
    expect(() => app.get("/open-door", async () => "hello")).toThrow(/\/open-door does not say who may call it/);
  });
});

describe("a vendor", () => {
  it("sees his own recordings and sessions, without their content", async () => {
    const portal = portals.get("vendor")!;
    const page = (await (await portal.get("/api/v1/recordings")).json()) as {
      items: { session: string }[];
      total: number;
    };
    expect(page.items.map((item) => item.session)).toEqual([api.recording.index.session]);
    expect(page.total).toBe(1);
    const sneaky = (await (await portal.get("/api/v1/recordings?person=somebody-else")).json()) as { total: number };
    expect(sneaky.total).toBe(0);
    const foreign = await portal.get(`/api/v1/recordings/${api.foreignRecording.index.session}`);
    const missing = await portal.get("/api/v1/recordings/01912345-0000-7000-8000-000000000000");
    expect([foreign.status, missing.status]).toEqual([404, 404]);
    const strip = async (response: Response) => ({ ...((await response.json()) as object), instance: "" });
    expect(await strip(foreign)).toEqual(await strip(missing));
  });

  it("sees his own live sessions only", async () => {
    const live = (session: string, person: string) => ({
      session,
      person,
      target: "plc",
      conduit: "c",
      protocol: "ssh" as const,
      clientAddress: "192.0.2.1",
      startedAt: "2026-11-23T10:00:00.000000Z",
      state: "active" as const,
      channels: 1,
      idleSeconds: 0,
      endsAt: "2026-11-23T14:00:00.000000Z",
      recordedBytes: 0,
      durableBehindMs: 0,
      alarms: [],
    });
    api.liveSessions.push(live("a", "VENDOR"), live("b", "other"));
    const seen = async (role: string) =>
      ((await (await portals.get(role)!.get("/api/v1/sessions")).json()) as { items: { session: string }[] }).items.map(
        (item) => item.session,
      );
    expect(await seen("vendor")).toEqual(["a"]);
    expect(await seen("escort")).toEqual(["a", "b"]);
    api.liveSessions.length = 0;
  });
});

describe("health", () => {
  it("says no more than ok or degraded, but to administrators and auditors", async () => {
    api.healthy.value = false;
    const detail = { status: "degraded", checks: [{ name: "store", ok: false, message: "the store answers" }] };
    expect(await (await fetch(`${api.origin}/api/v1/health`)).json()).toEqual({ status: "degraded" });
    expect(await (await portals.get("escort")!.get("/api/v1/health")).json()).toEqual({ status: "degraded" });
    expect(await (await portals.get("auditor")!.get("/api/v1/health")).json()).toEqual(detail);
    api.healthy.value = true;
    expect(await (await fetch(`${api.origin}/api/v1/health`)).json()).toEqual({ status: "ok" });
  });
});
