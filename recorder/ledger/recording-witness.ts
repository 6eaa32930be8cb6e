// What the recorder tells the ledger: that a recording is open, before the session goes on, and that it is closed, before
// anybody hears of it. After a crash the recorder tells again of all that it finds; what stands there is not written twice.
import type { NotRecordedFacts, RecordingCloseFacts, RecordingOpenFacts } from "../../shared/ledger/facts.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { LedgerReader, LedgerWriter } from "./contract.ts";

export class RecordingWitness {
  readonly #ledger: LedgerWriter & Pick<LedgerReader, "entriesOf">;

  constructor(ledger: LedgerWriter & Pick<LedgerReader, "entriesOf">) {
    this.#ledger = ledger;
  }

  /** Durable when it resolves. `late`: found by recovery; written only where it does not stand there. */
  async opened(open: OpenRecord, openSha256: string, late: boolean): Promise<void> {
    if (late && (await this.#stands(open.session, "recording-open", "openSha256", openSha256))) {
      return this.#unrecorded(open, openSha256, late);
    }
    const facts: RecordingOpenFacts = {
      sequence: open.recorder.sequence,
      openSha256,
      startedAt: open.startedAt,
      keyId: open.recorder.keyId,
      person: open.person.name,
      target: open.target.name,
      protocol: open.protocol,
      recorded: open.recording.mode ?? "full",
      retentionDays: open.retentionDays,
      ...(late ? { late: true as const } : {}),
    };
    await this.#ledger.append({ type: "recording-open", actor: "recorder", subject: open.session, facts });
    await this.#unrecorded(open, openSha256, late);
  }

  /** A session that the policy lets go on unrecorded has an entry of its own, which says by which rule, and why. */
  async #unrecorded({ session, recording, ...open }: OpenRecord, openSha256: string, late: boolean): Promise<void> {
    if (recording.mode !== "none") return;
    if (late && (await this.#stands(session, "not-recorded", "openSha256", openSha256))) return;
    const facts: NotRecordedFacts = {
      openSha256,
      person: open.person.name,
      target: open.target.name,
      protocol: open.protocol,
      rule: open.policy.rule,
      policyHash: open.policy.hash,
      ...(recording.because === undefined ? {} : { because: recording.because }),
      ...(late ? { late: true as const } : {}),
    };
    await this.#ledger.append({ type: "not-recorded", actor: "recorder", subject: session, facts });
  }

  async closed(manifest: Manifest, manifestSha256: string, sumsSha256: string, late: boolean): Promise<void> {
    const { session } = manifest;
    if (late && (await this.#stands(session, "recording-close", "manifestSha256", manifestSha256))) return;
    const facts: RecordingCloseFacts = {
      sequence: manifest.recorder.sequence,
      openSha256: manifest.openSha256,
      manifestSha256,
      sumsSha256,
      state: manifest.state,
      endReason: manifest.endReason,
      endedAt: manifest.endedAt,
      segments: manifest.segments.length,
      bytes: manifest.segments.reduce((sum, segment) => sum + segment.bytes, 0),
      lastLink: manifest.segments.at(-1)?.link ?? manifest.openSha256,
      gaps: manifest.gaps.length,
      retainUntil: manifest.retainUntil,
      ...(late ? { late: true as const } : {}),
    };
    await this.#ledger.append({ type: "recording-close", actor: "recorder", subject: session, facts });
  }

  async #stands(session: string, type: string, hash: string, value: string): Promise<boolean> {
    const lines = await this.#ledger.entriesOf(session);
    return lines.some(({ entry }) => entry.type === type && entry.facts[hash] === value);
  }
}
