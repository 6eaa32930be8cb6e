// The real HTTP API and the built UI over recordings that are made up in memory, for tests and pictures of the replay
// UI: real routes, roles and security headers; no gateway, no recorder, no store.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { notEnrolled } from "../../recorder/access/mfa/status.ts";
import { People } from "../../recorder/access/people.ts";
import { PolicyVersions } from "../../recorder/access/policy-versions.ts";
import { ApiTokens } from "../../recorder/access/tokens.ts";
import { Passkeys } from "../../recorder/access/webauthn/passkeys.ts";
import { createApi } from "../../recorder/api/api.ts";
import type { ApiDeps } from "../../recorder/api/deps.ts";
import { CaseDesk } from "../../recorder/cases/case-desk.ts";
import { openDatabase } from "../../recorder/database.ts";
import type { DataKeys } from "../../recorder/encryption/segment-cipher.ts";
import { excerptInName, excerptOf } from "../../recorder/export/excerpt.ts";
import { findFfmpeg } from "../../recorder/export/video/ffmpeg.ts";
import { PictureJobs } from "../../recorder/export/video/picture-jobs.ts";
import { makeReport } from "../../recorder/report/make.ts";
import { SearchIndexer } from "../../recorder/search/indexer.ts";
import { SavedSearches } from "../../recorder/search/saved-searches.ts";
import type { SearchQuery } from "../../recorder/search/search-index.ts";
import { openSqliteIndex } from "../../recorder/search/sqlite-index.ts";
import type {
  AuditEntry,
  LiveSession,
  OpenableTarget,
  RecordingSummary,
  VerifyReport,
} from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { Role } from "../../shared/policy/policy.ts";
import { accessOf } from "./access.ts";
import { activityOf } from "./activity.ts";
import { keepingOf } from "./keeping.ts";
import { MemoryStore } from "./memory-store.ts";
import type { BuiltRecording, SigningKey } from "./recording-builder.ts";
import { createTempDir } from "./temp-dir.ts";

export interface ReplayPerson {
  name: string;
  password: string;
  roles: Role[];
  mustChangePassword?: boolean;
}

export interface ReplayServer {
  url: string;
  /** By session; change or replace entries to change what is served. */
  recordings: Map<string, BuiltRecording>;
  /** Lines of the list without content behind them. */
  listOnly: RecordingSummary[];
  live: LiveSession[];
  audit: AuditEntry[];
  openable: OpenableTarget[];
  terminated: { session: string; by: string; reason: string }[];
  /** Segment requests, in order, as `session/n`. */
  segmentReads: string[];
  /** Of encrypted recordings, as far as this service has them. */
  dataKeys: Map<string, Partial<DataKeys>>;
  verdicts: Map<string, VerifyReport>;
  desk: CaseDesk;
  close(): Promise<void>;
}

