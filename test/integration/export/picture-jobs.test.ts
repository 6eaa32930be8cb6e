// Videos and pictures by the API: made in a thread of their own, a few at a time, for as long as somebody asks after them.
import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { findFfmpeg } from "../../../recorder/export/video/ffmpeg.ts";
import type { PictureHooks } from "../../../recorder/export/video/picture-job.ts";
import { PictureJobs, type PictureJobsOptions } from "../../../recorder/export/video/picture-jobs.ts";
import { PictureJob, PictureRequest } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { runProcess } from "../../support/process.ts";
import { makeSigningKey } from "../../support/recording-builder.ts";
import { hmiScene, type ScreenScene } from "../../support/screen-scenes.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type ApiFixture, type Portal, startApi } from "../api/api-fixture.ts";

const program = () => findFfmpeg(process.env["PATH"] ?? "");
let folder: TempDir;
beforeAll(async () => {
  folder = await createTempDir("picture-jobs");
});
afterAll(() => folder?.remove());

describe("by the API", () => {
  let api: ApiFixture;
  let investigator: Portal;
  let session: string;
  beforeAll(async () => {
    api = await startApi();
    investigator = await api.signIn("investigator");
    ({ session } = api.recording.index);
  });
  afterAll(() => api?.close());

  async function begin(portal: Portal, wish: object): Promise<PictureJob> {
    const response = await portal.post(`/api/v1/recordings/${session}/pictures`, wish);
    const body: unknown = await response.json();
    if (response.status !== 200) throw new Error(JSON.stringify(body));
    return PictureJob.parse(body);
  }

  async function ended(portal: Portal, { id }: PictureJob): Promise<PictureJob> {
    let job: PictureJob | undefined;
    await waitFor(
      async () => {
        job = PictureJob.parse(await (await portal.get(`/api/v1/pictures/${id}`)).json());
        return job.state === "ready" || job.state === "failed";
      },
      { what: "the job's end", timeoutMs: 60_000 },
    );
    return job!;
  }

  test("a video is made, followed, fetched by who asked for it alone, audited, and removed", async () => {
    const before = (await api.audit.list({ limit: 10, action: "recording.export" })).items.length;
    const begun = await begin(investigator, { format: "mp4", burnIn: ["time", "person"], skipIdleSeconds: 1 });
    const [line] = (await api.audit.list({ limit: 10, action: "recording.export" })).items;
    expect((await api.audit.list({ limit: 10, action: "recording.export" })).items).toHaveLength(before + 1);
    expect(line).toMatchObject({ actor: "investigator", subject: session });
    expect(line?.details).toMatchObject({ format: "mp4", track: "terminal-0", skipIdleSeconds: 1 });
    const done = await ended(investigator, begun);
    expect(done).toMatchObject({ state: "ready", progress: 1, damage: [], error: null });
    const auditor = await api.signIn("auditor");
    expect((await auditor.get(`/api/v1/pictures/${begun.id}/file`)).status).toBe(404);
    expect((await auditor.get(`/api/v1/pictures/${begun.id}`)).status).toBe(404);
    expect((await auditor.request("DELETE", `/api/v1/pictures/${begun.id}`)).status).toBe(404);
    const response = await investigator.get(`/api/v1/pictures/${begun.id}/file`);
    expect(response.headers.get("content-type")).toBe("video/mp4");
    expect(response.headers.get("content-disposition")).toContain(`filename="${done.fileName}"`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes).toHaveLength(done.bytes ?? 0);
    const path = join(folder.path, "fetched.mp4");
    await writeFile(path, bytes);
    const { stdout } = await runProcess("ffprobe", [
      ...["-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration", path],
    ]);
    // Two pauses of ten seconds in all are cut down to one each, and the last picture stands a second.
    expect(Number(stdout)).toBeGreaterThan(2);
    expect(Number(stdout)).toBeLessThan(8);
    expect((await investigator.request("DELETE", `/api/v1/pictures/${begun.id}`)).status).toBe(204);
    expect((await investigator.get(`/api/v1/pictures/${begun.id}`)).status).toBe(404);
  });

  test("a picture of a moment is made too", async () => {
    const done = await ended(investigator, await begin(investigator, { format: "png", atSeconds: 3, width: 400 }));
    const response = await investigator.get(`/api/v1/pictures/${done.id}/file`);
    expect((await sharp(Buffer.from(await response.arrayBuffer())).metadata()).width).toBe(400);
  });

  test.each([
    [{ format: "mp4", atSeconds: 3 }, 400, "REQUEST_INVALID"],
    [{ format: "png", fromSeconds: 3 }, 400, "REQUEST_INVALID"],
    [{ format: "mp4", burnIn: ["time", "wish"] }, 400, "REQUEST_INVALID"],
    [{ format: "mp4", speed: 1000 }, 400, "REQUEST_INVALID"],
    [{ format: "mp4", path: "/etc/passwd" }, 400, "REQUEST_INVALID"],
    [{ format: "png", cursor: true }, 400, "REQUEST_INVALID"],
    [{ format: "mp4", track: "input" }, 404, "REQUEST_NOT_FOUND"],
    [{ format: "mp4", track: "screen-7" }, 404, "REQUEST_NOT_FOUND"],
  ])("%j is refused before the audit has a line", async (wish, status, code) => {
    const before = (await api.audit.list({ limit: 100 })).items.length;
    const response = await investigator.post(`/api/v1/recordings/${session}/pictures`, wish);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
    expect((await api.audit.list({ limit: 100 })).items).toHaveLength(before);
  });

  test("a section that is not there is refused", async () => {
    const wish = { format: "mp4", fromSeconds: 500 };
    const refused = await investigator.post(`/api/v1/recordings/${session}/pictures`, wish);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      code: "REQUEST_INVALID",
      detail: expect.stringContaining("choose a stretch within"),
    });
  });
});

