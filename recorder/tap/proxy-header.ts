// The header that a balancer puts before a connection's first byte: PROXY protocol, version 1 (a line of text) and 2 (binary),
// as HAProxy specifies them (doc/proxy-protocol.txt §2). Invariant: not a byte beyond the header is looked at, and what is
// not exactly a header is refused.
import { isIPv4, isIPv6 } from "node:net";
import { AppError } from "../../shared/errors.ts";

export interface ProxyHeader {
  /** Length in bytes. */
  bytes: number;
  /** Whom the balancer speaks for; null: for itself (health checks), or for what has no address. */
  source: { address: string; port: number } | null;
}

/** §2.1: the longest line, with its end. */
const maxLineBytes = 107;
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const fixedBytes = 16;
/** Addresses and extensions; what balancers send is a tenth of this. */
const maxBodyBytes = 2048;
export const maxHeaderBytes = fixedBytes + maxBodyBytes;

/** Null: more bytes are needed. PROTOCOL_MALFORMED: this is no header. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (bytes.length === 0) return null;
  return bytes[0] === signature[0] ? parseBinary(bytes) : parseLine(bytes);
}

function parseLine(bytes: Buffer): ProxyHeader | null {
  const begun = "PROXY ";
  const shown = bytes.toString("latin1", 0, Math.min(bytes.length, maxLineBytes));
  if (!shown.startsWith(begun.slice(0, shown.length))) throw malformed("it begins with neither version's first bytes");
  const end = shown.indexOf("\r\n");
  if (end < 0) {
    if (bytes.length >= maxLineBytes) throw malformed("its line is too long");
    if (/[^\x20-\x7e\r]|\r./s.test(shown)) throw malformed("its line has other than printable characters");
    return null;
  }
  const line = shown.slice(0, end);
  const header = { bytes: end + 2 };
  // What follows is not to be looked at.
  if (/^PROXY UNKNOWN(?: [\x20-\x7e]*)?$/.test(line)) return { ...header, source: null };
  const words = line.split(" ");
  const [, family, source = "", destination = "", sourcePort = "", destinationPort = ""] = words;
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isPlainIPv6 : null;
  if (words.length !== 6 || isAddress === null) throw malformed("its line is not of six words with TCP4 or TCP6");
  if (!isAddress(source) || !isAddress(destination)) throw malformed("an address in its line is none");
  if (!isPort(sourcePort) || !isPort(destinationPort)) throw malformed("a port in its line is none");
  return { ...header, source: { address: source.toLowerCase(), port: Number(sourcePort) } };
}

const isPlainIPv6 = (text: string) => !text.includes("%") && isIPv6(text);
const isPort = (text: string) => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;

function parseBinary(bytes: Buffer): ProxyHeader | null {
  const begun = bytes.subarray(0, signature.length);
  if (!begun.equals(signature.subarray(0, begun.length))) throw malformed("its signature is not version 2's");
  if (bytes.length < fixedBytes) return null;
  const versionAndCommand = bytes.readUInt8(12);
  const familyAndTransport = bytes.readUInt8(13);
  const bodyBytes = bytes.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2) throw malformed("its version is not 2");
  const command = versionAndCommand & 0x0f;
  if (command > 1) throw malformed("its command is neither LOCAL nor PROXY");
  if (bodyBytes > maxBodyBytes) throw malformed("it is too long");
  const total = fixedBytes + bodyBytes;
  if (bytes.length < total) return null;
  const body = bytes.subarray(fixedBytes, total);
  // LOCAL: whatever stands there is not to be looked at.
  if (command === 0 || familyAndTransport === 0x00) return { bytes: total, source: null };
  if (familyAndTransport === 0x11) return { bytes: total, source: addressOf(body, 4) };
  if (familyAndTransport === 0x21) return { bytes: total, source: addressOf(body, 16) };
  throw malformed("it is not for TCP over IPv4 or IPv6");
}

function addressOf(body: Buffer, size: 4 | 16): { address: string; port: number } {
  if (body.length < 2 * size + 4) throw malformed("it is too short for its addresses");
  return { address: addressText(body.subarray(0, size)), port: body.readUInt16BE(2 * size) };
}

/** IPv6 in the form of RFC 5952, as sockets show it. */
function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function malformed(why: string): AppError {
  return new AppError("PROTOCOL_MALFORMED", `A balancer's PROXY header is not one: ${why}.`, { op: "proxy.header" });
}
