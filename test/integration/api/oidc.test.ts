// Signing in with an identity provider, against a real one: who comes in as what, who does not, and what is made of answers
// that are not this browser's, not this provider's, or come twice.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { OidcAccounts } from "../../../recorder/access/oidc/accounts.ts";
import { OidcProvider } from "../../../recorder/access/oidc/provider.ts";
import { freePort } from "../../support/free-port.ts";
import { startOidcProvider, type TestProvider } from "../../support/oidc-provider.ts";
import { type ApiFixture, Portal, startApi } from "./api-fixture.ts";

const portal = "http://127.0.0.1:8080";
const day = 86_400_000;
let api: ApiFixture;
let idp: TestProvider;
let accounts: OidcAccounts;
let aheadMs = 0;
const settings = () => ({
  ...idp,
  label: "Plant ID",
  scopes: ["profile"],
  nameClaim: "preferred_username",
  groupsClaim: "groups",
  mfaAcr: ["urn:test:mfa"],
  mfaAmr: ["otp"],
});

beforeAll(async () => {
  idp = await startOidcProvider([portal]);
  const provider = new OidcProvider(settings(), () => portal);
  let made: OidcAccounts | undefined;
  const forward = (): OidcAccounts => {
    if (made === undefined) throw new Error("not made yet");
    return made;
  };
  api = await startApi({
    oidc: {
      provider,
      accounts: {
        settle: (...what) => forward().settle(...what),
        of: (...what) => forward().of(...what),
        personOf: (...what) => forward().personOf(...what),
        link: (...what) => forward().link(...what),
        unlink: (...what) => forward().unlink(...what),
      },
      signOutUrl: () => provider.signOutUrl(portal),
    },
  });
  made = new OidcAccounts(api.database.access, {
    issuer: idp.issuer,
    label: "Plant ID",
    roles: [
      { group: "auditors", roles: ["auditor"] },
      { group: "vendors", roles: ["vendor"] },
    ],
    recheckDays: 30,
    audit: (entry) => api.audit.append(entry),
    now: () => Date.now() + aheadMs,
  });
  accounts = made;
});

afterAll(async () => {
  await api?.close();
  await idp?.stop();
});

beforeEach(() =>
  idp.accounts({
    s1: { preferred_username: "jane", groups: ["auditors", "canteen"] },
    s2: { preferred_username: "Vendor", groups: ["vendors"] },
    s3: { preferred_username: "lost", groups: ["canteen"] },
    s4: { preferred_username: "no name", groups: ["vendors"] },
  }),
);

type Answer = { status: number; body: Record<string, unknown>; cookies: Map<string, string> };

