// The composition root: builds every part, wires them, and drains them on stop. The only file that knows everyone.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import type { Health, SigningKey } from "../shared/api/types.ts";
import { AppError } from "../shared/errors.ts";
import type { Target } from "../shared/policy/policy.ts";
import { People } from "./access/people.ts";
import { PolicyVersions } from "./access/policy-versions.ts";
import { RefusalTally } from "./access/refusal-tally.ts";
import { SecretStore } from "./access/secrets.ts";
import { SignIn } from "./access/sign-in.ts";
import { Stops } from "./access/stops.ts";
import { Throttle } from "./access/throttle.ts";
import { WebSessions } from "./access/web-sessions.ts";
import { openAccessService } from "./access-service.ts";
import { readActivity } from "./activity/activity.ts";
import { KeptFacts } from "./activity/kept-facts.ts";
import { LocalProofs } from "./admin-proofs.ts";
import { openAdminSocket } from "./admin-socket.ts";
import { createLocalWatches } from "./admin-watch.ts";
import { createApi } from "./api/api.ts";
import { confirmers } from "./api/roles.ts";
import { CaseDesk } from "./cases/case-desk.ts";
import { CatalogFeed } from "./catalog/feed.ts";
import { OpenedRecordings } from "./catalog/opened-recordings.ts";
import { RecordingReader } from "./catalog/reader.ts";
import { Recordings } from "./catalog/recordings.ts";
import { setByAnother } from "./catalog/set-by-another.ts";
import { RecordingVerifier } from "./catalog/verify.ts";
import { openMasterKey } from "./cli/key-files.ts";
import { ClockWatch, isClockSynchronised, signed } from "./clock-watch.ts";
import { atListenKey } from "./config/listen-error.ts";
import { type Config, environment } from "./config.ts";
import { openDatabase, stateOf } from "./database.ts";
import type { RecordingEncryption } from "./encryption/recording-encryption.ts";
import { RecordingKeys } from "./encryption/recording-keys.ts";
import { openEncryption, openMonthKeys, shredRegularly } from "./encryption-service.ts";
import { createEvidence } from "./evidence.ts";
import { createEvidenceDesk } from "./evidence-desk.ts";
import { RecordingExporter } from "./export/export.ts";
import { findFfmpeg } from "./export/video/ffmpeg.ts";
import { PictureJobs } from "./export/video/picture-jobs.ts";
import { createFileScan, type FileScan } from "./file-scan.ts";
import { GatewaySignIn } from "./gateway-sign-in.ts";
import { openIdentity } from "./identity-service.ts";
import { Inventory } from "./inventory.ts";
import { LedgerDesk } from "./ledger/ledger-desk.ts";
import { createLiveService } from "./live-service.ts";
import { localKeeping, witnessedBy } from "./local-keeping.ts";
import { MeteredStore } from "./metrics/metered-store.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { mfaOf } from "./mfa-of.ts";
import { openOperations } from "./operations-service.ts";
import { keepPolicies } from "./policy-history.ts";
import { createRecorder } from "./record/create-recorder.ts";
import type { Recorder } from "./record/recorder.ts";
import type { SigningKey as RecorderKey } from "./record/signing.ts";
import { makeReport } from "./report/make.ts";
import { KeptForYears } from "./retention/kept-for-years.ts";
import { Retention } from "./retention/retention.ts";
import { openSearch } from "./search-service.ts";
import type { SessionRefusal } from "./session/admission.ts";
import { SessionControls } from "./session/controls.ts";
import { targetsForPerson } from "./session/my-access.ts";
import { openableTargets } from "./session/openable-targets.ts";
import { SessionOpener } from "./session/opener.ts";
import { SessionRegistry } from "./session/registry.ts";
import type { SessionHappening } from "./session/session-facts.ts";
import { openSiem } from "./siem-service.ts";
import { SigningKeys } from "./signing-keys.ts";
import { stopInSteps } from "./stopping.ts";
import { createStore, type StoreConfig } from "./store/create-store.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { excerptFrom } from "./stored-ledger.ts";
import { taps } from "./tap/registry.ts";
import { version } from "./version.ts";
import { createVncGateway } from "./vnc-gateway.ts";
import { type AlarmChange, openWitness, type Witness } from "./witness.ts";