export async function startReplayServer(options: {
  people: ReplayPerson[];
  recordings: BuiltRecording[];
  key: SigningKey;
  /** The built UI. */
  staticDirectory?: string;
}): Promise<ReplayServer> {
  const recordings = new Map(options.recordings.map((recording) => [recording.summary.session, recording]));
  const state: Omit<ReplayServer, "url" | "close" | "desk"> = {
    recordings,
    listOnly: [],
    live: [],
    audit: [],
    openable: [],
    terminated: [],
    segmentReads: [],
    dataKeys: new Map(),
    verdicts: new Map(),
  };
  const reading = readingOf(state, options.key.keyId);
  const pictures = await picturesOf(reading);
  const database = await openDatabase(":memory:");
  const access = accessOf(database, new People(database.access));
  const known = peopleOf(options.people);
  const find = async (session: string) => state.recordings.get(session)?.summary ?? null;
  const audit = { append: (entry: Parameters<ApiDeps["audit"]["append"]>[0]) => deps.audit.append(entry) };
  const retention = keepingOf({ database, store: new MemoryStore(), audit, find });
  const searchDirectory = await createTempDir("search");
  const index = await openSqliteIndex(join(searchDirectory.path, "search.db"));
  const indexer = new SearchIndexer({
    index,
    recordings: sourceOf(reading),
    sealed: async () => [...recordings.keys()],
    encrypted: "session",
    share: 1,
    logger: { info: () => {}, warn: () => {}, error: () => {} },
  });
  const search = {
    search: async (query: SearchQuery) => {
      indexed ??= indexer.start().then(() => indexer.settled());
      await indexed;
      return indexer.search(query);
    },
    coverage: () => indexer.coverage(),
    saved: new SavedSearches(database.searches),
  };
  let indexed: Promise<void> | undefined;
  const desk = new CaseDesk({
    db: database.cases,
    audit,
    recordings: { find },
    people: known.people,
    holds: retention,
  });
  const deps: ApiDeps = {
    transport: "loopback-http",
    ...known,
    tokens: new ApiTokens(database.access, 365),
    ownKeys: true,
    passkeys: new Passkeys(database.access, { portalUrl: () => "http://127.0.0.1", name: "Conduit test" }),
    ...reading,
    pictures,
    retention,
    cases: desk,
    search,
    sessions: {
      list: () => state.live,
      terminate: async (session, by, reason) => {
        const before = state.live.length;
        state.live = state.live.filter((candidate) => candidate.session !== session);
        if (state.live.length === before) return false;
        state.terminated.push({ session, by, reason });
        return true;
      },
      freeze: async (session) => setHold(state.live, session, "frozen"),
      unfreeze: async (session) => setHold(state.live, session, null),
      endSafely: async (session) => {
        const live = state.live.find((candidate) => candidate.session === session);
        return live === undefined ? null : (live.running ?? []);
      },
      message: async (session) => state.live.some((candidate) => candidate.session === session),
      confirm: async () => false,
      mark: async (session) => state.live.some((candidate) => candidate.session === session),
    },
    stops: {
      list: () => [],
      set: async (scope, { action, reason }, { name }) => ({
        stop: { scope, action, reason, by: name, at: new Date().toISOString() },
        sessions: state.live.length,
      }),
      lift: async () => {},
    },
    watches: { checkRoom: () => undefined, upgrade: (_request, socket) => socket.destroy() },
    // Live screens are tested with the whole service.
    screens: {
      ticket: async (_person, target) => {
        throw new AppError("PROTOCOL_TARGET_UNREACHABLE", `${target} does not answer`, { op: "test.ticket" });
      },
      listener: () => ({ port: 5901, fingerprint: "00:".repeat(31).concat("00"), publicKeyPin: "A".repeat(43) }),
      upgrade: (_request, socket) => socket.destroy(),
    },
    targets: () => [],
    targetsOf: () => state.openable,
    myTargets: async () =>
      state.openable.map((target) => ({
        ...target,
        sourceZone: "",
        destinationZone: "",
        open: true,
        reason: "allowed-by-rule",
        sentence: "A rule of the policy allows it.",
        prohibited: false,
        mayAsk: true,
        needs: { approval: false, mfa: false, escort: false },
        until: null,
        request: null,
        breakGlass: false,
      })),
    sshPort: () => 2222,
    access: access.requests,
    accessFeed: access.feed,
    activity: activityOf(
      sourceOf(reading),
      () => [...[...state.recordings.values()].map(({ summary }) => summary), ...state.listOnly],
      () => access.inventory().policy,
    ),
    report: (period) =>
      makeReport({ database, recorder: "test", version: "0.1.0", inventory: access.inventory }, period),
    portalUrl: () => "https://recorder.example",
    inventory: access.inventory,
    policyVersions: new PolicyVersions(database.policies),
    health: async () => ({ status: "ok", checks: [] }),
    audit: {
      append: async (entry) => {
        state.audit.unshift({ ...entry, id: state.audit.length + 1, at: new Date().toISOString() });
      },
      list: async () => ({ items: state.audit.slice(0, 100), next: null }),
    },
    signingKeys: () => [{ keyId: options.key.keyId, algorithm: "ed25519", publicKeyPem: options.key.publicKeyPem }],
    version: "0.0.0-test",
    ...(options.staticDirectory === undefined ? {} : { staticDirectory: options.staticDirectory }),
  };
  const app: FastifyInstance = await createApi(deps);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return Object.assign(state, { url: `http://127.0.0.1:${port}`, close, desk });

  async function close(): Promise<void> {
    await pictures.close();
    await app.close();
    await indexer.close();
    await searchDirectory.remove();
    await database.close();
  }
}

function sourceOf({ reader }: Reading) {
  return {
    ...reader,
    segment: async (session: string, n: number) => {
      const { meta, bytes } = await reader.segment(session, n);
      return { meta, bytes, intact: createHash("sha256").update(bytes).digest("hex") === meta.sha256 };
    },
    open: async (session: string) =>
      OpenRecord.parse(JSON.parse(Buffer.from(await reader.object(session, "open.json")).toString())),
  };
}

async function picturesOf(reading: Reading): Promise<PictureJobs> {
  return PictureJobs.open(sourceOf(reading), {
    directory: await mkdtemp(join(tmpdir(), "conduit-pictures-")),
    program: () => findFfmpeg(process.env["PATH"] ?? ""),
  });
}

