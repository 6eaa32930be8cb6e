// The numbers of RFB's security types (RFC 6143 §7.1.2, IANA's registry) and VeNCrypt's subtypes, by name. What is in no
// table of ours is named by its number in messages.
import type { VncSecurity } from "../../../shared/policy/policy.ts";

export const securityType = { invalid: 0, none: 1, vncAuth: 2, tight: 16, veNCrypt: 19 } as const;

export const veNCrypt = {
  plain: 256,
  tlsNone: 257,
  tlsVnc: 258,
  tlsPlain: 259,
  x509None: 260,
  x509Vnc: 261,
  x509Plain: 262,
} as const;

/** What follows inside TLS, and how the server proves itself. */
export interface VeNCryptType {
  tls: "x509" | "anonymous";
  inside: "none" | "vnc-auth" | "plain";
}

export const veNCryptTypes: ReadonlyMap<number, VeNCryptType & { name: VncSecurity }> = new Map([
  [veNCrypt.x509Plain, { name: "x509-plain", tls: "x509", inside: "plain" }],
  [veNCrypt.x509Vnc, { name: "x509-vnc", tls: "x509", inside: "vnc-auth" }],
  [veNCrypt.x509None, { name: "x509-none", tls: "x509", inside: "none" }],
  [veNCrypt.tlsPlain, { name: "tls-plain", tls: "anonymous", inside: "plain" }],
  [veNCrypt.tlsVnc, { name: "tls-vnc", tls: "anonymous", inside: "vnc-auth" }],
  [veNCrypt.tlsNone, { name: "tls-none", tls: "anonymous", inside: "none" }],
]);

const typeNames: Record<number, string> = {
  1: "None",
  2: "VncAuth",
  5: "RA2",
  6: "RA2ne",
  13: "RA2 with AES-256",
  16: "Tight",
  17: "UltraVNC",
  18: "TLS (anonymous, of its own)",
  19: "VeNCrypt",
  20: "SASL",
  21: "MD5 hash",
  22: "Colin Dean xvp",
  30: "Apple Remote Desktop",
  35: "Apple (macOS)",
  113: "MS-Logon II",
  129: "RA2-256",
  130: "RA2ne-256",
};

const veNCryptNames: Record<number, string> = {
  256: "Plain without TLS",
  257: "TLSNone",
  258: "TLSVnc",
  259: "TLSPlain",
  260: "X509None",
  261: "X509Vnc",
  262: "X509Plain",
  263: "TLSSASL",
  264: "X509SASL",
  265: "Ident",
  266: "TLSIdent",
  267: "X509Ident",
};

export function securityName(type: number): string {
  return typeNames[type] ?? `type ${type}`;
}

export function veNCryptName(type: number): string {
  return `VeNCrypt ${veNCryptNames[type] ?? `subtype ${type}`}`;
}
