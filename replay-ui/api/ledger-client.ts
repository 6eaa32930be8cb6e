// What the page about the ledger asks the service. Loaded with it, its schemas included.
import "../zod-without-eval.ts";
import { LedgerPage, LedgerProof, LedgerState } from "../../shared/api/ledger.ts";
import { query, send } from "./client.ts";

export interface LedgerFilters {
  type?: string | undefined;
  subject?: string | undefined;
  actor?: string | undefined;
}

export async function getLedger(): Promise<LedgerState> {
  return LedgerState.parse(await (await send("GET", "/ledger")).json());
}

export async function listEntries(filters: LedgerFilters, cursor?: number): Promise<LedgerPage> {
  const answer = await send("GET", `/ledger/entries${query({ ...filters, cursor, limit: 100 })}`);
  return LedgerPage.parse(await answer.json());
}

export async function getProof(n: number): Promise<LedgerProof> {
  return LedgerProof.parse(await (await send("GET", `/ledger/entries/${n}/proof`)).json());
}
