// Signing in and out of the portal.
import type { FastifyInstance, FastifyReply } from "fastify";
import type { z } from "zod";
import { ChangePassword, Health, Me, SignIn } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { Person } from "../access/people.ts";
import type { ApiDeps } from "./deps.ts";
import { addPublicRoute, addRoute, type SignedIn } from "./route.ts";
import { cookieName, findSignedIn } from "./security.ts";

export function addSessionRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const cookie = cookieName(deps.transport);
  const cookieOptions = { path: "/", httpOnly: true, sameSite: "strict", secure: deps.transport === "https" } as const;

  const startSession = async (person: Person, from: { address: string; userAgent: string }, reply: FastifyReply) => {
    const { token, session } = await deps.webSessions.create(person.name, from);
    void reply.setCookie(cookie, token, cookieOptions);
    return meOf({ ...person, csrfToken: session.csrfToken, expiresAt: session.expiresAt });
  };

  addPublicRoute(app, {
    method: "POST",
    url: "/session",
    access: "public",
    summary: "Sign in. Sets the session cookie; the answer holds the CSRF token.",
    tag: "session",
    body: SignIn,
    response: Me,
    bodyLimit: 8 * 1024,
    handler: async ({ body, request, reply }) => {
      const address = request.ip;
      const result = await deps.people.authenticatePassword(body.name, body.password, address);
      if (result.outcome === "refused") {
        // Only names that exist are kept: people type passwords into the name's field.
        const known = await deps.people.find(body.name);
        await deps.audit.append({
          actor: known?.name ?? "(unknown)",
          action: "sign-in-failed",
          subject: "portal",
          address,
          details: {},
        });
        throw new AppError("AUTH_FAILED", "the name or the password is wrong, or the account is disabled", {
          op: "api.signIn",
        });
      }
      // A new token at each sign-in; the one that came along is of no use any more (session fixation).
      const previous = request.cookies[cookie];
      if (previous !== undefined) await deps.webSessions.revoke(previous);
      await deps.audit.append({
        actor: result.person.name,
        action: "sign-in",
        subject: "portal",
        address,
        details: { method: result.method },
      });
      return startSession(result.person, { address, userAgent: request.headers["user-agent"] ?? "" }, reply);
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/session",
    access: "signed-in",
    withOneTimePassword: true,
    head: true,
    summary: "Who is signed in, and the CSRF token.",
    tag: "session",
    response: Me,
    handler: async ({ me }) => meOf(me),
  });

  addRoute(app, {
    method: "DELETE",
    url: "/session",
    access: "signed-in",
    withOneTimePassword: true,
    summary: "Sign out.",
    tag: "session",
    response: null,
    handler: async ({ me, request, reply }) => {
      await deps.webSessions.revoke(request.cookies[cookie] ?? "");
      await deps.audit.append({
        actor: me.name,
        action: "sign-out",
        subject: "portal",
        address: request.ip,
        details: {},
      });
      // Segments are cached as immutable: the next person at this browser must not find them.
      void reply.clearCookie(cookie, cookieOptions).header("clear-site-data", '"cache"');
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/password",
    access: "signed-in",
    withOneTimePassword: true,
    summary: "Change one's own password. Ends every other sign-in and gives this one a new cookie.",
    tag: "session",
    body: ChangePassword,
    response: Me,
    bodyLimit: 8 * 1024,
    handler: async ({ me, body, request, reply }) => {
      const address = request.ip;
      const result = await deps.people.authenticatePassword(me.name, body.current, address);
      if (result.outcome === "refused") {
        await deps.audit.append({
          actor: me.name,
          action: "password.change-failed",
          subject: me.name,
          address,
          details: {},
        });
        throw new AppError("AUTH_FORBIDDEN", "the current password is wrong", { op: "api.password" });
      }
      if (body.next === body.current) {
        throw new AppError("REQUEST_INVALID", "the new password is the current one; choose another", {
          op: "api.password",
        });
      }
      await deps.people.setPassword(me.name, body.next);
      await deps.audit.append({ actor: me.name, action: "password.change", subject: me.name, address, details: {} });
      const person = await deps.people.find(me.name);
      if (person === null) throw new AppError("AUTH_REQUIRED", "sign in first", { op: "api.password" });
      return startSession(person, { address, userAgent: request.headers["user-agent"] ?? "" }, reply);
    },
  });

  addPublicRoute(app, {
    method: "GET",
    url: "/health",
    access: "public",
    head: true,
    summary: "ok or degraded; for administrators and auditors with the single checks.",
    tag: "service",
    response: Health,
    handler: async ({ request }) => {
      const health = await deps.health();
      const me = await findSignedIn(request, deps);
      const insight =
        me !== null && !me.mustChangePassword && me.roles.some((role) => role === "admin" || role === "auditor");
      return insight ? health : { status: health.status };
    },
  });
}

function meOf(
  me: Pick<SignedIn, "name" | "roles" | "csrfToken" | "mustChangePassword" | "expiresAt">,
): z.input<typeof Me> {
  return {
    name: me.name,
    roles: [...me.roles],
    csrfToken: me.csrfToken,
    mustChangePassword: me.mustChangePassword,
    expiresAt: me.expiresAt,
  };
}
