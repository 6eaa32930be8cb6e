// README.html of a bundle: for people who have to judge it and know nothing of this software. Static, in plain words;
// nothing that was recorded is put into it but as escaped text.
import type { RecordingIndex } from "../../shared/api/types.ts";
import { bundleNames } from "../../shared/bundle/format.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { custodyWords } from "./custody-words.ts";
import type { BundleEvidence } from "./evidence.ts";
import { staticPage, escapeHtml as text } from "./static-page.ts";

export interface CourtPageFacts {
  index: RecordingIndex;
  open: OpenRecord;
  evidence: BundleEvidence;
  /** What was found wrong when the bundle was made. */
  faults: readonly string[];
  /** The page plays without being given the folder. */
  carried: boolean;
}

/** More lines are in custody.jsonl alone. */
const maxCustodyRows = 2000;

const style = `
:root { color-scheme: light dark; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
th { font-weight: 600; } tbody th { width: 14rem; }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
.verdict { border-left: 5px solid #18794e; padding: .6rem 1rem; background: #18794e1a; }
.verdict.bad { border-color: #c2292e; background: #c2292e1a; }
`;

export function courtPage(facts: CourtPageFacts): string {
  const { open } = facts;
  const title = `Recorded session of ${open.person.name} on ${open.target.name}, ${open.startedAt}`;
  const body = `${verdict(facts)}
<h2>What this is</h2>
<p>The recording of one session of remote access to an industrial system. Whoever accessed it went through a recorder
that stands between the person and the system, and that stored what passed before it passed it on. This folder holds
what was stored, byte by byte, and all that it takes to check that it is unaltered.</p>
${who(facts)}
<h2>How to look at it</h2>
<p>Open <a href="${bundleNames.player}">${bundleNames.player}</a> in a browser (Chromium, Edge, Firefox or Safari of 2025 or newer). It needs
no network and sends nothing anywhere. It plays the session as it was seen and typed, and says above the picture whether
all of it holds.${facts.carried ? "" : " The recording is too large for the page to carry: it asks for this folder first."}</p>
<h2>How to check it</h2>
<p><a href="${bundleNames.verify}">${bundleNames.verify}</a> has the commands, which need nothing of the makers of this recorder: <code>sha256sum</code> and
<code>openssl</code>, which every Linux machine has. The check is worth as much as the key is: have its fingerprint from the
operator of the recorder, by other means than this folder.</p>
${keys(facts)}
<h2>What is proved</h2>
<ul>
<li>That these bytes are those that the recorder stored: the manifest names the SHA-256 of each, and is signed.</li>
<li>That nothing was taken out of the middle or the end: the manifest lists every stored segment, chained one to the other.</li>
<li>That the recording was begun before the first byte went to the system: <code>open.json</code> was signed then.</li>
${facts.evidence.ledger === null ? "" : `<li>That the recorder's ledger knew of the beginning, the end and each look at this recording that is listed below, as of the checkpoint of ${text(facts.evidence.ledger.at ?? "")}: nothing can be taken out of it without every later checkpoint showing it.</li>`}
${facts.evidence.policy?.canonical == null ? "" : "<li>Which rules allowed the session: <code>policy.json</code> has the hash that the signed <code>open.json</code> names.</li>"}
</ul>
<h2>What is not proved</h2>
<ul>
<li>Who sat at the keyboard: the recorder knows who signed in, and by what means (above).</li>
<li>What happened at the system by other ways than through the recorder.</li>
${facts.evidence.ledger === null ? "" : "<li>That nobody else looked at it: entries can be left out of a bundle. The operator's whole ledger shows them all.</li>\n"}<li>That the recorder's clock was right: times are its own${stamped(facts.evidence)}.</li>
${policyUnproved(facts.evidence)}
<li>That whoever holds the recorder's key did not make another recording with it. Against that stand checkpoints which
were handed to others in time: ask the operator for them.</li>
<li>What was masked or not recorded, as the policy says and the recording states where it is so.</li>
</ul>
${custody(facts.evidence)}
<h2>What is in this folder</h2>
<table><tbody>
${[
  ["open.json, manifest.json", "The records of the session's beginning and end, with their signatures (.sig)."],
  ["SHA256SUMS", "The checksum of every stored file, for sha256sum."],
  ["terminal-…, screen-…, input, files, events", "What was recorded, in segments, as it was stored."],
  ["ledger", "Entries of the recorder's ledger about this recording, with their proofs, and the signed checkpoint."],
  ["keys", "Public keys, and the signed history of the recorder's keys."],
  ["custody.jsonl", "Who viewed, exported or verified the recording, when and why."],
  ["policy.json, policy.yaml", "The rules that were in force, as they are proved and as they were written."],
  ["player.html, data", "The page that checks and plays, and the copies that it reads."],
  ["INTEGRITY.txt", "Whether signatures, chain and hashes held when this bundle was made, and what did not."],
]
  .map(([name, what]) => `<tr><th scope="row"><code>${text(name ?? "")}</code></th><td>${text(what ?? "")}</td></tr>`)
  .join("\n")}
</tbody></table>`;
  return staticPage({ title, style, body });
}

function stamped({ ledger }: BundleEvidence): string {
  if (ledger === null || (ledger.timestamp === null && ledger.stamped === null)) return "";
  const which = ledger.timestamp === null ? bundleNames.stamped : bundleNames.checkpoint;
  return `; the time stamp beside <code>${which}</code> is another's`;
}

