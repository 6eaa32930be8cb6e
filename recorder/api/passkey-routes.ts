// One's own passkeys: registered, named, removed; and the code for a log-in where no passkey can be asked for. What changes
// stands in the feed of access events, and from there in the audit.
import type { FastifyInstance, FastifyRequest } from "fastify";
import {
  AddedPasskey,
  AddPasskey,
  PasskeyList,
  PasskeyQuestion,
  PortalCode,
  RemovePasskey,
  RenamePasskey,
} from "../../shared/api/webauthn.ts";
import { AppError } from "../../shared/errors.ts";
import { SingleUse } from "../access/single-use.ts";
import type { ApiDeps } from "./deps.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { requireConfirmed } from "./security.ts";
import { beginSession, browserOf } from "./session-routes.ts";

const tag = "session";
const freshSeconds = 5 * 60;

export function addPasskeyRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const asked = new SingleUse<string>(5 * 60_000);
  const byOf = (me: SignedIn, request: FastifyRequest) => ({ actor: me.name, address: request.ip });

  addRoute(app, {
    method: "GET",
    url: "/me/passkeys",
    access: "signed-in",
    whileEnrolling: true,
    head: true,
    summary: "One's own passkeys, and why this portal can have none.",
    tag,
    response: PasskeyList,
    handler: async ({ me }) => ({ items: await deps.passkeys.list(me.name), whyNot: deps.passkeys.whyNot() }),
  });

  addRoute(app, {
    method: "POST",
    url: "/me/passkeys/begin",
    access: "signed-in",
    whileEnrolling: true,
    summary: "Begin to register a passkey: what the browser is asked.",
    tag,
    response: PasskeyQuestion,
    bodyLimit: 1024,
    handler: async ({ me, request }) => {
      // Whoever finds an open browser must not make a second factor of his own.
      if ((await deps.mfa.status(me.name)).enrolled) requireConfirmed(me, freshSeconds);
      const { options, challenge } = await deps.passkeys.askToRegister(me.name);
      return { ticket: asked.keep(challenge, me.webSessionId, request.ip).ticket, options };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/passkeys",
    access: "signed-in",
    whileEnrolling: true,
    summary:
      "Register a passkey. Ends every other sign-in and gives this one a new cookie; the recovery codes of a first second factor are shown once.",
    tag,
    body: AddPasskey,
    response: AddedPasskey,
    bodyLimit: 48 * 1024,
    handler: async ({ me, body, request, reply }) => {
      const challenge = asked.take(body.ticket, me.webSessionId);
      if (challenge === undefined) {
        throw new AppError("REQUEST_CONFLICT", "no registration is under way, or it took too long; begin again", {
          op: "api.passkeys",
        });
      }
      const { response, name } = body;
      const added = await deps.passkeys.register(me.name, { response, challenge, name }, byOf(me, request));
      const factors = [...me.factors.filter((factor) => factor !== "webauthn"), "webauthn" as const];
      const person = { name: me.name, roles: me.roles, mustChangePassword: me.mustChangePassword, factors };
      return { ...added, me: await beginSession(deps, person, browserOf(request), reply) };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/passkeys/rename",
    access: "signed-in",
    summary: "Give one of one's own passkeys another name.",
    tag,
    body: RenamePasskey,
    response: null,
    bodyLimit: 4 * 1024,
    handler: async ({ me, body, request }) => {
      await deps.passkeys.rename(me.name, body.id, body.name, byOf(me, request));
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/passkeys/remove",
    access: "signed-in",
    summary: "Remove one of one's own passkeys. Wants a fresh code or passkey.",
    tag,
    body: RemovePasskey,
    response: null,
    bodyLimit: 4 * 1024,
    handler: async ({ me, body, request }) => {
      requireConfirmed(me, freshSeconds);
      await deps.passkeys.remove(me.name, body.id, byOf(me, request), deps.mfaRequired());
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/portal-code",
    access: "signed-in",
    summary: "A code for one log-in over SSH or VNC, in place of an authenticator's. Wants a fresh code or passkey.",
    tag,
    response: PortalCode,
    bodyLimit: 1024,
    handler: async ({ me, request }) => {
      requireConfirmed(me, freshSeconds);
      return deps.mfa.makePortalCode(me.name, byOf(me, request));
    },
  });
}
