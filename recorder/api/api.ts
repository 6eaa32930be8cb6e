// The HTTP API under /api/v1 and the UI beside it. It knows its dependencies only through ApiDeps.
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import cookie from "@fastify/cookie";
import Fastify, { type FastifyInstance, LogController } from "fastify";
import { addActivityRoutes } from "./activity-routes.ts";
import { addCaseRoutes } from "./case-routes.ts";
import { closeConnectionsInTime } from "./connections.ts";
import { addControlRoutes } from "./control-routes.ts";
import type { ApiDeps } from "./deps.ts";
import { addEvidenceRoutes } from "./evidence-routes.ts";
import { addHoldRoutes } from "./hold-routes.ts";
import { addKeyRoutes } from "./key-routes.ts";
import { addLedgerRoutes } from "./ledger-routes.ts";
import { addMfaRoutes } from "./mfa-routes.ts";
import { addMyAccessRoutes } from "./my-access-routes.ts";
import { addOidcRoutes } from "./oidc-routes.ts";
import { addOpenApiRoute, describeRoutes } from "./openapi.ts";
import { addOperationRoutes } from "./operation-routes.ts";
import { addPasskeyRoutes } from "./passkey-routes.ts";
import { addPeopleRoutes } from "./people-routes.ts";
import { addPictureRoutes } from "./picture-routes.ts";
import { addPolicyRoutes } from "./policy-routes.ts";
import { addProbes } from "./probes.ts";
import { pathOf, problemOf, sendProblem } from "./problems.ts";
import { addRecordingRoutes } from "./recording-routes.ts";
import { addReportRoutes } from "./report-routes.ts";
import { addRequestRoutes } from "./request-routes.ts";
import { requireAccessOnEveryRoute } from "./route.ts";
import { addScreenRoutes } from "./screen-routes.ts";
import { addSearchRoutes } from "./search-routes.ts";
import { addSecurity, setHeaders } from "./security.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { addStaticUi } from "./static-ui.ts";
import { addTokenRoutes } from "./token-routes.ts";
import { KnownAddresses } from "./unrouted.ts";
import { takeUpgrades } from "./upgrades.ts";
import { viewLogOf } from "./view-log.ts";
import { addWatchRoutes } from "./watch-routes.ts";

export type { ApiDeps } from "./deps.ts";

const defaultBodyLimit = 64 * 1024;

export async function createApi(deps: ApiDeps): Promise<FastifyInstance> {
  const app = Fastify({
    ...(deps.logger === undefined ? { logger: false } : { loggerInstance: deps.logger }),
    ...(deps.tls === undefined ? {} : { https: { ...deps.tls, minVersion: "TLSv1.2" as const } }),
    trustProxy:
      deps.trustedProxies === undefined || deps.trustedProxies.length === 0 ? false : [...deps.trustedProxies],
    bodyLimit: defaultBodyLimit,
    // For the request to arrive; an answer (a long replay, a large export) may take as long as it takes.
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: "idle",
    frameworkErrors: (error, request, reply) => {
      setHeaders(request, reply, deps.transport);
      sendProblem(request, reply, error);
    },
    clientErrorHandler: answerMalformed,
  }) as unknown as FastifyInstance;
  const addresses = new KnownAddresses();
  requireAccessOnEveryRoute(app);
  addresses.watch(app);
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, error));
  app.setNotFoundHandler((request, reply) => addresses.answer(request, reply));
  await app.register(cookie);
  addSecurity(app, deps);
  closeConnectionsInTime(app);
  takeUpgrades(app);
  logRequests(app);
  await describeRoutes(app, deps);
  addProbes(app, deps);
  await app.register(
    async (api) => {
      addOidcRoutes(api, deps, addSessionRoutes(api, deps));
      addMfaRoutes(api, deps);
      addPasskeyRoutes(api, deps);
      addTokenRoutes(api, deps);
      const views = viewLogOf(deps);
      api.addHook("onClose", () => views.close());
      addRecordingRoutes(api, deps, views);
      addKeyRoutes(api, deps, views);
      addSearchRoutes(api, deps, views);
      addActivityRoutes(api, deps, views);
      addPictureRoutes(api, deps);
      addHoldRoutes(api, deps);
      addCaseRoutes(api, deps, views);
      addOperationRoutes(api, deps);
      addControlRoutes(api, deps);
      addScreenRoutes(api, deps);
      addWatchRoutes(api, deps);
      addRequestRoutes(api, deps);
      addMyAccessRoutes(api, deps);
      addReportRoutes(api, deps);
      addLedgerRoutes(api, deps);
      addEvidenceRoutes(api, deps);
      addPeopleRoutes(api, deps);
      addPolicyRoutes(api, deps);
      addOpenApiRoute(api);
    },
    { prefix: "/api/v1" },
  );
  if (deps.staticDirectory !== undefined) await addStaticUi(app, deps.staticDirectory, addresses);
  return app;
}

/** One line a request; what was asked for in the query stays out. Reads that went well are for debugging only. */
function logRequests(app: FastifyInstance): void {
  app.addHook("onResponse", async (request, reply) => {
    const quiet = reply.statusCode < 400 && (request.method === "GET" || request.method === "HEAD");
    request.log[quiet ? "debug" : "info"](
      {
        method: request.method,
        path: pathOf(request.url),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        address: request.ip,
        ...(request.signedIn === null ? {} : { person: request.signedIn.name }),
      },
      "request",
    );
  });
}

/** What is not HTTP at all gets its problem document too, and the connection ends. */
function answerMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return;
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  const body = JSON.stringify(problemOf({ statusCode: status }, "/").problem);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      "content-type: application/problem+json; charset=utf-8",
      `content-length: ${Buffer.byteLength(body)}`,
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
