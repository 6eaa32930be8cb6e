// Notes, cases and imports over the API: who may do what, what is told in the audit, and what leaves as a file.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiDeps } from "../../../recorder/api/deps.ts";
import type { Case, ImportResult, Note, RecordingImported, RecordingNotes } from "../../../shared/api/cases.ts";
import { AppError } from "../../../shared/errors.ts";
import { type ApiFixture, type Portal, password, startApi } from "./api-fixture.ts";

const run = promisify(execFile);
let api: ApiFixture;
let session: string;
let other: string;
const portals: Record<string, Portal> = {};

beforeAll(async () => {
  // Evidence bundles are made with the whole service, in tests of their own.
  const exporter: ApiDeps["exporter"] = {
    export: async (of, format) => {
      if (of !== session) throw new AppError("REQUEST_CONFLICT", "the session is not sealed yet", { op: "test" });
      const body = Readable.from(["one ", "and another"].map((text) => Buffer.from(`${text}${format}`)));
      return { fileName: "a.evidence.zip", contentType: "application/zip", body };
    },
  };
  api = await startApi({ exporter });
  session = api.recording.index.session;
  other = api.foreignRecording.index.session;
  await api.people.create({ name: "ines", roles: ["investigator"], password });
  for (const name of ["admin", "investigator", "ines", "auditor", "escort", "vendor"])
    portals[name] = await api.signIn(name);
});
afterAll(() => api?.close());

