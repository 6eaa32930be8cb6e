// What every request passes before its route: security headers, the Host of a loopback listener, sign-in, role, CSRF.
import { timingSafeEqual } from "node:crypto";
import { isIPv4 } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../../shared/errors.ts";
import { hasSecondFactor } from "../../shared/policy/factor.ts";
import type { ApiDeps } from "./deps.ts";
import type { Access, ForTokens, SignedIn } from "./route.ts";

const pagePolicy = [
  "default-src 'none'",
  // The terminal player is WebAssembly; no other evaluation of text is allowed.
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const apiPolicy = "default-src 'none'; frame-ancestors 'none'";

export const csrfHeader = "x-csrf-token";

export function cookieName(transport: ApiDeps["transport"]): string {
  // `__Host-` binds the cookie to this host, to `/` and to TLS (RFC 6265bis §4.1.3.2); browsers refuse it on plain HTTP.
  return transport === "https" ? "__Host-conduit" : "conduit-session";
}

export function addSecurity(app: FastifyInstance, deps: ApiDeps): void {
  app.decorateRequest("signedIn", null);
  app.addHook("onRequest", async (request, reply) => {
    setHeaders(request, reply, deps.transport);
    if (deps.transport === "loopback-http") requireLoopback(request);
  });
  app.addHook("onRequest", async (request) => {
    const access = request.routeOptions.config.access;
    const unsafe = request.method !== "GET" && request.method !== "HEAD" && request.method !== "OPTIONS";
    if (unsafe) requireSameOrigin(request);
    if (access === undefined || access === "public") return;
    const me = await findSignedIn(request, deps);
    if (me === null)
      throw new AppError("AUTH_REQUIRED", "sign in first; the sign-in may have expired", { op: "api.signIn" });
    request.signedIn = me;
    // A browser sends no such header by itself: what has the token was given it.
    if (unsafe && me.token === null) requireCsrfToken(request, me);
    if (me.token !== null) requireForTokens(me.token, request.routeOptions.config.tokens ?? "never");
    requireRole(me, access, request.routeOptions.config);
  });
}

/**
 * Who this request's cookie belongs to; roles are read now, so that a change of them holds at once. @param use false: only
 * asked after, by something that goes on without its person.
 */
export async function findSignedIn(request: FastifyRequest, deps: ApiDeps, use = true): Promise<SignedIn | null> {
  const { authorization } = request.headers;
  // One or the other: a cookie that comes along says nothing about who holds the token.
  if (authorization !== undefined && /^Bearer /i.test(authorization)) {
    return findTokenHolder(authorization, request, deps);
  }
  const token = request.cookies[cookieName(deps.transport)];
  if (token === undefined) return null;
  const session = await deps.webSessions.find(token, use);
  if (session === null) return null;
  const person = await deps.people.find(session.person);
  if (person === null || person.disabled) return null;
  return {
    name: person.name,
    roles: person.roles,
    mustChangePassword: person.mustChangePassword,
    mustEnrol: deps.mfaRequired() && !hasSecondFactor(session.factors),
    factors: session.factors,
    confirmedWithin: (seconds) =>
      session.confirmedAtMs !== null && Date.now() - session.confirmedAtMs <= seconds * 1000,
    csrfToken: session.csrfToken,
    expiresAt: session.expiresAt,
    webSessionId: session.id,
    token: null,
  };
}

async function findTokenHolder(
  authorization: string,
  request: FastifyRequest,
  deps: ApiDeps,
): Promise<SignedIn | null> {
  const token = /^Bearer ([^\s]+)$/i.exec(authorization)?.[1];
  const holder = token === undefined ? null : await deps.tokens.find(token, request.ip);
  const person = holder === null ? null : await deps.people.find(holder.person);
  if (holder === null || person === null || person.disabled) return null;
  return {
    name: person.name,
    roles: holder.roles,
    mustChangePassword: person.mustChangePassword,
    // Its owner had none when it was made.
    mustEnrol: deps.mfaRequired() && !holder.secondFactor,
    factors: ["token"],
    confirmedWithin: () => false,
    csrfToken: "",
    expiresAt: holder.expiresAt,
    webSessionId: `token:${holder.id}`,
    token: { readOnly: holder.readOnly },
  };
}

function requireForTokens({ readOnly }: { readOnly: boolean }, tokens: ForTokens): void {
  if (tokens === "read" || (tokens === "act" && !readOnly)) return;
  const text =
    tokens === "act"
      ? "this API token reads alone"
      : "not with an API token: a person does this, signed in to the portal";
  throw new AppError("AUTH_FORBIDDEN", text, { op: "api.token" });
}

export function setHeaders(request: FastifyRequest, reply: FastifyReply, transport: ApiDeps["transport"]): void {
  const api = request.url.startsWith("/api/");
  void reply.headers({
    "content-security-policy": api ? apiPolicy : pagePolicy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy":
      "camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)",
    "x-frame-options": "DENY",
    ...(api ? { "cache-control": "no-store" } : {}),
    ...(transport === "https" ? { "strict-transport-security": "max-age=63072000" } : {}),
  });
}

/**
 * Whatever address the listener was given, plain HTTP is answered only where it came in on loopback. And only under a
 * loopback name: a page elsewhere whose name was rebound to 127.0.0.1 gets here, but cannot choose the Host header.
 */
function requireLoopback(request: FastifyRequest): void {
  const { localAddress } = request.socket;
  const host = hostName(request.headers.host ?? "");
  const named = host === "localhost" || host.endsWith(".localhost") || isLoopback(host);
  if (named && (localAddress === undefined || isLoopback(localAddress))) return;
  throw new AppError("REQUEST_INVALID", "without TLS this service answers only to localhost, 127.0.0.1 and [::1]", {
    op: "api.host",
  });
}

function hostName(host: string): string {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, "");
  } catch {
    return "";
  }
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, "");
  return plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
}

