// An API on a real socket with a real database, a store in memory, and stubs for what the gateway would give.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { MasterKey } from "../../../recorder/access/master-key.ts";
import { Mfa } from "../../../recorder/access/mfa/mfa.ts";
import { People } from "../../../recorder/access/people.ts";
import { PolicyVersions } from "../../../recorder/access/policy-versions.ts";
import { SignIn } from "../../../recorder/access/sign-in.ts";
import { Stops } from "../../../recorder/access/stops.ts";
import { Throttle } from "../../../recorder/access/throttle.ts";
import { ApiTokens } from "../../../recorder/access/tokens.ts";
import { WebSessions } from "../../../recorder/access/web-sessions.ts";
import { Passkeys } from "../../../recorder/access/webauthn/passkeys.ts";
import { readActivity } from "../../../recorder/activity/activity.ts";
import { type ApiDeps, createApi } from "../../../recorder/api/api.ts";
import { CaseDesk } from "../../../recorder/cases/case-desk.ts";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { OpenedRecordings } from "../../../recorder/catalog/opened-recordings.ts";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { RecordingKeys } from "../../../recorder/encryption/recording-keys.ts";
import { RecordingExporter } from "../../../recorder/export/export.ts";
import { findFfmpeg } from "../../../recorder/export/video/ffmpeg.ts";
import { PictureJobs } from "../../../recorder/export/video/picture-jobs.ts";
import { makeReport } from "../../../recorder/report/make.ts";
import type { LiveSession } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { Role } from "../../../shared/policy/policy.ts";
import { accessOf, type TestAccess } from "../../support/access.ts";
import { keepingOf } from "../../support/keeping.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { openState } from "../../support/state.ts";

const key = makeSigningKey();

const trustedKeys = () => new Map([[key.keyId, key.publicKeyPem]]);

export const password = "correct horse battery";

export interface ApiFixture {
  app: FastifyInstance;
  origin: string;
  database: ServiceDatabase;
  people: People;
  mfa: Mfa;
  tokens: ApiTokens;
  mfaRequired: { value: boolean };
  /** Put ahead, what failed before is forgotten. */
  throttleClock: { aheadMs: number };
  audit: AuditLog;
  store: MemoryStore;
  recordings: Recordings;
  /** By the person `vendor`. */
  recording: BuiltRecording;
  /** By somebody else. */
  foreignRecording: BuiltRecording;
  terminated: { session: string; by: string; reason: string }[];
  liveSessions: LiveSession[];
  healthy: { value: boolean };
  access: TestAccess;
  /** `METHOD /address`, sorted. */
  routes: string[];
  signIn(name: string): Promise<Portal>;
  /** A second API on the same data, e.g. with something that must know its address before. */
  besides(overrides: Partial<ApiDeps>, port: number): Promise<{ close(): Promise<void> }>;
  close(): Promise<void>;
}

/** A signed-in browser, in so far as the API can tell. */
export class Portal {
  readonly origin: string;
  cookie: string;
  csrfToken: string;

  constructor(origin: string, cookie: string, csrfToken: string) {
    this.origin = origin;
    this.cookie = cookie;
    this.csrfToken = csrfToken;
  }

