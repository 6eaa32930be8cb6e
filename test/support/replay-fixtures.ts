// The plant whose recordings the replay UI's tests and pictures show: one recording of each kind, a longer list, live
// sessions and an audit log.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AuditEntry, LiveSession, RecordingSummary } from "../../shared/api/types.ts";
import { makeSessionId } from "../../shared/ids.ts";
import { type BuiltRecording, makeSigningKey, type SigningKey } from "./recording-builder.ts";
import { floodScene, interruptedScene, LiveScene, maintenanceScene, quietScene } from "./recording-scenes.ts";
import { type ReplayServer, startReplayServer } from "./replay-server.ts";
import { type HmiSceneOptions, hmiScene, type ScreenScene } from "./screen-scenes.ts";

export const builtUi = fileURLToPath(new URL("../../dist/replay-ui", import.meta.url));
export const password = "a long enough password";

export interface ReplayPlant {
  server: ReplayServer;
  key: SigningKey;
  maintenance: BuiltRecording;
  interrupted: BuiltRecording;
  tampered: BuiltRecording;
  live: BuiltRecording;
  /** Lets the live session go on until `seconds`. */
  growLive(seconds: number): Promise<void>;
  /** Ends and seals the live session. */
  endLive(): void;
}

export interface ScreenPlant extends ReplayPlant {
  /** The recording of a VNC session. */
  hmi: ScreenScene;
}

/** With a VNC session beside the others, which takes a few seconds to make. */
export async function startScreenPlant(options: { now?: number; hmi?: HmiSceneOptions } = {}): Promise<ScreenPlant> {
  const now = options.now ?? Date.now();
  const plant = await startReplayPlant({ now });
  const startedAt = new Date(now - 2.1 * 3_600_000).toISOString();
  const hmi = await hmiScene(
    { person: "integrator-dcs", target: "hmi-reactor-01", startedAt, seed: 42 },
    plant.key,
    options.hmi,
  );
  plant.server.recordings.set(hmi.summary.session, hmi);
  plant.server.live.push({ ...plant.server.live[0]!, ...vncSession(now) });
  plant.server.openable.push(
    {
      name: "hmi-reactor-01",
      conduit: "vendor-to-cell",
      protocol: "vnc",
      tags: ["hmi", "reactor"],
      description: "Operator panel of the reactor section",
    },
    {
      name: "plc-reactor-01",
      conduit: "vendor-to-cell",
      protocol: "ssh",
      tags: ["plc", "reactor"],
      description: "Controller of the reactor section",
    },
    { name: "hmi-line-2", conduit: "vendor-to-line", protocol: "vnc", tags: ["hmi"], description: "" },
  );
  return { ...plant, hmi };
}

export async function startReplayPlant(options: { now?: number } = {}): Promise<ReplayPlant> {
  if (!existsSync(`${builtUi}/index.html`)) {
    throw new Error("dist/replay-ui is not built; run `npx vite build -c replay-ui/vite.config.ts` first");
  }
  const now = options.now ?? Date.now();
  const at = (hoursAgo: number) => new Date(now - hoursAgo * 3_600_000).toISOString();
  const key = makeSigningKey();
  const maintenance = await maintenanceScene(
    { person: "vendor-drives", target: "plc-reactor-01", startedAt: at(3.2), seed: 41 },
    key,
  );
  const interrupted = await interruptedScene(
    { person: "vendor-drives", target: "hmi-line-2", startedAt: at(27), seed: 38 },
    key,
  );
  const tampered = await maintenanceScene(
    { person: "integrator-dcs", target: "plc-reactor-02", startedAt: at(30), seed: 37, codec: "gzip" },
    key,
  );
  tamper(tampered, "terminal-0", 2);
  const scene = new LiveScene(
    { person: "vendor-robotics", target: "cell-controller-7", startedAt: at(0.2), seed: 43 },
    key,
  );
  const live = await scene.growTo(45);
  const server = await startReplayServer({
    people: [
      { name: "engineer", password, roles: ["admin", "investigator", "auditor"] },
      { name: "escort", password, roles: ["escort"] },
      { name: "vendor-drives", password, roles: ["vendor"] },
      { name: "newcomer", password, roles: ["admin"], mustChangePassword: true },
    ],
    recordings: [maintenance, interrupted, tampered, live],
    key,
    staticDirectory: builtUi,
  });
  server.listOnly.push(...olderLines(now));
  server.live.push(...liveSessions(live.summary, now));
  server.audit.push(...auditLines(maintenance.summary, now));
  const update = (recording: BuiltRecording) => server.recordings.set(recording.summary.session, recording);
  return {
    server,
    key,
    maintenance,
    interrupted,
    tampered,
    live,
    growLive: async (seconds) => void update(await scene.growTo(seconds)),
    endLive: () => void update(scene.end()),
  };
}

/** Flips one byte of a stored segment of the track. */
export function tamper(recording: BuiltRecording, track: string, index: number): number {
  const meta = recording.index.segments.find((segment) => segment.track === track && segment.index === index);
  const stored = meta === undefined ? undefined : recording.objects.get(meta.name);
  if (meta === undefined || stored === undefined) throw new Error(`${track} has no segment ${index}`);
  const changed = Buffer.from(stored);
  changed[changed.length >> 1]! ^= 0x01;
  recording.objects.set(meta.name, changed);
  return meta.n;
}

