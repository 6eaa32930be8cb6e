// One's own API tokens and SSH keys. Invariants: both are made by somebody who has just proven a second factor, never by a
// token; each change is in the audit log before it takes effect.
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { ApiTokenList, MadeApiToken, NewApiToken, OwnKeyList } from "../../shared/api/identity.ts";
import { AddKey, RemoveKey } from "../../shared/api/people.ts";
import { AppError } from "../../shared/errors.ts";
import { hasSecondFactor } from "../../shared/policy/factor.ts";
import { parsePublicKeyLine } from "../access/public-keys.ts";
import { newTokenId } from "../access/tokens.ts";
import type { ApiDeps } from "./deps.ts";
import { peopleKeepers, peopleReaders } from "./roles.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { requireConfirmed } from "./security.ts";

const ById = z.strictObject({ id: z.string().regex(/^[0-9a-f]{12}$/) });
const tag = "session";
const bodyLimit = 32 * 1024;
const freshSeconds = 5 * 60;

export function addTokenRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { people, tokens } = deps;

  const audit = (me: SignedIn, request: FastifyRequest, action: string, subject: string, details: object) =>
    deps.audit.append({ actor: me.name, action, subject, address: request.ip, details: { ...details } });

  /** What outlives the sign-in is made with more than a password. */
  const requireSecondFactor = (me: SignedIn) => {
    if (hasSecondFactor(me.factors)) return requireConfirmed(me, freshSeconds);
    const text = "this wants a second factor: set one up under My account, and sign in with it";
    throw new AppError("AUTH_CONFIRM", text, { op: "api.tokens" });
  };

  addRoute(app, {
    method: "GET",
    url: "/me/tokens",
    access: "signed-in",
    head: true,
    summary: "One's own API tokens, with their last use; never the tokens themselves.",
    tag,
    response: ApiTokenList,
    handler: async ({ me }) => ({ items: await tokens.list(me.name), maxDays: tokens.maxDays }),
  });

  addRoute(app, {
    method: "POST",
    url: "/me/tokens",
    access: "signed-in",
    summary:
      "Make an API token with some of one's own roles; it is in the answer alone. Wants a fresh code or passkey.",
    tag,
    body: NewApiToken,
    response: MadeApiToken,
    bodyLimit,
    handler: async ({ me, body, request }) => {
      requireSecondFactor(me);
      const why = await tokens.whyNot(me.name, body);
      if (why !== null) throw new AppError("REQUEST_INVALID", why, { op: "api.tokens" });
      const id = newTokenId();
      const { name, roles, readOnly, days } = body;
      await audit(me, request, "token.create", me.name, { token: id, name, roles, readOnly, days });
      return tokens.create(me.name, body, { actor: me.name, secondFactor: true, id });
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/tokens/:id/revoke",
    access: "signed-in",
    summary: "Revoke one of one's own API tokens, at once.",
    tag,
    params: ById,
    response: null,
    bodyLimit: 1024,
    handler: async ({ me, params, request }) => {
      if (!(await tokens.list(me.name)).some(({ id }) => id === params.id)) {
        throw new AppError("REQUEST_NOT_FOUND", "there is no such token", { op: "api.tokens" });
      }
      await audit(me, request, "token.revoke", me.name, { token: params.id });
      await tokens.revoke(params.id, me.name);
      return undefined;
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/tokens",
    access: peopleReaders,
    head: true,
    summary: "The API tokens of everybody.",
    tag: "people",
    response: ApiTokenList,
    handler: async () => ({ items: await tokens.list(), maxDays: tokens.maxDays }),
  });

  addRoute(app, {
    method: "POST",
    url: "/tokens/:id/revoke",
    access: peopleKeepers,
    summary: "Revoke anybody's API token, at once.",
    tag: "people",
    params: ById,
    response: null,
    bodyLimit: 1024,
    handler: async ({ me, params, request }) => {
      const token = (await tokens.list()).find(({ id }) => id === params.id);
      if (token === undefined) throw new AppError("REQUEST_NOT_FOUND", "there is no such token", { op: "api.tokens" });
      await audit(me, request, "token.revoke", token.person, { token: token.id });
      await tokens.revoke(token.id);
      return undefined;
    },
  });

  const requireOwnKeys = () => {
    if (deps.ownKeys) return;
    const text = "SSH keys are registered by administrators here (identity.ownKeys)";
    throw new AppError("AUTH_FORBIDDEN", text, { op: "api.keys" });
  };

  addRoute(app, {
    method: "GET",
    url: "/me/keys",
    access: "signed-in",
    head: true,
    summary: "One's own SSH public keys, with their last use.",
    tag,
    response: OwnKeyList,
    handler: async ({ me }) => ({ items: (await people.get(me.name)).keys, mayChange: deps.ownKeys }),
  });

  addRoute(app, {
    method: "POST",
    url: "/me/keys",
    access: "signed-in",
    summary: "Register an SSH public key of one's own. Wants a fresh code or passkey.",
    tag,
    body: AddKey,
    response: OwnKeyList,
    bodyLimit,
    handler: async ({ me, body, request }) => {
      requireSecondFactor(me);
      requireOwnKeys();
      const { fingerprint } = parsePublicKeyLine(body.publicKey);
      await audit(me, request, "person.key-add", me.name, { fingerprint });
      await people.addKey(me.name, body.publicKey);
      return { items: (await people.get(me.name)).keys, mayChange: true };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/keys/remove",
    access: "signed-in",
    summary: "Remove one of one's own SSH public keys.",
    tag,
    body: RemoveKey,
    response: OwnKeyList,
    bodyLimit,
    handler: async ({ me, body, request }) => {
      requireOwnKeys();
      const { fingerprint } = body;
      if ((await people.get(me.name)).keys.some((key) => key.fingerprint === fingerprint)) {
        await audit(me, request, "person.key-remove", me.name, { fingerprint });
      }
      await people.removeKey(me.name, fingerprint);
      return { items: (await people.get(me.name)).keys, mayChange: true };
    },
  });
}