export interface Service {
  readonly ssh: { host: string; port: number };
  readonly vnc: { host: string; port: number };
  readonly http: { url: string };
  /** Ends every session, seals every recording, waits for uploads up to the configured time. Idempotent. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  logger: Logger;
}

type Undo = () => Promise<void> | void;

export async function startService(config: Config, options: ServiceOptions): Promise<Service> {
  const undo: Undo[] = [];
  try {
    return await start(config, options, undo);
  } catch (error) {
    for (const step of undo.reverse()) await Promise.resolve(step()).catch(() => {});
    throw error;
  }
}

async function start(config: Config, { logger }: ServiceOptions, undo: Undo[]): Promise<Service> {
  const inventory = Inventory.open(config.inventory, { defaults: { durability: config.recording.durability } });
  undo.push(() => inventory.close());
  for (const warning of inventory.current.warnings) logger.warn({ finding: warning }, "inventory");
  inventory.onReload((next) =>
    logger.info({ policyHash: next.policyHash, targets: next.targets.length }, "inventory reloaded"),
  );
  inventory.onRefused((error) =>
    logger.error({ code: error.code, err: error }, "inventory change refused; the old one stays in force"),
  );

  const database = await openDatabase(stateOf(config), {
    thread: true,
    claimant: {
      recorder: config.recorder.id,
      taken: (by) =>
        logger.fatal(
          { by },
          "another recorder has taken this one's state while the database was away: stop one of them",
        ),
    },
  });
  undo.push(() => database.close());
  const policyVersions = new PolicyVersions(database.policies);
  const masterKey = await openMasterKey(config, database);
  const registry = new SessionRegistry();
  const alarms = new Alarms(logger);
  const operations = openOperations(config, { registry, alarms, logger });
  undo.push(() => operations.close());
  const { metrics } = operations;
  const store = new MeteredStore(createStore(storeConfig(config.store)), (...what) => metrics.storeAnswered(...what));
  undo.push(() => store.close());
  const certificates = await operations.certificates();

  const recordings = new Recordings(database.catalog);
  const keptForYears = new KeptForYears(store, config.retention.ledgerYears);
  const keys = await SigningKeys.open(config.recorder, { store: keptForYears, alarms, logger });
  undo.push(() => keys.close());
  const trustedKeys = () => keys.trustedPems();
  const witness = await openWitness(config, { database, store: keptForYears, keys, alarms, logger });
  undo.push(() => witness.stop());
  const { audit } = witness;
  const siem = openSiem(config, { database, ledger: witness.service, alarms });
  undo.push(() => siem.close());
  const monthKeys = openMonthKeys(config, database, masterKey);
  const encryption = await openEncryption(config, monthKeys, alarms);
  const recordingKeys = new RecordingKeys((month) => monthKeys.identityOf(month));
  undo.push(() => recordingKeys.forget());
  let search: Awaited<ReturnType<typeof openSearch>> = null;
  const retention = new Retention({
    settings: config.retention,
    store,
    db: database.retention,
    ledger: witness.service,
    recorder: config.recorder.id,
    witnessed: (session) => witnessedBy(witness.service.ledger, config.recorder.id, session),
    setByAnother: (person) => setByAnother(database.catalog, person),
    audit,
    policy: () => inventory.current.policy,
    isPending: (session) => recorder.pending(session),
    find: (session) => recordings.find(session),
    expired: async (session) => {
      await recordings.setState(session, "expired");
      // The index is a cache, compared with the catalogue again and again: it holds up no retention.
      await search?.expired(session).catch((err: unknown) => {
        logger.error({ err, session }, "an expired recording is still in the search index: it is tried again");
      });
    },
    alarms,
    logger,
  });
  await retention.start();
  inventory.onReload(() => retention.policyChanged());
  const { recorder, feed, reader } = createRecording(config, logger, {
    encryption,
    retention,
    store,
    witness,
    signing: keys.signing,
    recordings,
    alarms,
    metrics,
    sealed: (session) => {
      search?.indexer.sealed(session);
      activity.sealed(session);
    },
    trustedKeys,
  });
  const opened = new OpenedRecordings(reader, recordingKeys);
  const activity = new KeptFacts({
    db: database.activity,
    recordings: opened,
    share: config.search.cpuShare,
    failed: (err, session) =>
      logger.warn({ err, session }, "a recording cannot be read for the activity view now; it is tried again"),
  });
  undo.push(() => activity.close());
  search = await openSearch(config, { database, recordings: opened, logger });
  undo.push(() => search?.close());
  const { recovered, damaged } = await recorder.recover();
  undo.push(() => recorder.stop());
  undo.push(() => retention.close());
  if (recovered.length > 0 || damaged.length > 0) logger.warn({ recovered, damaged }, "recovered what a crash left");
  await feed.reconcile((session) => recorder.pending(session));

  const shredding = shredRegularly(
    { monthKeys, store, spoolDirectory: config.spool.directory },
    {
      before: async ({ month, recipient }) => {
        await search?.indexer.shredded(month);
        await audit.append({
          actor: "recorder",
          action: "encryption.shred",
          subject: month,
          address: "local",
          details: { recipient },
        });
      },
      forget: () => recordingKeys.forget(),
      failed: (error) => logger.error({ err: error }, "month keys that are due could not be destroyed"),
    },
  );
  undo.push(() => shredding.stop());
  const throttle = new Throttle();
  const people = new People(database.access, { throttle });
  const access = await openAccessService({
    database,
    people,
    registry,
    policy: () => inventory.current,
    logger,
    alarms,
  });
  undo.push(() => access.close());
  access.feed.subscribe(() => witness.auditChanged());
  const controls = new SessionControls(registry);
  const stops = new Stops(database.stops, access.feed, {
    stop: (stop) => controls.stop(stop),
    lifted: (by, reason, stillStopped) => controls.liftStop(by, reason, stillStopped),
    conduits: () => inventory.current.conduits.map(({ id }) => id),
    onError: (error) => logger.error({ err: error }, "stops that another process set or lifted cannot be read"),
  });
  await stops.start();
  undo.push(() => stops.close());
  await keepPolicies({ inventory, versions: policyVersions, feed: access.feed, logger });
  const mfa = mfaOf(config, database, masterKey, access.feed);
  let portalUrl = config.http.publicUrl;
  const identity = openIdentity(config, {
    database,
    feed: access.feed,
    audit,
    logger,
    portalUrl: () => portalUrl,
  });
  undo.push(() => identity.close());
  const mfaRequired = () => inventory.current.policy.signIn.mfa === "required";
  const signIn = new SignIn({
    people,
    mfa,
    passkeys: identity.passkeys,
    ...identity.authorities,
    throttle,
    mfaRequired,
    grants: access.credentials,
  });
  const gatewaySignIn = new GatewaySignIn({
    signIn,
    people,
    logger,
    certificateUsed: (actor, address, details) =>
      audit.append({
        actor,
        action: "sign-in",
        subject: "ssh",
        address,
        details: { method: "certificate", ...details },
      }),
  });
  undo.push(() => gatewaySignIn.close());
  const vncRefusals = new RefusalTally({
    append: ({ actor, address, details }) =>
      audit.append({ actor, action: "sign-in-failed", subject: "vnc", address, details }),
    failed: (error) => logger.error({ err: error }, "the audit log cannot be written"),
  });
  undo.push(() => vncRefusals.close());
  const secrets = new SecretStore(database.access, masterKey);
  const spoolWatch = setInterval(() => void watchSpool(recorder, registry, logger), spoolWatchMs);
  spoolWatch.unref();
  undo.push(() => clearInterval(spoolWatch));
  const opener = new SessionOpener({
    registry,
    logger,
    inventory: () => inventory.current,
    access: access.requests,
    happened: (facts, what) => {
      access.happened(facts, what);
      count(metrics, registry, facts.session, what);
      if (facts.session !== null) live.bus.changed(facts.session);
      if (what.type === "unfrozen" && what.escort === true && facts.session !== null) {
        feed.escorted(facts.session, what.by);
      }
      if (what.type === "ended" && what.end !== undefined && facts.session !== null) {
        feed.ended(facts.session, what.end);
      }
    },
    authenticate: (attempt) =>
      gatewaySignIn.ssh(attempt, (actor, address) => {
        metrics.signInFailed("ssh");
        return audit.append({ actor, action: "sign-in-failed", subject: "ssh", address, details: {} });
      }),
    credential: (name) => secrets.get(name),
    openRecording: (facts) => recorder.open(facts),
    sealRecipients: config.recording.sealRecipients,
    stopOf: (conduit) => stops.covering(conduit),
    refuseWhileDraining: () => operations.drain.refuse(),
    audit: (actor, action, subject, address, details) => audit.append({ actor, action, subject, address, details }),
  });
  const fileScan = await createFileScan(config, {
    database,
    logger,
    quarantined: async (actor, subject, details) => {
      await audit.append({ actor, action: "file.quarantined", subject, address: "local", details });
      await access.feed.record({ type: "file.quarantined", actor, subject, address: "local", details });
    },
  });
  const clock = new ClockWatch({
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    isSynchronised: isClockSynchronised,
    jumped: (byMs) => {
      const sentence = `the clock of the recorder's machine jumped by ${signed(byMs)} s`;
      logger.error({ byMs }, sentence);
      for (const session of registry.sessions()) {
        session.notice("health", { what: "clock", code: "clock-jumped", byMs, sentence });
      }
    },
  });
  clock.start();
  undo.push(() => clock.stop());
  const desk = createEvidenceDesk(config, {
    database,
    store,
    keys,
    ledger: witness.service,
    inventory: () => inventory.current,
    version: version(),
    isPending: (session) => recorder.pending(session),
    alarms,
    logger,
  });
  undo.push(() => desk.verifier.close());
  const health = async () => {
    const found = await checkHealth(recorder, alarms, fileScan, retention, clock);
    const checks = [
      ...(found.checks ?? []),
      ...operations.health(),
      ...(await desk.verifier.health()),
      ...((await search?.indexer.health()) ?? []),
    ];
    return { status: checks.every(({ ok }) => ok) ? found.status : ("degraded" as const), checks };
  };
  const live = createLiveService({ recorder, registry, observer: controls.watching, health, logger });
  undo.push(() => live.close());
  let sshPort: number | null = null;
  const sshTap = taps.ssh({
    host: opener,
    fileHold: fileScan.hold,
    hostKeys: await Promise.all(config.ssh.hostKeys.map((path) => readFile(path, "utf8"))),
    ...(config.ssh.banner === "" ? {} : { banner: config.ssh.banner }),
    logger,
    legacyTargets: config.ssh.legacyTargets,
    limits: {
      loginGraceMs: config.limits.loginGraceSeconds * 1000,
      maxLoginFailures: config.limits.loginAttempts,
      maxUnauthenticated: config.limits.maxUnauthenticated,
      maxConnections: config.limits.maxConnections,
      dialTimeoutMs: config.limits.targetConnectSeconds * 1000,
    },
  });
  const vncGateway = await createVncGateway(config, {
    opener,
    people,
    authenticate: (attempt) =>
      gatewaySignIn.vnc(attempt, (actor, address) => {
        metrics.signInFailed("vnc");
        return vncRefusals.refused(actor, address, "password");
      }),
    certificate: certificates.vnc,
    throttle,
    refusals: vncRefusals,
    logger,
  });

  const vncListener = () => {
    const { fingerprint, publicKeyPin } = vncGateway;
    return { port: vnc.port, fingerprint, publicKeyPin };
  };
  const signingKeys = (): SigningKey[] => keys.trusted().map((key) => ({ ...key, algorithm: "ed25519" }));
  const evidence = createEvidence({
    audit,
    policies: policyVersions,
    keys: () => keys.trusted(),
    history: async () => {
      const history = keys.history();
      return history === null ? null : { rootPem: history.root.publicKeyPem, versions: history.versions };
    },
    ledger: async () => excerptFrom(witness.service, store, config.recorder.id),
  });
  const terminate = async (session: string, by: string, reason: string) => registry.terminate(session, by, reason);
  const pictures = await PictureJobs.open(opened, {
    directory: join(config.recorder.dataDirectory, "exports"),
    program: () => findFfmpeg(environment()["PATH"] ?? ""),
    failed: (error, session) => logger.error({ session, err: error }, "an export as video or picture failed"),
  });
  undo.push(() => pictures.close());
  const staticDirectory = fileURLToPath(new URL("../replay-ui", import.meta.url));
  const reportSources = {
    database,
    recorder: config.recorder.id,
    version: version(),
    inventory: () => inventory.current,
  };
  const api = await createApi({
    transport: config.http.transport,
    ...(certificates.portal === null ? {} : { tls: certificates.portal.current }),
    ready: () => operations.ready(),
    trustedProxies: config.http.trustProxy,
    people,
    signIn,
    mfa,
    ...identity.deps,
    mfaRequired,
    webSessions: new WebSessions(database.access, {
      idleSeconds: config.limits.signInIdleSeconds,
      absoluteSeconds: config.limits.signInSeconds,
    }),
    recordings,
    reader,
    opened,
    verifier: new RecordingVerifier({
      store,
      keys: recordingKeys,
      trustedKeys,
      isOwn: async (session, by) =>
        by === config.recorder.id || (await recordings.recorderOf(session)) === config.recorder.id,
      isPending: (session) => recorder.pending(session),
      thread: true,
    }),
    exporter: new RecordingExporter(opened, signingKeys, { thread: true, evidence }),
    pictures,
    retention: {
      of: (session) => retention.of(session),
      holds: () => retention.holds.list(),
      place: (...what) => retention.holds.place(...what),
      release: (...what) => retention.holds.release(...what),
    },
    cases: new CaseDesk({
      db: database.cases,
      audit,
      recordings,
      people,
      holds: {
        of: (session) => retention.of(session),
        place: (...what) => retention.holds.place(...what),
        release: (...what) => retention.holds.release(...what),
      },
      changed: (session) => search?.notes.changed(session),
    }),
    sessions: {
      list: () => live.list(),
      terminate,
      freeze: async (session, by, reason) => registry.freeze(session, by, reason),
      unfreeze: async (session, by) => registry.unfreeze(session, by),
      endSafely: async (...how) => controls.endSafely(...how),
      message: async (...what) => controls.message(...what),
      mark: async (...what) => controls.mark(...what),
      confirm: async (...what) => controls.confirm(...what),
    },
    stops,
    watches: live.door,
    screens: {
      ticket: (...request) => vncGateway.ticket(...request),
      listener: vncListener,
      upgrade: (...request) => vncGateway.tap.upgrade(...request),
    },
    targets: () =>
      inventory.current.targets.map((target) => {
        const { name, conduit, protocol, host, port, account, tags, description } = target;
        return { name, conduit, protocol, host, port, account, tags, description, pinned: isPinned(target) };
      }),
    targetsOf: (person) => openableTargets(inventory.current, person, access.requests),
    myTargets: (person, which) => targetsForPerson(inventory.current, person, access.requests, which),
    sshPort: () => sshPort,
    access: access.requests,
    accessFeed: access.feed,
    activity: (filter) => readActivity({ db: database.activity, policy: () => inventory.current.policy }, filter),
    report: (period) => makeReport(reportSources, period),
    portalUrl: () => portalUrl,
    inventory: () => inventory.current,
    policyVersions,
    health,
    audit,
    evidence: desk,
    ...(search === null ? {} : { search }),
    ledger: new LedgerDesk({
      service: witness.service,
      recorder: config.recorder.id,
      keyHistory: () => keys.history()?.versions.at(-1)?.history ?? null,
    }),
    signingKeys,
    version: version(),
    ...(existsSync(join(staticDirectory, "index.html")) ? { staticDirectory } : {}),
    logger,
  });

  operations.portal(api.server, certificates);
  undo.push(() => api.close());
  const { listen } = config.http;
  const httpAddress = await atListenKey("http.listen", listen, () =>
    api.listen({ host: listen.host, port: listen.port }),
  );
  const http = { url: publicUrl(config, httpAddress) };
  portalUrl = http.url;
  const admin = await openAdminSocket(config.recorder.adminSocket, {
    sessions: () => registry.list(),
    terminate,
    freeze: async (session, by, reason) => registry.freeze(session, by, reason),
    unfreeze: async (session, name) => {
      const person = await people.get(name);
      if (person.disabled) throw new AppError("AUTH_FORBIDDEN", `${person.name} is disabled`, { op: "admin.unfreeze" });
      return registry.unfreeze(session, person);
    },
    controls: {
      message: async (...what) => controls.message(...what),
      mark: async (...what) => controls.mark(...what),
      endSafely: async (...how) => controls.endSafely(...how),
      stops: () => stops.list(),
      stop: (scope, what, by) => stops.set(scope, what, { name: by, address: "local" }),
      liftStop: async (scope, reason, name) => {
        const person = await people.get(name);
        if (person.disabled || !person.roles.includes("admin")) {
          const message = `${person.name} is no administrator: a stop is lifted by one`;
          throw new AppError("AUTH_FORBIDDEN", message, { op: "admin.liftStop" });
        }
        await stops.lift(scope, reason, { name: person.name, address: "local" });
      },
      confirm: async (session, n, name, answer) => {
        const person = await people.get(name);
        if (person.disabled || !confirmers.some((role) => person.roles.includes(role))) {
          const message = `${person.name} is neither escort nor approver: one of them agrees`;
          throw new AppError("AUTH_FORBIDDEN", message, { op: "admin.confirm" });
        }
        return controls.confirm(session, n, person, answer);
      },
    },
    keeping: localKeeping({ retention, people, audit }),
    drain: {
      begin: (...how) => operations.drain.begin(...how),
      cancel: () => operations.drain.cancel(),
      get state() {
        return operations.drain.state;
      },
      live: () => registry.sessions().length,
    },
    watches: createLocalWatches({
      door: live.door,
      isLive: (session) => registry.get(session) !== undefined,
      findPerson: (name) => people.find(name),
      audit: (entry) => audit.append(entry),
    }),
    proofs: new LocalProofs({
      signIn,
      findPerson: (name) => people.find(name),
      audit: (entry) => audit.append(entry),
    }),
    audit: (entry) => audit.append(entry),
    vncTicket: async (person, target, factors) => {
      const issued = await vncGateway.ticketFor(person, target, factors);
      return { ...issued, userName: `${person}+${issued.target}`, ...vncListener() };
    },
    ledgerCheckpoint: () => witness.service.checkpoint(),
    siem: () => siem.state(),
    status: async () => ({
      version: version(),
      ssh,
      vnc,
      http,
      health: await health(),
    }),
  });
  undo.push(() => admin.close());
  // The gateway last: nobody logs in to a service that is not whole.
  const ssh = await atListenKey("ssh.listen", config.ssh.listen, () =>
    sshTap.listen({ ...config.ssh.listen, ...operations.balancers("ssh") }),
  );
  sshPort = ssh.port;
  undo.push(() => sshTap.close());
  const vnc = await atListenKey("vnc.listen", config.vnc.listen, () =>
    vncGateway.tap.listen({ ...config.vnc.listen, ...operations.balancers("vnc") }),
  );
  await operations.serve({ recorder, database, ledger: witness.service, verifier: desk.verifier, siem, certificates });
  await audit.append({
    actor: "recorder",
    action: "service.start",
    subject: config.recorder.id,
    address: "local",
    details: { version: version() },
  });
  logger.info({ ssh, vnc, http, recorder: config.recorder.id, version: version() }, "service ready");

  retention.run();
  desk.verifier.start();
  void search?.start();
  void activity.start();

  let stopping: Promise<void> | null = null;
  const stop = async () => {
    await operations.drainBeforeStop();
    logger.info({}, "stopping: no new sessions, live ones are ended and sealed");
    clearInterval(spoolWatch);
    const lastEntry = {
      actor: "recorder",
      action: "service.stop",
      subject: config.recorder.id,
      address: "local",
      details: {},
    };
    await stopInSteps(
      [
        { what: "metrics and probes", stop: () => operations.close() },
        { what: "the destruction of month keys", stop: () => shredding.stop() },
        { what: "live sessions and their seals", stop: () => registry.stop() },
        { what: "the gateways' connections", stop: () => Promise.all([sshTap.close(), vncGateway.tap.close()]) },
        { what: "sign-ins that wait for a code", stop: () => gatewaySignIn.close() },
        { what: "the tally of refused viewers", stop: () => vncRefusals.close() },
        { what: "the admin socket", stop: () => admin.close() },
        { what: "exports as video or picture", stop: () => pictures.close() },
        { what: "those who watch", stop: () => live.close() },
        { what: "the HTTP service", stop: () => api.close() },
        { what: "verification in the background", stop: () => desk.verifier.close() },
        { what: "retention", stop: () => retention.close() },
        { what: "the recorder and its uploads", stop: () => recorder.stop() },
        { what: "the index of recordings", stop: () => feed.settled() },
        { what: "the search index", stop: () => search?.close() },
        { what: "facts of recordings", stop: () => activity.close() },
        { what: "keys of recordings", stop: () => recordingKeys.forget() },
        { what: "encryption", stop: () => encryption?.close() },
        { what: "accounts of the identity provider", stop: () => identity.close() },
        { what: "access events", stop: () => access.close() },
        { what: "the last entry of the audit log", stop: () => audit.append(lastEntry) },
        { what: "events to the SIEM", stop: () => siem.close() },
        { what: "signing keys", stop: () => keys.close() },
        { what: "the ledger", stop: () => witness.stop() },
        { what: "the inventory", stop: () => inventory.close() },
        { what: "the store", stop: () => store.close() },
        { what: "the database", stop: () => database.close() },
      ],
      logger,
    );
    logger.info({}, "stopped");
  };
  return { ssh, vnc, http, stop: () => (stopping ??= stop()) };
}

/** What happened in sessions, or kept one from beginning. */
function count(
  metrics: Metrics,
  registry: SessionRegistry,
  session: string | null,
  what: SessionHappening | { type: "opened" } | SessionRefusal,
): void {
  if (what.type === "refused") metrics.sessionRefused(what.reason);
  const protocol = session === null ? undefined : registry.get(session)?.facts.target.protocol;
  if (protocol === undefined) return;
  if (what.type === "opened") metrics.sessionOpened(protocol);
  else if (what.type === "ended") metrics.sessionEnded(protocol, what.reason);
}

function isPinned(target: Target): boolean {
  if (target.protocol === "ssh") return target.hostKeys.length > 0;
  const { fingerprints, ca } = target.vnc.tls;
  return fingerprints.length > 0 || ca !== undefined;
}

interface RecordingParts {
  store: ObjectStore;
  witness: Witness;
  signing: RecorderKey;
  recordings: Recordings;
  retention: Retention;
  alarms: Alarms;
  sealed(session: string): void;
  metrics: Metrics;
  encryption: RecordingEncryption | null;
  /** Public keys in PEM by key id. */
  trustedKeys(): ReadonlyMap<string, string>;
}

/** The one place where the store's secret is revealed. */
function storeConfig(config: Config["store"]): StoreConfig {
  if (config.kind === "fs") return config;
  const { secretAccessKey, ...rest } = config;
  return secretAccessKey === undefined ? rest : { ...rest, secretAccessKey: secretAccessKey.reveal() };
}

/** Recorder, index and reader know each other: the feed asks the reader, the reader asks the recorder. */
function createRecording(config: Config, logger: Logger, parts: RecordingParts) {
  let made: Recorder | undefined;
  const reader = new RecordingReader({
    store: parts.store,
    trustedKeys: () => parts.trustedKeys(),
    live: {
      live: (session) => made?.live(session),
      spooled: async (session, name) => (await made?.spooled(session, name)) ?? null,
      watched: (session) => made?.watched(session),
    },
  });
  const feed = new CatalogFeed({
    recordings: parts.recordings,
    reader,
    onError: (error, session) =>
      logger.error({ session, err: error }, "the index could not be written; the next start mends it"),
  });
  const recorder = createRecorder({
    directory: config.spool.directory,
    store: parts.store,
    signing: parts.signing,
    recorderId: config.recorder.id,
    version: version(),
    ...(parts.encryption === null ? {} : { encryption: parts.encryption }),
    events: {
      opened: (open) => feed.opened(open),
      committed: (ms) => parts.metrics.journalCommitted(ms),
      segment: (session, meta) => {
        parts.metrics.segmentWritten(meta.bytes);
        feed.segment(session, meta);
      },
      sealed: (manifest) => {
        parts.metrics.recordingSealed(manifest.state, manifest.gaps.length);
        feed.sealed(manifest);
        // Once the index of recordings has it as ended.
        void feed.settled().then(() => parts.sealed(manifest.session));
      },
      stored: (session) => {
        parts.metrics.recordingStored();
        feed.stored(session);
        parts.witness.tell({ type: "recording-stored", actor: "recorder", subject: session, facts: {} });
      },
      alarm: (code, message, facts) => parts.alarms.raise(code, message, facts),
      clear: (code) => parts.alarms.clear(code),
    },
    ledger: parts.witness.recordings,
    retention: parts.retention.locks,
    logger,
    limits: {
      segmentMaxSeconds: config.recording.segmentSeconds,
      segmentMaxBytes: config.recording.segmentBytes,
      journalFileBytes: config.spool.journalBytes,
      spoolFloorBytes: config.spool.floorBytes,
    },
  });
  made = recorder;
  return { recorder, feed, reader };
}

const spoolWatchMs = 1000;

/**
 * Below the floor new sessions are refused; below half of it live ones follow their target's failure mode, while there is
 * still room to seal them.
 */
async function watchSpool(recorder: Recorder, registry: SessionRegistry, logger: Logger): Promise<void> {
  try {
    const { freeBytes, floorBytes } = await recorder.spool();
    if (freeBytes >= floorBytes / 2) return;
    const message = `the spool's disk has ${freeBytes} bytes free, less than half of its floor of ${floorBytes}; make room or mend the store`;
    registry.recordingFails(new AppError("RECORD_SPOOL_FULL", message, { op: "spool.watch" }));
  } catch (error) {
    logger.error({ err: error }, "the spool's disk cannot be asked for its free space");
  }
}

/** What is wrong right now; each is logged when it begins and when it ends. */
class Alarms {
  readonly #active = new Map<string, string>();
  readonly #logger: Logger;
  /** Told of each alarm when it begins, when what it says changes, and when it is over. */
  onChange: (change: AlarmChange) => void = () => {};

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get active(): ReadonlyMap<string, string> {
    return this.#active;
  }