export function longScene(key: SigningKey, hours: number): Promise<BuiltRecording> {
  return quietScene(
    { person: "operator-night", target: "scada-gw", startedAt: "2026-11-20T22:00:00.000Z", seed: 51 },
    key,
    hours,
  );
}

export function largeScene(key: SigningKey, rawBytes: number): Promise<BuiltRecording> {
  return floodScene(
    { person: "vendor-drives", target: "historian-1", startedAt: "2026-11-20T09:00:00.000Z", seed: 52 },
    key,
    rawBytes,
  );
}

const lines: [
  person: string,
  target: string,
  hoursAgo: number,
  minutes: number,
  keys: number,
  kilobytes: number,
  files: number,
  state: RecordingSummary["state"],
][] = [
  ["operator-night", "scada-gw", 8.5, 243, 1204, 2310, 0, "sealed"],
  ["vendor-robotics", "cell-controller-7", 9.2, 18, 412, 96, 3, "sealed"],
  ["integrator-dcs", "plc-reactor-02", 25, 41, 986, 310, 0, "sealed"],
  ["vendor-drives", "drive-panel-4", 26.4, 7, 88, 41, 1, "sealed"],
  ["operator-night", "scada-gw", 32.5, 236, 1140, 2206, 0, "sealed"],
  ["vendor-compressor", "plc-utility-3", 50, 63, 1533, 702, 12, "sealed"],
  ["integrator-dcs", "historian-1", 51.3, 12, 143, 18_400, 0, "sealed"],
  ["vendor-robotics", "cell-controller-7", 54, 29, 640, 188, 2, "sealed"],
];

function olderLines(now: number): RecordingSummary[] {
  const all: RecordingSummary[] = [];
  for (let week = 0; week < 9; week++) {
    for (const [i, [person, target, hoursAgo, minutes, keystrokes, kilobytes, files, state]] of lines.entries()) {
      const startMs = now - (hoursAgo + week * 168) * 3_600_000;
      const random = Uint8Array.from({ length: 10 }, (_, k) => (week * 31 + i * 7 + k * 13) % 256);
      all.push({
        session: makeSessionId(random, startMs),
        sequence: 36 - i - week,
        person,
        target,
        conduit: "vendor-to-cell",
        protocol: "ssh",
        clientAddress: `10.20.0.${14 + i}`,
        startedAt: new Date(startMs).toISOString(),
        endedAt: new Date(startMs + minutes * 60_000).toISOString(),
        durationUs: minutes * 60_000_000,
        state,
        endReason: "client-closed",
        keystrokes,
        files,
        bytes: kilobytes * 1000,
        gaps: 0,
        redactions: i % 3 === 0 ? 1 : 0,
      });
    }
  }
  return all;
}

function liveSessions(first: RecordingSummary, now: number): LiveSession[] {
  const session = (random: number, minutes: number) =>
    makeSessionId(new Uint8Array(10).fill(random), now - minutes * 60_000);
  const base = {
    conduit: "vendor-to-cell",
    protocol: "ssh" as const,
    endsAt: new Date(now + 3 * 3_600_000).toISOString(),
  };
  return [
    {
      ...base,
      session: first.session,
      person: first.person,
      target: first.target,
      clientAddress: first.clientAddress,
      startedAt: first.startedAt,
      state: "active",
      channels: 1,
      idleSeconds: 1,
      recordedBytes: 18_200,
      durableBehindMs: 0.4,
      alarms: [],
    },
    {
      ...base,
      session: session(7, 74),
      person: "vendor-compressor",
      target: "plc-utility-3",
      clientAddress: "10.20.0.31",
      startedAt: new Date(now - 74 * 60_000).toISOString(),
      state: "active",
      channels: 3,
      idleSeconds: 212,
      recordedBytes: 2_480_000,
      durableBehindMs: 0,
      alarms: ["The object store does not answer; the spool keeps everything."],
    },
  ];
}

function vncSession(now: number): Partial<LiveSession> {
  return {
    session: makeSessionId(new Uint8Array(10).fill(9), now - 11 * 60_000),
    person: "integrator-dcs",
    target: "hmi-line-2",
    protocol: "vnc",
    clientAddress: "10.20.0.22",
    startedAt: new Date(now - 11 * 60_000).toISOString(),
    idleSeconds: 3,
    recordedBytes: 9_400_000,
    durableBehindMs: 0.8,
  };
}

function auditLines(summary: RecordingSummary, now: number): AuditEntry[] {
  const rows: [minutesAgo: number, actor: string, action: string, subject: string, details: Record<string, unknown>][] =
    [
      [4, "engineer", "recording.export", summary.session, { format: "zip" }],
      [6, "engineer", "recording.verify", summary.session, { verdict: "VALID", findings: 0 }],
      [9, "engineer", "recording.view", summary.session, {}],
      [11, "engineer", "sign-in", "portal", { method: "password" }],
      [12, "(unknown)", "sign-in-failed", "portal", {}],
      [58, "escort", "session.terminate", summary.session, { reason: "maintenance window is over" }],
      [192, "vendor-drives", "session.open", summary.session, { target: "plc-reactor-01" }],
    ];
  return rows.map(([minutesAgo, actor, action, subject, details], i) => ({
    id: rows.length - i,
    at: new Date(now - minutesAgo * 60_000).toISOString(),
    actor,
    action,
    subject,
    address: "10.20.0.14",
    details,
  }));
}
