// API tokens and SSH keys that people make for themselves: with a fresh second factor, shown once, kept as a hash, over when
// they are over.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiTokenList, MadeApiToken } from "../../../shared/api/identity.ts";
import { generateSshKey } from "../../support/ssh-key.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { type ApiFixture, type Portal, signIn, startApi } from "./api-fixture.ts";

let api: ApiFixture;
let portal: Portal;

beforeAll(async () => {
  api = await startApi();
  portal = await api.signIn("auditor");
});
afterAll(() => api.close());

const confirmed = (atMs = Date.now()) =>
  api.database.access
    .updateTable("web_sessions")
    .set({ confirmed_at_ms: atMs, factors: JSON.stringify(["password", "totp"]) })
    .execute();
const make = async (wish: object) => {
  const response = await portal.post("/api/v1/me/tokens", wish);
  return {
    status: response.status,
    body: (await response.json()) as MadeApiToken & { code?: string; detail?: string },
  };
};
const use = (token: string, path = "/api/v1/audit") =>
  fetch(api.origin + path, { headers: { authorization: `Bearer ${token}` } });
const mine = async () => (await (await portal.get("/api/v1/me/tokens")).json()) as ApiTokenList;
const wish = { name: "siem", roles: ["auditor"], days: 30 };

it("a token wants a fresh second factor, is shown once and kept as a hash, and is over at once when revoked", async () => {
  expect((await make(wish)).body.code).toBe("AUTH_CONFIRM");
  await confirmed(1);
  expect((await make(wish)).body.code).toBe("AUTH_CONFIRM");
  await confirmed();
  expect((await make({ ...wish, roles: ["admin"] })).body.detail).toContain("does not have the role admin");
  expect((await make({ ...wish, days: 366 })).body.detail).toContain("365 days at most");
  const { token, view } = (await make(wish)).body;
  expect(token).toMatch(/^crt_[\w-]{43}$/);
  expect(view).toMatchObject({ name: "siem", roles: ["auditor"], readOnly: true, state: "valid", lastUsedAt: null });
  expect((await use(token)).status).toBe(200);
  expect((await mine()).items).toEqual([
    expect.objectContaining({ id: view.id, lastUsedAt: expect.any(String), lastAddress: "127.0.0.1" }),
  ]);
  const everything = JSON.stringify([
    await api.database.access.selectFrom("api_tokens").selectAll().execute(),
    (await api.audit.list({ limit: 500 })).items,
  ]);
  expect(everything).toContain("token.create");
  expect(everything).not.toContain(token);
  // Neither in an address, nor of another kind, nor a sign-in's own token in its place.
  expect((await fetch(`${api.origin}/api/v1/audit?token=${token}&access_token=${token}`)).status).toBe(401);
  const basic = { authorization: `Basic ${Buffer.from(`x:${token}`).toString("base64")}` };
  expect((await fetch(`${api.origin}/api/v1/audit`, { headers: basic })).status).toBe(401);
  expect((await use(`crt_${randomBytes(32).toString("base64url")}`)).status).toBe(401);
  expect((await use(portal.cookie.split("=")[1] ?? "")).status).toBe(401);
  // Somebody else's is not there.
  const other = await api.signIn("vendor");
  expect((await other.post(`/api/v1/me/tokens/${view.id}/revoke`)).status).toBe(404);
  expect((await portal.post(`/api/v1/me/tokens/${view.id}/revoke`)).status).toBe(204);
  expect((await use(token)).status).toBe(401);
  expect((await mine()).items[0]?.state).toBe("revoked");
});

it("a token is over on its day, and where policy wants a second factor that its owner did not have", async () => {
  await confirmed();
  const { token, view } = (await make(wish)).body;
  const expires = (atMs: number) =>
    api.database.access.updateTable("api_tokens").set({ expires_at_ms: atMs }).where("id", "=", view.id).execute();
  await expires(Date.now() - 1);
  expect((await use(token)).status).toBe(401);
  await expires(Date.now() + 60_000);
  api.mfaRequired.value = true;
  try {
    expect((await use(token)).status).toBe(200);
    const by = { actor: "os:root", secondFactor: false };
    const bare = await api.tokens.create("auditor", { name: "x", roles: ["auditor"], readOnly: true, days: 1 }, by);
    expect((await use(bare.token)).status).toBe(403);
  } finally {
    api.mfaRequired.value = false;
  }
  await api.people.setOneTimePassword("auditor");
  expect((await use(token)).status).toBe(403);
  await api.people.setPassword("auditor", "another horse battery");
  expect((await use(token)).status).toBe(200);
  portal = await signIn(api.origin, "auditor", "another horse battery");
});

it("an SSH key of one's own wants a fresh second factor, and may be forbidden", async () => {
  const folder = await createTempDir("own-key");
  const { publicLine: publicKey } = await generateSshKey(folder.path, "own-key");
  await folder.remove();
  const add = async (who = portal) => {
    const response = await who.post("/api/v1/me/keys", { publicKey });
    return (await response.json()) as { code?: string; items?: { fingerprint: string; comment: string }[] };
  };
  expect((await add()).code).toBe("AUTH_CONFIRM");
  await confirmed();
  const added = await add();
  expect(added.items).toEqual([expect.objectContaining({ comment: "own-key" })]);
  const { fingerprint } = added.items?.[0] ?? { fingerprint: "" };
  const removed = await portal.post("/api/v1/me/keys/remove", { fingerprint });
  expect(await removed.json()).toEqual({ items: [], mayChange: true });
  const actions = (await api.audit.list({ limit: 500 })).items.map(({ action, actor }) => `${actor} ${action}`);
  expect(actions).toEqual(expect.arrayContaining(["auditor person.key-add", "auditor person.key-remove"]));
  const strict = await startApi({ ownKeys: false });
  try {
    const other = await strict.signIn("auditor");
    await strict.database.access
      .updateTable("web_sessions")
      .set({ confirmed_at_ms: Date.now(), factors: '["password","totp"]' })
      .execute();
    expect((await add(other)).code).toBe("AUTH_FORBIDDEN");
    expect(await (await other.get("/api/v1/me/keys")).json()).toEqual({ items: [], mayChange: false });
  } finally {
    await strict.close();
  }
});
