// Events to SIEMs among the other parts: a forwarder for each destination, fed by the ledger. A part of the composition
// root, beside main.ts.
import { hostname } from "node:os";
import type { Config, SiemDestination } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import type { LedgerService } from "./ledger/ledger-service.ts";
import { Forwarder, type ForwarderState } from "./siem/forwarder.ts";
import type { MessageOptions } from "./siem/message.ts";
import { SiemPositions } from "./siem/tables.ts";
import { version } from "./version.ts";

export interface SiemService {
  /** In the configuration's order. */
  state(): ForwarderState[];
  /** After the last event, and before the ledger and the database are closed. */
  close(): Promise<void>;
}

export interface SiemParts {
  database: ServiceDatabase;
  ledger: Pick<LedgerService, "ledger" | "lostFrom">;
  alarms: { raise(code: string, message: string, facts: Record<string, unknown>): void; clear(code: string): void };
}

export function openSiem({ siem, recorder }: Config, { database, ledger, alarms }: SiemParts): SiemService {
  const positions = new SiemPositions(database.siem);
  const forwarders = siem.destinations.map(
    (destination) =>
      new Forwarder({
        name: destination.name,
        receiver: destination,
        message: messageOptions(destination),
        recorder: recorder.id,
        ledger: ledger.ledger,
        positions,
        from: destination.from,
        lostFrom: ledger.lostFrom,
        backlog: { events: siem.backlogEvents, seconds: siem.backlogSeconds },
        alarms,
      }),
  );
  for (const forwarder of forwarders) forwarder.start();
  return {
    state: () => forwarders.map((forwarder) => forwarder.state),
    close: async () => {
      await Promise.all(forwarders.map((forwarder) => forwarder.close()));
    },
  };
}

export function messageOptions({ format, maxMessageBytes }: SiemDestination): MessageOptions {
  return { format, maxMessageBytes, hostname: hostname(), version: version() };
}
