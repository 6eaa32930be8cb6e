// Anchor to a SIEM: {origin, size, note} as JSON in a syslog message over TLS with certificates on both sides.
import { hostname } from "node:os";
import { asciiJson, formatMessage, syslogSeverity } from "../siem/rfc5424.ts";
import { type SyslogReceiver, sendOverTls } from "../siem/syslog-tls.ts";
import type { Anchor } from "./anchor.ts";
import type { LedgerCheckpoint } from "./contract.ts";
import { sha256Hex } from "./node-crypto.ts";

export interface SyslogAnchorOptions extends SyslogReceiver {
  origin: string;
}

export class SyslogAnchor implements Anchor {
  readonly name: string;
  readonly #options: SyslogAnchorOptions;

  constructor(options: SyslogAnchorOptions) {
    this.name = `syslog:${options.host}:${options.port}`;
    this.#options = options;
  }

  async anchor(
    { size, note }: LedgerCheckpoint,
    signal: AbortSignal,
  ): Promise<{ receipt: string; receiptSha256: string }> {
    const { origin } = this.#options;
    const message = formatMessage({
      severity: syslogSeverity.notice,
      at: new Date().toISOString(),
      hostname: hostname(),
      msgId: "ledger-checkpoint",
      text: asciiJson({ origin, size, note }),
    });
    await sendOverTls(this.#options, message, signal);
    // No receiver of syslog signs for anything: the hash is of what was sent.
    return { receipt: `sent to ${this.name}`, receiptSha256: sha256Hex(message.toString("utf8")) };
  }
}
