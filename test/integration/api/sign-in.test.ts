import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiFixture, cookieOf, password, signIn, startApi } from "./api-fixture.ts";

let api: ApiFixture;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${api.origin}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

describe("signing in", () => {
  it("sets a cookie that scripts and other sites cannot use, and gives the CSRF token", async () => {
    const response = await post("/session", { name: "admin", password });
    expect(response.status).toBe(200);
    const cookie = response.headers.getSetCookie()[0] ?? "";
    expect(cookie).toMatch(/^conduit-session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const me = (await response.json()) as Record<string, unknown>;
    expect(me).toMatchObject({ name: "admin", roles: ["admin"], mustChangePassword: false });
    expect(me["csrfToken"]).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it("answers an unknown name, a wrong password and a disabled account alike", async () => {
    await api.people.create({ name: "gone", roles: ["vendor"], password });
    await api.people.setDisabled("gone", true);
    const answers = [];
    for (const [name, secret] of [
      ["nobody", password],
      ["auditor", "wrong password"],
      ["gone", password],
    ]) {
      const response = await post("/session", { name, password: secret });
      answers.push({ status: response.status, body: await response.json(), cookies: response.headers.getSetCookie() });
    }
    expect(answers[0]).toMatchObject({ status: 401, body: { code: "AUTH_FAILED" }, cookies: [] });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it("keeps an unknown name out of the audit: it may be a password", async () => {
    await post("/session", { name: "MyS3cretTypedTooEarly", password: "x" });
    const { items } = await api.audit.list({ action: "sign-in-failed", limit: 1 });
    expect(items[0]).toMatchObject({ actor: "(unknown)" });
    expect(JSON.stringify(items)).not.toContain("MyS3cret");
  });

  it("gives a new token at each sign-in and ends the one that came along", async () => {
    const first = await signIn(api.origin, "escort");
    const again = await post("/session", { name: "escort", password }, { cookie: first.cookie });
    expect(cookieOf(again)).not.toBe(first.cookie);
    expect((await first.get("/api/v1/session")).status).toBe(401);
  });

  it("takes no cookie that was planted before, and a sign-in elsewhere gives it no more", async () => {
    const planted = `conduit-session=${"P".repeat(43)}`;
    const response = await post("/session", { name: "auditor", password }, { cookie: planted });
    expect(cookieOf(response)).toMatch(/^conduit-session=[A-Za-z0-9_-]{43}$/);
    expect(cookieOf(response)).not.toBe(planted);
    expect((await fetch(`${api.origin}/api/v1/session`, { headers: { cookie: planted } })).status).toBe(401);
    // Nor may the attacker's own sign-in become the victim's.
    const attacker = await signIn(api.origin, "vendor");
    await post("/session", { name: "auditor", password }, { cookie: attacker.cookie });
    expect((await attacker.get("/api/v1/session")).status).toBe(401);
  });

  it("signs out", async () => {
    const portal = await signIn(api.origin, "escort");
    const response = await portal.request("DELETE", "/api/v1/session");
    expect(response.status).toBe(204);
    expect(response.headers.getSetCookie()[0]).toMatch(/^conduit-session=;.*Expires=Thu, 01 Jan 1970/);
    expect((await portal.get("/api/v1/session")).status).toBe(401);
  });
});

describe("a one-time password", () => {
  it("opens only what changes it", async () => {
    const { password: oneTime } = await api.people.createWithOneTimePassword({ name: "newcomer", roles: ["admin"] });
    const portal = await signIn(api.origin, "newcomer", oneTime);
    expect((await portal.get("/api/v1/session")).status).toBe(200);
    const refused = await portal.get("/api/v1/recordings");
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      code: "AUTH_FORBIDDEN",
      detail: "change the one-time password first",
    });
    const changed = await portal.post("/api/v1/me/password", { current: oneTime, next: "a much better phrase" });
    expect(changed.status).toBe(200);
    expect(await changed.json()).toMatchObject({ mustChangePassword: false });
    expect((await portal.get("/api/v1/session")).status).toBe(401);
    portal.cookie = cookieOf(changed);
    expect((await portal.get("/api/v1/recordings")).status).toBe(200);
  });

  it("is not changed by who does not know it", async () => {
    const { password: oneTime } = await api.people.createWithOneTimePassword({ name: "newcomer2", roles: ["admin"] });
    const portal = await signIn(api.origin, "newcomer2", oneTime);
    const refused = await portal.post("/api/v1/me/password", { current: "not that one", next: "a much better phrase" });
    expect(refused.status).toBe(403);
    expect((await portal.post("/api/v1/me/password", { current: oneTime, next: oneTime })).status).toBe(400);
    expect((await portal.post("/api/v1/me/password", { current: oneTime, next: "short" })).status).toBe(400);
  });
});

describe("cross-site requests", () => {
  it("need the CSRF token of this sign-in", async () => {
    const portal = await signIn(api.origin, "admin");
    const other = await signIn(api.origin, "admin");
    for (const token of ["", "x", other.csrfToken]) {
      const response = await portal.request("DELETE", "/api/v1/session", { headers: { "x-csrf-token": token } });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: "AUTH_CSRF" });
    }
    expect((await portal.get("/api/v1/session")).status).toBe(200);
  });

  it("are refused by their origin, sign-in too", async () => {
    for (const headers of [
      { origin: "https://elsewhere.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      const response = await post("/session", { name: "admin", password }, headers as Record<string, string>);
      expect([headers, response.status]).toEqual([headers, 403]);
    }
    const own = await post("/session", { name: "admin", password }, { origin: api.origin });
    expect(own.status).toBe(200);
  });
});

describe("throttling", () => {
  it("tells a guesser when to come back, and takes no notice of the right password meanwhile", async () => {
    await api.people.create({ name: "guessed", roles: ["vendor"], password });
    let last: Response | undefined;
    // The delays double, so that a slow machine too comes to one that is longer than its own.
    for (let i = 0; i < 16 && last?.status !== 429; i++)
      last = await post("/session", { name: "guessed", password: `guess ${i}` });
    expect(last?.status).toBe(429);
    expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await post("/session", { name: "guessed", password })).status).toBe(429);
  });
});
