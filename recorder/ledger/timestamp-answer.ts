// Answers of time stamp authorities (RFC 3161): what one says, over which bytes, and whether it holds. The same checks
// serve when an answer comes and when a verifier meets it years later.
import * as asn1js from "asn1js";
import {
  AlgorithmIdentifier,
  Certificate,
  type ContentInfo,
  ExtKeyUsage,
  MessageImprint,
  SignedData,
  TimeStampReq,
  TimeStampResp,
  TSTInfo,
} from "pkijs";
import { sha256 } from "./node-crypto.ts";

const sha256Oid = "2.16.840.1.101.3.4.2.1";
const keyUsageOid = "2.5.29.37";
/** RFC 3161 §2.3: the one purpose of the certificate that signs. */
const timeStampingOid = "1.3.6.1.5.5.7.3.8";
/** RFC 3161 §2.4.2: granted, and granted with modifications. */
const granted: ReadonlySet<number> = new Set([0, 1]);

/** Why an answer is none, or does not hold, in words that follow its name. */
export class BadTimestamp extends Error {}

export type Authorities = readonly Certificate[];

export interface TimestampAnswer {
  at: Date;
  nonce: Uint8Array | null;
  /** Of what was stamped. */
  imprint: Uint8Array;
  token: SignedData;
}

export function timestampRequest(note: string, nonce: Uint8Array): ArrayBuffer {
  const hashedMessage = new asn1js.OctetString({ valueHex: exact(sha256(Buffer.from(note))) });
  const hashAlgorithm = new AlgorithmIdentifier({ algorithmId: sha256Oid, algorithmParams: new asn1js.Null() });
  const request = new TimeStampReq({
    version: 1,
    messageImprint: new MessageImprint({ hashAlgorithm, hashedMessage }),
    nonce: new asn1js.Integer({ valueHex: exact(nonce) }),
    certReq: true,
  });
  return request.toSchema().toBER();
}

/** BadTimestamp where it is none. Nothing of it is believed yet. */
export function readTimestamp(answer: Uint8Array): TimestampAnswer {
  let status: number;
  let content: ContentInfo | undefined;
  try {
    const response = TimeStampResp.fromBER(exact(answer));
    status = response.status.status;
    content = response.timeStampToken;
  } catch {
    throw new BadTimestamp("is no time stamp");
  }
  if (!granted.has(status) || content === undefined) throw new BadTimestamp(`is a refusal, with status ${status}`);
  try {
    const token = new SignedData({ schema: content.content });
    const info = TSTInfo.fromBER(exact(token.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0)));
    const { hashAlgorithm, hashedMessage } = info.messageImprint;
    const imprint = new Uint8Array(hashedMessage.valueBlock.valueHexView);
    return {
      at: info.genTime,
      nonce: info.nonce === undefined ? null : new Uint8Array(info.nonce.valueBlock.valueHexView),
      imprint: hashAlgorithm.algorithmId === sha256Oid ? imprint : new Uint8Array(0),
      token,
    };
  } catch {
    throw new BadTimestamp("holds no time stamp");
  }
}

export function isStampOf({ imprint }: TimestampAnswer, bytes: Uint8Array): boolean {
  return Buffer.compare(imprint, sha256(bytes)) === 0;
}

/**
 * Its signature, over these bytes; and, where authorities are given, that one of them stands above who signed, as of the
 * time that it states. BadTimestamp where that is not so.
 */
export async function proveTimestamp(
  { token }: TimestampAnswer,
  bytes: Uint8Array,
  authorities: Authorities | null,
): Promise<void> {
  const result = await token
    .verify({
      signer: 0,
      data: exact(bytes),
      checkChain: authorities !== null,
      trustedCerts: [...(authorities ?? [])],
      extendedMode: true,
    })
    .catch((error: { message?: string }) => {
      throw new BadTimestamp(`cannot be verified: ${error.message ?? "no reason given"}`);
    });
  if (result.signatureVerified !== true) throw new BadTimestamp("has a signature that does not hold");
  if (authorities !== null && !isForStamps(result.signerCertificate))
    throw new BadTimestamp("is signed with a certificate that is not for time stamps");
}

/** Else whoever has any certificate of that authority could stamp. */
function isForStamps(certificate: Certificate | null | undefined): boolean {
  const usage = certificate?.extensions?.find(({ extnID }) => extnID === keyUsageOid)?.parsedValue;
  return usage instanceof ExtKeyUsage && usage.keyPurposes.includes(timeStampingOid);
}

/** The certificates of a text in PEM. BadTimestamp where one cannot be read. */
export function authoritiesIn(pem: string): Certificate[] {
  const bodies = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)];
  try {
    return bodies.map(([, base64 = ""]) => Certificate.fromBER(exact(Buffer.from(base64, "base64"))));
  } catch {
    throw new BadTimestamp("has a certificate that cannot be read");
  }
}

/** Its own bytes alone: a Buffer may be a part of a larger one. */
function exact(bytes: Uint8Array | ArrayBuffer): ArrayBuffer {
  return new Uint8Array(bytes).slice().buffer;
}
