// The listener of metrics and probes, apart from the portal's: off unless the configuration names an address. Invariant:
// beyond this machine it gives metrics to nobody without the token; probes say one word.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Readiness } from "./readiness.ts";

export interface MetricsServerOptions {
  /** Null: plain HTTP. */
  tls: { cert: string; key: string } | null;
  /** Null: whoever reaches the listener may read. */
  token: string | null;
  metrics(): Promise<{ contentType: string; text: string }>;
  ready(): Promise<Readiness>;
  failed(error: unknown): void;
}

export interface MetricsServer {
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>;
  /** Of TLS: connections that are open keep theirs. */
  setCertificate(pair: { cert: string; key: string }): void;
  close(): Promise<void>;
}

const maxConnections = 32;

export function createMetricsServer(options: MetricsServerOptions): MetricsServer {
  const handle: RequestListener = (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      options.failed(error);
      if (response.headersSent) response.destroy();
      else say(response, 500, "failed");
    });
  };
  const secure = options.tls === null ? null : createTlsServer({ ...options.tls, minVersion: "TLSv1.2" }, handle);
  const server: Server = secure ?? createServer(handle);
  server.maxConnections = maxConnections;
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  server.keepAliveTimeout = 65_000;
  return {
    listen: (address) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(address, () => {
          server.removeListener("error", reject);
          server.on("error", options.failed);
          const bound = server.address();
          resolve({ ...address, port: typeof bound === "object" && bound !== null ? bound.port : address.port });
        });
      }),
    setCertificate: (pair) => secure?.setSecureContext({ ...pair, minVersion: "TLSv1.2" }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { token, metrics, ready }: MetricsServerOptions,
): Promise<void> {
  const path = (request.url ?? "").split("?")[0];
  if (request.method !== "GET" && request.method !== "HEAD") return say(response, 405, "use GET");
  if (path === "/healthz") return say(response, 200, "alive");
  if (path === "/readyz") {
    const { ready: isReady, failing } = await ready();
    return isReady ? say(response, 200, "ready") : say(response, 503, `not ready: ${failing.join(", ")}`);
  }
  if (path !== "/metrics") return say(response, 404, "not found");
  if (token !== null && !isToken(request.headers.authorization, token)) {
    response.setHeader("www-authenticate", "Bearer");
    return say(response, 401, "give the token of metrics.tokenFile");
  }
  const { contentType, text } = await metrics();
  response.writeHead(200, { "content-type": contentType, "cache-control": "no-store" });
  response.end(text);
}

function say(response: ServerResponse, status: number, word: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  response.end(`${word}\n`);
}

function isToken(header: string | undefined, token: string): boolean {
  const given = /^Bearer (\S{1,4096})$/i.exec(header ?? "")?.[1] ?? "";
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
