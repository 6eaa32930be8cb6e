// Signing in and out of the portal.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { SignInWays } from "../../shared/api/identity.ts";
import { SecondStep, SecondStepNeeded } from "../../shared/api/mfa.ts";
import { ChangePassword, Health, Me, SignIn } from "../../shared/api/types.ts";
import { PasskeyStep } from "../../shared/api/webauthn.ts";
import { AppError } from "../../shared/errors.ts";
import { type Factor, hasSecondFactor } from "../../shared/policy/factor.ts";
import type { Role } from "../../shared/policy/policy.ts";
import type { PendingCode, SignedInPerson } from "../access/sign-in.ts";
import type { ApiDeps } from "./deps.ts";
import { type Browser, PendingSignIns } from "./pending-sign-ins.ts";
import { addPublicRoute, addRoute, type SignedIn } from "./route.ts";
import { cookieName, findSignedIn } from "./security.ts";

/** Who a sign-in is for, and what was proven. */
interface NewSession {
  name: string;
  roles: readonly Role[];
  mustChangePassword: boolean;
  factors: readonly Factor[];
}

/** A new token, in its cookie. */
export async function beginSession(
  deps: ApiDeps,
  person: NewSession,
  from: Browser,
  reply: FastifyReply,
): Promise<z.input<typeof Me>> {
  const { token, session } = await deps.webSessions.create(person.name, from, person.factors);
  void reply.setCookie(cookieName(deps.transport), token, cookieOptions(deps));
  const mustEnrol = deps.mfaRequired() && !hasSecondFactor(person.factors);
  return meOf(deps, { ...person, mustEnrol, csrfToken: session.csrfToken, expiresAt: session.expiresAt });
}

export function cookieOptions(deps: ApiDeps) {
  return { path: "/", httpOnly: true, sameSite: "strict", secure: deps.transport === "https" } as const;
}

/** How every way to sign in ends. */
export interface SignInSteps {
  signedIn(person: SignedInPerson, request: FastifyRequest, reply: FastifyReply): Promise<z.input<typeof Me>>;
  askSecond(
    name: string,
    step: PendingCode,
    request: FastifyRequest,
    reply: FastifyReply,
  ): z.input<typeof SecondStepNeeded>;
}