/** A WebSocket is not held back by CORS: only pages of this origin may open one, and every browser says its origin. */
export function requireOwnPage(request: FastifyRequest): void {
  if (request.headers.origin === undefined) throw otherSite();
  requireSameOrigin(request);
}

function requireSameOrigin(request: FastifyRequest): void {
  const site = request.headers["sec-fetch-site"];
  const { origin } = request.headers;
  const sameSite = site === undefined || site === "same-origin" || site === "none";
  if (sameSite && (origin === undefined || originHost(origin) === request.headers.host?.toLowerCase())) return;
  throw otherSite();
}

function otherSite(): AppError {
  return new AppError("AUTH_CSRF", "the request comes from another site", { op: "api.csrf" });
}

function originHost(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

function requireCsrfToken(request: FastifyRequest, me: SignedIn): void {
  const given = Buffer.from(String(request.headers[csrfHeader] ?? ""));
  const wanted = Buffer.from(me.csrfToken);
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw new AppError("AUTH_CSRF", `send the sign-in's CSRF token in the ${csrfHeader} header`, { op: "api.csrf" });
}

function requireRole(
  me: SignedIn,
  access: Exclude<Access, "public">,
  open: { withOneTimePassword?: boolean; whileEnrolling?: boolean },
): void {
  if (me.mustChangePassword && open.withOneTimePassword !== true) {
    throw new AppError("AUTH_FORBIDDEN", "change the one-time password first", { op: "api.role" });
  }
  if (me.mustEnrol && open.whileEnrolling !== true && open.withOneTimePassword !== true) {
    throw new AppError("AUTH_FORBIDDEN", "set up a second factor first", { op: "api.role" });
  }
  if (access === "signed-in" || me.roles.some((role) => access.includes(role))) return;
  throw new AppError("AUTH_FORBIDDEN", `this needs one of the roles ${access.join(", ")}`, { op: "api.role" });
}

/** For what must not be done from a browser that was left open: AUTH_CONFIRM unless a code was given so lately. */
export function requireConfirmed(me: SignedIn, seconds: number): void {
  if (me.confirmedWithin(seconds)) return;
  throw new AppError(
    "AUTH_CONFIRM",
    "give a fresh code of your authenticator, or your passkey, first (POST /session/confirm)",
    {
      op: "api.confirm",
    },
  );
}
