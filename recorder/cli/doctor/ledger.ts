// The ledger: whether it is there, whether its end is what was signed, and how far the store and anchors outside are behind.
// Looks at the end alone, beside a running service: all of it is for `conduit ledger verify`, and for the service itself.
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ledgerOrigin, parseCheckpoint, type SignedCheckpoint, verifyNote } from "../../../shared/ledger/checkpoint.ts";
import { type LedgerEntry, parseEntry } from "../../../shared/ledger/entry.ts";
import { ed25519KeyOf } from "../../../shared/ledger/key-history.ts";
import { type Config, storeOptions } from "../../config.ts";
import { hasState, openDatabase, stateOf } from "../../database.ts";
import { nodeNoteCrypto, sha256Hex } from "../../ledger/node-crypto.ts";
import { otherLedgers, renamedText } from "../../ledger/other-ledgers.ts";
import { listStored } from "../../ledger/store-copy.ts";
import { formatTime } from "../output.ts";
import { trustedKeys } from "../recordings/archive.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const name = "ledger";
const verifyAll = "conduit ledger verify says where; keep the folder and the store as they are.";
/** So much later than it should be, a checkpoint or an upload is late. */
const slackMs = 15 * 60_000;

/** @param nowMs of a test. */
export async function checkLedger(config: Config, nowMs = Date.now()): Promise<Check[]> {
  const directory = join(config.ledger.directory, config.recorder.id);
  if (!existsSync(join(directory, "entries"))) {
    // Before a first start there is none.
    if (!(await hadOne(config))) return [];
    return [fail(name, `there is no ledger in ${directory}`, "Start the service: it takes it from the store.")];
  }
  const lines = await lastLines(join(directory, "entries"));
  const tail = linked(lines.lines, lines.first);
  if (tail === null) return [fail(name, `${lines.path}: a line is not linked to the one before it`, verifyAll)];
  const noteLine = (await lastLines(join(directory, "checkpoints"))).lines.at(-1);
  const size = lines.first + lines.lines.length;
  if (noteLine === undefined) return [notSigned(tail, size, config.ledger.checkpointSeconds, nowMs)];
  const checkpoint = await signedIn(noteLine, config);
  if (checkpoint === null || checkpoint.size > size)
    return [fail(name, `${directory}: its newest checkpoint is not signed by a key of this recorder`, verifyAll)];
  const age = formatTime(checkpoint.at ?? "");
  const checks = [ok(name, `${size} entries, their end is whole; signed up to ${checkpoint.size} at ${age}`)];
  const lost = tail.find(({ type, facts }) => type === "ledger-start" && facts["lost"] === true);
  if (lost !== undefined)
    checks.push(
      fail(name, `it began anew with entry ${lost.n} at ${formatTime(lost.at)}: the one before is lost`, see),
    );
  const others = await otherLedgers(config.ledger.directory, config.recorder.id);
  if (others.length > 0)
    checks.push(
      warn("recorder id", renamedText(config.ledger.directory, config.recorder.id, others), "See docs/ledger.md."),
    );
  return [...checks, ...anchored(config, tail, nowMs), ...(await stored(config, checkpoint, nowMs))];
}

const see = "See docs/ledger.md, When both are gone.";

async function hadOne(config: Config): Promise<boolean> {
  if (!hasState(config)) return false;
  const database = await openDatabase(stateOf(config));
  try {
    return (await database.catalog.selectFrom("audit_ledger").select("n").limit(1).executeTakeFirst()) !== undefined;
  } finally {
    await database.close();
  }
}

interface Lines {
  path: string;
  first: number;
  lines: string[];
}

/** Of the last file; what a running service has half written is passed over. */
async function lastLines(directory: string): Promise<Lines> {
  const names = (await readdir(directory)).filter((one) => /^\d{12}\.jsonl$/.test(one)).sort();
  for (const last of names.toReversed()) {
    const path = join(directory, last);
    const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
    // A file that was just begun is empty.
    if (lines.length > 0) return { path, first: Number(last.slice(0, 12)), lines };
  }
  return { path: directory, first: 0, lines: [] };
}

/** Null where a line is none, or goes on from another one. */
function linked(lines: readonly string[], first: number): LedgerEntry[] | null {
  const entries: LedgerEntry[] = [];
  let previous: string | null = null;
  for (const line of lines) {
    const entry = parseEntry(line);
    if (entry?.n !== first + entries.length || (previous !== null && entry.prev !== previous)) return null;
    previous = sha256Hex(line);
    entries.push(entry);
  }
  return entries;
}

