// For auditors: what the service's own verification found, and the retention attestation of a day or a period.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { VerificationState, Verified } from "../../shared/api/verification.ts";
import { AppError } from "../../shared/errors.ts";
import { AttestationQuery, type SignedAttestation } from "../../shared/evidence/attestation.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps, EvidenceReading } from "./deps.ts";
import { attachment } from "./disposition.ts";
import { evidenceReaders } from "./roles.ts";
import { addRoute } from "./route.ts";

const Query = AttestationQuery.extend({
  /** `file`: the very bytes that are signed; `sig`: the signature over them. */
  format: z.enum(["json", "file", "html"]).default("json"),
});

export function addEvidenceRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const evidence = (): EvidenceReading => {
    if (deps.evidence !== undefined) return deps.evidence;
    throw new AppError("REQUEST_NOT_FOUND", "this service verifies nothing by itself", { op: "api.evidence" });
  };

  addRoute(app, {
    method: "GET",
    url: "/verification",
    access: evidenceReaders,
    summary: "What the verification in the background found: how much is up to date, the newest results, and faults.",
    tag: "evidence",
    response: VerificationState,
    handler: () => evidence().verification(),
  });

  addRoute(app, {
    method: "GET",
    url: "/verification/:session",
    access: evidenceReaders,
    summary: "When the recording was last read by the verification in the background, and with what verdict.",
    tag: "evidence",
    params: z.object({ session: z.string().regex(sessionIdPattern) }),
    response: Verified,
    handler: async ({ params }) => {
      const verified = await evidence().verificationOf(params.session);
      if (verified !== null) return verified;
      throw new AppError("REQUEST_NOT_FOUND", "the recording has not been read by the verification yet", {
        op: "api.verification",
      });
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/attestation",
    access: evidenceReaders,
    summary:
      "The retention attestation of a day or period, the last 24 hours by default: json with its signature, the signed file itself, or a page (html).",
    tag: "evidence",
    query: Query,
    response: { contentTypes: ["application/json", "text/html; charset=utf-8"] },
    handler: async ({ me, query, request, reply }) => {
      const { attestation, bytes, signature, sha256, page } = await evidence().attest(query);
      const { from, to } = attestation.period;
      await deps.audit.append({
        actor: me.name,
        action: "attestation.make",
        subject: attestation.recorder,
        address: request.ip,
        details: { from, to, inOrder: attestation.inOrder, sha256 },
      });
      const name = `attestation-${from.slice(0, 10)}-${to.slice(0, 10)}`;
      void reply.header("x-signature", signature.toString("base64")).header("x-sha256", sha256);
      if (query.format === "html") {
        void reply.header("content-disposition", attachment(`${name}.html`));
        return reply.type("text/html; charset=utf-8").send(page());
      }
      if (query.format === "file") {
        void reply.header("content-disposition", attachment(`${name}.json`));
        return reply.type("application/json; charset=utf-8").send(bytes);
      }
      const signed: SignedAttestation = { attestation, sha256, signature: signature.toString("base64") };
      return reply.type("application/json; charset=utf-8").send(JSON.stringify(signed));
    },
  });
}
