// Every stored byte of a recording in one ZIP file, with the public key and the two commands that verify it. Entries are
// stored uncompressed (segments are compressed already) and carry the recording's time, so the same recording makes the
// same file. What is missing is named in MISSING.txt, what is altered in INTEGRITY.txt: a damaged recording must be able
// to leave as it is.
import { createHash } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import yazl from "yazl";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { ExportSource } from "./segment-source.ts";

export interface BundleKey {
  keyId: string;
  publicKeyPem: string;
}

export const signedNames = ["open.json", "open.json.sig", "manifest.json", "manifest.json.sig", "SHA256SUMS"];

/** @param damaged hears, before the last bytes leave, what does not hold or is missing, if anything. */
export function bundleOf(
  source: ExportSource,
  index: RecordingIndex,
  keys: readonly BundleKey[],
  damaged: (texts: readonly string[]) => void = () => {},
): Readable {
  const zip = new yazl.ZipFile();
  const folder = `${index.session}/`;
  const options = { compress: false, mtime: new Date(index.startedAt), mode: 0o100444 };
  const output = new PassThrough();
  const missing: string[] = [];
  const faults = [...(index.faults ?? [])];
  const hashes = new Map(index.segments.map((segment) => [segment.name, segment.sha256]));
  const fail = (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error)));
  const add = (name: string, read: () => Promise<Uint8Array>) => {
    zip.addReadStreamLazy(folder + name, options, (take) => {
      read().then(
        (bytes) => take(null, Readable.from([Buffer.from(bytes)])),
        (error: unknown) => take(error, Readable.from([])),
      );
    });
  };
  zip.on("error", fail);
  const stored = (name: string) => async (): Promise<Uint8Array> => {
    try {
      const bytes = await source.object(index.session, name);
      const hash = hashes.get(name);
      if (hash !== undefined && createHash("sha256").update(bytes).digest("hex") !== hash)
        faults.push(`${name} does not have the hash that manifest.json names`);
      return bytes;
    } catch (error) {
      if (!(error instanceof AppError && error.code === "REQUEST_NOT_FOUND")) throw error;
      missing.push(name);
      return new Uint8Array();
    }
  };
  for (const name of [...signedNames, ...index.segments.map((segment) => segment.name)]) add(name, stored(name));
  for (const key of keys) add(`keys/${key.keyId}.pub.pem`, async () => Buffer.from(key.publicKeyPem));
  add("VERIFY.txt", async () => Buffer.from(verifyText(keys)));
  // Read last, when it is known what was missing.
  add("MISSING.txt", async () =>
    Buffer.from(missing.length === 0 ? "Nothing is missing.\n" : `${missing.join("\n")}\n`),
  );
  add("INTEGRITY.txt", async () => {
    const all = [...faults, ...missing.map((name) => `${name} is missing`)];
    if (all.length > 0) damaged(all);
    return Buffer.from(integrityText(all));
  });
  zip.end();
  const entries = zip.outputStream as PassThrough;
  entries.on("error", fail);
  output.on("close", () => entries.destroy());
  return entries.pipe(output);
}

function integrityText(all: readonly string[]): string {
  if (all.length === 0)
    return "When this file was made, signatures, chain and hashes held. Do not rely on it: see VERIFY.txt.\n";
  return `WARNING: this recording is no proof of what it shows.\n\n${all.map((fault) => `  ${fault}\n`).join("")}`;
}

function verifyText(keys: readonly BundleKey[]): string {
  const keyId = keys[0]?.keyId ?? "KEYID";
  return [
    "To verify this recording with standard tools alone, in this folder:",
    "",
    "  sha256sum -c SHA256SUMS",
    `  openssl pkeyutl -verify -pubin -inkey keys/${keyId}.pub.pem -rawin -in manifest.json -sigfile manifest.json.sig`,
    `  openssl pkeyutl -verify -pubin -inkey keys/${keyId}.pub.pem -rawin -in open.json -sigfile open.json.sig`,
    "",
    "The key in this file proves nothing by itself: compare it with the one that the recorder's operator publishes.",
    "",
  ].join("\n");
}
