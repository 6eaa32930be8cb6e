// A syslog message as RFC 5424 writes it, in the frame of RFC 5425. Invariant: whatever the fields hold, the receiver finds
// exactly one message, with the fields where they belong.

/** RFC 5424 §6.2.1; 13 is the log audit. */
export const auditFacility = 13;
export const syslogSeverity = { critical: 2, error: 3, warning: 4, notice: 5, informational: 6 } as const;
export type SyslogSeverity = (typeof syslogSeverity)[keyof typeof syslogSeverity];

/** Of the messages of this service. */
export const appName = "conduit-recorder";
/** Private elements carry an enterprise number; 32473 is the one of RFC 5612, which belongs to nobody. */
export const ownElement = "conduit@32473";

export interface SyslogMessage {
  severity: SyslogSeverity;
  /** RFC 3339 in UTC, with at most six decimals. */
  at: string;
  hostname: string;
  msgId: string;
  /** By SD-ID: one that IANA registered, or `name@enterprise`. Values may be any text. */
  structuredData?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  text: string;
}

const byteOrderMark = "\u{FEFF}";

export function formatMessage(message: SyslogMessage): Buffer {
  const header = [
    `<${auditFacility * 8 + message.severity}>1`,
    message.at,
    headerField(message.hostname, 255),
    appName,
    headerField(String(process.pid), 128),
    headerField(message.msgId, 32),
    structured(message.structuredData ?? {}),
  ];
  // §6.4: UTF-8 is announced by the mark; plain ASCII needs none, and some receivers show it as dirt.
  const begin = /^\p{ASCII}*$/u.test(message.text) ? "" : byteOrderMark;
  return Buffer.from(`${header.join(" ")} ${begin}${message.text}`, "utf8");
}

/** RFC 5425 §4.3: the length in bytes before each message, so that it may hold line feeds. */
export function frame(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `, "ascii"), message]);
}

/** Printable ASCII without spaces; `-` stands for nothing. */
function headerField(value: string, max: number): string {
  const kept = value.replace(/[^\x21-\x7e]/g, "").slice(0, max);
  return kept === "" ? "-" : kept;
}

function structured(elements: NonNullable<SyslogMessage["structuredData"]>): string {
  const written = Object.entries(elements).map(([id, params]) => {
    const pairs = Object.entries(params).map(([name, value]) => ` ${sdName(name)}="${paramValue(value)}"`);
    return `[${sdName(id)}${pairs.join("")}]`;
  });
  return written.length === 0 ? "-" : written.join("");
}

/** §6.3.2: at most 32 printable characters, and none that ends a name. */
function sdName(name: string): string {
  const kept = name.replace(/[^\x21-\x7e]|[="\]]/g, "").slice(0, 32);
  return kept === "" ? "_" : kept;
}

/** §6.3.3; control characters besides, which a receiver that cuts at line feeds would stumble over. */
function paramValue(value: string): string {
  return visible(value).replace(/["\\\]]/g, "\\$&");
}

/** Control, formatting (bidi) and line-separating characters as what they are called. */
export function visible(text: string): string {
  return wellFormed(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/** Half a surrogate pair is no character, and becomes U+FFFD. */
export function wellFormed(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}

/** JSON in ASCII: receivers differ in what they do to other characters, and to half a surrogate pair. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
