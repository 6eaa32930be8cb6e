// The second factor in the portal: one's own enrolment and recovery codes, a fresh code, the reset of somebody else's. What
// changes stands in the feed of access events, and from there in the audit; what was only tried is audited here.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  BeginEnrolment,
  Confirmed,
  ConfirmedEnrolment,
  ConfirmWith,
  Enrolment,
  MaybeWithCode,
  MfaStatus,
  RecoveryCodes,
  ResetMfa,
  WithCode,
} from "../../shared/api/mfa.ts";
import { ConfirmChallenge } from "../../shared/api/webauthn.ts";
import { AppError } from "../../shared/errors.ts";
import { type Factor, hasSecondFactor } from "../../shared/policy/factor.ts";
import { SingleUse } from "../access/single-use.ts";
import type { ApiDeps } from "./deps.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { cookieName, requireConfirmed } from "./security.ts";
import { beginSession } from "./session-routes.ts";

const bodyLimit = 4 * 1024;
/** So long a fresh code counts for changes of the second factor. */
const freshSeconds = 5 * 60;

export function addMfaRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const audit = (
    me: SignedIn,
    action: string,
    subject: string,
    address: string,
    details: Record<string, unknown> = {},
  ) => deps.audit.append({ actor: me.name, action, subject, address, details });

  const asked = new SingleUse<string>(5 * 60_000);

  const wrongCode = async (me: SignedIn, address: string): Promise<AppError> => {
    await audit(me, "mfa.code-refused", me.name, address);
    return new AppError("AUTH_FORBIDDEN", "the code is wrong, or was used already; wait for the next one", {
      op: "api.mfa",
    });
  };

  addRoute(app, {
    method: "GET",
    url: "/me/mfa",
    access: "signed-in",
    whileEnrolling: true,
    head: true,
    summary: "One's own second factor: whether it is enrolled, and how many recovery codes are left.",
    tag: "session",
    response: MfaStatus,
    handler: async ({ me }) => ({ ...(await deps.mfa.status(me.name)), required: deps.mfaRequired() }),
  });

  addRoute(app, {
    method: "POST",
    url: "/me/mfa/enrolment",
    access: "signed-in",
    whileEnrolling: true,
    summary: "Begin to enrol an authenticator; one that is enrolled stays until the new one is confirmed.",
    tag: "session",
    body: BeginEnrolment,
    response: Enrolment,
    bodyLimit,
    handler: async ({ me, body, request }) => {
      const { enrolled } = await deps.mfa.status(me.name);
      // Whoever finds an open browser must not make the person's second factor his own.
      if (enrolled && !me.confirmedWithin(freshSeconds)) {
        if (body.code === undefined) requireConfirmed(me, freshSeconds);
        else if ((await deps.signIn.confirm(me.name, body.code, request.ip)) === null) {
          throw await wrongCode(me, request.ip);
        }
      }
      await audit(me, "mfa.enrolment-begin", me.name, request.ip);
      return deps.mfa.begin(me.name);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/mfa/enrolment/confirm",
    access: "signed-in",
    whileEnrolling: true,
    summary:
      "Confirm the enrolment with the app's first code. Ends every other sign-in and gives this one a new cookie; the recovery codes are shown once.",
    tag: "session",
    body: WithCode,
    response: ConfirmedEnrolment,
    bodyLimit,
    handler: async ({ me, body, request, reply }) => {
      const confirmed = await deps.mfa.confirm(me.name, body.code, { actor: me.name, address: request.ip });
      if (confirmed === null) throw await wrongCode(me, request.ip);
      const factors = [...me.factors.filter((factor) => factor !== "totp"), "totp" as const];
      const person = { name: me.name, roles: me.roles, mustChangePassword: me.mustChangePassword, factors };
      const from = { address: request.ip, userAgent: request.headers["user-agent"] ?? "" };
      return { ...confirmed, me: await beginSession(deps, person, from, reply) };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/mfa/recovery-codes",
    access: "signed-in",
    summary: "New recovery codes, shown once; the old ones open nothing any more.",
    tag: "session",
    body: MaybeWithCode,
    response: RecoveryCodes,
    bodyLimit,
    handler: async ({ me, body, request }) => {
      if (body.code === undefined) requireConfirmed(me, freshSeconds);
      else if ((await deps.signIn.confirm(me.name, body.code, request.ip)) === null) {
        throw await wrongCode(me, request.ip);
      }
      const by = { actor: me.name, address: request.ip };
      return { recoveryCodes: await deps.mfa.renewRecoveryCodes(me.name, by) };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/session/confirm/challenge",
    access: "signed-in",
    summary: "How this person can confirm that it is them, and what a passkey of theirs is asked.",
    tag: "session",
    response: ConfirmChallenge,
    bodyLimit: 1024,
    handler: async ({ me, request }) => {
      const { authenticator, passkeys, recoveryCodesLeft } = await deps.mfa.status(me.name);
      const question = passkeys === 0 ? null : await deps.passkeys.ask({ whole: false });
      return {
        passkey:
          question === null
            ? null
            : {
                ticket: asked.keep(question.challenge, me.webSessionId, request.ip).ticket,
                options: question.options,
              },
        code: authenticator || recoveryCodesLeft > 0,
        provider: me.factors.includes("oidc") ? (deps.oidc?.provider.label ?? null) : null,
      };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/session/confirm",
    access: "signed-in",
    summary:
      "Give a fresh code or a passkey, for what asks for one: break-glass, approvals, somebody else's second factor.",
    tag: "session",
    body: ConfirmWith,
    response: Confirmed,
    bodyLimit: 32 * 1024,
    handler: async ({ me, body, request }) => {
      let factor: Factor | null;
      if ("code" in body) factor = await deps.signIn.confirm(me.name, body.code, request.ip);
      else {
        const challenge = asked.take(body.ticket, me.webSessionId);
        const holds =
          challenge !== undefined && (await deps.signIn.confirmPasskey(me.name, body.assertion, challenge, request.ip));
        factor = holds ? "webauthn" : null;
      }
      if (factor === null) throw await wrongCode(me, request.ip);
      const atMs = await deps.webSessions.confirm(request.cookies[cookieName(deps.transport)] ?? "", factor);
      return { confirmedAt: new Date(atMs).toISOString() };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people/:name/mfa/reset",
    access: ["admin"],
    summary: "End somebody's second factor, e.g. of a lost phone: their sign-ins end, and they enrol anew.",
    tag: "people",
    params: z.strictObject({ name: z.string().min(1).max(64) }),
    body: ResetMfa,
    response: null,
    bodyLimit,
    handler: async ({ me, params, body, request }) => {
      const person = await deps.people.find(params.name);
      if (person === null) throw new AppError("REQUEST_NOT_FOUND", "there is no such person", { op: "api.mfa" });
      if (person.name === me.name) {
        const how = "another administrator does it, or conduit user mfa reset on the recorder's host";
        throw new AppError("AUTH_FORBIDDEN", `nobody resets their own second factor: ${how}`, { op: "api.mfa" });
      }
      if (hasSecondFactor(me.factors) || (await deps.mfa.status(me.name)).enrolled) requireConfirmed(me, freshSeconds);
      const by = { actor: me.name, address: request.ip };
      if (await deps.mfa.reset(person.name, by, body.reason)) return undefined;
      throw new AppError("REQUEST_CONFLICT", `${person.name} has no second factor enrolled`, { op: "api.mfa" });
    },
  });
}