async function ask<T>(who: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await portals[who]!.request(method, `/api/v1${path}`, body === undefined ? {} : { body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text) as T;
}

const note = (who: string, body: Record<string, unknown>, on = session) =>
  ask<Note>(who, "POST", `/recordings/${on}/notes`, body);
const newest = async (action: string) => (await api.audit.list({ action, limit: 1 })).items[0];
const base64 = (text: string) => Buffer.from(text).toString("base64");
const alarms = "time,message\n2026-11-23 11:00:05,Pressure high\n2026-11-23 12:00:00,after the session\n";
const settings = {
  format: "csv",
  mapping: { at: "time", text: ["message"] },
  timeZone: "Europe/Berlin",
  offsetMs: 250,
};

describe("a note on a recording", () => {
  it("is told in the audit by its hash, before it counts, and never by its text", async () => {
    const text = "the valve <b>opened</b>";
    const written = await note("escort", { atUs: 2_000_000, endUs: 3_000_000, text, tags: ["Valve", "valve"] });
    expect(written).toMatchObject({
      author: "escort",
      text,
      tags: ["valve"],
      version: 1,
      struck: null,
      endUs: 3_000_000,
    });
    const told = await newest("note.add");
    expect(told).toMatchObject({ actor: "escort", subject: session });
    expect(told?.details).toEqual({
      note: written.id,
      kind: "note",
      version: 1,
      sha256: createHash("sha256").update(text).digest("hex"),
    });
    const { notes } = await ask<RecordingNotes>("auditor", "GET", `/recordings/${session}/notes`);
    expect(notes).toContainEqual(written);
  });

  it("is changed by its author alone, keeps what it said, and tells the second of two who change it", async () => {
    const { id } = await note("investigator", { atUs: 1, text: "first" });
    const change = (who: string, body: unknown) => ask<Note>(who, "POST", `/recordings/${session}/notes/${id}`, body);
    await expect(change("ines", { version: 1, text: "mine" })).rejects.toThrow(/403.*only its author/);
    await expect(change("admin", { version: 1, text: "mine" })).rejects.toThrow(/403/);
    const both = await Promise.allSettled([
      change("investigator", { version: 1, text: "second" }),
      change("investigator", { version: 1, text: "also second" }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(change("investigator", { version: 1, text: "third" })).rejects.toThrow(
      /409.*changed this note meanwhile/,
    );
    const changed = await change("investigator", { version: 2, tags: ["x"], endUs: 2_000_000 });
    expect(changed.version).toBe(3);
    expect(changed.history.map(({ text }) => text)[0]).toBe("first");
    expect(changed.history).toHaveLength(2);
  });

  it("is struck out by its author or an administrator, stays to be read, and is changed no more", async () => {
    const { id } = await note("investigator", { atUs: 1, text: "wrong" });
    const path = `/recordings/${session}/notes/${id}`;
    await expect(ask("ines", "POST", `${path}/strike`, { version: 1 })).rejects.toThrow(/403/);
    const struck = await ask<Note>("admin", "POST", `${path}/strike`, { version: 1, reason: "not so" });
    expect(struck).toMatchObject({ text: "wrong", struck: { by: "admin", reason: "not so" } });
    await expect(ask("investigator", "POST", path, { version: 1, text: "b" })).rejects.toThrow(/409.*struck/);
  });

  it("says something, at a moment that the recording has, on the recording that it is on", async () => {
    await expect(note("escort", { atUs: 1, text: " " })).rejects.toThrow(/400/);
    await expect(note("escort", { atUs: 99_000_000, text: "late" })).rejects.toThrow(/400.*ends at 13 s/);
    await expect(note("escort", { atUs: 5, endUs: 5, text: "x" })).rejects.toThrow(/400/);
    await expect(note("escort", { atUs: 1, text: "a\u001b[2J" })).rejects.toThrow(/400/);
    await expect(note("escort", { atUs: 1, text: "a", tags: ["a b"] })).rejects.toThrow(/400/);
    const { id } = await note("escort", { kind: "bookmark", atUs: 1 });
    await expect(ask("escort", "POST", `/recordings/${other}/notes/${id}`, { version: 1, text: "a" })).rejects.toThrow(
      /404/,
    );
  });
});

describe("a case", () => {
  it("is opened, changed by those who work on it, looked at by their colleagues, and never seen by vendors", async () => {
    const made = await ask<Case>("investigator", "POST", "/cases", { title: "A valve opened", members: ["INES"] });
    expect(made.id).toMatch(/^CASE-\d{4}-0001$/);
    expect(made.members.map(({ person }) => person)).toEqual(["ines", "investigator"]);
    const path = `/cases/${made.id}`;
    await expect(ask("auditor", "POST", path, { version: 1, title: "x" })).rejects.toThrow(/403.*work on the case/);
    expect((await ask<Case>("auditor", "GET", path)).mayChange).toBe(false);
    await expect(ask("vendor", "GET", path)).rejects.toThrow(/403/);
    await expect(ask("ines", "POST", `${path}/members`, { person: "vendor" })).rejects.toThrow(
      /400.*may not see recordings/,
    );
    await expect(ask("ines", "POST", `${path}/members`, { person: "nobody" })).rejects.toThrow(/400/);
    await ask("ines", "POST", `${path}/members`, { person: "auditor" });
    const changed = await ask<Case>("auditor", "POST", path, { version: 1, description: "Tuesday\nnight" });
    expect(changed).toMatchObject({ version: 2, description: "Tuesday\nnight", mayChange: true });
    await expect(ask("ines", "POST", path, { version: 1, title: "y" })).rejects.toThrow(/409.*changed this case/);
    const closing = { version: 2, state: "closed" };
    await expect(ask("ines", "POST", path, closing)).rejects.toThrow(/400.*say why/);
    await ask("ines", "POST", path, { ...closing, reason: "done" });
    await expect(ask("ines", "POST", `${path}/notes`, { text: "late" })).rejects.toThrow(/409.*closed/);
    expect(await newest("case.close")).toMatchObject({ actor: "ines", subject: made.id });
  });

  it("holds all its recordings, and lets them go when two people say so", async () => {
    const { id } = await ask<Case>("investigator", "POST", "/cases", { title: "Held", members: ["ines"] });
    const path = `/cases/${id}`;
    for (const one of [session, other])
      await ask("ines", "POST", `${path}/sessions`, { session: one, reason: "same night" });
    await expect(ask("ines", "POST", `${path}/sessions`, { session, reason: "again" })).rejects.toThrow(/409/);
    await expect(ask("escort", "POST", `${path}/holds`, { reason: "x" })).rejects.toThrow(/403/);
    expect(await ask("ines", "POST", `${path}/holds`, { reason: "court" })).toEqual({ done: 2, not: [] });
    expect(await ask("ines", "POST", `${path}/holds`, { reason: "court" })).toEqual({ done: 0, not: [] });
    const { sessions } = await ask<Case>("ines", "GET", path);
    expect(sessions.map(({ holds }) => holds[0])).toMatchObject([
      { caseId: id, state: "active", placedBy: "ines" },
      { caseId: id, state: "active", placedBy: "ines" },
    ]);
    const release = (who: string, body: unknown) =>
      ask<{ done: number; not: unknown[] }>(who, "POST", `${path}/holds/release`, body);
    await expect(release("ines", { step: "confirm" })).rejects.toThrow(/409/);
    expect(await release("ines", { step: "ask", reason: "over" })).toMatchObject({ done: 2 });
    const own = await release("ines", { step: "confirm" });
    expect(own).toMatchObject({ done: 0, not: [{ why: expect.stringMatching(/another person/) }, {}] });
    expect(await release("investigator", { step: "confirm" })).toEqual({ done: 2, not: [] });
    const listed = await ask<{ items: { id: string; sessions: number }[] }>(
      "auditor",
      "GET",
      `/cases?session=${session}`,
    );
    expect(listed.items).toMatchObject([{ id, sessions: 2 }]);
  });
});

describe("imported events", () => {
  it("stand in the recording's time, by the clock that was stated; the file is kept as it was given", async () => {
    const file = { name: "../../alarms.csv", settings, base64: base64(alarms) };
    const tried = await ask<ImportResult>("escort", "POST", `/recordings/${other}/imports`, { ...file, dryRun: true });
    expect(tried).toMatchObject({ imported: null, events: 2, errors: [] });
    const { imported } = await ask<ImportResult>("escort", "POST", `/recordings/${other}/imports`, file);
    expect(imported?.sha256).toBe(createHash("sha256").update(alarms).digest("hex"));
    const shown = await ask<RecordingImported>("auditor", "GET", `/recordings/${other}/imported`);
    expect(shown.events).toEqual([
      { at: "2026-11-23T10:00:05.250Z", atUs: 5_250_000, lane: "events", text: "Pressure high", of: imported?.id },
    ]);
    const raw = await portals["auditor"]!.get(`/api/v1/imports/${imported?.id}/file`);
    expect(await raw.text()).toBe(alarms);
    expect(raw.headers.get("content-disposition")).not.toMatch(/[\\/]alarms/);
    const remove = `/recordings/${other}/imports/${imported?.id}/remove`;
    await expect(ask("ines", "POST", remove)).rejects.toThrow(/403/);
    await ask("escort", "POST", remove);
    expect((await ask<RecordingImported>("auditor", "GET", `/recordings/${other}/imported`)).events).toEqual([]);
    expect((await portals["auditor"]!.get(`/api/v1/imports/${imported?.id}/file`)).status).toBe(200);
  });

  it("import nothing where a line cannot be read, and say which", async () => {
    const file = { name: "a.csv", settings, base64: base64(`${alarms}never,x\n`) };
    const answer = await ask<ImportResult>("escort", "POST", `/recordings/${session}/imports`, file);
    expect(answer).toMatchObject({ imported: null, errors: [{ line: 4 }] });
    expect((await ask<RecordingImported>("escort", "GET", `/recordings/${session}/imported`)).imports).toEqual([]);
    const bad = { ...file, base64: "a%b=" };
    await expect(ask("escort", "POST", `/recordings/${session}/imports`, bad)).rejects.toThrow(/400.*base64/);
    const huge = { ...file, base64: "a".repeat(15 * 1024 * 1024) };
    await expect(ask("escort", "POST", `/recordings/${session}/imports`, huge)).rejects.toThrow(/413/);
  });
});

describe("a case as a file", () => {
  it("has each recording's evidence, the files as they were given, the case for reading, and sums that hold", async () => {
    const hostile = `<script>alert("x")</script>\u202e`;
    const { id } = await ask<Case>("investigator", "POST", "/cases", { title: hostile });
    const path = `/cases/${id}`;
    for (const one of [session, other])
      await ask("investigator", "POST", `${path}/sessions`, { session: one, reason: hostile });
    await ask("investigator", "POST", `${path}/notes`, { text: hostile });
    const file = { name: "../../../etc/passwd", settings, base64: base64(`${alarms.slice(0, -1)}\n`) };
    await ask("investigator", "POST", `${path}/imports`, file);
    const exported = await portals["auditor"]!.get(`/api/v1${path}/export`);
    expect(exported.status).toBe(200);
    expect(exported.headers.get("content-disposition")).toBe(`attachment; filename="${id}.case.zip"`);
    const directory = await mkdtemp(join(tmpdir(), "conduit-case-"));
    try {
      await writeFile(join(directory, "case.zip"), Buffer.from(await exported.arrayBuffer()));
      const { stdout } = await run("unzip", ["-Z1", "case.zip"], { cwd: directory });
      const names = stdout.trim().split("\n");
      for (const name of names) expect(name).toMatch(new RegExp(`^${id}/(?!.*\\.\\.)[^/]+(/[^/]+)?$`));
      expect(names).toContain(`${id}/recordings/${session}.evidence.zip`);
      await run("unzip", ["-q", "case.zip"], { cwd: directory });
      const inside = join(directory, id);
      await run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: inside });
      const page = await readFile(join(inside, "CASE.html"), "utf8");
      expect(page).not.toContain("<script>");
      expect(page).not.toContain("\u202e");
      expect(page).toContain("&lt;script&gt;");
      const told = JSON.parse(await readFile(join(inside, "case.json"), "utf8")) as { case: Case; files: object };
      expect(told.case.title).toBe(hostile);
      expect(told.files).toEqual({
        [session]: { file: `recordings/${session}.evidence.zip`, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        [other]: { missing: "the session is not sealed yet" },
      });
      expect(page).toContain("left out: the session is not sealed yet");
    } finally {
      await rm(directory, { recursive: true });
    }
    expect(await newest("case.export")).toMatchObject({ actor: "auditor", subject: id });
    const left = await newest("recording.export");
    expect(left).toMatchObject({ actor: "auditor", subject: session, details: { case: id, format: "bundle" } });
  });
});
