// The attestation as one page for people and for paper: no script, no font, no picture. All that anybody wrote is text.
import type { Attestation, AttestedRecording, AttestedState } from "../../../shared/evidence/attestation.ts";

export const stateWords: Record<AttestedState, string> = {
  live: "going on",
  unsealed: "NEVER SEALED",
  kept: "kept",
  held: "under legal hold",
  due: "due to go",
  overdue: "OVERDUE",
  gone: "gone, with proof",
  "gone-early": "GONE EARLY",
  missing: "MISSING",
  foreign: "ANOTHER RECORDER'S",
  unknown: "NOT IN THE LEDGER",
};

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function text(value: string | number | null): string {
  if (value === null) return "–";
  return String(value)
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}

const time = (rfc3339: string | null) =>
  rfc3339 === null ? "–" : text(`${rfc3339.slice(0, 10)} ${rfc3339.slice(11, 19)}Z`);
const row = (cells: readonly string[]) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>\n`;
const table = (head: readonly string[], rows: readonly string[]) =>
  `<table><thead><tr>${head.map((cell) => `<th>${cell}</th>`).join("")}</tr></thead><tbody>\n${rows.join("")}</tbody></table>\n`;

export interface PageSignature {
  /** SHA-256 (hex) of the JSON file, and the signature over it (base64); null: it was not signed. */
  sha256: string;
  signature: string | null;
}

export function attestationPage(attestation: Attestation, { sha256, signature }: PageSignature): string {
  const { period, counts, store, policy, ledger, keys, recordings, catalogue } = attestation;
  const states = Object.entries(counts.states).filter(([, count]) => count > 0);
  const troubled = recordings.filter((one) => one.findings.length > 0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Retention attestation, ${text(period.from.slice(0, 10))} to ${text(period.to.slice(0, 10))}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>Retention attestation</h1>
<p>Recordings that began or went from ${time(period.from)} to ${time(period.to)} · recorder ${text(attestation.recorder)}, version ${text(attestation.version)} · made ${time(attestation.generatedAt)}</p>
<p class="${attestation.inOrder ? "fine" : "bad"}">${attestation.inOrder ? "Everything is in order." : "Not everything is in order; what is not stands below."}</p>
</header>
<h2>In figures</h2>
${table(
  ["What", "Count"],
  [
    row(["recordings", text(counts.recordings)]),
    ...states.map(([state, count]) => row([`recordings: ${text(stateWords[state as AttestedState])}`, text(count)])),
    row(["objects in the store", text(counts.objects)]),
    row(["bytes", text(counts.bytes)]),
    row(["objects that are to be kept and not locked", text(counts.unlockedObjects)]),
    row(["objects missing", text(counts.missingObjects)]),
    row(["objects on no list", text(counts.unknownObjects + attestation.unknown.length)]),
    row(["numbers that no session has", text(attestation.missingNumbers.length)]),
  ],
)}
<h2>What it stands on</h2>
${table(
  ["Witness", "What it says"],
  [
    row([
      "store",
      `${text(store.name)}; locks enforced by: ${text(store.enforcedBy)}${store.limits.map((limit) => `<br><small>${text(limit)}</small>`).join("")}`,
    ]),
    row([
      "policy",
      policy === null
        ? "–"
        : `${text(policy.retentionDays)} days${policy.classes.map(({ name, days }) => `, ${text(name)}: ${text(days)}`).join("")}; hash <code>${text(policy.hash)}</code>`,
    ]),
    row([
      "ledger",
      `${text(ledger.verdict)}; checkpoint ${ledger.checkpoint === null ? "none" : `over ${text(ledger.checkpoint.size)} entries, root <code>${text(ledger.checkpoint.root)}</code>, signed ${time(ledger.checkpoint.at)}`}; anchored outside: ${ledger.anchored === null ? "not compared" : `${text(ledger.anchored)} entries`}`,
    ]),
    row([
      "keys",
      `${text(keys.verdict)}; root <code>${text(attestation.root)}</code>; signed by <code>${text(attestation.keyId)}</code>`,
    ]),
    row([
      "index",
      catalogue === null
        ? "not compared"
        : `${text(catalogue.rows)} rows, ${text(catalogue.differences.length)} differences`,
    ]),
    row([
      "this attestation as JSON",
      `SHA-256 <code>${text(sha256)}</code><br>signature <code>${text(signature)}</code>`,
    ]),
  ],
)}
${problems(attestation, troubled)}
<h2>Recordings</h2>
${table(
  [
    "No.",
    "Session",
    "Person",
    "Target",
    "Began",
    "Ended",
    "Kept until",
    "State",
    "Objects",
    "Locked until",
    "Last checked",
  ],
  recordings.map(recordingRow),
)}
<h2>How to check it</h2>
<p><code>conduit attest --check FILE.json --root-key root.pub.pem</code> computes all of this again from the store and the
ledger. Without our software: <code>openssl pkeyutl -verify -pubin -inkey KEY.pub.pem -rawin -in FILE.json -sigfile FILE.json.sig</code>
checks the signature; <code>docs/attestation.md</code> has the steps for the rest, with sha256sum and aws s3api.</p>
</body>
</html>
`;
}

