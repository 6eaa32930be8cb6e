// The verdict on one recording, from three witnesses: its own objects, the store's list of versions, and the ledger. Pure;
// what each of them says is gathered elsewhere.

import {
  type EvidenceFinding,
  type EvidenceVerdict,
  type FindingWeight,
  type RecordingEvidence,
  worstVerdict,
} from "../../shared/evidence/verdict.ts";
import { possiblePrefixes } from "../catalog/reader.ts";
import type { Examined } from "../catalog/verify.ts";
import { isOverdue, retainUntilOfOpen } from "../retention/terms.ts";
import { checksumsName, manifestName, openName } from "../store/keys.ts";
import type { TrustedKey } from "./key-trust.ts";
import { type CheckedLedger, retiredKeySlackMs } from "./ledger-check.ts";
import { heldAt, retainUntilOf, type SessionEntries } from "./session-entries.ts";
import { type SurveyedObject, type SurveyedRecording, visible } from "./survey.ts";

export interface Witnesses {
  session: string;
  surveyed: SurveyedRecording | null;
  /** Null where there is nothing to examine. */
  examined: Examined | null;
  /** Of the ledger whose recorder it is; null: nowhere. */
  ledger: CheckedLedger | null;
  entries: SessionEntries | null;
  keys: ReadonlyMap<string, TrustedKey>;
  nowMs: number;
  /** A sealed recording may be on its way to the store for so long. */
  uploadSlackMs: number;
}

/** When it began, as its id says it: a UUIDv7. */
export function idTime(session: string): string {
  return new Date(Number.parseInt(session.slice(0, 8) + session.slice(9, 13), 16)).toISOString();
}

const dayMs = 86_400_000;
/** Between its OPEN record and its entry a checkpoint may have been signed. */
const openSlackMs = 60_000;

/** It began when the newest checkpoint had been signed, or so shortly before that its entry came after. */
export function isBeyond({ signedAt }: CheckedLedger, startedMs: number): boolean {
  return signedAt === null || startedMs > Date.parse(signedAt) - openSlackMs;
}

/** Since the root signed a key of its recorder there was a ledger: no session began without an entry. */
function signedSinceMs({ keys }: Witnesses, { recorder }: CheckedLedger): number {
  const from = [...keys.values()].filter((key) => key.recorder === recorder).map((key) => Date.parse(key.from));
  return Math.min(...from);
}

export function judge(witnesses: Witnesses): RecordingEvidence {
  return new Judgement(witnesses).result();
}

class Judgement {
  readonly #of: Witnesses;
  readonly #findings: EvidenceFinding[] = [];
  #otherwise: EvidenceVerdict = "VALID";

  constructor(of: Witnesses) {
    this.#of = of;
    this.#releases();
    if (this.#expired()) return;
    this.#examination();
    this.#versions();
    this.#againstLedger();
    this.#signingKey();
    this.#overdue();
  }

  result(): RecordingEvidence {
    const { session, examined, entries } = this.#of;
    const record = examined?.manifest ?? examined?.open ?? null;
    const opened = entries?.opens[0];
    return {
      session,
      verdict: worstVerdict(
        this.#findings.map(({ weight }) => weight),
        this.#otherwise,
      ),
      recorder: record?.recorder.id ?? entries?.recorder ?? null,
      sequence: record?.recorder.sequence ?? opened?.facts.sequence ?? null,
      startedAt: record?.startedAt ?? opened?.facts.startedAt ?? null,
      retainUntil: this.#retainUntil(),
      keyId: examined?.report.keyId ?? null,
      checkedSegments: examined?.report.checkedSegments ?? 0,
      checkedBytes: examined?.report.checkedBytes ?? 0,
      entries: {
        open: opened?.n ?? null,
        close: entries?.closes[0]?.n ?? null,
        expired: entries?.expired[0]?.n ?? null,
      },
      findings: this.#findings,
    };
  }

  /** The ledger's word goes before the manifest's: that one may have been signed anew. */
  #retainUntil(): string | null {
    const { entries, examined } = this.#of;
    const stated = entries === null ? null : retainUntilOf(entries);
    if (stated !== null) return stated;
    const { manifest = null, open = null } = examined ?? {};
    // Of a recording that never got its end, what its beginning promises at most.
    return manifest?.retainUntil ?? (open === null ? null : retainUntilOfOpen(open));
  }