function peopleOf(list: ReplayPerson[]): Pick<ApiDeps, "people" | "signIn" | "mfa" | "mfaRequired" | "webSessions"> {
  const people = new Map(list.map((person) => [person.name, { ...person }]));
  const sessions = new Map<string, { id: string; person: string; csrfToken: string }>();
  const personOf = (name: string) => {
    const person = people.get(name);
    if (person === undefined) return null;
    return {
      name: person.name,
      roles: person.roles,
      disabled: false,
      mustChangePassword: person.mustChangePassword ?? false,
      keys: [],
    };
  };
  return {
    people: {
      authenticatePassword: async (name: string, password: string) => {
        const person = personOf(name);
        if (person === null || people.get(name)?.password !== password) return { outcome: "refused" };
        return { outcome: "accepted", person, method: "password" };
      },
      setPassword: async (name: string, password: string) => {
        const person = people.get(name);
        if (person !== undefined) Object.assign(person, { password, mustChangePassword: false });
      },
      find: async (name: string) => personOf(name),
    } as unknown as ApiDeps["people"],
    signIn: {
      password: async (name: string, password: string) => {
        const person = personOf(name);
        if (person === null || people.get(name)?.password !== password) return { outcome: "refused" };
        return { outcome: "accepted", person: { ...person, authMethod: "password", factors: ["password"] } };
      },
    } as unknown as ApiDeps["signIn"],
    mfa: {
      status: async () => notEnrolled,
      statuses: async () => new Map(),
    } as unknown as ApiDeps["mfa"],
    mfaRequired: () => false,
    webSessions: {
      create: async (person: string) => {
        const token = randomBytes(32).toString("base64url");
        const session = {
          id: randomUUID(),
          person,
          csrfToken: randomBytes(16).toString("hex"),
          expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
          factors: ["password"],
          confirmedAtMs: null,
        };
        sessions.set(token, session);
        return { token, session };
      },
      find: async (token: string) => sessions.get(token) ?? null,
      revoke: async (token: string) => {
        sessions.delete(token);
      },
    } as unknown as ApiDeps["webSessions"],
  };
}

type Reading = Pick<ApiDeps, "recordings" | "reader" | "opened" | "verifier" | "exporter">;

function readingOf(state: Omit<ReplayServer, "url" | "close" | "desk">, keyId: string): Reading {
  const find = (session: string): BuiltRecording => {
    const recording = state.recordings.get(session);
    if (recording !== undefined) return recording;
    throw new AppError("REQUEST_NOT_FOUND", "there is no recording of that id", { op: "test.find" });
  };
  return {
    recordings: {
      list: async (filter) => {
        const all = [...[...state.recordings.values()].map((recording) => recording.summary), ...state.listOnly]
          .filter((item) => matches(item, filter))
          .sort((a, b) => b.startedAt.localeCompare(a.startedAt));
        const from = filter.cursor === undefined ? 0 : Number(filter.cursor);
        const items = all.slice(from, from + filter.limit);
        const next = from + items.length < all.length ? String(from + items.length) : null;
        return { items, next, total: all.length };
      },
      find: async (session) =>
        state.recordings.get(session)?.summary ?? state.listOnly.find((item) => item.session === session) ?? null,
    },
    reader: {
      index: async (session) => find(session).index,
      segment: async (session, n) => {
        state.segmentReads.push(`${session}/${n}`);
        const recording = find(session);
        const meta = recording.index.segments[n];
        const bytes = meta === undefined ? undefined : recording.objects.get(meta.name);
        if (meta === undefined || bytes === undefined) {
          throw new AppError("REQUEST_NOT_FOUND", "there is no such segment", { op: "test.segment" });
        }
        return { meta, bytes, intact: false };
      },
      object: async (session, name) => {
        const bytes = find(session).objects.get(name);
        if (bytes === undefined) throw new AppError("REQUEST_NOT_FOUND", "no such object", { op: "test.object" });
        return bytes;
      },
    },
    opened: {
      keys: async (session, streams) => {
        const keys = state.dataKeys.get(find(session).index.session);
        const given = streams.flatMap((stream) => (keys?.[stream] ? [[stream, keys[stream]]] : []));
        return { encrypted: keys !== undefined, keys: Object.fromEntries(given) };
      },
    },
    verifier: {
      verify: async (session) =>
        state.verdicts.get(session) ?? {
          session,
          verdict: "VALID",
          checkedBytes: find(session).summary.bytes,
          checkedSegments: find(session).index.segments.length,
          keyId,
          findings: [],
        },
    },
    exporter: {
      export: async (session, format, track, stretch) => ({
        fileName: `${session.slice(0, 8)}${excerptInName(excerptOf(find(session).index, stretch ?? {}))}.${format}`,
        contentType: "text/plain; charset=utf-8",
        body: Readable.from([`export of ${session} as ${format}, ${track ?? "all tracks"}\n`]),
      }),
    },
  };
}

function matches(item: RecordingSummary, filter: Parameters<ApiDeps["recordings"]["list"]>[0]): boolean {
  const holds = (text: string, part: string | undefined) =>
    part === undefined || text.toLowerCase().includes(part.toLowerCase());
  return (
    (filter.onlyPerson === undefined || item.person === filter.onlyPerson) &&
    holds(item.person, filter.person) &&
    holds(item.target, filter.target) &&
    (filter.state === undefined || item.state === filter.state) &&
    (filter.protocol === undefined || item.protocol === filter.protocol) &&
    (filter.from === undefined || (item.endedAt ?? "9") >= filter.from) &&
    (filter.to === undefined || item.startedAt <= filter.to)
  );
}

/** False when there is no such session, or it is so already. */
function setHold(live: LiveSession[], session: string, hold: "frozen" | null): boolean {
  const one = live.find((candidate) => candidate.session === session);
  const state = hold === null ? "active" : "frozen";
  if (one === undefined || one.state === state) return false;
  one.state = state;
  one.hold = hold;
  return true;
}
