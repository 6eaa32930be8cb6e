// Recordings: listing, reading back, verifying, exporting. Every look at a recording's content is in the audit before
// its first byte leaves.
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import {
  ExportQuery,
  RecordingIndex,
  RecordingPage,
  RecordingQuery,
  RecordingSummary,
  VerifyReport,
} from "../../shared/api/types.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps } from "./deps.ts";
import { attachment } from "./disposition.ts";
import { contentReaders, exporters, mayListAll } from "./roles.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { ViewLog } from "./view-log.ts";
import { visibleRecording } from "./visible-recording.ts";

const ById = z.strictObject({ id: z.string().regex(sessionIdPattern, "not a recording's id") });
const BySegment = ById.extend({
  n: z
    .string()
    .regex(/^(?:0|[1-9]\d{0,8})$/, "not a segment's number")
    .transform(Number),
});

const objectTypes = {
  "open.json": "application/json; charset=utf-8",
  "open.json.sig": "application/octet-stream",
  "manifest.json": "application/json; charset=utf-8",
  "manifest.json.sig": "application/octet-stream",
  SHA256SUMS: "text/plain; charset=utf-8",
} as const;
const ByObject = ById.extend({
  name: z.enum(["open.json", "open.json.sig", "manifest.json", "manifest.json.sig", "SHA256SUMS"]),
});

export function addRecordingRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const views = new ViewLog(deps.audit);

  const visible = (me: SignedIn, id: string) => visibleRecording(deps, me, id);

  addRoute(app, {
    method: "GET",
    url: "/recordings",
    access: "signed-in",
    head: true,
    summary: "Recordings, newest first; a vendor sees only his own.",
    tag: "recordings",
    query: RecordingQuery,
    response: RecordingPage,
    handler: ({ me, query }) => deps.recordings.list(mayListAll(me) ? query : { ...query, onlyPerson: me.name }),
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id",
    access: "signed-in",
    head: true,
    summary: "One recording's line in the list.",
    tag: "recordings",
    params: ById,
    response: RecordingSummary,
    handler: ({ me, params }) => visible(me, params.id),
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/index",
    access: contentReaders,
    summary: "Tracks and segments; grows while the session is live. Counts as a view.",
    tag: "recordings",
    params: ById,
    response: RecordingIndex,
    handler: async ({ me, params, request }) => {
      const index = await deps.reader.index(params.id);
      await views.viewed(me, params.id, request.ip);
      return index;
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/segments/:n",
    access: contentReaders,
    summary: "The stored bytes of segment n. Counts as a view.",
    tag: "recordings",
    params: BySegment,
    response: { contentTypes: ["application/octet-stream"] },
    handler: async ({ me, params, request, reply }) => {
      const { meta, bytes, intact } = await deps.reader.segment(params.id, params.n);
      await views.viewed(me, params.id, request.ip);
      void reply.type("application/octet-stream");
      // Bytes that are not what the index says go out, for the viewer to judge and show; but never into a cache.
      if (!intact) return reply.send(bytes);
      const etag = `"${meta.sha256}"`;
      void reply.headers({ etag, "cache-control": "private, max-age=31536000, immutable" });
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.send(bytes);
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/objects/:name",
    access: contentReaders,
    summary: "The signed records as stored: open.json, manifest.json, their signatures, SHA256SUMS. Counts as a view.",
    tag: "recordings",
    params: ByObject,
    response: { contentTypes: [...new Set(Object.values(objectTypes))] },
    handler: async ({ me, params, request, reply }) => {
      const bytes = await deps.reader.object(params.id, params.name);
      await views.viewed(me, params.id, request.ip);
      return reply.type(objectTypes[params.name]).send(bytes);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/view",
    access: contentReaders,
    summary: "The player says that it opened the recording.",
    tag: "recordings",
    params: ById,
    response: null,
    handler: async ({ me, params, request }) => {
      await visible(me, params.id);
      await views.viewed(me, params.id, request.ip);
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/verify",
    access: exporters,
    summary: "Reads the whole recording from the store and checks every signature, hash and link.",
    tag: "recordings",
    params: ById,
    response: VerifyReport,
    handler: async ({ me, params, request, reply }) => {
      await visible(me, params.id);
      const report = await deps.verifier.verify(params.id, goneSignal(reply));
      await deps.audit.append({
        actor: me.name,
        action: "recording.verify",
        subject: params.id,
        address: request.ip,
        details: { verdict: report.verdict, findings: report.findings.length },
      });
      return report;
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/export",
    access: exporters,
    summary:
      "The recording as a file: one terminal track (cast, txt), all tracks in time order (jsonl), all stored bytes (zip).",
    tag: "recordings",
    params: ById,
    query: ExportQuery,
    response: {
      contentTypes: ["application/x-asciicast", "text/plain; charset=utf-8", "application/jsonl", "application/zip"],
    },
    handler: async ({ me, params, query, request, reply }) => {
      await visible(me, params.id);
      const file = await deps.exporter.export(params.id, query.format, query.track);
      try {
        await deps.audit.append({
          actor: me.name,
          action: "recording.export",
          subject: params.id,
          address: request.ip,
          details: {
            format: query.format,
            ...(query.track === undefined ? {} : { track: query.track }),
            file: file.fileName,
          },
        });
      } catch (error) {
        file.body.destroy();
        throw error;
      }
      void reply.header("content-disposition", attachment(file.fileName));
      return reply.type(file.contentType).send(file.body);
    },
  });
}

/** Aborted when the client has gone: nobody waits for the answer any more. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const abort = new AbortController();
  reply.raw.once("close", () => abort.abort(new Error("the client has gone")));
  return abort.signal;
}
