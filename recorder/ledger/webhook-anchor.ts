// Anchor to a web address: a POST of {origin, size, note}; any 2xx is an acceptance, and its answer the receipt.
import { readFile } from "node:fs/promises";
import { AppError } from "../../shared/errors.ts";
import type { Anchor } from "./anchor.ts";
import { readBounded } from "./bounded-answer.ts";
import type { LedgerCheckpoint } from "./contract.ts";

const maxAnswerBytes = 4096;

export interface WebhookAnchorOptions {
  url: string;
  origin: string;
  /** A file of lines `Name: value`, sent with each request; read each time, so that it can be renewed. */
  headerFile?: string;
}

export class WebhookAnchor implements Anchor {
  readonly name: string;
  readonly #options: WebhookAnchorOptions;

  constructor(options: WebhookAnchorOptions) {
    // An address may carry a token: it is named without.
    const { origin, pathname } = new URL(options.url);
    this.name = `webhook:${origin}${pathname}`;
    this.#options = options;
  }

  async anchor({ size, note }: LedgerCheckpoint, signal: AbortSignal): Promise<{ receipt: string }> {
    const { url, origin, headerFile } = this.#options;
    const answer = await fetch(url, {
      method: "POST",
      redirect: "error",
      signal,
      headers: { ...(await headersIn(headerFile)), "content-type": "application/json" },
      body: JSON.stringify({ origin, size, note }),
    });
    const body = await readBounded(answer, maxAnswerBytes);
    if (!answer.ok) {
      const text = `it answered ${answer.status}${body.length === 0 ? "" : `: ${body.toString("utf8").slice(0, 200)}`}`;
      throw new AppError("SERVICE_UNREACHABLE", text, { op: "ledger.webhook", retryable: true });
    }
    return { receipt: `${answer.status} ${body.toString("utf8")}`.trim() };
  }
}

async function headersIn(path: string | undefined): Promise<Record<string, string>> {
  if (path === undefined) return {};
  const headers: Record<string, string> = {};
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) headers[name.toLowerCase()] = value;
  }
  return headers;
}
