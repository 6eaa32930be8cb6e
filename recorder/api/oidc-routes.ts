// Signing in with the identity provider. The provider sends the browser back to a page of the portal, and the page brings
// what stands in its address here: so the cookies stay SameSite=Strict, none is set on a way that began elsewhere, and what
// came from elsewhere is an answer to what this very browser asked, or nothing.
import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { MyIdentity, ProviderAddress, ProviderAnswer, ProviderAnswered } from "../../shared/api/identity.ts";
import { AppError } from "../../shared/errors.ts";
import { hasSecondFactor } from "../../shared/policy/factor.ts";
import type { Asked, Claims } from "../access/oidc/provider.ts";
import { SingleUse } from "../access/single-use.ts";
import type { ApiDeps } from "./deps.ts";
import { addPublicRoute, addRoute, type SignedIn } from "./route.ts";
import { cookieName, findSignedIn, requireConfirmed } from "./security.ts";
import { cookieOptions, type SignInSteps } from "./session-routes.ts";

type Wish = { asked: Asked } & ({ purpose: "sign-in" } | { purpose: "link" | "confirm"; webSessionId: string });

const tag = "session";
const freshSeconds = 5 * 60;
const op = "api.oidc";

export function addOidcRoutes(app: FastifyInstance, deps: ApiDeps, steps: SignInSteps): void {
  const cookie = `${cookieName(deps.transport)}-provider`;
  const waiting = new SingleUse<Wish>(10 * 60_000);

  const provider = () => {
    if (deps.oidc !== undefined) return deps.oidc;
    throw new AppError("REQUEST_CONFLICT", "there is no identity provider here (identity.oidc)", { op });
  };

  /** Where the browser goes. What comes back is taken from this browser alone. */
  const begin = async (wish: Wish, request: FastifyRequest, reply: FastifyReply) => {
    const secret = randomBytes(32).toString("base64url");
    const { ticket } = waiting.keep(wish, ownerOf(secret, request), request.ip);
    const url = await provider().provider.address(ticket, wish.asked, wish.purpose === "sign-in" ? "first" : "again");
    void reply.setCookie(cookie, secret, cookieOptions(deps));
    return { url };
  };

  /** What nobody here asked is no attempt at anything, and stands nowhere. */
  const wishOfAnswer = (state: string, request: FastifyRequest): Wish => {
    const wish = waiting.take(state, ownerOf(request.cookies[cookie] ?? "", request));
    if (wish !== undefined) return wish;
    const text = "this sign-in is over: it took too long, was finished already, or is another browser's; begin again";
    throw new AppError("AUTH_FAILED", text, { op });
  };

  const refused = async (error: unknown, request: FastifyRequest): Promise<void> => {
    const details = { by: "identity-provider", why: error instanceof AppError ? error.code : "INTERNAL" };
    request.log.warn({ err: error }, "a sign-in with the identity provider was refused");
    await deps.audit.append({
      actor: "(unknown)",
      action: "sign-in-failed",
      subject: "portal",
      address: request.ip,
      details,
    });
  };

  addPublicRoute(app, {
    method: "POST",
    url: "/session/provider",
    access: "public",
    summary: "Begin to sign in with the identity provider: where the browser goes.",
    tag,
    response: ProviderAddress,
    bodyLimit: 1024,
    handler: ({ request, reply }) => begin({ purpose: "sign-in", asked: provider().provider.ask() }, request, reply),
  });

  addPublicRoute(app, {
    method: "POST",
    url: "/session/provider/answer",
    access: "public",
    summary:
      "What the identity provider sent the browser back with. Sets the session cookie, or a second step follows.",
    tag,
    body: ProviderAnswer,
    response: ProviderAnswered,
    bodyLimit: 32 * 1024,
    handler: async ({ body, request, reply }) => {
      deps.signIn.unguessable(request.ip);
      const state = new URLSearchParams(body.query).get("state") ?? "";
      const wish = wishOfAnswer(state, request);
      void reply.clearCookie(cookie, cookieOptions(deps));
      let claims: Claims;
      let name: string;
      try {
        const purpose = wish.purpose === "sign-in" ? "first" : "again";
        claims = await provider().provider.answer(body.query, state, wish.asked, purpose);
        if (wish.purpose !== "sign-in") return await ofSignedIn(wish, claims, request);
        name = await provider().accounts.settle(claims, request.ip);
      } catch (error) {
        await refused(error, request);
        throw error;
      }
      const step = await deps.signIn.provider(name, claims.secondFactor, request.ip);
      switch (step.outcome) {
        case "accepted":
          return steps.signedIn(step.person, request, reply);
        case "second-step":
          return steps.askSecond(name, step, request, reply);
        case "refused":
          throw new AppError("AUTH_FAILED", "this account is disabled", { op });
      }
    },
  });

  /** What comes back belongs to the sign-in that asked for it. */
  const ofSignedIn = async (wish: Exclude<Wish, { purpose: "sign-in" }>, claims: Claims, request: FastifyRequest) => {
    const me = await findSignedIn(request, deps);
    if (me === null || me.webSessionId !== wish.webSessionId) {
      throw new AppError("AUTH_REQUIRED", "sign in first; the sign-in may have ended meanwhile", { op });
    }
    const { accounts, provider: known } = provider();
    if (wish.purpose === "link") {
      await accounts.link(me.name, claims, request.ip);
      return { done: "linked" as const };
    }
    if ((await accounts.personOf(claims.subject)) !== me.name.toLowerCase()) {
      throw new AppError("AUTH_FORBIDDEN", `somebody else signed in at ${known.label}`, { op });
    }
    if (!claims.secondFactor) {
      const text = `${known.label} asked for no second factor; set one up here (My account)`;
      throw new AppError("AUTH_FORBIDDEN", text, { op });
    }
    await deps.webSessions.confirm(request.cookies[cookieName(deps.transport)] ?? "", "oidc-mfa");
    return { done: "confirmed" as const };
  };

  addRoute(app, {
    method: "GET",
    url: "/me/provider",
    access: "signed-in",
    head: true,
    summary: "Whether one's own account is linked with the identity provider.",
    tag,
    response: MyIdentity,
    handler: async ({ me }) => ({
      provider: deps.oidc?.provider.label ?? null,
      linked: (await deps.oidc?.accounts.of(me.name)) ?? null,
    }),
  });

  const wishOf = (purpose: "link" | "confirm", me: SignedIn): Wish => ({
    purpose,
    webSessionId: me.webSessionId,
    asked: provider().provider.ask(),
  });

  addRoute(app, {
    method: "POST",
    url: "/me/provider/link",
    access: "signed-in",
    summary:
      "Link one's own account with the identity provider: where the browser goes. Wants a fresh code or passkey.",
    tag,
    response: ProviderAddress,
    bodyLimit: 1024,
    handler: async ({ me, request, reply }) => {
      // Whoever finds an open browser must not make a way in of his own.
      requireConfirmed(me, freshSeconds);
      return begin(wishOf("link", me), request, reply);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/me/provider/unlink",
    access: "signed-in",
    summary: "Remove the link of one's own account. Wants a fresh code or passkey.",
    tag,
    response: null,
    bodyLimit: 1024,
    handler: async ({ me, request }) => {
      requireConfirmed(me, freshSeconds);
      await provider().accounts.unlink(me.name, { actor: me.name, address: request.ip });
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/session/confirm/provider",
    access: "signed-in",
    summary:
      "Confirm by signing in at the identity provider once more, with its second factor: where the browser goes.",
    tag,
    response: ProviderAddress,
    bodyLimit: 1024,
    handler: async ({ me, request, reply }) => {
      const wish = wishOf("confirm", me);
      if (!hasSecondFactor(me.factors)) throw new AppError("AUTH_FORBIDDEN", "set up a second factor first", { op });
      return begin(wish, request, reply);
    },
  });
}

function ownerOf(secret: string, request: FastifyRequest): string {
  return `${secret}\n${request.headers["user-agent"] ?? ""}`;
}