  request(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    return fetch(`${this.origin}${path}`, {
      method,
      redirect: "manual",
      headers: {
        cookie: this.cookie,
        "x-csrf-token": this.csrfToken,
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request("GET", path, { headers });
  }

  post(path: string, body?: unknown): Promise<Response> {
    return this.request("POST", path, { body });
  }
}

export async function buildRecording(
  person: string,
  seed: number,
  startedAt = "2026-11-23T10:00:00.000000Z",
): Promise<BuiltRecording> {
  const builder = new RecordingBuilder({ person, target: "plc-reactor-01", startedAt, seed }, key);
  builder.event({ t: 0, type: "session-open", facts: {} });
  builder.channel(0, { request: "shell", pty: true });
  await builder.output(0, 1000, "login: welcome\r\n$ ");
  builder.input({ t: 2_000_000, ch: 0, k: "text", d: "ls" });
  await builder.output(0, 2_001_000, "ls");
  await builder.output(0, 12_000_000, "\r\nfile-\u00e4\r\n");
  await builder.exit(0, 12_500_000, 0);
  return builder.finish(13_000_000);
}

export async function startApi(overrides: Partial<ApiDeps> = {}, host = "127.0.0.1"): Promise<ApiFixture> {
  const directory = await mkdtemp(join(tmpdir(), "conduit-api-"));
  const database = await openState(join(directory, "conduit.db"));
  const throttleClock = { aheadMs: 0 };
  const throttle = new Throttle({}, () => Date.now() + throttleClock.aheadMs);
  const people = new People(database.access, { throttle });
  const mfa = new Mfa(database.access, MasterKey.of(database.access, randomBytes(32)), { issuer: "Conduit test" });
  const mfaRequired = { value: false };
  let port = 0;
  // By name, as browsers want it for passkeys.
  const passkeys = new Passkeys(database.access, { portalUrl: () => `http://localhost:${port}`, name: "Conduit test" });
  const tokens = new ApiTokens(database.access, 365);
  const signInParts = { people, mfa, passkeys, throttle, mfaRequired: () => mfaRequired.value };
  for (const role of Role.options) await people.create({ name: role, roles: [role], password });
  const audit = new AuditLog(database.catalog);
  const store = new MemoryStore();
  const recordings = new Recordings(database.catalog);
  const recording = await buildRecording("Vendor", 1);
  const foreignRecording = await buildRecording("somebody-else", 2);
  for (const built of [recording, foreignRecording]) {
    store.addRecording(built);
    await recordings.opened(OpenRecord.parse(JSON.parse(String(built.objects.get("open.json")))));
    await recordings.sealed(Manifest.parse(JSON.parse(String(built.objects.get("manifest.json")))));
  }
  const reader = new RecordingReader({
    store,
    trustedKeys,
    live: { live: () => undefined, spooled: async () => null },
  });
  const terminated: ApiFixture["terminated"] = [];
  const liveSessions: LiveSession[] = [];
  const healthy = { value: true };
  const access = accessOf(database, people, {
    requests: { noticeSeconds: 0 },
    breakGlass: { people: ["escort"] },
    rules: [{ id: "vendors", people: ["role:vendor", "escort"], targets: ["*"] }],
  });
  const stops = new Stops(database.stops, access.feed, {
    stop: () => liveSessions.length,
    lifted: () => {},
    conduits: () => ["vendor-to-cell"],
    onError: (error) => {
      throw error;
    },
  });
  const retention = keepingOf({ database, store, audit, find: (session) => recordings.find(session) });
  const deps: ApiDeps = {
    transport: "loopback-http",
    people,
    signIn: new SignIn(signInParts),
    mfa,
    passkeys,
    tokens,
    ownKeys: true,
    mfaRequired: () => mfaRequired.value,
    webSessions: new WebSessions(database.access),
    recordings,
    reader,
    opened: new OpenedRecordings(reader, RecordingKeys.of([])),
    verifier: new RecordingVerifier({ store, trustedKeys }),
    exporter: new RecordingExporter(reader, () => [key]),
    retention,
    cases: new CaseDesk({ db: database.cases, audit, recordings, people, holds: retention }),
    pictures: await PictureJobs.open(reader, {
      directory: join(directory, "exports"),
      program: () => findFfmpeg(process.env["PATH"] ?? ""),
    }),
    sessions: {
      list: () => liveSessions,
      terminate: async (session, by, reason) => {
        terminated.push({ session, by, reason });
        return liveSessions.some((live) => live.session === session);
      },
      freeze: async (session) => liveSessions.some((live) => live.session === session && live.state === "active"),
      unfreeze: async (session, by) => {
        const live = liveSessions.find((one) => one.session === session && one.state === "frozen");
        if (live?.hold === "escort-awaited" && !by.roles.includes("escort")) {
          throw new AppError("POLICY_REFUSED", "This session waits for an escort.", { op: "test" });
        }
        return live !== undefined;
      },
      endSafely: async (session) => {
        const live = liveSessions.find((one) => one.session === session);
        return live === undefined ? null : (live.running ?? []);
      },
      message: async (session) => liveSessions.some((live) => live.session === session),
      confirm: async () => false,
      mark: async (session) => liveSessions.some((live) => live.session === session),
    },
    stops,
    watches: { checkRoom: () => undefined, upgrade: (_request, socket) => socket.destroy() },
    screens: {
      ticket: async (_person, target) => ({ ticket: "t", target, expiresAt: "2026-11-23T10:00:00.000Z" }),
      listener: () => ({ port: 5910, fingerprint: "AA", publicKeyPin: "AA=" }),
      upgrade: (_request, socket) => socket.destroy(),
    },
    targets: () => [
      {
        name: "plc-reactor-01",
        conduit: "vendor-to-cell",
        protocol: "ssh",
        host: "192.0.2.10",
        port: 22,
        account: "service",
        tags: [],
        description: "",
        pinned: true,
      },
    ],
    targetsOf: () => [
      { name: "plc-reactor-01", conduit: "vendor-to-cell", protocol: "ssh", tags: [], description: "" },
    ],
    myTargets: access.myTargets,
    sshPort: () => 2222,
    access: access.requests,
    accessFeed: access.feed,
    activity: (filter) => readActivity({ db: database.activity, policy: () => access.inventory().policy }, filter),
    report: (period) =>
      makeReport({ database, recorder: "test", version: "0.1.0", inventory: access.inventory }, period),
    portalUrl: () => "https://recorder.example",
    inventory: access.inventory,
    policyVersions: new PolicyVersions(database.policies),
    health: async () => ({
      status: healthy.value ? "ok" : "degraded",
      checks: [{ name: "store", ok: healthy.value, message: "the store answers" }],
    }),
    audit,
    signingKeys: () => [{ keyId: key.keyId, algorithm: "ed25519", publicKeyPem: key.publicKeyPem }],
    version: "0.1.0",
    ...overrides,
  };
  const app = await createApi(deps);
  const origin = await app.listen({ host, port: 0 });
  port = Number(new URL(origin).port);
  return {
    app,
    origin,
    database,
    people,
    mfa,
    tokens,
    mfaRequired,
    throttleClock,
    audit,
    store,
    recordings,
    recording,
    foreignRecording,
    terminated,
    liveSessions,
    healthy,
    access,
    routes: routesOf(app),
    signIn: (name) => signIn(origin, name),
    besides: async (others, at) => {
      const besides = await createApi({ ...deps, ...others });
      await besides.listen({ host, port: at });
      return { close: () => besides.close() };
    },
    close: async () => {
      await app.close();
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** As the server has them, read from its own router. */
function routesOf(app: FastifyInstance): string[] {
  const routes: string[] = [];
  const path: string[] = [];
  for (const line of app.printRoutes({ commonPrefix: false }).split("\n")) {
    const match = /^([│ ]*)[├└]── (\S+)(?: \(([^)]+)\))?/.exec(line);
    if (match === null) continue;
    const depth = (match[1] ?? "").length / 4;
    path.length = depth;
    path[depth] = match[2] ?? "";
    for (const method of (match[3] ?? "").split(", ").filter((name) => name !== ""))
      routes.push(`${method} ${path.join("")}`);
  }
  return routes.sort();
}

export async function signIn(origin: string, name: string, secret = password): Promise<Portal> {
  const response = await fetch(`${origin}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, password: secret }),
  });
  if (response.status !== 200)
    throw new Error(`sign-in of ${name} answered ${response.status}: ${await response.text()}`);
  const me = (await response.json()) as { csrfToken: string };
  return new Portal(origin, cookieOf(response), me.csrfToken);
}

export function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
}
