// An event as the syslog message that goes out, no longer than the receiver takes. Invariant: what is cut is named in the
// message, and who, what, when and which entry are in every one.
import { cefText } from "./cef.ts";
import type { Severity } from "./classes.ts";
import { eventId, type SiemEvent } from "./event.ts";
import { ocsfText } from "./ocsf.ts";
import { formatMessage, ownElement, type SyslogSeverity, syslogSeverity, wellFormed } from "./rfc5424.ts";

export type SiemFormat = "ocsf" | "cef";

export interface MessageOptions {
  format: SiemFormat;
  /** Bytes of a message, without its frame; at least `leastMessageBytes`. */
  maxMessageBytes: number;
  hostname: string;
  /** Of this service. */
  version: string;
}

/** RFC 5424 §6.1: every receiver should take so much. */
export const leastMessageBytes = 2048;

const priorities: Readonly<Record<Severity, SyslogSeverity>> = {
  1: syslogSeverity.informational,
  2: syslogSeverity.notice,
  3: syslogSeverity.warning,
  4: syslogSeverity.error,
  5: syslogSeverity.critical,
};

/** Characters that a value keeps, in turn; at last facts go, too. */
const allowances = [Number.POSITIVE_INFINITY, 1000, 200, 60, 24] as const;
const mark = "...";

export function messageOf(event: SiemEvent, options: MessageOptions): Buffer {
  for (const allowance of allowances) {
    const message = format(...shortened(event, allowance), options);
    if (message.length <= options.maxMessageBytes) return message;
  }
  const [short, cut] = shortened(event, 8);
  return format({ ...short, facts: {} }, [...cut.filter((name) => !(name in event.facts)), "facts"], options);
}

function format(event: SiemEvent, cut: string[], { format, hostname, version }: MessageOptions): Buffer {
  const text = format === "ocsf" ? ocsfText(event, version, cut) : cefText(event, version, cut);
  const own = { id: eventId(event), n: String(event.n), format, ...(cut.length === 0 ? {} : { cut: "yes" }) };
  return formatMessage({
    severity: priorities[event.mapping.severity],
    at: event.at,
    hostname,
    msgId: event.action,
    // RFC 5424 §7.3.1: from 1, and again from 1 after 2^31 - 1.
    structuredData: { meta: { sequenceId: String((event.n % 2147483647) + 1) }, [ownElement]: own },
    text,
  });
}

function shortened(event: SiemEvent, allowance: number): [SiemEvent, string[]] {
  const cut: string[] = [];
  const short = (name: string, value: string) => {
    if (value.length <= allowance) return value;
    cut.push(name);
    return `${wellFormed(value.slice(0, allowance))}${mark}`;
  };
  const facts = Object.fromEntries(
    Object.entries(event.facts).map(([name, value]) => [name, typeof value === "string" ? short(name, value) : value]),
  );
  const { actor, subject, address, action } = event;
  const rest = {
    actor: short("actor", actor),
    subject: short("subject", subject),
    address: address === null ? null : short("address", address),
    // A type of the ledger has up to 200 characters, and none that this service writes more than 40.
    action: action.length <= 40 ? action : short("action", action),
  };
  return [{ ...event, facts, ...rest }, cut];
}
