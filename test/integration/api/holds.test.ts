// Legal holds through the API: who places them, and that a release takes two.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Hold, RecordingRetention } from "../../../shared/api/retention.ts";
import { type ApiFixture, type Portal, startApi } from "./api-fixture.ts";

let api: ApiFixture;
let admin: Portal;
let investigator: Portal;
let url: string;

beforeAll(async () => {
  api = await startApi();
  [admin, investigator] = [await api.signIn("admin"), await api.signIn("investigator")];
  url = `/api/v1/recordings/${api.recording.index.session}/holds`;
});
afterAll(() => api?.close());

const post = (portal: Portal, path: string, body: unknown) => portal.request("POST", path, { body });
const code = async (response: Response) => ((await response.json()) as { code: string }).code;

it("a hold is placed with case and reason, and both stand in the audit", async () => {
  expect(await code(await post(investigator, url, { caseId: "", reason: "x" }))).toBe("REQUEST_INVALID");
  expect(await code(await post(investigator, url, { caseId: "C-1", reason: "two\nlines" }))).toBe("REQUEST_INVALID");
  const placed = await post(investigator, url, { caseId: "C-1", reason: "valve opened" });
  expect(placed.status).toBe(200);
  const hold = (await placed.json()) as Hold;
  expect(hold).toMatchObject({ caseId: "C-1", placedBy: "investigator", state: "active", release: null });
  const shown = (await (await admin.get(url)).json()) as RecordingRetention;
  expect(shown).toMatchObject({ state: "held", holds: [{ id: hold.id }] });
  expect(await (await admin.get("/api/v1/holds")).json()).toMatchObject({ holds: [{ id: hold.id }] });
  const { items } = await api.audit.list({ action: "hold.place", limit: 10 });
  expect(items[0]).toMatchObject({
    actor: "investigator",
    details: { hold: hold.id, caseId: "C-1", reason: "valve opened" },
  });
});

it("a release is asked for by one and confirmed by another", async () => {
  const [hold] = ((await (await admin.get(url)).json()) as RecordingRetention).holds;
  const release = `${url}/${hold?.id ?? ""}/release`;
  expect(await code(await post(admin, release, { step: "confirm" }))).toBe("REQUEST_CONFLICT");
  expect(await code(await post(admin, release, { step: "ask" }))).toBe("REQUEST_INVALID");
  expect(await (await post(investigator, release, { step: "ask", reason: "closed" })).json()).toMatchObject({
    state: "release-asked",
    release: { askedBy: "investigator", reason: "closed" },
  });
  expect(await code(await post(investigator, release, { step: "confirm" }))).toBe("POLICY_REFUSED");
  expect(await (await post(admin, release, { step: "refuse" })).json()).toMatchObject({
    state: "active",
    release: null,
  });
  await post(admin, release, { step: "ask", reason: "closed" });
  expect(await (await post(investigator, release, { step: "confirm" })).json()).toMatchObject({
    state: "released",
    releasedBy: "investigator",
  });
  expect(await code(await post(admin, release, { step: "ask", reason: "again" }))).toBe("REQUEST_CONFLICT");
  expect((await (await admin.get(url)).json()) as RecordingRetention).toMatchObject({ holds: [{ state: "released" }] });
  expect(await (await admin.get("/api/v1/holds")).json()).toEqual({ holds: [] });
});

it("what nobody knows has no hold, and no recording", async () => {
  const missing = "/api/v1/recordings/01912345-0000-7000-8000-000000000000/holds";
  expect(await code(await post(admin, missing, { caseId: "C", reason: "r" }))).toBe("REQUEST_NOT_FOUND");
  expect(await code(await post(admin, `${url}/00000000/release`, { step: "ask", reason: "r" }))).toBe(
    "REQUEST_NOT_FOUND",
  );
});
