import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AuditLog, type NewAuditEntry } from "../../../recorder/catalog/audit.ts";
import type { AuditEntry } from "../../../shared/api/types.ts";
import { forgeSegment } from "../../support/forge.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type ApiFixture, type Portal, startApi } from "./api-fixture.ts";

let api: ApiFixture;
let portal: Portal;
let session: string;
beforeAll(async () => {
  api = await startApi();
  session = api.recording.index.session;
});
beforeEach(async () => {
  portal = await api.signIn("investigator");
});
afterAll(() => api.close());

const audited = async (action: string): Promise<AuditEntry[]> => (await api.audit.list({ action, limit: 500 })).items;
const path = (rest: string) => `/api/v1/recordings/${session}${rest}`;

describe("the list", () => {
  it("has pages and filters", async () => {
    const first = (await (await portal.get("/api/v1/recordings?limit=1")).json()) as {
      items: unknown[];
      next: string;
      total: number;
    };
    expect([first.items.length, first.total]).toEqual([1, 2]);
    const second = (await (await portal.get(`/api/v1/recordings?limit=1&cursor=${first.next}`)).json()) as typeof first;
    expect(second.next).toBeNull();
    expect(second.items).not.toEqual(first.items);
    const filtered = (await (await portal.get("/api/v1/recordings?person=some*")).json()) as typeof first;
    expect(filtered.items).toMatchObject([{ session: api.foreignRecording.index.session }]);
  });

  it.each([
    "limit=0",
    "limit=501",
    "limit=x",
    "state=nothing",
    "from=yesterday",
    "cursor=x",
    "unknown=1",
    "person=a&person=b",
    `person=${"x".repeat(65)}`,
  ])("refuses ?%s", async (query) => {
    const response = await portal.get(`/api/v1/recordings?${query}`);
    expect([query, response.status]).toEqual([query, 400]);
    expect(await response.json()).toMatchObject({ code: "REQUEST_INVALID" });
  });
});

describe("a recording", () => {
  it("is there with index, segments and signed records as they are stored", async () => {
    expect(await (await portal.get(path(""))).json()).toMatchObject({ session, person: "Vendor", state: "sealed" });
    expect(await (await portal.get(path("/index"))).json()).toEqual(api.recording.index);
    for (const segment of api.recording.index.segments) {
      const response = await portal.get(path(`/segments/${segment.n}`));
      expect(Buffer.from(await response.arrayBuffer()).equals(api.recording.objects.get(segment.name)!)).toBe(true);
    }
    for (const name of ["open.json", "open.json.sig", "manifest.json", "manifest.json.sig"]) {
      const response = await portal.get(path(`/objects/${name}`));
      expect(Buffer.from(await response.arrayBuffer()).equals(api.recording.objects.get(name)!), name).toBe(true);
    }
    expect((await portal.get(path("/objects/SHA256SUMS"))).headers.get("content-type")).toBe(
      "text/plain; charset=utf-8",
    );
  });

  it("may be kept by the browser of who saw it, which asks again each time, and by nothing in between", async () => {
    const response = await portal.get(path("/segments/0"));
    const etag = response.headers.get("etag");
    expect(etag).toBe(`"${api.recording.index.segments[0]?.sha256}"`);
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    const again = await portal.get(path("/segments/0"), { "if-none-match": etag ?? "" });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await portal.get(path("/index"))).headers.get("cache-control")).toBe("no-store");
  });

  it("gives altered bytes out for the viewer to judge, but not to be kept", async () => {
    const segment = api.recording.index.segments[0]!;
    const stored = [...api.store.objects.keys()].find((name) => name.includes(session) && name.endsWith(segment.name))!;
    const good = api.store.objects.get(stored)!;
    api.store.objects.set(stored, Buffer.from("altered"));
    const response = await portal.get(path("/segments/0"));
    expect([
      response.status,
      response.headers.get("etag"),
      response.headers.get("cache-control"),
      await response.text(),
    ]).toEqual([200, null, "no-store", "altered"]);
    api.store.objects.set(stored, good);
  });

  it.each([
    "/segments/99",
    "/segments/-1",
    "/segments/1e0",
    "/segments/0x0",
    "/segments/00",
    "/segments/%2e%2e",
    "/segments/0%2f..%2fopen.json",
    "/objects/..%2f..%2fopen.json",
    "/objects/%2e%2e",
    "/objects/open.json%00",
    "/objects/terminal-0",
    "/objects/__proto__",
  ])("has nothing at %s", async (rest) => {
    const response = await portal.get(path(rest));
    expect([rest, [400, 404].includes(response.status)]).toEqual([rest, true]);
    expect(response.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
  });

  it.each(["x", "..%2f..%2fetc%2fpasswd", "01912345-0000-7000-8000-00000000000g", "%00"])(
    "of the id %s does not exist",
    async (id) => {
      const response = await portal.get(`/api/v1/recordings/${id}/index`);
      expect([400, 404]).toContain(response.status);
    },
  );
});