describe("jobs", () => {
  const key = makeSigningKey();
  let scene: ScreenScene;
  let store: MemoryStore;
  let jobs: PictureJobs;
  let nowMs = 0;
  const directory = () => join(folder.path, "exports");
  const files = () => readdir(directory());

  beforeAll(async () => {
    const facts = { person: "jane", target: "hmi-1", startedAt: "2026-11-23T10:00:00.000000Z", seed: 5 };
    scene = await hmiScene(facts, key, { seconds: 30, withFrames: false });
  }, 120_000);
  beforeEach(() => {
    nowMs = 0;
    store = new MemoryStore();
    store.addRecording(scene);
  });
  afterEach(async () => {
    await jobs?.close();
    await rm(directory(), { recursive: true, force: true });
  });

  async function openJobs(options: Partial<PictureJobsOptions> = {}): Promise<void> {
    const reader = new RecordingReader({
      store,
      trustedKeys: () => new Map([[key.keyId, key.publicKeyPem]]),
      live: { live: () => undefined, spooled: async () => null },
    });
    jobs = await PictureJobs.open(reader, {
      ...{ directory: directory(), program, nowMs: () => nowMs },
      ...options,
      limits: { tickMs: 10, floorBytes: 0, ...options.limits },
    });
  }

  const start = async (person: string, wish: object = {}): Promise<PictureJob> =>
    (await jobs.prepare(person, scene.index.session, PictureRequest.parse({ format: "mp4", ...wish }))).start();

  /** Does nothing until it is let go, or given up. */
  function held() {
    const running: { path: string; go(): void }[] = [];
    const make = (_: unknown, { path }: { path: string }, { signal }: PictureHooks) =>
      new Promise<void>((resolve, reject) => {
        running.push({ path, go: resolve });
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      });
    return { running, make };
  }

  test("are made one after another, bounded for a person and for all", async () => {
    const { running, make } = held();
    await openJobs({ make, limits: { waiting: 3 } });
    const own = [await start("jane"), await start("jane"), await start("jane")];
    expect(own.map(({ state }) => state)).toEqual(["working", "waiting", "waiting"]);
    await expect(start("jane")).rejects.toMatchObject({ code: "REQUEST_CONFLICT", message: expect.any(String) });
    await start("eric");
    await expect(start("maria")).rejects.toThrow("too many exports wait");
    await waitFor(() => running.length === 1, { what: "the first" });
    running[0]?.go();
    await waitFor(() => running.length === 2, { what: "the second" });
    expect(own.map(({ state }) => state)).toEqual(["ready", "working", "waiting"]);
    // A file that is ready makes room for the next wish of the same person.
    await start("jane");
    expect(() => jobs.state("jane", own[0]!.id)).toThrow(AppError);
    await waitFor(async () => (await files()).length === 1, { what: "its file to go" });
  });

  test("that nobody asks after are given up, and ready ones removed in time", async () => {
    const { running, make } = held();
    await openJobs({ make, limits: { forgottenMs: 1000, keptMs: 5000 } });
    const [first, second] = [await start("jane"), await start("jane")];
    await waitFor(() => running.length === 1, { what: "the first" });
    nowMs = 900;
    jobs.state("jane", second.id);
    nowMs = 1200;
    // The first is forgotten, the second takes its place.
    await waitFor(() => running.length === 2, { what: "the second" });
    expect(() => jobs.state("jane", first.id)).toThrow("no such export");
    running[1]?.go();
    await waitFor(() => jobs.state("jane", second.id).state === "ready", { what: "the second's end" });
    nowMs = 6000;
    expect(await files()).toHaveLength(1);
    nowMs = 6300;
    await waitFor(async () => (await files()).length === 0, { what: "the file to go" });
  });

  test("whose file grows too large, or whose disk fills, fail and leave nothing", async () => {
    const { running, make } = held();
    await openJobs({ make, limits: { largestBytes: 10 } });
    const job = await start("jane");
    await waitFor(() => running.length === 1, { what: "the job" });
    await writeFile(running[0]!.path, "more than ten bytes");
    await waitFor(() => job.state === "failed", { what: "its end" });
    expect(job.error).toMatchObject({ code: "REQUEST_CONFLICT", message: expect.stringContaining("beyond 10 bytes") });
    expect(await files()).toEqual([]);
    await jobs.close();
    await openJobs({ make, limits: { floorBytes: Number.MAX_SAFE_INTEGER } });
    await expect(start("jane")).rejects.toThrow("has no room for an export");
  });

  test("end with ffmpeg and without a file when they are given up, and when the service stops", async () => {
    await openJobs();
    const job = await start("jane", { speed: 0.1, fps: 60 });
    await waitFor(() => job.progress > 0, { what: "progress", timeoutMs: 30_000 });
    expect(await ffmpegs()).toBe(1);
    await jobs.drop("jane", job.id);
    expect([await ffmpegs(), await files()]).toEqual([0, []]);
    const other = await start("jane", { speed: 0.1, fps: 60 });
    await waitFor(() => other.progress > 0, { what: "progress", timeoutMs: 30_000 });
    await jobs.close();
    expect(await ffmpegs()).toBe(0);
    await expect(files()).rejects.toThrow("ENOENT");
    await expect(start("jane")).rejects.toThrow("being stopped");
  });

  /** Those that write below this test's folder. */
  async function ffmpegs(): Promise<number> {
    const { stdout } = await runProcess("ps", ["-eo", "args"]);
    return stdout.split("\n").filter((line) => line.includes("ffmpeg ") && line.includes(directory())).length;
  }

  test("name what of the recording is damaged", async () => {
    const screen = scene.index.segments.find(({ track }) => track === "screen-0")!;
    const prefix = store.addRecording(scene);
    const objects = (store as unknown as { objects: Map<string, Uint8Array> }).objects;
    objects.set(`${prefix}${screen.name}`, new Uint8Array(64));
    expect(createHash("sha256").update(new Uint8Array(64)).digest("hex")).not.toBe(screen.sha256);
    await openJobs();
    const job = await start("jane", { format: "png" });
    await waitFor(() => job.state === "ready", { what: "the picture", timeoutMs: 30_000 });
    expect(job.damage).toEqual([`${screen.name} is not what was recorded`]);
  });

  test("of what is no proof are refused, and what a crash left is removed at the start", async () => {
    await mkdir(directory(), { recursive: true });
    await writeFile(join(directory(), "left.mp4"), "left");
    await openJobs({ program: () => findFfmpeg("") });
    expect(await files()).toEqual([]);
    await expect(start("jane")).rejects.toThrow("install Debian's package ffmpeg");
    await jobs.close();
    const stranger = new RecordingReader({
      store,
      trustedKeys: () => new Map([[key.keyId, makeSigningKey().publicKeyPem]]),
      live: { live: () => undefined, spooled: async () => null },
    });
    jobs = await PictureJobs.open(stranger, { directory: directory(), program, limits: { floorBytes: 0 } });
    await expect(start("jane", { format: "png" })).rejects.toMatchObject({ code: "INTEGRITY_SIGNATURE" });
  });
});
