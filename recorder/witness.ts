// The ledger among the other parts: who tells it what, and the audit log that goes through it. A part of the composition
// root, beside main.ts. Invariant: what the audit log, the recorder and the alarms say stands in the ledger before it is
// acted upon, or, where it only tells, as soon as the ledger can be written.
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { Logger } from "pino";
import { ledgerOrigin, type NoteKey } from "../shared/ledger/checkpoint.ts";
import type { NewLedgerEntry } from "../shared/ledger/entry.ts";
import { ed25519KeyOf } from "../shared/ledger/key-history.ts";
import { AuditLog } from "./catalog/audit.ts";
import { AuditMirror } from "./catalog/audit-mirror.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import type { Anchor } from "./ledger/anchor.ts";
import { FileAnchor } from "./ledger/file-anchor.ts";
import type { LedgerSigner } from "./ledger/ledger.ts";
import { type EarlierLedger, LedgerService, writeCode } from "./ledger/ledger-service.ts";
import { otherLedgers, renamedText } from "./ledger/other-ledgers.ts";
import type { RecordingWitness } from "./ledger/recording-witness.ts";
import { SyslogAnchor } from "./ledger/syslog-anchor.ts";
import { TimestampAnchor, type TimestampAnchorOptions } from "./ledger/timestamp-anchor.ts";
import { WebhookAnchor } from "./ledger/webhook-anchor.ts";
import type { SigningKey } from "./record/signing.ts";
import type { PublicSigningKey, SigningKeys } from "./signing-keys.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { version } from "./version.ts";

export interface AlarmChange {
  code: string;
  /** Null: it is over. */
  message: string | null;
  facts: Record<string, unknown>;
}

export interface WitnessParts {
  database: ServiceDatabase;
  store: ObjectStore;
  keys: SigningKeys;
  alarms: {
    /** What is wrong at the start. */
    readonly active: ReadonlyMap<string, string>;
    onChange: (change: AlarmChange) => void;
    raise(code: string, message: string, facts: Record<string, unknown>): void;
    clear(code: string): void;
  };
  logger: Logger;
}

export interface Witness {
  readonly service: LedgerService;
  readonly audit: AuditLog;
  /** For the recorder. */
  readonly recordings: RecordingWitness;
  /** Of what has happened already; a failure is logged. */
  tell(entry: NewLedgerEntry): void;
  /** Lines of the audit log were written beside `audit`. */
  auditChanged(): void;
  /** Everything that was told is in the ledger, and a last checkpoint over it. */
  stop(): Promise<void>;
}

const renamedCode = "RECORDER_RENAMED";

export async function openWitness(config: Config, parts: WitnessParts): Promise<Witness> {
  const { database, store, keys, alarms, logger } = parts;
  const { id } = config.recorder;
  const { checkpointSeconds, directory } = config.ledger;
  const name = ledgerOrigin(id);
  const earlier = await earlierLedger(database, id, keys.history()?.versions[0]?.history.at ?? null);
  const service = await LedgerService.open({
    directory,
    recorderId: id,
    version: version(),
    signer: ledgerSigner(keys.signing),
    keys: noteKeys(name, keys.trusted()),
    store,
    isNew: earlier === null && (await hasNoRecording(database)),
    earlier,
    checkpointSeconds,
    anchors: (keep) => anchorsOf(config, name, keep),
    alarms,
    logger,
  });
  // Lines whose entries are gone are told to the ledger again.
  if (earlier?.entries != null && service.lostFrom !== null)
    await database.catalog.deleteFrom("audit_ledger").where("n", ">=", service.lostFrom).execute();
  const mirror = new AuditMirror({
    db: database.catalog,
    ledger: {
      get size() {
        return service.ledger.size;
      },
      append: (entry) => service.append(entry),
      entries: (from, to) => service.ledger.entries(from, to),
    },
    onError: (error) => logger.error({ err: error }, "lines of the audit log could not be brought into the ledger"),
  });
  try {
    const restored = await mirror.reconcile();
    if (restored > 0) logger.warn({ restored }, "lines of the audit log were written again from the ledger");
  } catch (error) {
    await service.stop();
    throw error;
  }
  mirror.start();
  const others = await otherLedgers(directory, id);
  if (others.length > 0) alarms.raise(renamedCode, renamedText(directory, id, others), { others: others.length });
  const telling = new Set<Promise<unknown>>();
  const tell = (entry: NewLedgerEntry) => {
    const told = service
      .append(entry)
      .catch((error: unknown) => logger.error({ err: error, type: entry.type }, "the ledger could not be told"))
      .finally(() => telling.delete(told));
    telling.add(told);
  };
  for (const { type, keyId, facts } of keys.changes) tell({ type, actor: "recorder", subject: keyId, facts });
  for (const [code, message] of alarms.active) tell(alarmEntry(id, { code, message, facts: {} }));
  alarms.onChange = (change) => {
    if (change.code !== writeCode) tell(alarmEntry(id, change));
  };
  return {
    service,
    audit: new AuditLog(database.catalog, undefined, { append: (entry) => service.append(entry) }),
    recordings: service.witness,
    tell,
    auditChanged: () => mirror.wake(),
    stop: async () => {
      await mirror.stop();
      await Promise.all(telling);
      await service.stop();
    },
  };
}