/** Why the policy is not under what is proved. */
function policyUnproved({ policy }: BundleEvidence): string {
  if (policy?.canonical != null) return "";
  return policy === null
    ? "<li>Which rules allowed the session: <code>open.json</code> names their hash, and the recorder this bundle is from does not have them any more.</li>"
    : "<li>That <code>policy.yaml</code> is what allowed the session: an older version of the recorder kept the rules as they were written, and not the form of them whose hash <code>open.json</code> names. Therefore there is no <code>policy.json</code>.</li>";
}

function verdict({ faults, index }: CourtPageFacts): string {
  if (faults.length > 0) {
    const items = faults.map((fault) => `<li>${text(fault)}</li>`).join("");
    return `<div class="verdict bad"><strong>This recording is no proof of what it shows.</strong> When the bundle was made, this did not hold:<ul>${items}</ul></div>`;
  }
  const gaps =
    index.gaps.length === 0
      ? ""
      : ` It has ${index.gaps.length} ${index.gaps.length === 1 ? "gap" : "gaps"}: time that was lost, and is stated where it is.`;
  return `<div class="verdict"><strong>Valid when this bundle was made:</strong> signatures, chain and the checksum of every segment held.${gaps}</div>`;
}

function who({ open, index }: CourtPageFacts): string {
  const { person, target, client, policy, recording, recorder } = open;
  const seconds = Math.round(index.durationUs / 1e6);
  const duration = `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min ${seconds % 60} s`;
  const rows: [string, string][] = [
    [
      "Person",
      `${person.name} (${person.roles.join(", ")}), signed in by ${[person.authMethod, ...(person.factors ?? [])].join(", ")}`,
    ],
    ["From", `${client.address}, ${client.software}`],
    ["System", `${target.name} at ${target.address}, account ${target.account}`],
    ["Began", `${open.startedAt} (UTC)`],
    ["Lasted", duration],
    ["Protocol", open.protocol.toUpperCase()],
    ["Allowed by", `rule ${policy.rule}: ${policy.reason}${open.request === null ? "" : `; request ${open.request}`}`],
    [
      "Recorded",
      recording.mode === undefined || recording.mode === "full"
        ? "all of it"
        : `${recording.mode}${recording.because === undefined ? "" : `: ${recording.because}`}`,
    ],
    ["Recording", open.session],
    ["Recorder", `${recorder.id}, recording number ${recorder.sequence}, version ${recorder.version}`],
  ];
  return `<h2>Who, what and when</h2>\n<table><tbody>\n${rows.map(([name, value]) => `<tr><th scope="row">${text(name)}</th><td>${text(value)}</td></tr>`).join("\n")}\n</tbody></table>`;
}

function keys({ evidence, open }: CourtPageFacts): string {
  const items = evidence.keys.map(
    ({ keyId }) =>
      `<li><code>${text(keyId)}</code>${keyId === open.recorder.keyId ? " (signed this recording)" : ""}</li>`,
  );
  return `<p>Keys in this folder, by the first 16 digits of their fingerprint:</p>\n<ul>${items.join("")}</ul>`;
}

function custody({ custody: lines, ledger }: BundleEvidence): string {
  const what =
    ledger === null
      ? "From the recorder's audit log; no ledger proves it."
      : "Each line is an entry of the recorder's ledger.";
  if (lines.length === 0)
    return `<h2>Chain of custody</h2>\n<p>${what} Nobody is known to have looked at this recording.</p>`;
  const rows = lines
    .slice(0, maxCustodyRows)
    .map(
      (line) =>
        `<tr><td>${text(line.at)}</td><td>${text(line.actor)}</td><td>${text(custodyWords(line))}</td><td>${text(line.address)}</td><td>${text(line.reason ?? "")}</td></tr>`,
    );
  const more =
    lines.length > maxCustodyRows ? `<p>${lines.length - maxCustodyRows} more are in custody.jsonl.</p>` : "";
  return `<h2>Chain of custody</h2>
<p>${what}</p>
<table><thead><tr><th scope="col">When (UTC)</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">From</th><th scope="col">Why</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table>
${more}`;
}
