// The ledger for auditors: what it has, what vouches for it, and the proof of a single entry.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { LedgerPage, LedgerProof, LedgerQuery, LedgerState } from "../../shared/api/ledger.ts";
import { AppError } from "../../shared/errors.ts";
import type { ApiDeps, LedgerReading } from "./deps.ts";
import { auditReaders } from "./roles.ts";
import { addRoute } from "./route.ts";

const ByNumber = z.strictObject({ n: z.coerce.number().int().nonnegative().max(1e12) });

export function addLedgerRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const ledger = (): LedgerReading => {
    if (deps.ledger !== undefined) return deps.ledger;
    throw new AppError("REQUEST_NOT_FOUND", "this service keeps no ledger", { op: "api.ledger" });
  };

  addRoute(app, {
    method: "GET",
    url: "/ledger",
    access: auditReaders,
    summary: "How far the ledger goes: its head, newest checkpoint, what store and anchors have, and the keys.",
    tag: "ledger",
    response: LedgerState,
    handler: async () => ledger().state(),
  });

  addRoute(app, {
    method: "GET",
    url: "/ledger/entries",
    access: auditReaders,
    summary: "Entries of the ledger, newest first, by type, subject, actor and time.",
    tag: "ledger",
    query: LedgerQuery,
    response: LedgerPage,
    handler: async ({ query }) => ledger().entries(query),
  });

  addRoute(app, {
    method: "GET",
    url: "/ledger/entries/:n/proof",
    access: auditReaders,
    summary: "That an entry is under a signed checkpoint: the line, its inclusion proof, and the checkpoint.",
    tag: "ledger",
    params: ByNumber,
    response: LedgerProof,
    handler: async ({ params }) => ledger().proof(params.n),
  });
}
