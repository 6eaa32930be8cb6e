// `conduit recordings show`
import type { Command } from "commander";
import { endInWords, endSentences } from "../../../shared/end-sentences.ts";
import { AppError } from "../../../shared/errors.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import type { RecordingMode } from "../../../shared/policy/policy.ts";
import { type ReasonCode, reasonSentences } from "../../../shared/policy/reasons.ts";
import { formatSize } from "../../config/units.ts";
import type { Cli } from "../cli.ts";
import { counted, formatDuration, formatTime, printable } from "../output.ts";
import { type Archive, inArchive, resolveSession } from "./archive.ts";
import { reasonOption, sessionArgument } from "./common-options.ts";
import { describeProof, proofOf } from "./proof.ts";

export function registerShow(recordings: Command, cli: Cli): void {
  recordings
    .command("show")
    .description("who, where, when, and what the recording holds")
    .addArgument(sessionArgument())
    .addOption(reasonOption())
    .option("--json", "print JSON: summary, OPEN record, manifest and what they prove")
    .action(async (text: string, options: { json?: boolean }, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const session = await resolveSession(archive, text);
        const facts = await read(archive, session);
        await archive.audit("recording.view", session, { with: "show" });
        if (options.json === true) cli.out.json(facts);
        else print(cli, facts);
        const { state, faults } = facts.proof;
        if (faults.length > 0)
          cli.err.line(
            `WARNING: ${session} is ${state}: what is shown is what the store says, no proof. conduit recordings verify ${session} says all that is wrong.`,
          );
      });
    });
}

async function read(archive: Archive, session: string) {
  const { reader, recordings } = archive;
  // First of all: what is shown is then what was looked at here.
  const proof = await proofOf(archive, session);
  const [summary, open, manifest] = [
    await recordings.find(session),
    await reader.open(session),
    await reader.manifest(session).catch(unlessUnproven),
  ];
  return { summary, open, manifest, proof };
}

function unlessUnproven(error: unknown): null {
  const code = error instanceof AppError ? error.code : "";
  if (["REQUEST_NOT_FOUND", "INTEGRITY_FORMAT", "STORE_REFUSED"].includes(code)) return null;
  throw error;
}

