// The API's own description: made from the same schemas that check its input and output.
import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifySchema } from "fastify";
import { z } from "zod";
import { Problem } from "../../shared/api/types.ts";
import type { ApiDeps } from "./deps.ts";
import { type Access, addRoute, type ForTokens, type RouteDescription } from "./route.ts";
import { cookieName, csrfHeader } from "./security.ts";

const problemMediaType = "application/problem+json";

/** Before the routes are added. */
export async function describeRoutes(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Conduit Recorder",
        version: deps.version,
        description: `Every change needs the sign-in's CSRF token in the \`${csrfHeader}\` header. Errors are problem documents (RFC 9457).`,
      },
      components: {
        securitySchemes: {
          session: { type: "apiKey", in: "cookie", name: cookieName(deps.transport) },
          token: { type: "http", scheme: "bearer", description: "An API token (`crt_…`); it needs no CSRF token." },
        },
      },
    },
    convertConstToEnum: false,
    transform: ({ url, route }) => {
      const { spec, access, tokens = "never" } = route.config ?? {};
      return {
        url,
        schema: spec === undefined || access === undefined ? { hide: true } : schemaOf(spec, access, tokens),
      };
    },
  });
}

export function addOpenApiRoute(app: FastifyInstance): void {
  addRoute(app, {
    method: "GET",
    url: "/openapi.json",
    access: "signed-in",
    head: true,
    summary: "This description (OpenAPI 3.1).",
    tag: "service",
    response: z.looseObject({ openapi: z.string() }),
    handler: async () => app.swagger() as { openapi: string },
  });
}

const tokenWords: Record<ForTokens, string> = {
  read: "Any API token.",
  act: "API tokens that may act.",
  never: "No API token.",
};

function schemaOf(spec: RouteDescription, access: Access, tokens: ForTokens): FastifySchema {
  const who =
    access === "public" ? "Anybody." : access === "signed-in" ? "Every role." : `Roles: ${access.join(", ")}.`;
  return {
    summary: spec.summary,
    description: access === "public" ? who : `${who} ${tokenWords[tokens]}`,
    tags: [spec.tag],
    security: access === "public" ? [] : [{ session: [] }, ...(tokens === "never" ? [] : [{ token: [] }])],
    ...(spec.params === undefined ? {} : { params: jsonSchema(spec.params, "input") }),
    ...(spec.query === undefined ? {} : { querystring: jsonSchema(spec.query, "input") }),
    ...(spec.body === undefined ? {} : { body: jsonSchema(spec.body, "input") }),
    response: {
      ...answerOf(spec.response),
      default: {
        description: "What went wrong.",
        content: { [problemMediaType]: { schema: jsonSchema(Problem, "output") } },
      },
    },
  };
}

function answerOf(response: RouteDescription["response"]): Record<string, unknown> {
  if (response === null) return { 204: { description: "Done.", type: "null" } };
  if ("safeParse" in response) {
    return {
      200: { description: "The answer.", content: { "application/json": { schema: jsonSchema(response, "output") } } },
    };
  }
  const binary = { schema: { type: "string", format: "binary" } };
  return {
    200: {
      description: "The bytes.",
      content: Object.fromEntries(response.contentTypes.map((type) => [type, binary])),
    },
  };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
