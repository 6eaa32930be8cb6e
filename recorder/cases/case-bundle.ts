// A case as one file: the evidence bundle of each recording, the imported files as they were given, and all that is known of
// the case, for people and for programs. It is made while it is read, one entry after the other. A recording that cannot be
// had is named with the reason; one that breaks off on the way breaks the file off.
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { Case } from "../../shared/api/cases.ts";
import { AppError } from "../../shared/errors.ts";
import { type ZipEntry, zipOf } from "../export/zip-stream.ts";
import { type CasePageFacts, casePage } from "./case-page.ts";
import type { Imports } from "./imports.ts";

export interface CaseBundleParts {
  of: Case;
  imports: Pick<Imports, "file" | "events">;
  /** Rejects before the first byte where it cannot be had. */
  bundle(session: string): Promise<{ fileName: string; body: Readable }>;
  /** Before the first byte of a recording leaves. */
  leaves(session: string, fileName: string): Promise<void>;
  exportedBy: string;
  exportedAt: string;
}

export function caseFileName({ id }: Pick<Case, "id">): string {
  return `${id}.case.zip`;
}

export function caseBundleOf(parts: CaseBundleParts): Readable {
  return zipOf(entriesOf(parts), new Date(parts.exportedAt));
}

async function* entriesOf(parts: CaseBundleParts): AsyncGenerator<ZipEntry> {
  const { of, imports, exportedBy, exportedAt } = parts;
  const sums: string[] = [];
  const files = new Map<string, { file: string; sha256: string } | { missing: string }>();
  const inFolder = (name: string, content: ZipEntry["content"]): ZipEntry => ({ name: `${of.id}/${name}`, content });
  const small = (name: string, content: string | Uint8Array): ZipEntry => {
    const bytes = Buffer.from(content);
    sums.push(`${createHash("sha256").update(bytes).digest("hex")}  ${name}`);
    return inFolder(name, bytes);
  };

  for (const { session } of of.sessions) {
    // Ids of sessions are letters of a kind that no path is made of.
    const file = `recordings/${session}.evidence.zip`;
    try {
      const { body, fileName } = await parts.bundle(session);
      try {
        await parts.leaves(session, fileName);
      } catch (error) {
        body.destroy();
        throw error;
      }
      const hash = createHash("sha256");
      yield inFolder(file, hashed(body, hash));
      const sha256 = hash.digest("hex");
      sums.push(`${sha256}  ${file}`);
      files.set(session, { file, sha256 });
    } catch (error) {
      if (!(error instanceof AppError) || !leftOut.has(error.code)) throw error;
      files.set(session, { missing: error.message });
    }
  }
  for (const { id, name } of of.imports) yield small(`imports/${id}-${plain(name)}`, (await imports.file(id)).bytes);

  const { events, more } = await imports.events(of.imports, null);
  const { mayChange: _, ...told } = of;
  const facts: CasePageFacts = { of, imported: events, moreImported: more, exportedBy, exportedAt, files };
  const whole = {
    format: "conduit-case-1",
    exportedBy,
    exportedAt,
    case: told,
    files: Object.fromEntries(files),
    imported: events,
    moreImported: more,
  };
  yield small("case.json", `${JSON.stringify(whole, null, 1)}\n`);
  yield small("CASE.html", casePage(facts));
  yield inFolder("SHA256SUMS", Buffer.from(sums.map((line) => `${line}\n`).join("")));
}

/** Not there, or not there yet. */
const leftOut: ReadonlySet<string> = new Set(["REQUEST_NOT_FOUND", "REQUEST_CONFLICT", "STORE_NOT_FOUND"]);

async function* hashed(body: Readable, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
}

/** A name that is a name and no path, wherever it is unpacked. */
function plain(name: string): string {
  const clean = name
    .normalize("NFC")
    .replaceAll(/[^\p{L}\p{N}._ -]/gu, "_")
    .replaceAll(/\.{2,}/g, ".")
    .replaceAll(/^[. ]+|[. ]+$/g, "")
    .slice(0, 80);
  return clean === "" ? "file" : clean;
}
