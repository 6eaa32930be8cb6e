// Examines a bundle from its first file to its last segment, in the background, and says at any time how far it is and
// what was found. Fed by the bundle's files; segments go through the player's own loader, so that none is read twice.
import { formatCount, formatPlural } from "../format.ts";
import { Store } from "../store.ts";
import { type OpenedRecording, openedFrom } from "../views/recording/opened.ts";
import {
  checkChain,
  checkKeys,
  checkPolicy,
  checkSignatures,
  checkSums,
  type Finding,
  type Outcome,
  type ReadRecords,
  readRecords,
} from "./checks.ts";
import type { BundleFiles } from "./files.ts";
import { checkLedger } from "./ledger-check.ts";
import { bundleSource } from "./source.ts";

export interface Part {
  id: string;
  title: string;
  outcome: Outcome | null;
}

export interface ExaminationState {
  parts: readonly Part[];
  findings: readonly Finding[];
  checked: number;
  total: number;
  done: boolean;
}

const AT_ONCE = 2;

const titles = {
  signatures: "Signatures",
  chain: "Chain",
  sums: "List of checksums",
  segments: "Segments",
  keys: "Key history",
  ledger: "Ledger",
  custody: "Custody log",
  policy: "Policy",
};
type PartId = keyof typeof titles;

export class Examination {
  readonly files: BundleFiles;
  readonly records: ReadRecords;
  /** Null where there is no manifest to play by. */
  readonly opened: OpenedRecording | null;
  readonly state: Store<ExaminationState>;
  private readonly before: readonly Finding[];

  /** @param before what was found in the copies that the page carries, before the folder was chosen. */
  static async of(files: BundleFiles, before: readonly Finding[] = []): Promise<Examination> {
    return new Examination(files, await readRecords(files), before);
  }

  private constructor(files: BundleFiles, records: ReadRecords, before: readonly Finding[]) {
    this.files = files;
    this.records = records;
    this.before = before;
    const { manifest } = records;
    this.opened = manifest === null ? null : openedFrom(bundleSource(files, manifest), async () => []);
    this.state = new Store<ExaminationState>({
      parts: (Object.keys(titles) as PartId[]).map((id) => ({ id, title: titles[id], outcome: null })),
      findings: before,
      checked: 0,
      total: manifest?.segments.length ?? 0,
      done: false,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { files, records } = this;
    const signatures = await checkSignatures(files, records);
    this.tell("signatures", signatures);
    const keyId = records.manifest?.recorder.keyId ?? "";
    const message = signatures.findings[0]?.message ?? signatures.text;
    this.opened?.integrity.reportSignature(
      signatures.tone === "good"
        ? { state: "valid", keyId }
        : { state: signatures.tone === "bad" ? "invalid" : "unchecked", message },
    );
    if (records.manifest !== null) {
      this.tell("chain", checkChain(records.manifest));
      this.opened?.integrity.checkChain(this.opened.source.index.get());
    } else this.tell("chain", { tone: "bad", text: "Without a manifest there is no chain.", findings: [] });
    this.tell("sums", await checkSums(files, records));
    this.tell("keys", await checkKeys(files, records));
    const ledger = await checkLedger(files, records);
    this.tell("ledger", ledger.outcome);
    this.tell("custody", ledger.custody);
    this.tell("policy", await checkPolicy(files, records));
    await this.segments(signal);
    if (!signal.aborted) this.state.update({ done: true });
  }

  private async segments(signal: AbortSignal): Promise<void> {
    const { opened } = this;
    const segments = this.records.manifest?.segments ?? [];
    if (opened === null || !this.files.hasSegments) {
      const text =
        opened === null
          ? "Without a manifest nothing says what the segments should be."
          : "Choose this folder: the recording is too large for the page to carry it.";
      this.tell("segments", { tone: segments.length === 0 && opened !== null ? "good" : "open", text, findings: [] });
      return;
    }
    let next = 0;
    const worker = async () => {
      while (next < segments.length && !signal.aborted) {
        await opened.loader.check(next++);
        this.state.update({ checked: this.state.get().checked + 1 });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (signal.aborted) return;
    this.tell("segments", this.segmentsOutcome(opened));
    // What has the right hash and yet cannot be shown comes out when somebody looks at it.
    const end = opened.integrity.state.subscribe(() => this.tell("segments", this.segmentsOutcome(opened)));
    signal.addEventListener("abort", end);
  }

  private segmentsOutcome({ integrity, source }: OpenedRecording): Outcome {
    const { segments } = source.index.get();
    const { bad } = integrity.state.get();
    const findings = [...bad]
      .sort(([a], [b]) => a - b)
      .map(([n, message]) => ({ place: segments[n]?.name ?? "", message }));
    const text =
      findings.length > 0
        ? `${formatCount(findings.length)} of ${formatPlural(segments.length, "segment")} ${findings.length === 1 ? "fails" : "fail"}.`
        : `${formatPlural(segments.length, "segment")}: each has the SHA-256 that the signed manifest names.`;
    return { tone: findings.length > 0 ? "bad" : "good", text, findings };
  }

  private tell(id: PartId, outcome: Outcome): void {
    const parts = this.state.get().parts.map((part) => (part.id === id ? { ...part, outcome } : part));
    const findings = [...this.before, ...parts.flatMap((part) => part.outcome?.findings ?? [])];
    this.state.update({ parts, findings });
  }
}

export type Verdict = "checking" | "good" | "partial" | "bad";

/** `partial`: nothing wrong, and not all of it proven. */
export function verdictOf({ done, findings, parts }: ExaminationState): Verdict {
  if (findings.length > 0 || parts.some((part) => part.outcome?.tone === "bad")) return "bad";
  if (!done) return "checking";
  const needed = parts.filter(({ id }) => ["signatures", "chain", "sums", "segments", "keys", "ledger"].includes(id));
  return needed.every((part) => part.outcome?.tone === "good") ? "good" : "partial";
}
