// Access requests, emergency access and its review, blocks of reconnection, and the events of access. What a person may do
// about a request is decided by the requests themselves, from the policy; a route only keeps out whom no policy can let in.
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import {
  AccessBlock,
  AccessBlockList,
  AccessEventList,
  AccessEventQuery,
  type AccessRequest,
  AccessRequestPage,
  AccessRequestView,
  Approve,
  BlockQuery,
  BlockRequest,
  BreakGlass,
  CredentialRequest,
  DraftCheck,
  IssuedCredential,
  LiftBlock,
  Refuse,
  RequestDraft,
  RequestListQuery,
  ReviewRequest,
  Revoke,
  Withdraw,
} from "../../shared/api/access.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import { hasSecondFactor } from "../../shared/policy/factor.ts";
import type { Acting } from "../access/requests/requests.ts";
import type { ApiDeps } from "./deps.ts";
import { accessEventReaders, blockers, deciders, mayListAll, unblockers } from "./roles.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { requireConfirmed } from "./security.ts";

const ById = z.strictObject({ id: z.string().regex(sessionIdPattern, "not an id that this service gave") });
const tag = "access";
/** So long a fresh code counts for emergency access, approvals and the lifting of blocks. */
const freshSeconds = 5 * 60;

export function addRequestRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { access } = deps;

  /** What is somebody else's does not exist for a vendor. */
  const visible = async (id: string, me: SignedIn, request: FastifyRequest): Promise<AccessRequestView> => {
    const found = await access.view(id, actingAs(me, request));
    const key = me.name.toLowerCase();
    const own = found !== null && [found.requester, ...found.people].some((name) => name.toLowerCase() === key);
    if (found !== null && (own || mayListAll(me))) return found;
    throw new AppError("REQUEST_NOT_FOUND", "there is no such access request", { op: "api.requests" });
  };
  const shown = ({ id }: AccessRequest, me: SignedIn, request: FastifyRequest) => visible(id, me, request);

  addRoute(app, {
    method: "GET",
    url: "/requests",
    access: "signed-in",
    head: true,
    summary: "Access requests, newest first; a vendor sees those that were asked by him or for him.",
    tag,
    query: RequestListQuery,
    response: AccessRequestPage,
    handler: ({ me, query, request }) => access.list(actingAs(me, request), query, { onlyOwn: !mayListAll(me) }),
  });

  addRoute(app, {
    method: "POST",
    url: "/requests/check",
    tokens: "read",
    access: "signed-in",
    summary: "All that the policy has against a request, without asking for it.",
    tag,
    body: RequestDraft,
    response: DraftCheck,
    handler: ({ me, body, request }) => access.check(actingAs(me, request), body),
  });

  addRoute(app, {
    method: "POST",
    url: "/requests",
    tokens: "act",
    access: "signed-in",
    summary:
      "Ask for access. Refused with all violations of the policy together (`violations` of the problem document).",
    tag,
    body: RequestDraft,
    response: AccessRequestView,
    handler: async ({ me, body, request }) => shown(await access.submit(actingAs(me, request), body), me, request),
  });

  addRoute(app, {
    method: "GET",
    url: "/requests/:id",
    access: "signed-in",
    head: true,
    summary: "One request, with what the signed-in person may do about it.",
    tag,
    params: ById,
    response: AccessRequestView,
    handler: ({ me, params, request }) => visible(params.id, me, request),
  });

  addRoute(app, {
    method: "POST",
    url: "/requests/:id/approve",
    access: deciders,
    summary:
      "Approve, as an approver of every conduit of the request who has no part in it. Conditions can only narrow.",
    tag,
    params: ById,
    body: Approve,
    response: AccessRequestView,
    handler: async ({ me, params, body, request }) => {
      // Not from a browser that was left open. Who signed in without a second factor has none to give.
      if (hasSecondFactor(me.factors)) requireConfirmed(me, freshSeconds);
      return shown(
        await access.decide(params.id, actingAs(me, request), { decision: "approve", ...body }),
        me,
        request,
      );
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/requests/:id/refuse",
    access: deciders,
    summary: "Refuse, with the reason.",
    tag,
    params: ById,
    body: Refuse,
    response: AccessRequestView,
    handler: async ({ me, params, body, request }) =>
      shown(await access.decide(params.id, actingAs(me, request), { decision: "refuse", ...body }), me, request),
  });

  addRoute(app, {
    method: "POST",
    url: "/requests/:id/withdraw",
    tokens: "act",
    access: "signed-in",
    summary: "Withdraw one's own request, also an approved one: its credentials die, its live sessions end.",
    tag,
    params: ById,
    body: Withdraw,
    response: AccessRequestView,
    handler: async ({ me, params, body, request }) => {
      const { id } = await visible(params.id, me, request);
      return shown(await access.withdraw(id, actingAs(me, request), body.reason), me, request);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/requests/:id/revoke",
    access: deciders,
    summary: "Take approved or emergency access away: its credentials die, its live sessions end within a second.",
    tag,
    params: ById,
    body: Revoke,
    response: AccessRequestView,
    handler: async ({ me, params, body, request }) =>
      shown(await access.revoke(params.id, actingAs(me, request), body.reason), me, request),
  });

  addRoute(app, {
    method: "POST",
    url: "/requests/:id/credential",
    access: "signed-in",
    summary:
      "A time-limited credential for SSH: a password, in this answer and nowhere else, or a public key to register.",
    tag,
    params: ById,
    body: CredentialRequest,
    response: IssuedCredential,
    handler: async ({ me, params, body, request }) => {
      const { id } = await visible(params.id, me, request);
      return access.issueCredential(id, actingAs(me, request), body);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/break-glass",
    access: "signed-in",
    summary:
      "Emergency access without approval, for whom the policy names, with a fresh code and a reason. It is reviewed.",
    tag,
    body: BreakGlass,
    response: AccessRequestView,
    handler: async ({ me, body, request }) => {
      // Whoever is not named hears so first; the code would not change it.
      const acting = actingAs(me, request);
      if (access.mayBreakGlass(acting)) requireConfirmed(me, freshSeconds);
      return shown(await access.breakGlass(acting, body), me, request);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/requests/:id/review",
    access: deciders,
    summary: "Review an emergency access that has ended, as somebody who took no part in it.",
    tag,
    params: ById,
    body: ReviewRequest,
    response: AccessRequestView,
    handler: async ({ me, params, body, request }) =>
      shown(await access.review(params.id, actingAs(me, request), body), me, request),
  });

  addBlockRoutes(app, deps);
  addEventRoute(app, deps);
}

function addBlockRoutes(app: FastifyInstance, { access }: ApiDeps): void {
  addRoute(app, {
    method: "GET",
    url: "/access-blocks",
    access: deciders,
    head: true,
    summary: "Reconnections that are refused; with `all=true` those that were lifted, too.",
    tag,
    query: BlockQuery,
    response: AccessBlockList,
    handler: async ({ query }) => ({ items: await access.blocks({ all: query.all }) }),
  });

  addRoute(app, {
    method: "POST",
    url: "/access-blocks",
    access: blockers,
    summary: "Refuse a person's connections to a target until a new approval, or until the block is lifted.",
    tag,
    body: BlockRequest,
    response: AccessBlock,
    handler: async ({ me, body, request }) =>
      access.block(actingAs(me, request), { person: body.person, target: body.target, reason: body.reason }),
  });

  addRoute(app, {
    method: "POST",
    url: "/access-blocks/:id/lift",
    access: unblockers,
    summary: "Lift a block, as an administrator or an approver of the target's conduit.",
    tag,
    params: ById,
    body: LiftBlock,
    response: AccessBlock,
    handler: async ({ me, params, body, request }) => {
      // It gives access back, as an approval does.
      if (hasSecondFactor(me.factors)) requireConfirmed(me, freshSeconds);
      return access.unblock(params.id, actingAs(me, request), body.reason);
    },
  });
}

function addEventRoute(app: FastifyInstance, { accessFeed }: ApiDeps): void {
  addRoute(app, {
    method: "GET",
    url: "/access-events",
    access: accessEventReaders,
    head: true,
    summary: "What happened around access: after a number in order, else the newest first.",
    tag,
    query: AccessEventQuery,
    response: AccessEventList,
    handler: async ({ query }) => {
      const last = await accessFeed.last();
      const items =
        query.after === undefined
          ? await accessFeed.newest(query.limit, query.subject)
          : await accessFeed.after(query.after, query.limit, query.subject);
      return { items, last };
    },
  });
}

function actingAs(me: SignedIn, request: FastifyRequest): Acting {
  return { name: me.name, roles: me.roles, factors: me.factors, address: request.ip };
}
