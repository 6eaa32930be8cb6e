// The one way to add a route: input and output validated by zod, who may call it named in the route itself. A route that
// does not say who may call it is refused when it is registered, whoever registers it.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import type { Factor } from "../../shared/policy/factor.ts";
import type { Role } from "../../shared/policy/policy.ts";

/** `public`: anybody. `signed-in`: every role. Otherwise one of these roles. */
export type Access = "public" | "signed-in" | readonly Role[];

export interface SignedIn {
  name: string;
  roles: readonly Role[];
  mustChangePassword: boolean;
  /** Policy wants a second factor, and this sign-in has none: only enrolment is open. */
  mustEnrol: boolean;
  factors: readonly Factor[];
  /** A code was given in this sign-in, so lately. */
  confirmedWithin(seconds: number): boolean;
  csrfToken: string;
  expiresAt: string;
  /** Names the sign-in in the audit; opens nothing. */
  webSessionId: string;
  /** An API token speaks for the person; null: the person does. */
  token: { readOnly: boolean } | null;
}

/** `read`: any API token may call it; `act`: one that may change things; `never`: a person alone. */
export type ForTokens = "read" | "act" | "never";

declare module "fastify" {
  interface FastifyRequest {
    signedIn: SignedIn | null;
  }
  interface FastifyContextConfig {
    access?: Access;
    /** May be called while a one-time password still has to be changed. */
    withOneTimePassword?: boolean;
    /** May be called while the second factor that policy wants is still to be enrolled. */
    whileEnrolling?: boolean;
    tokens?: ForTokens;
    spec?: RouteDescription;
  }
}

/** What OpenAPI needs to know of a route. */
export interface RouteDescription {
  summary: string;
  tag: string;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  response: z.ZodType | null | { contentTypes: readonly string[] };
}

export interface Call<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  request: FastifyRequest;
  reply: FastifyReply;
}

interface RouteSpec<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> {
  method: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  summary: string;
  tag: string;
  params?: P;
  query?: Q;
  body?: B;
  /** A schema: JSON, checked before it leaves. `null`: 204. Content types: the handler sends by itself. */
  response: R | null | { contentTypes: readonly string[] };
  withOneTimePassword?: boolean;
  whileEnrolling?: boolean;
  /** Left out, tokens may read and nothing else: what asks a person for a fresh second factor is never theirs. */
  tokens?: ForTokens;
  /** HEAD beside GET; not where answering is costly or has an effect. */
  head?: boolean;
  bodyLimit?: number;
}

type Answer<R extends z.ZodType> = z.input<R> | FastifyReply | undefined;

export interface SignedInRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>
  extends RouteSpec<P, Q, B, R> {
  access: Exclude<Access, "public">;
  handler(call: Call<z.output<P>, z.output<Q>, z.output<B>> & { me: SignedIn }): Promise<Answer<R>>;
}

export interface PublicRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>
  extends RouteSpec<P, Q, B, R> {
  access: "public";
  handler(call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer<R>>;
}

/** Call before any route is registered. */
export function requireAccessOnEveryRoute(app: FastifyInstance): void {
  app.addHook("onRoute", (route) => {
    if (route.config?.access === undefined) {
      throw new AppError("INTERNAL", `the route ${String(route.method)} ${route.url} does not say who may call it`, {
        op: "api.route",
      });
    }
  });
}

export function addRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  app: FastifyInstance,
  spec: SignedInRoute<P, Q, B, R>,
): void {
  register(app, spec, spec.access, (call) => {
    const me = call.request.signedIn;
    if (me === null) throw new AppError("AUTH_REQUIRED", "sign in first", { op: "api.route" });
    return spec.handler({ ...call, me });
  });
}

export function addPublicRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  app: FastifyInstance,
  spec: PublicRoute<P, Q, B, R>,
): void {
  register(app, spec, "public", (call) => spec.handler(call));
}

function register<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  app: FastifyInstance,
  spec: RouteSpec<P, Q, B, R>,
  access: Access,
  handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer<R>>,
): void {
  const { response } = spec;
  app.route({
    method: spec.method,
    url: spec.url,
    ...(spec.bodyLimit === undefined ? {} : { bodyLimit: spec.bodyLimit }),
    exposeHeadRoute: spec.method === "GET" && spec.head === true,
    config: {
      access,
      withOneTimePassword: spec.withOneTimePassword === true,
      whileEnrolling: spec.whileEnrolling === true,
      tokens: spec.tokens ?? (spec.method === "GET" ? "read" : "never"),
      spec: spec as RouteDescription,
    },
    handler: async (request, reply) => {
      const params = validate(spec.params, request.params, "address") as z.output<P>;
      const query = validate(spec.query, request.query, "query") as z.output<Q>;
      const body = validate(spec.body, request.body ?? undefined, "body") as z.output<B>;
      const answer = await handle({ params, query, body, request, reply });
      if (response === null) return reply.code(204).send();
      if (!("safeParse" in response)) return reply;
      if (reply.sent) return reply;
      const checked = response.safeParse(answer);
      if (!checked.success) {
        throw new AppError("INTERNAL", `the answer of ${spec.url} is not what its schema says`, {
          op: "api.answer",
          cause: checked.error,
        });
      }
      return reply.type("application/json; charset=utf-8").send(JSON.stringify(checked.data));
    },
  });
}

function validate(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? where : `${where}, \`${issue.path.join(".")}\``;
  // zod's messages name keys and expectations, never the value: a password does not travel back or into a log.
  throw new AppError("REQUEST_INVALID", `${place}: ${issue?.message ?? "not accepted"}`, { op: "api.validate" });
}
