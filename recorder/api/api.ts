// The HTTP API under /api/v1 and the UI beside it. It knows its dependencies only through ApiDeps.
import cookie from "@fastify/cookie";
import Fastify, { type FastifyInstance } from "fastify";
import { AppError } from "../../shared/errors.ts";
import type { ApiDeps } from "./deps.ts";
import { addOperationRoutes } from "./operation-routes.ts";
import { sendProblem } from "./problems.ts";
import { addRecordingRoutes } from "./recording-routes.ts";
import { requireAccessOnEveryRoute } from "./route.ts";
import { addSecurity, isLoopback } from "./security.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { addStaticUi, answerNotFound } from "./static-ui.ts";

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
    disableRequestLogging: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: false },
    forceCloseConnections: "idle",
  }) as unknown as FastifyInstance;
  requireAccessOnEveryRoute(app);
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, error));
  app.setNotFoundHandler((request, reply) => answerNotFound(request, reply));
  await app.register(cookie);
  addSecurity(app, deps);
  await app.register(
    async (api) => {
      addSessionRoutes(api, deps);
      addRecordingRoutes(api, deps);
      addOperationRoutes(api, deps);
    },
    { prefix: "/api/v1" },
  );
  if (deps.staticDirectory !== undefined) await addStaticUi(app, deps.staticDirectory);
  if (deps.transport === "loopback-http") refuseOtherThanLoopback(app);
  return app;
}

function refuseOtherThanLoopback(app: FastifyInstance): void {
  app.addHook("onListen", async () => {
    const addresses = app.addresses().map((bound) => (typeof bound === "string" ? bound : bound.address));
    const open = addresses.filter((address) => !isLoopback(address));
    if (open.length === 0) return;
    await app.close();
    throw new AppError(
      "CONFIG_INVALID",
      `the portal would listen without TLS on ${open.join(", ")}; configure a certificate, or listen on 127.0.0.1`,
      { op: "api.listen" },
    );
  });
}
