// What whoever runs the machine sees and does: metrics and probes, draining, certificates that are renewed. A part of the
// composition root, beside main.ts.
import type { Server } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { Logger } from "pino";
import { type CertificatePair, type WatchedCertificate, watchCertificate } from "./certificate-files.ts";
import { atListenKey } from "./config/listen-error.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import type { LedgerService } from "./ledger/ledger-service.ts";
import { Metrics } from "./metrics/metrics.ts";
import { createMetricsServer } from "./metrics/metrics-server.ts";
import { type Readiness, ReadinessCheck } from "./metrics/readiness.ts";
import type { Recorder } from "./record/recorder.ts";
import { Drain } from "./session/drain.ts";
import type { SessionRegistry } from "./session/registry.ts";
import type { SiemService } from "./siem-service.ts";
import { acceptThroughBalancers, type Balancers } from "./tap/balancers.ts";
import type { ContinuousVerifier } from "./verify/continuous.ts";
import { version } from "./version.ts";

interface AlarmBoard {
  readonly active: ReadonlyMap<string, string>;
  raise(code: string, message: string, facts: Record<string, unknown>): void;
  clear(code: string): void;
}

export interface OperationsParts {
  registry: SessionRegistry;
  alarms: AlarmBoard;
  logger: Logger;
}

/** Known only once the rest of the service is built. */
export interface OperatedService {
  recorder: Recorder;
  database: ServiceDatabase;
  ledger: LedgerService;
  verifier: ContinuousVerifier;
  siem: SiemService;
  certificates: Certificates;
}

export interface Certificates {
  portal: WatchedCertificate | null;
  vnc: WatchedCertificate;
}

export interface Operations {
  metrics: Metrics;
  drain: Drain;
  /** In front of that gateway, for its `listen`. */
  balancers(listener: "ssh" | "vnc"): { balancers?: Balancers };
  /** Before it listens: balancers in front of it, and its certificate when that is renewed. */
  portal(server: Server, certificates: Certificates): void;
  /** Of both listeners, and renewed while the service runs. */
  certificates(): Promise<Certificates>;
  /** Until `serve` it is not ready. */
  ready(): Promise<Readiness>;
  /** For the portal's health. */
  health(): Array<{ name: string; ok: boolean; message: string }>;
  /** The last: from now on sessions are taken. */
  serve(service: OperatedService): Promise<void>;
  /** A stop of the service as its configuration wants it: no new sessions, and time for live ones. */
  drainBeforeStop(): Promise<void>;
  close(): Promise<void>;
}

/** While it stands nobody can be recorded, so no session begins. */
const blockingAlarms = ["RECORD_LEDGER"];

export function openOperations(config: Config, { registry, alarms, logger }: OperationsParts): Operations {
  const metrics = new Metrics(version(), (error) => logger.warn({ err: error }, "a scrape could not ask a part"));
  let service: OperatedService | null = null;
  let stopping = false;
  const closing: Array<() => Promise<void> | void> = [];
  const drain = new Drain({
    say: (text) => {
      for (const session of registry.sessions()) session.message("recorder", text);
    },
    end: (sentence) => {
      for (const session of registry.sessions()) {
        session.terminate({ code: "recorder-stopped", sentence }, "recorder");
      }
    },
    liveSessions: () => registry.sessions().length,
    changed: (state) => {
      readiness.forget();
      logger.warn({ drain: state }, state === null ? "draining was called off" : "draining: no new sessions");
    },
  });
  closing.push(() => drain.close());
  const askDatabase = async () => {
    if (service === null) throw new Error("not open yet");
    await service.database.access.selectFrom("people").select("name").limit(1).execute();
  };
  const readiness = new ReadinessCheck([
    { name: "start", why: () => (service === null ? "it is being started" : null) },
    { name: "draining", why: () => (drain.state !== null || stopping || !registry.accepting ? "it drains" : null) },
    { name: "spool", why: async () => ((await service?.recorder.spool())?.accepting === true ? null : "no room") },
    { name: "ledger", why: () => blockingAlarms.find((code) => alarms.active.has(code)) ?? null },
    { name: "database", why: () => askDatabase().then(() => null) },
  ]);
  return {
    metrics,
    drain,
    balancers: (listener) => balancersOf(config, listener, logger),
    portal: (server, { portal }) => {
      const { balancers } = balancersOf(config, "http", logger);
      if (balancers !== undefined) acceptThroughBalancers(server, balancers);
      portal?.onChange((pair) => {
        // Connections that are open keep theirs.
        if (server instanceof TlsServer) server.setSecureContext({ ...pair, minVersion: "TLSv1.2" });
      });
    },
    certificates: async () => {
      const { tls } = config.http;
      const watch = (files: { certificate: string; key: string }, of: string) =>
        watchCertificate(files, { alarm: `TLS_CERTIFICATE ${of}`, alarms, logger });
      const portal = tls === null ? null : await watch(tls, "portal");
      const vnc = await watch(config.vnc.tls, "vnc");
      closing.push(() => portal?.close());
      closing.push(() => vnc.close());
      return { portal, vnc };
    },
    ready: () => readiness.ask(),
    health: () => {
      const { state } = drain;
      if (state === null) return [];
      const message = `no new sessions; live ones are ended at ${state.endsAt} (by ${state.by})`;
      return [{ name: "drain", ok: false, message }];
    },
    serve: async (operated) => {
      service = operated;
      readiness.forget();
      metrics.sample(sampled(operated, { registry, alarms, drain, readiness, askDatabase }));
      const close = await listenForMetrics(config, { metrics, readiness, logger }, operated.certificates.portal);
      closing.push(close);
    },
    drainBeforeStop: async () => {
      stopping = true;
      readiness.forget();
      if (drain.state === null && config.limits.drainSeconds > 0 && registry.sessions().length > 0) {
        drain.begin("recorder", config.limits.drainSeconds);
      }
      if (config.limits.drainSeconds > 0) await drain.whenEmpty();
    },
    close: async () => {
      for (const step of closing.reverse()) await step();
    },
  };
}

