// Anchor to a time stamp authority (RFC 3161): it signs that a checkpoint existed at its time. The answer is checked before
// it counts, and kept as it came, so that `openssl ts -verify` can check it years later.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as asn1js from "asn1js";
import {
  AlgorithmIdentifier,
  Certificate,
  type ContentInfo,
  MessageImprint,
  SignedData,
  TimeStampReq,
  TimeStampResp,
  TSTInfo,
} from "pkijs";
import { AppError } from "../../shared/errors.ts";
import type { Anchor } from "./anchor.ts";
import { readBounded } from "./bounded-answer.ts";
import type { LedgerCheckpoint } from "./contract.ts";
import { sha256, sha256Hex } from "./node-crypto.ts";

export interface TimestampAnchorOptions {
  url: string;
  /** Certificates in PEM that the authority's leads to; left out: who signed is not checked here. */
  caFile?: string;
  everyMs: number;
  /** Durable when it resolves. */
  keep(size: number, answer: Uint8Array): Promise<void>;
}

const sha256Oid = "2.16.840.1.101.3.4.2.1";
const maxAnswerBytes = 256 * 1024;
const nonceBytes = 8;
/** RFC 3161 §2.4.2: granted, and granted with modifications. */
const granted: ReadonlySet<number> = new Set([0, 1]);

export class TimestampAnchor implements Anchor {
  readonly name: string;
  readonly everyMs: number;
  readonly #options: TimestampAnchorOptions;

  constructor(options: TimestampAnchorOptions) {
    const { origin, pathname } = new URL(options.url);
    this.name = `timestamp:${origin}${pathname}`;
    this.everyMs = options.everyMs;
    this.#options = options;
  }

  async anchor(
    { size, note }: LedgerCheckpoint,
    signal: AbortSignal,
  ): Promise<{ receipt: string; receiptSha256: string }> {
    const { url, caFile, keep } = this.#options;
    const nonce = randomBytes(nonceBytes);
    // Else it would be read as a negative number.
    nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
    const response = await fetch(url, {
      method: "POST",
      redirect: "error",
      signal,
      headers: { "content-type": "application/timestamp-query", accept: "application/timestamp-reply" },
      body: new Uint8Array(requestFor(note, nonce)),
    });
    const answer = await readBounded(response, maxAnswerBytes);
    if (!response.ok) throw refused(`it answered ${response.status}`);
    const trusted = caFile === undefined ? null : certificatesIn(await readFile(caFile, "utf8"));
    const at = await checkedTime(answer, note, nonce, trusted);
    await keep(size, answer);
    return { receipt: at.toISOString(), receiptSha256: sha256Hex(answer) };
  }
}

function requestFor(note: string, nonce: Uint8Array): ArrayBuffer {
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

/** When the authority says that it was. SERVICE_UNREACHABLE where its answer is none to this request. */
async function checkedTime(
  answer: Uint8Array,
  note: string,
  nonce: Uint8Array,
  trusted: Certificate[] | null,
): Promise<Date> {
  const { info, token } = read(answer);
  const { hashAlgorithm, hashedMessage } = info.messageImprint;
  const stamped = new Uint8Array(hashedMessage.valueBlock.valueHexView);
  if (hashAlgorithm.algorithmId !== sha256Oid || Buffer.compare(stamped, sha256(Buffer.from(note))) !== 0)
    throw refused("its time stamp is not over this checkpoint");
  const answered = info.nonce?.valueBlock.valueHexView;
  if (answered === undefined || Buffer.compare(new Uint8Array(answered), nonce) !== 0)
    throw refused("its time stamp answers another request");
  const holds = await token
    .verify({
      signer: 0,
      data: exact(Buffer.from(note)),
      checkChain: trusted !== null,
      trustedCerts: trusted ?? [],
    })
    .catch((error: { message?: string }) => {
      throw refused(`its time stamp cannot be verified: ${error.message ?? "no reason given"}`);
    });
  if (!holds) throw refused("the signature of its time stamp does not hold");
  return info.genTime;
}

function read(answer: Uint8Array): { info: TSTInfo; token: SignedData } {
  let status: number;
  let content: ContentInfo | undefined;
  try {
    const response = TimeStampResp.fromBER(exact(answer));
    status = response.status.status;
    content = response.timeStampToken;
  } catch {
    throw refused("its answer is no time stamp");
  }
  if (!granted.has(status) || content === undefined) throw refused(`it refused the time stamp with status ${status}`);
  try {
    const token = new SignedData({ schema: content.content });
    const info = token.encapContentInfo.eContent;
    return { info: TSTInfo.fromBER(exact(info?.getValue() ?? new ArrayBuffer(0))), token };
  } catch {
    throw refused("its answer holds no time stamp");
  }
}

function certificatesIn(pem: string): Certificate[] {
  const bodies = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)];
  return bodies.map(([, base64 = ""]) => Certificate.fromBER(exact(Buffer.from(base64, "base64"))));
}

/** Its own bytes alone: a Buffer may be a part of a larger one. */
function exact(bytes: Uint8Array | ArrayBuffer): ArrayBuffer {
  return new Uint8Array(bytes).slice().buffer;
}

function refused(why: string): AppError {
  return new AppError("SERVICE_UNREACHABLE", why, { op: "ledger.timestamp", retryable: true });
}