describe("the audit", () => {
  it("has one view a person, recording and sign-in, whatever was read of it and however", async () => {
    const before = (await audited("recording.view")).length;
    await Promise.all([0, 1, 2].map((n) => portal.get(path(`/segments/${n}`))));
    await portal.get(path("/index"));
    await portal.post(path("/view"));
    expect(await audited("recording.view")).toHaveLength(before + 1);
    expect((await audited("recording.view"))[0]).toMatchObject({
      actor: "investigator",
      subject: session,
      address: "127.0.0.1",
    });
    await portal.get(`/api/v1/recordings/${api.foreignRecording.index.session}/objects/open.json`);
    expect(await audited("recording.view")).toHaveLength(before + 2);
    await (await api.signIn("investigator")).get(path("/index"));
    expect(await audited("recording.view")).toHaveLength(before + 3);
  });

  it("has no view of what does not exist", async () => {
    const before = (await audited("recording.view")).length;
    await portal.get("/api/v1/recordings/01912345-0000-7000-8000-000000000000/index");
    expect((await portal.post("/api/v1/recordings/01912345-0000-7000-8000-000000000000/view")).status).toBe(404);
    expect(await audited("recording.view")).toHaveLength(before);
  });

  it("has each verification with its verdict and each export with its format, in time before the bytes", async () => {
    const report = await (await portal.post(path("/verify"))).json();
    expect(report).toMatchObject({ verdict: "VALID", findings: [] });
    expect((await audited("recording.verify"))[0]).toMatchObject({
      subject: session,
      details: { verdict: "VALID", findings: 0 },
    });
    const response = await portal.get(path("/export?format=txt&track=terminal-0"));
    expect(await response.text()).toBe("login: welcome\n$ ls\nfile-\u00e4\n");
    expect((await audited("recording.export"))[0]).toMatchObject({
      actor: "investigator",
      subject: session,
      details: { format: "txt", track: "terminal-0" },
    });
  });

  it("is read by an auditor", async () => {
    const auditor = await api.signIn("auditor");
    const page = (await (await auditor.get("/api/v1/audit?limit=3&action=sign-in")).json()) as {
      items: AuditEntry[];
      next: string;
    };
    expect(page.items).toHaveLength(3);
    expect(page.items[0]).toMatchObject({ actor: "auditor", action: "sign-in" });
    expect(page.next).toBe(String(page.items[2]?.id));
  });
});

describe("what cannot be put into the audit", () => {
  let broken: ApiFixture;
  beforeAll(async () => {
    class Refusing extends AuditLog {
      override async append(entry: NewAuditEntry): Promise<void> {
        if (entry.action.startsWith("recording.") || entry.action.startsWith("session."))
          throw new Error("the disk is full");
      }
    }
    const other = await startApi();
    broken = await startApi({ audit: new Refusing(other.database.catalog) });
    await other.close();
  });
  afterAll(() => broken.close());

  it("does not happen: no segment, no export, no termination", async () => {
    const { session: id } = broken.recording.index;
    const reader = await broken.signIn("admin");
    for (const response of [
      await reader.get(`/api/v1/recordings/${id}/segments/0`),
      await reader.get(`/api/v1/recordings/${id}/segments/0`),
      await reader.get(`/api/v1/recordings/${id}/export?format=zip`),
      await reader.post(`/api/v1/sessions/${id}/terminate`, { reason: "x" }),
    ]) {
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain("disk");
    }
    expect(broken.terminated).toEqual([]);
  });
});