  /** Of a recording that was never closed: the days that its beginning promised, whatever its expiry says. */
  #leastPromised(stated: string): string {
    const opened = this.#of.entries?.opens[0]?.facts;
    if (opened === undefined) return stated;
    const promised = Date.parse(opened.startedAt) + opened.retentionDays * dayMs;
    return promised > Date.parse(stated) ? new Date(promised).toISOString() : stated;
  }

  /** A hold is released by two people; what one did alone is a fault, and the hold stands. */
  #releases(): void {
    for (const { n, id, by, alone } of this.#of.entries?.holds ?? []) {
      if (!alone) continue;
      const message = `releases the hold ${id} by ${by}, and nobody else had asked for it: the hold stands`;
      this.#found(`${this.#ledgerPlace} entry ${n}`, "INTEGRITY_LEDGER", message, "TAMPERED");
    }
  }

  get #present(): boolean {
    return (this.#of.surveyed?.objects.length ?? 0) > 0;
  }

  get #ledgerPlace(): string {
    return `ledger/${this.#of.entries?.recorder ?? this.#of.ledger?.recorder ?? "?"}`;
  }

  /** True where the ledger says that it went, which then is all there is to judge. */
  #expired(): boolean {
    const { entries } = this.#of;
    const gone = entries?.expired[0];
    if (entries === null || gone === undefined) return false;
    const place = `${this.#ledgerPlace} entry ${gone.n}`;
    const kept = this.#retainUntil() ?? this.#leastPromised(gone.facts.retainUntil);
    this.#otherwise = "EXPIRED-ON-TIME";
    const said = Date.parse(gone.at);
    const latest = Math.min(this.#of.ledger?.entries.latestMs(gone.n, gone.at) ?? said, this.#of.nowMs);
    // A time that is none counts as too early.
    if (!(latest >= Date.parse(kept))) {
      const ahead = latest < said ? ` (as it says; in truth not after ${new Date(latest).toISOString()})` : "";
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `it was removed at ${gone.at}${ahead}, although it was to be kept until ${kept}`,
        "DELETED-EARLY",
      );
    }
    if (heldAt(entries, gone.n))
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `it was removed at ${gone.at}, while it was under legal hold`,
        "DELETED-EARLY",
      );
    const closed = entries.closes[0];
    if (
      closed !== undefined &&
      gone.facts.manifestSha256 !== null &&
      gone.facts.manifestSha256 !== closed.facts.manifestSha256
    )
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `what was removed had another manifest than the one that was closed (entry ${closed.n})`,
        "TAMPERED",
      );
    if (this.#present) {
      const some = this.#of.surveyed?.objects[0]?.key ?? "";
      const message = `entry ${gone.n} of the ledger says that all of it went at ${gone.at}, and ${this.#of.surveyed?.objects.length ?? 0} objects are here: they came back, or never went`;
      this.#found(some, "INTEGRITY_LEDGER", message, "TAMPERED");
    }
    this.#underCheckpoint([gone.n]);
    return true;
  }

  #examination(): void {
    const { examined, surveyed, entries } = this.#of;
    if (examined === null || !this.#present) return;
    const elsewhere = this.#movedTo(examined.prefix);
    if (elsewhere !== null) {
      const count = surveyed?.objects.length ?? 0;
      const message = `the recording's ${count} objects lie here, and belong under ${examined.prefix}: they were moved`;
      this.#found(elsewhere, "STORE_NOT_FOUND", message, "MISSING");
      return;
    }
    for (const { place, code, message, severity } of examined.findings) {
      // Prefixes stand for themselves; every other place is a name within the recording's.
      const isPrefix = place.startsWith("recordings/");
      const key = isPrefix ? place : examined.prefix + (this.#isSignatureAlone(place, code) ? `${place}.sig` : place);
      // What a delete marker hides is told with the marker, and when it was put there.
      if (code === "STORE_NOT_FOUND" && this.#isHidden(place)) continue;
      // What the ledger knows to be sealed is told as such.
      if (code === "STORE_NOT_FOUND" && place === manifestName && entries?.closes[0] !== undefined && !this.#isDue())
        continue;
      const due = this.#isDue() && severity === "MISSING";
      this.#found(key, code, message, due ? "INCOMPLETE" : severity);
    }
    if ((surveyed?.prefixes.length ?? 0) > 1) {
      for (const prefix of surveyed?.prefixes.slice(1) ?? [])
        this.#found(prefix, "INTEGRITY_FORMAT", "has objects of this recording, which lies elsewhere too", "TAMPERED");
    }
  }

  /** Null: it lies, in part at least, where it belongs. Around midnight the day is certain once its OPEN record is read. */
  #movedTo(prefix: string): string | null {
    const { prefixes = [] } = this.#of.surveyed ?? {};
    const belongs = this.#of.examined?.open === null ? possiblePrefixes(this.#of.session) : [prefix];
    return prefixes.some((one) => belongs.includes(one)) ? null : (prefixes[0] ?? null);
  }

  /** The record is the one that the ledger names: what does not fit is its signature. */
  #isSignatureAlone(name: string, code: string): boolean {
    const { entries, examined } = this.#of;
    if (code !== "INTEGRITY_SIGNATURE" || name.endsWith(".sig")) return false;
    const stated = name === openName ? entries?.opens[0]?.facts.openSha256 : entries?.closes[0]?.facts.manifestSha256;
    return stated !== undefined && stated === examined?.hashes.get(name);
  }

  /** Its time has come: that it goes, or is half gone, is as it should be. */
  #isDue(): boolean {
    const until = this.#retainUntil();
    const { entries, nowMs } = this.#of;
    if (until === null || (entries !== null && heldAt(entries, Number.MAX_SAFE_INTEGER))) return false;
    return Date.parse(until) < nowMs;
  }

  #versions(): void {
    const { surveyed, examined } = this.#of;
    const wanted = new Map(
      (examined?.manifest?.segments ?? []).map(({ name, versionId }) => [
        `${examined?.prefix ?? ""}${name}`,
        versionId,
      ]),
    );
    for (const object of surveyed?.objects ?? []) {
      this.#marker(object);
      const bodies = object.versions.filter(({ deleteMarker }) => !deleteMarker);
      if (bodies.length > 1)
        this.#found(
          object.key,
          "INTEGRITY_FORMAT",
          `has ${bodies.length} versions: somebody wrote over it at ${bodies[0]?.modifiedAt ?? "?"}`,
          "TAMPERED",
        );
      const id = wanted.get(object.key);
      const now = visible(object)?.versionId;
      if (id !== undefined && now !== undefined && now !== null && now !== id)
        this.#found(object.key, "INTEGRITY_FORMAT", `is the version ${now}, the manifest names ${id}`, "TAMPERED");
    }
  }

  #isHidden(name: string): boolean {
    const object = this.#of.surveyed?.objects.find(({ key }) => key.endsWith(`/${name}`));
    return object !== undefined && visible(object) === undefined;
  }

  #marker({ key, versions }: SurveyedObject): void {
    const marker = versions.find(({ deleteMarker }) => deleteMarker);
    if (marker === undefined) return;
    const left = versions.filter(({ deleteMarker }) => !deleteMarker);
    const still =
      left.length === 0 ? "nothing is left of it" : `its version ${left[0]?.versionId ?? "?"} is still there`;
    const message = `was deleted at ${marker.modifiedAt} (a delete marker hides it; ${still})`;
    const until = this.#retainUntil();
    const early = until === null || Date.parse(marker.modifiedAt) < Date.parse(until) || !this.#isDue();
    this.#found(key, "STORE_NOT_FOUND", message, early ? "DELETED-EARLY" : "INCOMPLETE");
  }

  #againstLedger(): void {
    const { ledger, entries, examined } = this.#of;
    if (ledger === null) {
      if (this.#present)
        this.#found("ledger/", "STORE_NOT_FOUND", "no ledger of its recorder is here to bear it out", "UNANCHORED");
      return;
    }
    if (entries === null || entries.opens.length === 0) {
      this.#unknownToLedger(ledger);
      return;
    }
    for (const n of entries.unreadable)
      this.#found(
        `${this.#ledgerPlace} entry ${n}`,
        "INTEGRITY_FORMAT",
        "is about this recording and not in a format that this version reads",
        "TAMPERED",
      );
    for (const again of [...entries.opens.slice(1), ...entries.closes.slice(1)])
      this.#found(
        `${this.#ledgerPlace} entry ${again.n}`,
        "INTEGRITY_LEDGER",
        "opens or closes the same recording a second time",
        "TAMPERED",
      );
    if (!this.#present) {
      this.#gone(entries);
      return;
    }
    if (examined === null || this.#movedTo(examined.prefix) !== null) return;
    this.#openAgainst(entries, examined);
    this.#closeAgainst(entries, examined);
    this.#underCheckpoint([entries.opens[0]?.n ?? 0, ...entries.closes.slice(0, 1).map(({ n }) => n)]);
  }

  #unknownToLedger(ledger: CheckedLedger): void {
    const { examined, surveyed } = this.#of;
    if (!this.#present) return;
    const place = examined === null ? (surveyed?.prefixes[0] ?? "recordings/") : examined.prefix + openName;
    const startedAt = examined?.open?.startedAt ?? examined?.manifest?.startedAt ?? idTime(this.#of.session);
    const startedMs = Date.parse(startedAt);
    if (isBeyond(ledger, startedMs))
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `began at ${startedAt}, after the last signed checkpoint in the store: the ledger does not reach as far`,
        "UNANCHORED",
      );
    else if (
      ledger.from !== null &&
      startedMs < Date.parse(ledger.from) &&
      startedMs >= signedSinceMs(this.#of, ledger)
    )
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `began at ${startedAt}, before the ledger (${ledger.from}) and after the recorder's first key was signed: the ledger that had it is gone`,
        "MISSING",
      );
    else if (ledger.from !== null && startedMs < Date.parse(ledger.from))
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `began at ${startedAt}, before the ledger (${ledger.from}): nothing bears it out but its own signature`,
        "UNANCHORED",
      );
    else
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        "is not in the ledger, which covers its time: it was put here afterwards, or its entries were removed",
        "TAMPERED",
      );
  }

  /** The ledger has it and the store has nothing of it. */
  #gone(entries: SessionEntries): void {
    const last = entries.closes[0] ?? entries.opens[0];
    const [message, weight] = this.#whyGone(entries);
    this.#found(`${this.#ledgerPlace} entry ${last?.n ?? 0}`, "STORE_NOT_FOUND", message, weight);
  }

  #whyGone(entries: SessionEntries): [string, FindingWeight] {
    const { nowMs, ledger, uploadSlackMs } = this.#of;
    const [opened, closed] = [entries.opens[0], entries.closes[0]];
    const until = this.#retainUntil();
    const began = `it began at ${opened?.at ?? "?"}`;
    if (closed === undefined || until === null) {
      const restarted = ledger?.starts.some((n) => n > (opened?.n ?? 0)) === true;
      return restarted
        ? [`${began}, and nothing of it is in the store`, "MISSING"]
        : [`${began} and has not ended yet; nothing of it is in the store`, "INCOMPLETE"];
    }
    if (entries.stored === null && nowMs - Date.parse(closed.at) < uploadSlackMs)
      return ["it has ended and is not in the store yet", "INCOMPLETE"];
    const held = heldAt(entries, Number.MAX_SAFE_INTEGER);
    if (held || Date.parse(until) >= nowMs) {
      const and = held ? ", and it is under legal hold" : "";
      const message = `nothing of it is in the store, although it is to be kept until ${until}${and}`;
      return [message, entries.stored === null ? "MISSING" : "DELETED-EARLY"];
    }
    if (!isOverdue(until, nowMs))
      return [`it went after its time (${until}); that it expired is not in the ledger yet`, "INCOMPLETE"];
    return [`it was to be kept until ${until} and is gone, and no entry says that it expired`, "MISSING"];
  }

  #openAgainst(entries: SessionEntries, examined: Examined): void {
    const opened = entries.opens[0];
    if (opened === undefined) return;
    const { facts, n } = opened;
    const place = examined.prefix + openName;
    const hash = examined.hashes.get(openName);
    if (hash !== undefined && hash !== facts.openSha256)
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `is not the OPEN record that entry ${n} of the ledger names: it was signed anew, or exchanged`,
        "TAMPERED",
      );
    const { open } = examined;
    if (open === null) return;
    if (open.recorder.sequence !== facts.sequence)
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `has the number ${open.recorder.sequence}, entry ${n} of the ledger says ${facts.sequence}`,
        "TAMPERED",
      );
    if (open.startedAt !== facts.startedAt)
      this.#found(
        place,
        "INTEGRITY_LEDGER",
        `began at ${open.startedAt}, entry ${n} of the ledger says ${facts.startedAt}`,
        "TAMPERED",
      );
  }

  #closeAgainst(entries: SessionEntries, examined: Examined): void {
    const closed = entries.closes[0];
    const { manifest, prefix, hashes } = examined;
    if (closed === undefined) {
      if (manifest === null) return;
      const ended = Date.parse(manifest.endedAt);
      const reached = this.#of.ledger?.signedAt ?? null;
      const covered = reached !== null && Date.parse(reached) > ended + this.#of.uploadSlackMs;
      const message = covered
        ? `is sealed, and the ledger, which covers its end at ${manifest.endedAt}, has no entry that closes it`
        : "is sealed; the entry that closes it is not in the store yet";
      this.#found(prefix + manifestName, "INTEGRITY_LEDGER", message, covered ? "TAMPERED" : "UNANCHORED");
      return;
    }
    const { facts, n } = closed;
    const compare = (name: string, hash: string) => {
      const found = hashes.get(name);
      if (found !== undefined && found !== hash)
        this.#found(
          prefix + name,
          "INTEGRITY_LEDGER",
          `is not the one that entry ${n} of the ledger names: it was signed anew, or exchanged`,
          "TAMPERED",
        );
    };
    compare(manifestName, facts.manifestSha256);
    compare(checksumsName, facts.sumsSha256);
    if (manifest === null) {
      // One that is there and cannot be read was told already.
      if (!hashes.has(manifestName)) this.#sealedWithoutManifest(entries, prefix, n);
      return;
    }
    const last = manifest.segments.at(-1)?.link ?? manifest.openSha256;
    if (manifest.segments.length !== facts.segments || last !== facts.lastLink)
      this.#found(
        prefix + manifestName,
        "INTEGRITY_LEDGER",
        `has ${manifest.segments.length} segments, or a chain, that entry ${n} of the ledger does not know`,
        "TAMPERED",
      );
  }

  /** An unsealed recording that the ledger knows to be sealed has lost its end. */
  #sealedWithoutManifest({ stored, closes }: SessionEntries, prefix: string, n: number): void {
    if (this.#isDue() || this.#isHidden(manifestName)) return;
    const onItsWay = stored === null && this.#of.nowMs - Date.parse(closes[0]?.at ?? "") < this.#of.uploadSlackMs;
    if (!onItsWay)
      this.#found(
        prefix + manifestName,
        "STORE_NOT_FOUND",
        `was sealed, as entry ${n} of the ledger says, and is not in the store`,
        "MISSING",
      );
  }

  #underCheckpoint(numbers: readonly number[]): void {
    const { ledger } = this.#of;
    if (ledger === null) return;
    const last = Math.max(...numbers);
    const place = `${this.#ledgerPlace} entry ${last}`;
    if (last >= ledger.signedSize)
      this.#found(place, "INTEGRITY_LEDGER", "no signed checkpoint that holds is over it", "UNANCHORED");
    else if (ledger.anchoredSize !== null && last >= ledger.anchoredSize)
      this.#found(place, "INTEGRITY_LEDGER", "none of the anchors that were given reaches as far", "UNANCHORED");
  }

  /** A key signs from its first day to its last. */
  #signingKey(): void {
    const { examined, keys, entries } = this.#of;
    if (examined === null || !this.#present) return;
    for (const [name, record] of [
      [openName, examined.open],
      [manifestName, examined.manifest],
    ] as const) {
      const key = record === null ? undefined : keys.get(record.recorder.keyId);
      if (record === null || key?.to === undefined) continue;
      const signedAt = "endedAt" in record ? record.endedAt : record.startedAt;
      const place = `${examined.prefix}${name}.sig`;
      if (Date.parse(signedAt) > Date.parse(key.to) + retiredKeySlackMs)
        this.#found(
          place,
          "INTEGRITY_SIGNATURE",
          `is by the key ${key.keyId}, which ended at ${key.to}, before the recording was made`,
          "TAMPERED",
        );
      else if (key.state === "compromised" && entries === null)
        this.#found(
          place,
          "INTEGRITY_SIGNATURE",
          `is by the key ${key.keyId}, which somebody else has too, and the ledger does not bear it out`,
          "UNTRUSTED",
        );
    }
  }

  #overdue(): void {
    const until = this.#retainUntil();
    const { entries, nowMs } = this.#of;
    if (!this.#present || until === null || (entries !== null && heldAt(entries, Number.MAX_SAFE_INTEGER))) return;
    if (!isOverdue(until, nowMs)) return;
    const place = this.#of.surveyed?.prefixes[0] ?? "";
    this.#found(
      place,
      "STORE_REFUSED",
      `was to be kept until ${until}, and should have gone within ten days after`,
      "OVERDUE",
    );
  }

  #found(place: string, code: string, message: string, weight: FindingWeight): void {
    this.#findings.push({ place, code, message, weight });
  }
}