function alarmEntry(recorder: string, { code, message, facts }: AlarmChange): NewLedgerEntry {
  const subject = typeof facts["session"] === "string" ? facts["session"] : recorder;
  const entry = { actor: "recorder", subject };
  if (message === null) return { ...entry, type: "alarm-over", facts: { code } };
  return { ...entry, type: code.startsWith("STORE_") ? "store-failure" : "alarm", facts: { code, message, ...facts } };
}

function ledgerSigner({ privateKeyPem }: SigningKey): LedgerSigner {
  const key = createPrivateKey(privateKeyPem);
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  return { publicKey: new Uint8Array(der.subarray(-32)), sign: (bytes) => sign(null, bytes, key) };
}

function noteKeys(name: string, history: readonly PublicSigningKey[]): NoteKey[] {
  return history.flatMap(({ publicKeyPem }) => {
    const key = ed25519KeyOf(publicKeyPem);
    return key === null ? [] : [{ name, publicKey: key.publicKey }];
  });
}

function anchorsOf({ ledger }: Config, origin: string, keep: TimestampAnchorOptions["keep"]): Anchor[] {
  const anchors: Anchor[] = ledger.anchors.map((anchor) => {
    if (anchor.kind === "file") return new FileAnchor(anchor.path);
    if (anchor.kind === "syslog") return new SyslogAnchor({ origin, ...anchor });
    const { url, headerFile } = anchor;
    return new WebhookAnchor({ url, origin, ...(headerFile === undefined ? {} : { headerFile }) });
  });
  if (ledger.timestamps === undefined) return anchors;
  const { url, caFile, everySeconds } = ledger.timestamps;
  const options = { url, everyMs: everySeconds * 1000, keep, ...(caFile === undefined ? {} : { caFile }) };
  return [...anchors, new TimestampAnchor(options)];
}

/**
 * What the database knows of this recorder's ledger.
 * @param keysSince since when the root's history names a key: every session that began later was in the ledger first.
 */
async function earlierLedger(
  { catalog }: ServiceDatabase,
  recorder: string,
  keysSince: string | null,
): Promise<EarlierLedger | null> {
  const { n } = await catalog
    .selectFrom("audit_ledger")
    .select((e) => e.fn.max<number | null>("n").as("n"))
    .executeTakeFirstOrThrow();
  if (n !== null) return { entries: Number(n) + 1, told: "as the audit log in the database says" };
  if (keysSince === null) return null;
  const row = await catalog
    .selectFrom("recordings")
    .select("session")
    .where("recorder", "=", recorder)
    .where("started_at", ">=", keysSince)
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  return { entries: null, told: `as the recording ${row.session} in the index says, which is younger than the keys` };
}

async function hasNoRecording(database: ServiceDatabase): Promise<boolean> {
  const row = await database.catalog.selectFrom("recordings").select("session").limit(1).executeTakeFirst();
  return row === undefined;
}
