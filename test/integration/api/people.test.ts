// People, the policy and the report over HTTP, as the portal uses them.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AddedPerson, PersonList, PersonView } from "../../../shared/api/people.ts";
import { PolicyInForce } from "../../../shared/api/policy.ts";
import { ConduitReport } from "../../../shared/api/report.ts";
import { type ApiFixture, type Portal, startApi } from "./api-fixture.ts";

let api: ApiFixture;
let admin: Portal;
beforeEach(async () => {
  api = await startApi();
  admin = await api.signIn("admin");
});
afterEach(() => api.close());

async function answer(response: Promise<Response>): Promise<{ status: number; body: unknown }> {
  const got = await response;
  const text = await got.text();
  return { status: got.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}
const refused = (status: number, code: string) => ({ status, body: expect.objectContaining({ code }) });
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHI2NyTqRGvFl4GvVd4oZ2DPx1LwZXuGqdqm0TX7Dn4Z erika@laptop";
const auditOf = async (subject: string) =>
  (await api.audit.list({ limit: 100 })).items.filter((entry) => entry.subject === subject).map(({ action }) => action);

describe("people", () => {
  it("are added with a one-time password that is told once, and listed without it", async () => {
    const added = await answer(admin.post("/api/v1/people", { name: "erika", roles: ["vendor"] }));
    const { person, oneTimePassword } = AddedPerson.parse(added.body);
    expect(person).toMatchObject({
      name: "erika",
      roles: ["vendor"],
      mustChangePassword: true,
      mfa: { enrolled: false },
    });
    expect(oneTimePassword).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
    const list = await answer(admin.get("/api/v1/people"));
    expect(PersonList.parse(list.body).items.map(({ name }) => name)).toContain("erika");
    expect(JSON.stringify([list.body, await api.audit.list({ limit: 100 })])).not.toContain(oneTimePassword);
    expect(await auditOf("erika")).toEqual(["person.add"]);
    expect(await answer(admin.post("/api/v1/people", { name: "ERIKA", roles: ["vendor"] }))).toEqual(
      refused(409, "REQUEST_CONFLICT"),
    );
    for (const name of ["a+b", "../x", "a\r\nset-cookie: b", ""]) {
      expect(await answer(admin.post("/api/v1/people", { name, roles: ["vendor"] })), name).toEqual(
        refused(400, "REQUEST_INVALID"),
      );
    }
  });

  it("with a key have no password unless one is asked for", async () => {
    const added = await answer(admin.post("/api/v1/people", { name: "erika", roles: ["vendor"], publicKey: key }));
    const { person, oneTimePassword } = AddedPerson.parse(added.body);
    expect(oneTimePassword).toBeNull();
    expect(person).toMatchObject({ hasPassword: false, keys: [{ comment: "erika@laptop" }] });
    const bad = { name: "omar", roles: ["vendor"], publicKey: "no key" };
    expect((await answer(admin.post("/api/v1/people", bad))).status).toBe(400);
    expect(await api.people.find("omar")).toBeNull();
    expect(await auditOf("omar")).toEqual([]);
    const fingerprint = person.keys[0]?.fingerprint;
    const without = await answer(admin.post("/api/v1/people/erika/keys/remove", { fingerprint }));
    expect(PersonView.parse(without.body).keys).toEqual([]);
    expect(await auditOf("erika")).toEqual(["person.key-remove", "person.add"]);
  });

  it("who are disabled lose their sign-ins, and their sessions are ended", async () => {
    const vendor = await api.signIn("vendor");
    expect((await vendor.get("/api/v1/session")).status).toBe(200);
    api.liveSessions[0] = { ...api.liveSessions[0]!, person: "Vendor" };
    const { session } = api.liveSessions[0];
    const disabled = await answer(admin.post("/api/v1/people/vendor/disable", { reason: "left the company" }));
    expect(PersonView.parse(disabled.body).disabled).toBe(true);
    expect((await vendor.get("/api/v1/session")).status).toBe(401);
    expect(api.terminated).toEqual([{ session, by: "admin", reason: "left the company" }]);
    await answer(admin.post("/api/v1/people/vendor/enable"));
    expect((await vendor.get("/api/v1/session")).status).toBe(401);
    expect((await (await api.signIn("vendor")).get("/api/v1/session")).status).toBe(200);
  });

  it("do not change their own account, so that there is always somebody who can", async () => {
    for (const [verb, body] of [
      ["disable", {}],
      ["enable", undefined],
      ["roles", { roles: ["vendor"] }],
      ["one-time-password", undefined],
    ] as const) {
      expect(await answer(admin.post(`/api/v1/people/Admin/${verb}`, body)), verb).toEqual(
        refused(409, "REQUEST_CONFLICT"),
      );
    }
    expect(await auditOf("admin")).toEqual([]);
  });

  it("are changed only with a fresh code where policy wants a second factor", async () => {
    api.mfaRequired.value = true;
    for (const [path, body] of [
      ["/api/v1/people", { name: "erika", roles: ["admin"] }],
      ["/api/v1/people/vendor/roles", { roles: ["admin"] }],
      ["/api/v1/people/vendor/one-time-password", undefined],
      ["/api/v1/people/vendor/keys", { publicKey: key }],
    ] as const) {
      expect((await answer(admin.post(path, body))).status, path).toBe(403);
    }
    expect(await api.people.find("erika")).toBeNull();
    expect((await api.people.get("vendor")).roles).toEqual(["vendor"]);
  });
});

describe("policy and report", () => {
  it("tell what decides, and neither addresses nor credentials", async () => {
    const { body } = await answer(admin.get("/api/v1/policy"));
    const policy = PolicyInForce.parse(body);
    expect(policy.policy.prohibitedTargets).toEqual(["SIS-*", "SAFETY-*"]);
    expect(policy.targets.map(({ name }) => name)).toContain("plc-reactor-01");
    expect(JSON.stringify(body)).not.toMatch(/192\.0\.2\.10|"secret"|"service"/);
    expect(await answer(admin.get("/api/v1/policy/versions/abcdef0123"))).toEqual(refused(404, "REQUEST_NOT_FOUND"));
    expect((await answer(admin.get("/api/v1/policy/versions/..%2f"))).status).toBe(400);
  });

  it("are made in each form, and making one is in the audit log", async () => {
    const { body } = await answer(admin.get("/api/v1/report?days=90"));
    expect(ConduitReport.parse(body).figures.length).toBeGreaterThan(20);
    const page = await admin.get("/api/v1/report?format=html&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z");
    expect(page.headers.get("content-disposition")).toMatch(/^attachment; filename="conduit-report-[\d-]+\.html"$/);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain("https://recorder.example/recordings/");
    const csv = await admin.get("/api/v1/report?format=csv&table=sessions");
    expect((await csv.text()).split("\r\n")[0]).toContain("session,person,target");
    expect(await auditOf("conduit-report")).toHaveLength(3);
    const backwards = "from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z";
    expect(await answer(admin.get(`/api/v1/report?${backwards}`))).toEqual(refused(400, "REQUEST_INVALID"));
  });
});