export function addSessionRoutes(app: FastifyInstance, deps: ApiDeps): SignInSteps {
  const cookie = cookieName(deps.transport);
  const pendingCookie = `${cookie}-pending`;
  const waiting = new PendingSignIns();
  app.addHook("onClose", () => waiting.close());

  const writeRefusal = async (name: string, address: string) => {
    // Only names that exist are kept: people type passwords into the name's field.
    const actor = (await deps.people.find(name))?.name ?? "(unknown)";
    await deps.audit.append({ actor, action: "sign-in-failed", subject: "portal", address, details: {} });
  };

  const signedIn = async (person: SignedInPerson, request: FastifyRequest, reply: FastifyReply) => {
    // A new token at each sign-in; the one that came along is of no use any more (session fixation).
    const previous = request.cookies[cookie];
    if (previous !== undefined) await deps.webSessions.revoke(previous);
    await deps.audit.append({
      actor: person.name,
      action: "sign-in",
      subject: "portal",
      address: request.ip,
      details: { method: person.authMethod },
    });
    return beginSession(deps, person, browserOf(request), reply);
  };

  const askSecond = (name: string, step: PendingCode, request: FastifyRequest, reply: FastifyReply) => {
    const browser = browserOf(request);
    const abandoned = () =>
      writeRefusal(name, browser.address).catch((error: unknown) =>
        request.log.error({ err: error }, "the audit log cannot be written"),
      );
    const begun = waiting.begin({ name, step, abandoned }, browser);
    void reply.setCookie(pendingCookie, begun.cookie, cookieOptions(deps));
    return {
      step: "code" as const,
      pending: begun.pending,
      ...(step.passkey === undefined ? {} : { passkey: step.passkey }),
      expiresAt: begun.expiresAt,
    };
  };

  addPublicRoute(app, {
    method: "POST",
    url: "/session",
    access: "public",
    summary:
      "Sign in: sets the session cookie, and the answer holds the CSRF token; or a code must follow (POST /session/second-step).",
    tag: "session",
    body: SignIn,
    response: z.union([Me, SecondStepNeeded]),
    bodyLimit: 8 * 1024,
    handler: async ({ body, request, reply }) => {
      const how = { ownAlone: true, passkeys: true };
      const result = await deps.signIn.password(body.name, body.password, request.ip, how);
      switch (result.outcome) {
        case "accepted":
          return signedIn(result.person, request, reply);
        case "second-step":
          return askSecond(body.name, result, request, reply);
        case "refused":
          await writeRefusal(body.name, request.ip);
          throw new AppError("AUTH_FAILED", "the name or the password is wrong, or the account is disabled", {
            op: "api.signIn",
          });
      }
    },
  });

  addPublicRoute(app, {
    method: "GET",
    url: "/session/ways",
    access: "public",
    head: true,
    summary: "What there is to sign in with beside name and password.",
    tag: "session",
    response: SignInWays,
    handler: async () => ({ passkey: deps.passkeys.whyNot() === null, provider: deps.oidc?.provider.label ?? null }),
  });

  addPublicRoute(app, {
    method: "POST",
    url: "/session/passkey",
    access: "public",
    summary: "Begin to sign in with a passkey alone; its answer goes to POST /session/second-step.",
    tag: "session",
    response: PasskeyStep,
    bodyLimit: 1024,
    handler: async ({ request, reply }) => {
      const step = await deps.signIn.passkey(request.ip);
      if (step?.passkey === undefined) {
        throw new AppError("REQUEST_CONFLICT", deps.passkeys.whyNot() ?? "there are no passkeys here", {
          op: "api.passkey",
        });
      }
      // Whoever began it and went away has tried nothing.
      const begun = waiting.begin({ name: "", step, abandoned: async () => undefined }, browserOf(request));
      void reply.setCookie(pendingCookie, begun.cookie, cookieOptions(deps));
      return { step: "passkey" as const, pending: begun.pending, passkey: step.passkey, expiresAt: begun.expiresAt };
    },
  });

  addPublicRoute(app, {
    method: "POST",
    url: "/session/second-step",
    access: "public",
    summary:
      "The code after the password: of the authenticator, or a recovery code; or the answer of a passkey. Sets the session cookie.",
    tag: "session",
    body: SecondStep,
    response: Me,
    bodyLimit: 32 * 1024,
    handler: async ({ body, request, reply }) => {
      const taken = waiting.take(body.pending, request.cookies[pendingCookie] ?? "", browserOf(request));
      if (taken === undefined) throw beginAgain();
      let person: SignedInPerson | null;
      try {
        person = await taken.step.verify("code" in body ? body.code : body.assertion);
      } catch (error) {
        taken.giveBack();
        throw error;
      }
      if (person !== null) {
        void reply.clearCookie(pendingCookie, cookieOptions(deps));
        return signedIn(person, request, reply);
      }
      const mayRepeat = taken.giveBack();
      await writeRefusal(taken.name, request.ip);
      if (!mayRepeat) throw beginAgain();
      throw new AppError(
        "AUTH_FAILED",
        "the name, the password or the code is wrong, or the account is disabled; a code works once, and for half a minute",
        { op: "api.secondStep" },
      );
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
    handler: async ({ me }) => meOf(deps, me),
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
      // Segments are cached: the next person at this browser must not find them.
      void reply.clearCookie(cookie, cookieOptions(deps)).header("clear-site-data", '"cache"');
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
      return beginSession(deps, { ...person, factors: me.factors }, browserOf(request), reply);
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
        me !== null &&
        !me.mustChangePassword &&
        !me.mustEnrol &&
        me.roles.some((role) => role === "admin" || role === "auditor");
      return insight ? health : { status: health.status };
    },
  });
  return { signedIn, askSecond };
}

export function browserOf(request: FastifyRequest): Browser {
  return { address: request.ip, userAgent: request.headers["user-agent"] ?? "" };
}

function beginAgain(): AppError {
  return new AppError(
    "AUTH_FAILED",
    "this sign-in is over: it took too long, had too many wrong codes, or is another browser's; begin again",
    {
      op: "api.secondStep",
      details: { beginAgain: true },
    },
  );
}

function meOf(
  deps: ApiDeps,
  me: Pick<SignedIn, "name" | "roles" | "csrfToken" | "mustChangePassword" | "mustEnrol" | "factors" | "expiresAt">,
): z.input<typeof Me> {
  const signOutUrl = me.factors.includes("oidc") ? (deps.oidc?.signOutUrl() ?? null) : null;
  return {
    name: me.name,
    roles: [...me.roles],
    csrfToken: me.csrfToken,
    mustChangePassword: me.mustChangePassword,
    mustEnrol: me.mustEnrol,
    factors: [...me.factors],
    expiresAt: me.expiresAt,
    ...(signOutUrl === null ? {} : { signOutUrl }),
    reasonFor: [...deps.inventory().policy.custody.reasonFor],
  };
}