describe("an export", () => {
  it("comes as a download whose name cannot break out of its header", async () => {
    const response = await portal.get(path("/export?format=zip"));
    expect(response.headers.get("content-disposition")).toMatch(
      /^attachment; filename="20261123T100000_plc-reactor-01_Vendor_[0-9a-f]{12}\.zip"$/,
    );
    expect(response.headers.get("content-type")).toBe("application/zip");
    expect(
      Buffer.from(await response.arrayBuffer())
        .subarray(0, 2)
        .toString(),
    ).toBe("PK");
  });

  it.each(["", "format=exe", "format=cast&track=../x", "format=cast&more=1"])("is refused with ?%s", async (query) => {
    const response = await portal.get(path(`/export?${query}`));
    expect([400, 404]).toContain(response.status);
  });
});

describe("a recording that was forged without the key", () => {
  it("says so in its index and leaves only as zip", async () => {
    const before = new Map(api.store.objects);
    const key = [...before.keys()].find((name) => name.includes(session) && name.endsWith("/manifest.json")) ?? "";
    forgeSegment(api.store.objects, key.slice(0, -"manifest.json".length), "terminal-0", "welcome", "forged!");
    const fresh = await startApi();
    try {
      for (const [name, bytes] of api.store.objects) fresh.store.objects.set(name, bytes);
      const reader = await fresh.signIn("investigator");
      const index = (await (await reader.get(path("/index"))).json()) as { faults?: string[] };
      expect(index.faults).toEqual([expect.stringContaining("manifest.json does not match its signature")]);
      for (const format of ["cast", "txt", "jsonl"]) {
        const response = await reader.get(path(`/export?format=${format}`));
        expect([format, response.ok]).toEqual([format, false]);
        expect(await response.json()).toMatchObject({ code: "INTEGRITY_SIGNATURE" });
      }
      expect((await reader.get(path("/export?format=zip"))).status).toBe(200);
      expect((await reader.get(path("/segments/0"))).status).toBe(200);
    } finally {
      await fresh.close();
      api.store.objects.clear();
      for (const [name, bytes] of before) api.store.objects.set(name, bytes);
    }
  });
});

describe("terminating a session", () => {
  it("passes on who and why, and says when there is none", async () => {
    const escort = await api.signIn("escort");
    const id = "01912345-0000-7000-8000-0000000000aa";
    const missing = await escort.post(`/api/v1/sessions/${id}/terminate`, { reason: " wrong\tvalve " });
    expect(missing.status).toBe(404);
    expect(api.terminated.at(-1)).toEqual({ session: id, by: "escort", reason: "wrong\tvalve" });
    api.liveSessions.push({ session: id } as never);
    expect((await escort.post(`/api/v1/sessions/${id}/terminate`)).status).toBe(204);
    expect((await audited("session.terminate"))[0]).toMatchObject({
      actor: "escort",
      subject: id,
      details: { reason: "" },
    });
    api.liveSessions.length = 0;
  });
});

it("stops verifying when nobody waits for it any more", async () => {
  let begun = () => {};
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let stopped: unknown;
  const other = await startApi({
    verifier: {
      verify: (_session, signal) =>
        new Promise((_resolve, reject) => {
          begun();
          signal?.addEventListener("abort", () => {
            stopped = signal.reason;
            reject(signal.reason as Error);
          });
        }),
    },
  });
  const reader = await other.signIn("auditor");
  const abort = new AbortController();
  const asked = fetch(`${other.origin}/api/v1/recordings/${other.recording.index.session}/verify`, {
    method: "POST",
    headers: { cookie: reader.cookie, "x-csrf-token": reader.csrfToken },
    signal: abort.signal,
  });
  await started;
  abort.abort();
  await expect(asked).rejects.toThrow();
  await waitFor(() => stopped, { what: "the verification to stop" });
  expect((await other.audit.list({ action: "recording.verify", limit: 1 })).items).toEqual([]);
  await other.close();
});
