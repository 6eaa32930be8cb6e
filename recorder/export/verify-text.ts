// VERIFY.md of a bundle: how an outsider checks it with sha256sum, openssl and a shell. Each block of commands stands for
// itself and ends with 0 only where what it checks holds; a test takes them from the file and runs them.
import { bundleNames, keyName } from "../../shared/bundle/format.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { BundleEvidence } from "./evidence.ts";

const verifyWith = (key: string, file: string, signature: string) =>
  `openssl pkeyutl -verify -pubin -inkey ${key} -rawin -in ${file} -sigfile ${signature}`;

/** That a checkpoint is signed. */
const checkpointSigned = (checkpoint: string, keyId: string) => `work=$(mktemp -d)
sed '/^$/,$d' ${checkpoint} > "$work/body"
tail -n 1 ${checkpoint} | cut -d ' ' -f 3 | openssl base64 -d -A | tail -c 64 > "$work/signature"
${verifyWith(keyName(keyId), '"$work/body"', '"$work/signature"')}`;

/** From every entry that has a path there up to a checkpoint's root. */
const entriesUnder = (checkpoint: string, to: "path" | "stamped-path") => `work=$(mktemp -d)
sed -n 3p ${checkpoint} | openssl base64 -d -A > "$work/root"
${to === "path" ? "for entry in ledger/*.json; do" : `for path in ledger/*.${to}-*; do`}
  ${to === "path" ? `path=$(ls "\${entry%.json}".${to}-*) || exit 1` : `entry=\${path%.${to}-*}.json`}
  { printf '\\000'; cat "$entry"; } | openssl dgst -sha256 -binary > "$work/hash"
  step=0
  for side in $(echo "\${path##*.${to}-}" | sed 's/./& /g'); do
    tail -c +$((step * 32 + 1)) "$path" | head -c 32 > "$work/beside"
    if [ "$side" = L ]; then set -- "$work/beside" "$work/hash"; else set -- "$work/hash" "$work/beside"; fi
    { printf '\\001'; cat "$1" "$2"; } | openssl dgst -sha256 -binary > "$work/above"
    mv "$work/above" "$work/hash"
    step=$((step + 1))
  done
  cmp "$work/hash" "$work/root" || { echo "$entry is not in the ledger"; exit 1; }
done`;

const stampText = (
  checkpoint: string,
  stamp: string,
) => `An authority that has nothing to do with the recorder says since when this checkpoint exists (RFC 3161). AUTHORITY.pem stands
for its own certificate, which has to come from there; where that has ended since, add \`-attime SECONDS\`, a time (in
seconds since 1970) at which it was good:

\`\`\`text
openssl ts -verify -in ${stamp} -data ${checkpoint} -CAfile AUTHORITY.pem
openssl ts -reply -in ${stamp} -text
\`\`\`

The first command checks it, the second one prints its time.
`;

export function verifyText({ recorder }: OpenRecord, evidence: BundleEvidence): string {
  const key = keyName(recorder.keyId);
  const { ledger, history, policy } = evidence;
  const parts = [
    `# How to verify this bundle

Every command here is run in this folder, in a shell (sh), with coreutils and OpenSSL 3. Each block ends with an error
where what it checks does not hold. Nothing of ours is needed, and no network.

## 1. The key

The key in this folder proves nothing by itself. Compare this fingerprint with the one that the recorder's operator
publishes, or has handed over by other means; its first 16 digits are the key's id, ${recorder.keyId}:

\`\`\`sh
openssl pkey -pubin -in ${key} -outform DER | sha256sum
\`\`\`

## 2. The signed records

open.json was signed before the first byte went to the target, manifest.json when the session had ended:

\`\`\`sh
${verifyWith(key, "open.json", "open.json.sig")} &&
${verifyWith(key, "manifest.json", "manifest.json.sig")} &&
grep -q "\\"openSha256\\": *\\"$(sha256sum open.json | cut -c 1-64)\\"" manifest.json
\`\`\`

## 3. Every stored byte

Of every segment the signed manifest names the SHA-256 (and, in \`link\`, a chain over all of them from open.json on, which
the signature covers as well). The first command takes name and hash from there; SHA256SUMS is the same as a list:

\`\`\`sh
tr -d ' \\n' < manifest.json | tr '{' '\\n' | sed -n 's/.*"name":"\\([^"]*\\)".*"sha256":"\\([0-9a-f]*\\)".*/\\2  \\1/p' | sha256sum --quiet -c -
\`\`\`

\`\`\`sh
sha256sum --quiet -c SHA256SUMS
\`\`\`
`,
  ];
  if (history !== null) {
    parts.push(`## 4. The key's history

Which keys the recorder ever signed with, each version signed by the installation's root key, whose fingerprint is worth
comparing too:

\`\`\`sh
openssl pkey -pubin -in ${bundleNames.root} -outform DER | sha256sum
\`\`\`

\`\`\`sh
for version in keys/history/*.json; do
  ${verifyWith(bundleNames.root, '"$version"', '"$version.sig"')} || exit 1
  newest=$version
done
grep -q '"keyId": *"${recorder.keyId}"' "$newest"
\`\`\`

Every key in this folder is one of them, and the one that its name says: no other may sign anything here.

\`\`\`sh
for version in keys/history/*.json; do newest=$version; done
for key in keys/????????????????.pub.pem; do
  id=$(openssl pkey -pubin -in "$key" -outform DER | sha256sum | cut -c 1-16)
  test "$key" = "keys/$id.pub.pem" && grep -q "\\"keyId\\": *\\"$id\\"" "$newest" || exit 1
done
\`\`\`
`);
  }
  if (ledger !== null) {
    parts.push(`## 5. The ledger

The recorder keeps one ledger, of which nothing can be taken away or put in later: its lines are the leaves of a Merkle
tree (RFC 6962), whose root the checkpoint names and signs (C2SP tlog-checkpoint). Whoever has got a checkpoint elsewhere,
of the same size or a larger one, can hold it against this one.

\`\`\`sh
${checkpointSigned(bundleNames.checkpoint, ledger.keyId)}
\`\`\`

Every entry about this recording, from the leaf up to that root; a file's name says on which side each hash stands:

\`\`\`sh
${entriesUnder(bundleNames.checkpoint, "path")}
\`\`\`

Among them the beginning and the end of this recording, which name its records by their hashes:

\`\`\`sh
cat ledger/*.json | grep -q "\\"openSha256\\":\\"$(sha256sum open.json | cut -c 1-64)\\"" &&
cat ledger/*.json | grep -q "\\"manifestSha256\\":\\"$(sha256sum manifest.json | cut -c 1-64)\\"" &&
cat ledger/*.json | grep -q "\\"sumsSha256\\":\\"$(sha256sum SHA256SUMS | cut -c 1-64)\\""
\`\`\`

Every line of the custody log is such an entry:

\`\`\`sh
work=$(mktemp -d)
for entry in ledger/*.json; do cat "$entry"; echo; done > "$work/lines"
test -f ${bundleNames.custody} && ! grep -Fxv -f "$work/lines" ${bundleNames.custody}
\`\`\`
`);
    if (ledger.timestamp !== null) parts.push(stampText(bundleNames.checkpoint, bundleNames.timestamp));
    if (ledger.stamped !== null)
      parts.push(`The newest checkpoint had no time stamp yet. An older one has, over the first ${ledger.stamped.size} entries. It is signed as well:

\`\`\`sh
${checkpointSigned(bundleNames.stamped, ledger.stamped.keyId)}
\`\`\`

The entries that were there by then lead to its root, too:

\`\`\`sh
${entriesUnder(bundleNames.stamped, "stamped-path")}
\`\`\`

${stampText(bundleNames.stamped, bundleNames.stampedTimestamp)}`);
  }
  if (policy?.canonical != null) {
    parts.push(`## 6. The policy

policy.json is what was in force when the session began, by the hash in open.json; policy.yaml is the same as it was
written, with its comments:

\`\`\`sh
grep -q "\\"hash\\": *\\"$(sha256sum ${bundleNames.policy} | cut -c 1-64)\\"" open.json
\`\`\`
`);
  }
  parts.push(`## What this proves, and what not

What was checked is what the recorder stored, unaltered since, signed with that key, at the time that the recorder's clock
said. It does not prove that the recorder saw everything that was done at the target, nor, without a checkpoint or a time
stamp from elsewhere, that the operator of the recorder did not make all of it anew with the same key. README.html says
more.
`);
  return parts.join("\n");
}