/** The first minutes of an installation. */
function notSigned(tail: readonly LedgerEntry[], size: number, everySeconds: number, nowMs: number): Check {
  const isLate = nowMs - Date.parse(tail[0]?.at ?? "") > everySeconds * 1000 + slackMs;
  const message = `${size} entries, their end is whole; no checkpoint is signed yet`;
  return isLate ? warn(name, message, "Start the service, or look at its alarms.") : ok(name, message);
}

async function signedIn(line: string, config: Config): Promise<SignedCheckpoint | null> {
  let note: unknown;
  try {
    note = (JSON.parse(line) as { note?: unknown }).note;
  } catch {
    return null;
  }
  const parsed = typeof note === "string" ? parseCheckpoint(note) : null;
  const origin = ledgerOrigin(config.recorder.id);
  const keys = [...trustedKeys(config, []).values()].flatMap((pem) => {
    const key = ed25519KeyOf(pem);
    return key === null ? [] : [{ name: origin, publicKey: key.publicKey }];
  });
  return parsed !== null && (await verifyNote(parsed, keys, nodeNoteCrypto)) !== null ? parsed : null;
}

function anchored({ ledger }: Config, tail: readonly LedgerEntry[], nowMs: number): Check[] {
  const none = ledger.anchors.length === 0 && ledger.timestamps === undefined;
  if (none)
    return [
      warn(
        "ledger anchors",
        "nobody outside the recorder is given its checkpoints: whoever has its key could write another ledger",
        "Give ledger.anchors or ledger.timestamps at least one; see docs/ledger.md.",
      ),
    ];
  const names = new Set(
    ledger.anchors.map((one) => {
      if (one.kind === "file") return `file:${one.path}`;
      return one.kind === "syslog" ? `syslog:${one.host}:${one.port}` : at("webhook", one.url);
    }),
  );
  if (ledger.timestamps !== undefined) names.add(at("timestamp", ledger.timestamps.url));
  const taken = tail.filter(({ type, subject }) => type === "anchor" && names.has(subject));
  const newest = new Map(taken.map((entry) => [entry.subject, entry]));
  if (newest.size === 0)
    return [warn("ledger anchors", "none has taken a checkpoint of late", "Look at the alarms of the service.")];
  const checks = [...newest.values()].map(({ subject, at: takenAt, facts }) => {
    const isStamp = subject.startsWith("timestamp:");
    const ageMs = nowMs - Date.parse(takenAt);
    // Syslog has no acknowledgement.
    const verb = isStamp ? "stamped" : subject.startsWith("syslog:") ? "was sent" : "took";
    const message = `${subject} ${verb} ${String(facts["size"])} entries at ${formatTime(takenAt)}, ${ago(ageMs)}`;
    const everyMs = 1000 * Math.max(ledger.checkpointSeconds, isStamp ? (ledger.timestamps?.everySeconds ?? 0) : 0);
    return ageMs > everyMs + slackMs
      ? warn("ledger anchors", `${message}, and none since`, "Start the service, or look at its alarms.")
      : ok("ledger anchors", message);
  });
  if (ledger.timestamps !== undefined && ![...newest.keys()].some((subject) => subject.startsWith("timestamp:")))
    checks.push(warn("ledger anchors", "there is no time stamp of late", "Look at the alarms of the service."));
  return checks;
}

/** As the anchors call themselves. */
function at(kind: "webhook" | "timestamp", url: string): string {
  const { origin, pathname } = new URL(url);
  return `${kind}:${origin}${pathname}`;
}

function ago(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}

async function stored(config: Config, { size, at }: SignedCheckpoint, nowMs: number): Promise<Check[]> {
  const { createStore } = await import("../../store/create-store.ts");
  const store = createStore(storeOptions(config.store));
  try {
    const { checkpoints } = await listStored(store, config.recorder.id);
    const has = checkpoints.at(-1) ?? 0;
    if (has >= size) return [ok("ledger copy", `the store has all ${size} signed entries`)];
    const behind = `the store has ${has} of ${size} signed entries`;
    if (nowMs - Date.parse(at ?? "") < slackMs) return [ok("ledger copy", `${behind}; the rest is on its way`)];
    return [warn("ledger copy", behind, "Start the service, or look at its alarm LEDGER_UPLOAD.")];
  } finally {
    await store.close();
  }
}
