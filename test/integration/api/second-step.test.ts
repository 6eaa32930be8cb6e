// The code after the password at the portal: whose it is, how often, from where; and what is closed without it.
import { request as httpRequest } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../../recorder/access/mfa/totp.ts";
import { type ApiFixture, Portal, password, startApi } from "./api-fixture.ts";

let api: ApiFixture;
let secret: string;
let recoveryCodes: string[];

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  api.mfaRequired.value = true;
  api.throttleClock.aheadMs += 2 * 3_600_000;
  await api.mfa.reset("vendor", by);
  const begun = await api.mfa.begin("vendor");
  secret = begun.secret;
  recoveryCodes = (await api.mfa.confirm("vendor", codeOf(-1), by))?.recoveryCodes ?? [];
});
afterEach(() => api.mfa.reset("vendor", by));

const by = { actor: "test", address: "local" };
const codeOf = (later = 0) => totpCode(secret, totpStepAt(Date.now()) + later);

interface Step {
  status: number;
  body: Record<string, unknown>;
  cookies: Map<string, string>;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Step> {
  const response = await fetch(`${api.origin}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "user-agent": "browser-1", ...headers },
    body: JSON.stringify(body),
  });
  const cookies = new Map(
    response.headers.getSetCookie().map((line) => {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      return [name, value];
    }),
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown>, cookies };
}

const first = (name = "vendor", text = password) => post("/session", { name, password: text });

function second(step: Step, code: string, headers: Record<string, string> = {}): Promise<Step> {
  const cookie = `conduit-session-pending=${step.cookies.get("conduit-session-pending")}`;
  return post("/session/second-step", { pending: step.body["pending"], code }, { cookie, ...headers });
}

describe("the second step", () => {
  it("opens with the code, from the browser that began, and sets the session's cookie only then", async () => {
    const step = await first();
    expect(step.body).toEqual({
      step: "code",
      pending: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      // Asked of everybody alike: it names no key.
      passkey: { challenge: expect.any(String), rpId: "localhost", timeout: 300_000, userVerification: "preferred" },
      expiresAt: expect.any(String),
    });
    expect([...step.cookies.keys()]).toEqual(["conduit-session-pending"]);
    const done = await second(step, codeOf());
    expect(done).toMatchObject({
      status: 200,
      body: { name: "vendor", mustEnrol: false, factors: ["password", "totp"] },
    });
    expect(done.cookies.get("conduit-session-pending")).toBe("");
    const portal = new Portal(api.origin, `conduit-session=${done.cookies.get("conduit-session")}`, "");
    expect((await portal.get("/api/v1/session")).status).toBe(200);
    // Finished: not a second time, with whatever code.
    expect((await second(step, codeOf(1))).status).toBe(401);
  });

  it("is no other browser's: neither without its cookie, nor with another's, nor as another program", async () => {
    const [mine, theirs] = [await first(), await first("auditor", "wrong")];
    const crossed = { ...mine, cookies: theirs.cookies };
    for (const attempt of [
      second(crossed, codeOf()),
      second({ ...mine, cookies: new Map() }, codeOf()),
      second(mine, codeOf(), { "user-agent": "browser-2" }),
      second({ ...mine, body: { pending: "x".repeat(43) } }, codeOf()),
    ]) {
      expect(await attempt).toMatchObject({ status: 401, body: { code: "AUTH_FAILED" } });
    }
    // Who began can go on.
    expect((await second(mine, codeOf())).status).toBe(200);
  });

  it("is no other address's", async () => {
    const step = await first();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        `${api.origin}/api/v1/session/second-step`,
        {
          method: "POST",
          localAddress: "127.0.0.2",
          headers: {
            "content-type": "application/json",
            "user-agent": "browser-1",
            cookie: `conduit-session-pending=${step.cookies.get("conduit-session-pending")}`,
          },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      request.on("error", reject);
      request.end(JSON.stringify({ pending: step.body["pending"], code: codeOf() }));
    });
    expect(status).toBe(401);
  });

  it("gives a session's cookie of its own: one that was planted before is of no use", async () => {
    const planted = await api.signIn("escort");
    const step = await first();
    const cookie = `${planted.cookie}; conduit-session-pending=${step.cookies.get("conduit-session-pending")}`;
    const done = await post("/session/second-step", { pending: step.body["pending"], code: codeOf() }, { cookie });
    expect(done.cookies.get("conduit-session")).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(planted.cookie).not.toContain(done.cookies.get("conduit-session"));
    expect((await planted.get("/api/v1/session")).status).toBe(401);
  });

  it("is done once when two bring good codes at the same moment", async () => {
    const step = await first();
    const all = await Promise.all([
      second(step, codeOf()),
      second(step, codeOf(1)),
      second(step, recoveryCodes[0] ?? ""),
    ]);
    expect(all.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  });

  it("is over after five wrong codes or when they come too fast, and each is in the audit", async () => {
    const step = await first();
    const statuses = [];
    for (let n = 0; n < 6; n++) statuses.push((await second(step, "000000")).status);
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(4);
    expect(new Set(statuses)).toEqual(new Set(statuses.includes(429) ? [401, 429] : [401]));
    const { items } = await api.audit.list({ action: "sign-in-failed", actor: "vendor", limit: 50 });
    expect(items.length).toBeGreaterThanOrEqual(4);
  });

  it("comes after a wrong password and an unknown name too, and then never opens", async () => {
    for (const [name, text] of [
      ["nobody-1", password],
      ["approver", "wrong"],
    ] as const) {
      const step = await first(name, text);
      expect(step.body).toMatchObject({ step: "code" });
      expect(await second(step, codeOf())).toMatchObject({
        status: 401,
        body: { code: "AUTH_FAILED", detail: expect.stringMatching(/^the name, the password or the code is wrong/) },
        cookies: new Map(),
      });
    }
    api.mfaRequired.value = false;
    expect(await first("nobody-2")).toMatchObject({ status: 401, body: { code: "AUTH_FAILED" } });
  });

  it("that never comes leaves its line in the audit when the service ends", async () => {
    const other = await startApi();
    other.mfaRequired.value = true;
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ name: "auditor", password: "wrong" });
    await fetch(`${other.origin}/api/v1/session`, { method: "POST", headers, body });
    expect((await other.audit.list({ action: "sign-in-failed", limit: 5 })).items).toEqual([]);
    await other.app.close();
    expect((await other.audit.list({ action: "sign-in-failed", limit: 5 })).items).toMatchObject([
      { actor: "auditor" },
    ]);
    await other.close();
  });

  it("is refused from another site, like every sign-in", async () => {
    const step = await first();
    expect(await second(step, codeOf(), { origin: "https://evil.example" })).toMatchObject({
      status: 403,
      body: { code: "AUTH_CSRF" },
    });
  });
});

describe("who must enrol", () => {
  it("reaches the enrolment and what belongs to the sign-in, and nothing else", async () => {
    const portal = await api.signIn("admin");
    expect(await (await portal.get("/api/v1/session")).json()).toMatchObject({
      mustEnrol: true,
      factors: ["password"],
    });
    const open = new Set([
      "GET /api/v1/session",
      "POST /api/v1/me/password",
      "GET /api/v1/me/mfa",
      "POST /api/v1/me/mfa/enrolment",
      "POST /api/v1/me/mfa/enrolment/confirm",
      "GET /api/v1/me/passkeys",
      "POST /api/v1/me/passkeys",
      "POST /api/v1/me/passkeys/begin",
      "POST /api/v1/session",
      "POST /api/v1/session/passkey",
      "GET /api/v1/session/ways",
      "POST /api/v1/session/provider",
      "POST /api/v1/session/provider/answer",
      "POST /api/v1/session/second-step",
      "GET /api/v1/health",
      "GET /healthz",
      "GET /readyz",
    ]);
    for (const route of api.routes) {
      const [method = "", pattern = ""] = route.split(" ");
      if (method === "HEAD" || route === "DELETE /api/v1/session") continue;
      const response = await portal.request(method, pattern.replaceAll(/:[a-z]+/g, "x"));
      const body = (await response.json().catch(() => ({}))) as { detail?: string };
      const closed = response.status === 403 && body.detail === "set up a second factor first";
      expect([route, closed]).toEqual([route, !open.has(route)]);
    }
    expect(await (await fetch(`${api.origin}/api/v1/health`, { headers: { cookie: portal.cookie } })).json()).toEqual({
      status: "ok",
    });
  });

  it("is let in by enrolling, with a new cookie, and the others of the same person are out", async () => {
    const [portal, elsewhere] = [await api.signIn("auditor"), await api.signIn("auditor")];
    const begun = (await (await portal.post("/api/v1/me/mfa/enrolment", {})).json()) as { secret: string };
    const code = totpCode(begun.secret, totpStepAt(Date.now()));
    const confirmed = await portal.post("/api/v1/me/mfa/enrolment/confirm", { code });
    const body = (await confirmed.json()) as { recoveryCodes: string[]; me: { csrfToken: string; mustEnrol: boolean } };
    expect(body.recoveryCodes).toHaveLength(10);
    expect(body.me).toMatchObject({ mustEnrol: false, factors: ["password", "totp"] });
    const cookie = (confirmed.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
    expect((await new Portal(api.origin, cookie, body.me.csrfToken).get("/api/v1/audit")).status).toBe(200);
    for (const old of [portal, elsewhere]) expect((await old.get("/api/v1/session")).status).toBe(401);
    await api.mfa.reset("auditor", by);
  });
});

describe("a fresh code", () => {
  async function signedIn(): Promise<Portal> {
    const done = await second(await first(), codeOf());
    expect(done.status).toBe(200);
    return new Portal(
      api.origin,
      `conduit-session=${done.cookies.get("conduit-session")}`,
      String(done.body["csrfToken"]),
    );
  }
  const aged = () => api.database.access.updateTable("web_sessions").set({ confirmed_at_ms: 1 }).execute();

  it("is asked for before one's authenticator is replaced in a browser that was left open", async () => {
    const portal = await signedIn();
    await aged();
    const refused = await portal.post("/api/v1/me/mfa/enrolment", {});
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: "AUTH_CONFIRM" }]);
    // The code of the sign-in is used up.
    expect((await portal.post("/api/v1/session/confirm", { code: codeOf() })).status).toBe(403);
    expect((await portal.post("/api/v1/session/confirm", { code: codeOf(1) })).status).toBe(200);
    expect((await portal.post("/api/v1/me/mfa/enrolment", {})).status).toBe(200);
  });

  it("is asked for before somebody else's second factor is reset, and nobody resets their own", async () => {
    const portal = await signedIn();
    await api.people.setRoles("vendor", ["admin"]);
    await aged();
    const reset = (name: string) => portal.post(`/api/v1/people/${name}/mfa/reset`, { reason: "phone lost" });
    expect(await (await reset("vendor")).json()).toMatchObject({ code: "AUTH_FORBIDDEN" });
    expect(await (await reset("escort")).json()).toMatchObject({ code: "AUTH_CONFIRM" });
    expect((await portal.post("/api/v1/session/confirm", { code: recoveryCodes[0] })).status).toBe(200);
    expect((await reset("escort")).status).toBe(409);
    expect((await reset("nobody")).status).toBe(404);
    const begun = await api.mfa.begin("escort");
    await api.mfa.confirm("escort", totpCode(begun.secret, totpStepAt(Date.now())), by);
    expect((await reset("escort")).status).toBe(204);
    expect((await api.mfa.status("escort")).enrolled).toBe(false);
    await api.people.setRoles("vendor", ["vendor"]);
  });

  it("is asked for before access is given to somebody", async () => {
    const portal = await signedIn();
    await api.people.setRoles("vendor", ["approver"]);
    await api.people.create({ name: "asker", roles: ["vendor"], password });
    api.mfaRequired.value = false;
    const asker = await api.signIn("asker");
    const window = {
      from: new Date(Date.now() + 1000).toISOString(),
      to: new Date(Date.now() + 3_600_000).toISOString(),
    };
    const asked = await asker.post("/api/v1/requests", {
      purpose: "a new sensor",
      targets: ["plc-reactor-01"],
      ...window,
    });
    const { id } = (await asked.json()) as { id: string };
    const admin = { name: "admin", roles: ["admin"], address: "local" } as const;
    const reason = "wrong valve";
    const block = await api.access.requests.block(admin, { person: "asker", target: "plc-reactor-01", reason });
    await aged();
    const lift = () => portal.post(`/api/v1/access-blocks/${block.id}/lift`, { reason: "right valve" });
    expect(await (await lift()).json()).toMatchObject({ code: "AUTH_CONFIRM" });
    const approve = () => portal.post(`/api/v1/requests/${id}/approve`, {});
    const refused = await approve();
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: "AUTH_CONFIRM" }]);
    expect((await portal.post("/api/v1/session/confirm", { code: codeOf(1) })).status).toBe(200);
    expect(await (await lift()).json()).toMatchObject({ lifted: { by: "vendor" } });
    expect(await (await approve()).json()).toMatchObject({ state: "approved" });
    await api.people.setRoles("vendor", ["vendor"]);
  });

  it("needs the sign-in's CSRF token", async () => {
    const portal = await signedIn();
    portal.csrfToken = "x";
    for (const path of ["/session/confirm", "/me/mfa/enrolment", "/me/mfa/recovery-codes"]) {
      const response = await portal.post(`/api/v1${path}`, { code: codeOf(1) });
      expect([path, await response.json()]).toMatchObject([path, { code: "AUTH_CSRF" }]);
    }
  });
});
