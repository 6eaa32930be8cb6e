// The service's log: pino, one JSON line an event, on standard error. Standard output is for people.
import { destination, type Logger, pino } from "pino";
import type { Config } from "../config.ts";

/** Names under which a secret could be logged by mistake, two levels deep. */
const secretKeys = [
  "password",
  "passphrase",
  "privateKey",
  "secret",
  "secretAccessKey",
  "token",
  "credential",
  "cookie",
];

export function createLogger(config: Config, to: { file?: string } = {}): Logger {
  return pino(
    {
      level: config.log.level,
      base: { recorderId: config.recorder.id },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: "[secret]" },
    },
    destination(to.file === undefined ? { fd: 2, sync: true } : { dest: to.file, sync: true, mkdir: true }),
  );
}
