// `conduit recordings export`: a recording as a file to take away.
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type Command, Option } from "commander";
import { ExportFormat, type PictureFormat } from "../../../shared/api/types.ts";
import type { BundleDataKeys } from "../../../shared/bundle/format.ts";
import { AppError } from "../../../shared/errors.ts";
import { RecordingExporter } from "../../export/export.ts";
import type { Cli } from "../cli.ts";
import { type Archive, inArchive, provenIndexOf, resolveSession, terminalTrack, trustedKeys } from "./archive.ts";
import { evidenceIn } from "./bundle-evidence.ts";
import { channelOption, reasonOption, sessionArgument, unverifiedOption } from "./common-options.ts";
import {
  addPictureOptions,
  exportPicture,
  isPicture,
  type PictureOptions,
  pictureFormats,
  refuseStrayOptions,
  warnOfDamage,
} from "./export-video.ts";
import { intoFile, placeFor } from "./into-file.ts";

interface ExportOptions extends PictureOptions {
  format: ExportFormat | PictureFormat;
  output?: string;
  channel?: number;
  force?: boolean;
  unverified?: boolean;
  bundle?: boolean;
  withKeys?: boolean;
}

export function registerExport(recordings: Command, cli: Cli): void {
  const command = recordings
    .command("export")
    .description("export as video, picture, asciicast, plain text, JSON lines of all tracks, or a verifiable zip")
    .addArgument(sessionArgument())
    .addOption(
      new Option("-f, --format <format>", "what to make")
        .choices([...ExportFormat.options, ...pictureFormats])
        .default("zip"),
    )
    .option(
      "--with-keys",
      "a bundle of an encrypted recording: put its keys in, so that whoever has the file can read it",
    )
    .option("--bundle", "the same as --format bundle: an evidence bundle, with a page that checks and plays it")
    .option(
      "-o, --output <file>",
      "file to write, - for standard output (default: a name made of person, target and time)",
    )
    .option("--force", "replace an existing file")
    .addOption(channelOption())
    .addOption(unverifiedOption())
    .addOption(reasonOption());
  addPictureOptions(command)
    .addHelpText(
      "after",
      `
Formats:
  cast   one channel, for asciinema play
  txt    one channel as plain text
  jsonl  all tracks in order of time, one event a line
  zip    the stored files as they are, with signatures and checksums: verifies with sha256sum and openssl alone
  bundle all of that with the ledger's proofs, the custody log, the policy, a README for a court, and a page that plays it
         from a disk
  mp4, webm, gif   one channel, terminal or screen, as video (needs Debian's package ffmpeg)
  png    one picture of it, exactly as it was recorded: --at

Examples:
  $ conduit recordings export latest -f cast -o session.cast
  $ conduit recordings export latest --bundle --reason "case 2026-114"
  $ conduit recordings export latest -f mp4 --speed 4 --skip-idle --burn-in time,person,target,keys
  $ conduit recordings export latest -f png --at 1:30
  $ conduit recordings export latest -f txt --from 12:30 --to 14:00`,
    )
    .action(async (text: string, options: ExportOptions, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        if (options.bundle === true) options.format = "bundle";
        refuseStrayOptions(options, options.format);
        const placeOf = (fileName: string) => placeFor(cli, options.output, fileName, options.force === true);
        const session = await resolveSession(archive, text);
        // A zip leaves as it is stored and says inside what is wrong.
        const unverified = options.unverified === true || ["zip", "bundle"].includes(options.format);
        const index = await provenIndexOf(cli, archive, session, unverified);
        if (isPicture(options.format)) {
          await exportPicture(cli, archive, index, options.format, options.channel, options, placeOf);
          return;
        }
        const single = options.format === "cast" || options.format === "txt";
        const track = single ? terminalTrack(index, options.channel).name : undefined;
        const keys = () =>
          [...trustedKeys(archive.config, [])].map(([keyId, publicKeyPem]) => ({ keyId, publicKeyPem }));
        const dataKeys = options.withKeys === true ? await dataKeysFor(archive, session, options.format) : undefined;
        const exporter = new RecordingExporter(archive.opened, keys, { evidence: evidenceIn(cli, archive) });
        let damage: readonly string[] = [];
        const damaged = (texts: readonly string[]) => {
          damage = texts;
        };
        const { body, fileName, inLog } = await exporter.export(session, options.format, track, {
          fromUs: options.from,
          toUs: options.to,
          unverified,
          dataKeys,
          damaged,
        });
        const place = placeOf(fileName);
        await archive.audit("recording.export", session, {
          format: options.format,
          ...(track === undefined ? {} : { track }),
          ...inLog,
          ...(dataKeys === undefined ? {} : { withKeys: Object.keys(dataKeys) }),
        });
        if (place.path === null) {
          for await (const chunk of body) {
            await cli.out.write(chunk as Uint8Array);
            if (cli.out.closed) break;
          }
        } else {
          await intoFile(cli, place, (file) =>
            pipeline(body, createWriteStream(file, { flush: true }), { signal: cli.signal }),
          );
          cli.out.line(place.path);
        }
        warnOfDamage(cli, damage, index, "the file holds it as it is, and says so in INTEGRITY.txt");
      });
    });
}

/** REQUEST_CONFLICT where there is nothing to put in. */
async function dataKeysFor(archive: Archive, session: string, format: string): Promise<BundleDataKeys> {
  const { keys } = await archive.opened.keys(session, ["content", "input"]);
  const { content, input } = keys;
  if (format !== "bundle" || (content ?? input) === undefined) {
    const why = format === "bundle" ? "the service has no keys of this recording" : "keys are put into bundles alone";
    throw new AppError("REQUEST_CONFLICT", `${why}; leave out --with-keys`, { op: "cli.export" });
  }
  const text = (key: Uint8Array) => Buffer.from(key).toString("base64");
  return {
    ...(content === undefined ? {} : { content: text(content) }),
    ...(input === undefined ? {} : { input: text(input) }),
  };
}