async function post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${api.origin}/api/v1${path}`, {
    method: "POST",
    headers: {
      "user-agent": "browser-1",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const cookies = new Map(
    response.headers.getSetCookie().map((line) => {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      return [name, value];
    }),
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown>, cookies };
}

async function begin(path = "/session/provider", headers: Record<string, string> = {}) {
  const { body, cookies } = await post(path, undefined, headers);
  return { url: String(body["url"]), cookie: `conduit-session-provider=${cookies.get("conduit-session-provider")}` };
}

const bring = (back: URL, cookie: string) => post("/session/provider/answer", { query: back.search }, { cookie });

async function comeIn(subject: string, how?: "acr" | "amr"): Promise<Answer> {
  const { url, cookie } = await begin();
  return bring(await idp.signIn(url, subject, how), cookie);
}

const portalOf = ({ body, cookies }: Answer) =>
  new Portal(api.origin, `conduit-session=${cookies.get("conduit-session")}`, String(body["csrfToken"]));
const lines = async (action: string) =>
  (await api.audit.list({ limit: 500 })).items.filter((entry) => entry.action === action);

it("makes an account at the first sign-in, with the roles of its groups, and takes them anew at each one", async () => {
  const { url } = await begin();
  const asked = new URL(url).searchParams;
  expect(asked.get("code_challenge_method")).toBe("S256");
  for (const name of ["state", "nonce", "code_challenge"]) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
  const first = await comeIn("s1");
  expect(first).toMatchObject({ status: 200, body: { name: "jane", roles: ["auditor"], factors: ["oidc"] } });
  expect(first.body["signOutUrl"]).toContain(`${idp.issuer}/session/end?`);
  expect((await portalOf(first).get("/api/v1/audit")).status).toBe(200);
  await idp.accounts({ s1: { preferred_username: "renamed", groups: ["vendors"] } });
  // The same subject is the same account, whatever it is called there now.
  expect((await comeIn("s1")).body).toMatchObject({ name: "jane", roles: ["vendor"] });
  expect((await portalOf(first).get("/api/v1/audit")).status).toBe(403);
  expect((await lines("person.provisioned")).at(0)).toMatchObject({ actor: "jane", details: { roles: ["auditor"] } });
});

it("believes a second factor only where acr or amr say so, and asks for the recorder's own otherwise", async () => {
  expect((await comeIn("s1", "acr")).body).toMatchObject({ factors: ["oidc", "oidc-mfa"], mustEnrol: false });
  expect((await comeIn("s1", "amr")).body).toMatchObject({ factors: ["oidc", "oidc-mfa"] });
  api.mfaRequired.value = true;
  try {
    expect((await comeIn("s1")).body).toMatchObject({ factors: ["oidc"], mustEnrol: true });
    const { secret } = await api.mfa.begin("jane");
    const { totpCode, totpStepAt } = await import("../../../recorder/access/mfa/totp.ts");
    const code = (later: number) => totpCode(secret, totpStepAt(Date.now()) + later);
    await api.mfa.confirm("jane", code(-1), { actor: "jane", address: "local" });
    const step = await comeIn("s1");
    expect(step.body).toMatchObject({ step: "code" });
    const cookie = `conduit-session-pending=${step.cookies.get("conduit-session-pending")}`;
    const done = await post("/session/second-step", { pending: step.body["pending"], code: code(0) }, { cookie });
    expect(done.body).toMatchObject({ name: "jane", factors: ["oidc", "totp"], mustEnrol: false });
  } finally {
    api.mfaRequired.value = false;
    await api.mfa.reset("jane", { actor: "admin", address: "local" });
  }
});

it("takes no account over by its name: it is linked by its owner, who proves both, and keeps its roles", async () => {
  const taken = await comeIn("s2");
  expect(taken).toMatchObject({
    status: 403,
    body: { code: "AUTH_FORBIDDEN", detail: expect.stringContaining("link it") },
  });
  const vendor = await api.signIn("vendor");
  expect(await (await vendor.post("/api/v1/me/provider/link")).json()).toMatchObject({ code: "AUTH_CONFIRM" });
  const confirmed = JSON.stringify(["password", "totp"]);
  await api.database.access
    .updateTable("web_sessions")
    .set({ confirmed_at_ms: Date.now(), factors: confirmed })
    .where("person", "=", "vendor")
    .execute();
  const headers = { cookie: vendor.cookie, "x-csrf-token": vendor.csrfToken };
  const asked = await begin("/me/provider/link", headers);
  const back = await idp.signIn(asked.url, "s2");
  // The answer belongs to the sign-in that asked: in a browser where somebody else is signed in it links nothing.
  const other = await api.signIn("escort");
  const stolen = await begin("/me/provider/link", headers);
  expect((await bring(await idp.signIn(stolen.url, "s3"), `${stolen.cookie}; ${other.cookie}`)).status).toBe(401);
  expect((await bring(back, `${asked.cookie}; ${vendor.cookie}`)).body).toEqual({ done: "linked" });
  expect((await comeIn("s2")).body).toMatchObject({ name: "vendor", roles: ["vendor"] });
  await idp.accounts({ s2: { preferred_username: "Vendor", groups: [] } });
  expect((await comeIn("s2")).status).toBe(403);
  expect((await api.people.get("vendor")).disabled).toBe(false);
  await accounts.unlink("vendor", { actor: "vendor", address: "local" });
  await expect(accounts.unlink("jane", { actor: "jane", address: "local" })).rejects.toThrow(/disable it instead/);
});

it("disables who has no group left, and brings back who has one again, unless somebody here disabled the account", async () => {
  const jane = portalOf(await comeIn("s1"));
  await idp.accounts({ s1: { preferred_username: "jane", groups: ["canteen"] } });
  expect((await comeIn("s1")).body).toMatchObject({ code: "AUTH_FORBIDDEN" });
  expect((await api.people.get("jane")).disabled).toBe(true);
  expect((await jane.get("/api/v1/session")).status).toBe(401);
  await idp.accounts({ s1: { preferred_username: "jane", groups: ["auditors"] } });
  expect((await comeIn("s1")).status).toBe(200);
  // Who stays away from the provider is out after a while, also with an SSH key.
  aheadMs = 31 * day;
  await accounts.recheck();
  aheadMs = 0;
  expect((await api.people.get("jane")).disabled).toBe(true);
  expect((await comeIn("s1")).status).toBe(200);
  await api.people.setDisabled("jane", true);
  expect((await comeIn("s1")).status).toBe(403);
  await api.people.setDisabled("jane", false);
  expect(await lines("person.deprovisioned")).toHaveLength(2);
});

it("refuses who is in no group, has no usable name, or gave up there", async () => {
  expect((await comeIn("s3")).body["detail"]).toContain("in no group");
  expect((await comeIn("s4")).body["detail"]).toContain("nameClaim");
  expect(await comeIn("")).toMatchObject({
    status: 401,
    body: { detail: "Plant ID refused the sign-in, or it was given up there" },
  });
  expect(await api.people.find("lost")).toBeNull();
});

it("takes an answer once, from the browser that asked, and of this provider alone", async () => {
  const mine = await begin();
  const back = await idp.signIn(mine.url, "s1");
  const theirs = await begin();
  const headers = { cookie: mine.cookie, "user-agent": "browser-2" };
  const changed = (change: (query: URLSearchParams) => void) => {
    const query = new URLSearchParams(back.search);
    change(query);
    return query.toString();
  };
  for (const [what, attempt] of Object.entries({
    "no cookie (a link sent to somebody)": post("/session/provider/answer", { query: back.search }),
    "another's cookie": bring(back, theirs.cookie),
    "another browser": post("/session/provider/answer", { query: back.search }, headers),
    "another state": post(
      "/session/provider/answer",
      { query: changed((query) => query.set("state", new URL(theirs.url).searchParams.get("state") ?? "")) },
      { cookie: mine.cookie },
    ),
  })) {
    expect([what, (await attempt).status]).toEqual([what, 401]);
  }
  expect((await bring(back, mine.cookie)).status).toBe(200);
  expect((await bring(back, mine.cookie)).status).toBe(401);
  // A code of one sign-in put into another's answer: PKCE and nonce hold them apart.
  const [one, two] = [await begin(), await begin()];
  const [backOne, backTwo] = [await idp.signIn(one.url, "s1"), await idp.signIn(two.url, "s1")];
  backOne.searchParams.set("code", backTwo.searchParams.get("code") ?? "");
  expect((await bring(backOne, one.cookie)).status).toBe(401);
  // Mix-up: the answer of another provider (RFC 9207).
  for (const iss of ["https://elsewhere.example", null]) {
    const asked = await begin();
    const answer = await idp.signIn(asked.url, "s1");
    if (iss === null) answer.searchParams.delete("iss");
    else answer.searchParams.set("iss", iss);
    expect((await bring(answer, asked.cookie)).body).toMatchObject({ code: "AUTH_FAILED" });
  }
});

it("a fresh proof is a new sign-in there, of the same person, with a second factor", async () => {
  const signedIn = await comeIn("s1", "acr");
  const jane = portalOf(signedIn);
  const headers = { cookie: jane.cookie, "x-csrf-token": jane.csrfToken };
  const confirm = async (subject: string, how?: "acr") => {
    const asked = await begin("/session/confirm/provider", headers);
    expect(new URL(asked.url).searchParams.get("prompt")).toBe("login");
    const back = await idp.signIn(asked.url, subject, how);
    return (await bring(back, `${asked.cookie}; ${jane.cookie}`)).body;
  };
  await api.database.access.updateTable("web_sessions").set({ confirmed_at_ms: 1 }).execute();
  expect(await confirm("s2", "acr")).toMatchObject({ code: "AUTH_FORBIDDEN" });
  expect(await confirm("s1")).toMatchObject({ code: "AUTH_FORBIDDEN" });
  expect((await jane.post("/api/v1/me/portal-code")).status).toBe(403);
  expect(await confirm("s1", "acr")).toEqual({ done: "confirmed" });
  expect((await jane.post("/api/v1/me/portal-code")).status).toBe(200);
});

it("is off where nothing is configured", async () => {
  const bare = await startApi();
  try {
    expect((await fetch(`${bare.origin}/api/v1/session/provider`, { method: "POST" })).status).toBe(409);
    expect(await (await fetch(`${bare.origin}/api/v1/session/ways`)).json()).toEqual({ passkey: true, provider: null });
  } finally {
    await bare.close();
  }
});

it("a provider that does not answer is said so, and keeps nobody out who has a password here", async () => {
  const port = await freePort();
  const dead = new OidcProvider({ ...settings(), issuer: `http://127.0.0.1:${port}` }, () => portal);
  await expect(dead.address("state", dead.ask(), "first")).rejects.toMatchObject({
    code: "SERVICE_UNREACHABLE",
    message: expect.stringContaining("Plant ID cannot be reached"),
  });
  const { url, cookie } = await begin();
  const back = await idp.signIn(url, "s1");
  await idp.stop();
  expect(await bring(back, cookie)).toMatchObject({ status: 503, body: { code: "SERVICE_UNREACHABLE" } });
  expect((await api.signIn("admin")).csrfToken).not.toBe("");
});