function recordingRow(one: AttestedRecording): string {
  const { objects, holds, gone } = one;
  const there = objects.filter(({ state }) => state !== "missing");
  const locks = there.flatMap(({ lockedUntil }) => (lockedUntil === null ? [] : [lockedUntil])).sort();
  const unlocked = there.filter(({ lockedUntil }) => lockedUntil === null).length;
  const until = locks[0] === undefined ? "not locked" : `${time(locks[0])}${unlocked > 0 ? ` (${unlocked} not)` : ""}`;
  const why = holds.length > 0 ? `<br><small>${holds.map(text).join(", ")}</small>` : "";
  const proof =
    gone === null
      ? ""
      : `<br><small>${time(gone.at)}, entry ${text(one.entries.expired)}, proof ${text(gone.proof.slice(0, 16))}…</small>`;
  return row([
    text(one.sequence),
    `<code>${text(one.session)}</code>`,
    text(one.person),
    text(one.target),
    time(one.startedAt),
    time(one.endedAt),
    time(one.retainUntil),
    `${text(stateWords[one.state])}${why}${proof}`,
    text(there.length),
    there.length === 0 ? "–" : until,
    one.verified === null ? "–" : `${time(one.verified.at)}<br><small>${text(one.verified.verdict)}</small>`,
  ]);
}

function problems(
  { ledger, keys, missingNumbers, unknown, catalogue }: Attestation,
  troubled: readonly AttestedRecording[],
): string {
  const all = [
    ...keys.findings,
    ...ledger.findings,
    ...missingNumbers,
    ...troubled.flatMap(({ findings }) => findings),
  ];
  const rows = [
    ...all.map(({ weight, place, message }) => row([text(weight), `<code>${text(place)}</code>`, text(message)])),
    ...unknown.map((key) => row(["NOTICE", `<code>${text(key)}</code>`, "is in the store and part of nothing"])),
    ...(catalogue?.differences ?? []).map(({ session, message }) =>
      row(["INDEX", `<code>${text(session)}</code>`, text(message)]),
    ),
  ];
  return rows.length === 0
    ? ""
    : `<h2>What is not in order, and notices</h2>\n${table(["Weight", "Place", "What"], rows)}`;
}

const style = `
:root { color-scheme: light }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; color: #1b1f24; background: #fff }
h1 { margin: 0 } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid #d5d9de }
th { background: #f2f4f6 } code { font-size: 12px; overflow-wrap: anywhere } small { color: #57606a }
.fine { color: #14633b; font-weight: 600 } .bad { color: #a4141f; font-weight: 600 }
@media print { body { margin: 0; max-width: none; font-size: 10px } code { font-size: 8px } tr { break-inside: avoid } thead { display: table-header-group } }
`;