  raise(code: string, message: string, facts: Record<string, unknown>): void {
    const isNews = this.#active.get(code) !== message;
    this.#active.set(code, message);
    this.#logger.error({ code, ...facts }, message);
    if (isNews) this.onChange({ code, message, facts });
  }

  clear(code: string): void {
    if (!this.#active.delete(code)) return;
    this.#logger.info({ code }, "alarm over");
    this.onChange({ code, message: null, facts: {} });
  }
}

async function checkHealth(
  recorder: Recorder,
  alarms: Alarms,
  fileScan: FileScan,
  retention: Retention,
  clock: ClockWatch,
): Promise<Health> {
  const spool = await recorder.spool();
  const checks = [
    {
      name: "spool",
      ok: spool.accepting,
      message: `${spool.freeBytes} bytes free, floor ${spool.floorBytes}; ${spool.pendingBytes} bytes wait for upload, the oldest for ${Math.round(spool.pendingAgeSeconds)} s`,
    },
    ...(await fileScan.health()),
    retention.health(),
    clock.health(),
    ...[...alarms.active].map(([name, message]) => ({ name, ok: false, message })),
  ];
  return { status: checks.every((check) => check.ok) ? "ok" : "degraded", checks };
}

function publicUrl(config: Config, listening: string): string {
  // Port 0 was asked for: what was configured cannot be the address.
  return config.http.listen.port === 0 ? listening : config.http.publicUrl;
}