function balancersOf(config: Config, listener: "ssh" | "vnc" | "http", logger: Logger): { balancers?: Balancers } {
  const { trusted, listeners } = config.proxyProtocol;
  if (trusted.length === 0 || !listeners.includes(listener)) return {};
  return {
    balancers: {
      trusted,
      refused: (address, why) => logger.warn({ listener, address, why }, "a balancer's connection was turned away"),
    },
  };
}

async function listenForMetrics(
  { metrics: settings }: Config,
  { metrics, readiness, logger }: { metrics: Metrics; readiness: ReadinessCheck; logger: Logger },
  portal: WatchedCertificate | null,
): Promise<() => Promise<void>> {
  if (settings === null) return async () => {};
  const tls: CertificatePair | null = settings.tls && portal !== null ? portal.current : null;
  const server = createMetricsServer({
    tls,
    token: settings.token?.reveal() ?? null,
    metrics: () => metrics.render(),
    ready: () => readiness.ask(),
    failed: (error) => logger.error({ err: error }, "the listener of metrics failed"),
  });
  portal?.onChange((pair) => server.setCertificate(pair));
  const at = await atListenKey("metrics.listen", settings.listen, () => server.listen(settings.listen));
  logger.info({ metrics: at, tls: tls !== null }, "metrics and probes can be asked");
  return () => server.close();
}

function sampled(
  { recorder, ledger, verifier, siem, certificates }: OperatedService,
  {
    registry,
    alarms,
    drain,
    readiness,
    askDatabase,
  }: {
    registry: SessionRegistry;
    alarms: AlarmBoard;
    drain: Drain;
    readiness: ReadinessCheck;
    askDatabase: () => Promise<unknown>;
  },
): Parameters<Metrics["sample"]>[0] {
  return {
    sessions: () =>
      registry.list().map(({ protocol, state, escort }) => ({
        protocol,
        state,
        escorted: escort === undefined ? null : escort.watching.length > 0,
      })),
    alarms: () => alarms.active.keys(),
    spool: () => recorder.spool(),
    ledger: () => {
      const { size, checkpoint, uploadedSize, anchors } = ledger.status();
      const at = /^at (\S+)$/m.exec(checkpoint?.note ?? "")?.[1];
      return {
        entries: size,
        signedEntries: checkpoint?.size ?? 0,
        uploadedEntries: uploadedSize,
        checkpointAt: at === undefined ? null : Date.parse(at) / 1000,
        anchors: anchors.map((anchor) => ({ entries: anchor.size, failing: anchor.failing !== null })),
      };
    },
    siem: () => siem.state(),
    verification: async () => {
      const { recordings, upToDate, faults } = await verifier.state();
      return { recordings, upToDate, faults: faults.length };
    },
    askDatabase,
    ready: async () => (await readiness.ask()).ready,
    draining: () => drain.state !== null,
    certificates: () =>
      new Map([
        ["vnc" as const, certificates.vnc.expiresMs / 1000],
        ...(certificates.portal === null ? [] : [["portal" as const, certificates.portal.expiresMs / 1000] as const]),
      ]),
  };
}