function print(cli: Cli, { summary, open, manifest, proof }: Awaited<ReturnType<typeof read>>): void {
  const line = (name: string, value: string) => cli.out.line(`${name.padEnd(12)} ${printable(value)}`);
  line("recording", open.session);
  line("proof", describeProof(proof));
  line("person", `${open.person.name} (${open.person.roles.join(", ")}), by ${open.person.authMethod}`);
  line("from", `${open.client.address}:${open.client.port}, ${open.client.software}`);
  const account = open.target.account === "" ? "" : `${open.target.account}@`;
  line("target", `${open.target.name} in ${open.target.conduit}: ${account}${open.target.address}`);
  if (open.target.hostKey !== "") line(open.protocol === "vnc" ? "certificate" : "host key", open.target.hostKey);
  line("policy", `rule ${open.policy.rule}: ${open.policy.reason} (${open.policy.hash.slice(0, 16)}…)`);
  line("allowed", whyAllowed(open));
  if (open.escort === true) line("escort", releasedBy(summary?.escortedBy));
  if (recordingMode(open) !== "full" || open.recording.because !== undefined) line("recorded", whatIsKept(open));
  line("recorder", `${open.recorder.id}, number ${open.recorder.sequence}, key ${open.recorder.keyId}`);
  line("started", formatTime(open.startedAt));
  if (manifest === null) {
    line("state", summary?.state ?? "not sealed");
    return;
  }
  const bytes = manifest.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  line("ended", `${formatTime(manifest.endedAt)} after ${formatDuration(manifest.durationUs)}: ${manifest.endReason}`);
  const told = endInWords(manifest.endReason, summary?.end);
  line("because", `${endSentences[manifest.endReason] ?? words(manifest.endReason)}${told === "" ? "" : `, ${told}`}`);
  line("state", manifest.state);
  line(
    "holds",
    `${manifest.counts.keystrokes} keystrokes, ${manifest.counts.files} file operations, ${formatSize(manifest.counts.outputBytes)} of output`,
  );
  line("stored", `${counted(manifest.segments.length, "segment")}, ${formatSize(bytes)}`);
  const sizes = new Set(
    manifest.segments.filter((one) => one.track.startsWith("screen-")).map((one) => `${one.cols}x${one.rows}`),
  );
  if (sizes.size > 0) {
    const keys = open.recording.screen?.maskKeys === false ? "printable keys kept" : "printable keys masked";
    line("screen", `${[...sizes].join(", ")}; ${keys}`);
  }
  const { encryption } = open;
  if (encryption !== undefined) {
    const own =
      encryption.serviceKey === null ? "not to the service" : `to the service's key of ${encryption.serviceKey}`;
    const others = encryption.streams.content.recipients.length - (encryption.serviceKey === null ? 0 : 1);
    line("encrypted", `to ${others} ${others === 1 ? "recipient" : "recipients"}, and ${own}`);
  }
  const { redactions } = manifest.counts;
  const kept = open.recording.sealRecipients.length > 0 ? "sealed to the configured recipients" : "not kept";
  if (redactions > 0)
    line("redacted", `${redactions} suspected ${redactions === 1 ? "password" : "passwords"}, ${kept}`);
  for (const gap of manifest.gaps)
    line("gap", `${formatDuration(gap.fromUs)} to ${formatDuration(gap.toUs)}: ${gap.reason}`);
  line("kept until", formatTime(manifest.retainUntil));
  cli.out.line();
  cli.out.table(
    ["TRACK", "REQUEST", "COMMAND", "SEGMENTS"],
    manifest.tracks.map((track) => [
      track.name,
      track.request ?? null,
      track.command ?? null,
      manifest.segments.filter((segment) => segment.track === track.name).length,
    ]),
  );
}

/** In the words that the policy's reason codes have: what stood behind the session when it opened. */
function whyAllowed({ policy, request, grant, escort, person, limits }: OpenRecord): string {
  const sentence = policy.reason in reasonSentences ? reasonSentences[policy.reason as ReasonCode] : policy.reason;
  const window = grant === undefined ? "" : `, from ${formatTime(grant.from)} to ${formatTime(grant.to)}`;
  const stands =
    grant?.kind === "break-glass"
      ? `emergency access ${request ?? ""}${window}`
      : request === null
        ? "no request was needed"
        : `approved request ${request}${window}`;
  const hours = grant === undefined && limits.windowEndsAt ? `until ${formatTime(limits.windowEndsAt)}` : "";
  const factors = person.factors === undefined ? "" : `proved by ${person.factors.join(" and ")}`;
  return [sentence, stands, hours, factors, escort === true ? "an escort had to release it" : ""]
    .filter((part) => part !== "")
    .map((part) => part.replace(/\.$/, ""))
    .join("; ");
}

export function releasedBy(escorts: readonly string[] | undefined): string {
  if (escorts === undefined) return "not in the index; conduit recordings rebuild reads it from the record";
  return escorts.length === 0 ? "none released it" : `released by ${escorts.join(", ")}`;
}

function recordingMode(open: OpenRecord): RecordingMode {
  return open.recording.mode ?? "full";
}

const keptOf: Record<RecordingMode, string> = {
  full: "everything",
  "without-input": "output and events; nothing of what was typed",
  metadata: "events alone; nothing of what was typed or shown",
  none: "that it took place; nothing else",
};

function whatIsKept(open: OpenRecord): string {
  const { because } = open.recording;
  return `${keptOf[recordingMode(open)]}${because === undefined ? "" : `; the policy says why: ${because}`}`;
}

function words(code: string): string {
  return code.replaceAll("-", " ");
}
