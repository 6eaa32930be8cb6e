// Destinations of events: whether each can be reached with its certificates, and when this service's own expires. Sends no
// message; a connection that is ended in order is all that a receiver sees.
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Config, SiemDestination } from "../../config.ts";
import { SyslogConnection } from "../../siem/syslog-tls.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const name = "siem";
const dayMs = 86_400_000;
const soonDays = 30;

export async function checkSiem({ siem }: Config, signal: AbortSignal): Promise<Check[]> {
  const checks = await Promise.all(siem.destinations.map((destination) => examine(destination, signal)));
  return checks.flat();
}

async function examine(destination: SiemDestination, signal: AbortSignal): Promise<Check[]> {
  const where = `${destination.name} (${destination.host}:${destination.port})`;
  try {
    const connection = await SyslogConnection.open(destination, signal);
    try {
      await connection.finish(signal);
    } finally {
      connection.destroy();
    }
  } catch (error) {
    return [fail(name, `${destination.name}: ${(error as Error).message}`, "See docs/siem.md.")];
  }
  const { validTo } = new X509Certificate(await readFile(destination.certificateFile));
  const days = Math.floor((Date.parse(validTo) - Date.now()) / dayMs);
  const message = `${where} takes this service's certificate, which expires in ${days} days`;
  if (days < soonDays)
    return [warn(name, message, "Renew it; the running service takes the new files with its next connection.")];
  return [ok(name, message)];
}
