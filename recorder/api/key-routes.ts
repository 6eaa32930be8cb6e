// Keys of encrypted recordings for the portal, which decrypts in the browser what it has hashed as stored. They go only to
// who may read the content, and that of the input only to who may see what was typed; the audit has it first.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { RecordingKeysAnswer } from "../../shared/api/types.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps } from "./deps.ts";
import { contentReaders, inputReaders } from "./roles.ts";
import { addRoute } from "./route.ts";
import { ViewLog } from "./view-log.ts";

const ById = z.strictObject({ id: z.string().regex(sessionIdPattern, "not a recording's id") });

export function addKeyRoutes(app: FastifyInstance, deps: Pick<ApiDeps, "opened" | "audit">, views: ViewLog): void {
  // Asked why was whoever views; each sign-in that got keys has a line of its own.
  const issued = new ViewLog({
    audit: deps.audit,
    action: "recording.key",
    reasonFor: () => [],
    isLive: async () => false,
    failed: () => {},
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/keys",
    access: contentReaders,
    summary: "Data keys of an encrypted recording, as far as this person may read it and the service has them.",
    tag: "recordings",
    params: ById,
    response: RecordingKeysAnswer,
    handler: async ({ me, params, request, reply }) => {
      await views.viewed(me, params.id, request.ip);
      const seesInput = me.roles.some((role) => inputReaders.includes(role));
      const { encrypted, keys } = await deps.opened.keys(params.id, seesInput ? ["content", "input"] : ["content"]);
      void reply.header("cache-control", "no-store");
      if (encrypted) await issued.viewed(me, params.id, request.ip);
      const { content, input } = keys;
      const text = (key: Uint8Array) => Buffer.from(key).toString("base64");
      return {
        encrypted,
        streams: {
          ...(content === undefined ? {} : { content: text(content) }),
          ...(input === undefined ? {} : { input: text(input) }),
        },
      };
    },
  });
}
