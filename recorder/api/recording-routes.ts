// Recordings: listing, reading back, verifying, exporting. Every look at a recording's content is in the audit before
// its first byte leaves.
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import {
  ExportQuery,
  RecordingCustody,
  RecordingIndex,
  RecordingPage,
  RecordingQuery,
  RecordingSummary,
  VerifyReport,
  WithReason,
} from "../../shared/api/types.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps } from "./deps.ts";
import { attachment } from "./disposition.ts";
import { contentReaders, exporters, mayListAll } from "./roles.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { SearchLog } from "./search-log.ts";
import type { ViewLog } from "./view-log.ts";
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

export function addRecordingRoutes(app: FastifyInstance, deps: ApiDeps, views: ViewLog): void {
  const searches = new SearchLog(deps.audit);

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
    handler: async ({ me, query, request }) => {
      const filter = searches.filterOf(query);
      if (filter !== null && searches.isNew(me, filter)) {
        views.requireReason("search", query.reason);
        await searches.searched(me, filter, request.ip, query.reason);
      }
      return deps.recordings.list(mayListAll(me) ? query : { ...query, onlyPerson: me.name });
    },
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
      views.handedOver(me, params.id, request.ip, meta);
      void reply.type("application/octet-stream");
      // What the browser has already is asked for again all the same: that it is looked at is told.
      // Bytes that are not what the index says go out, for the viewer to judge and show; but never into a cache.
      if (!intact) return reply.send(bytes);
      const etag = `"${meta.sha256}"`;
      void reply.headers({ etag, "cache-control": "private, no-cache" });
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
    tokens: "read",
    access: contentReaders,
    summary: "The player says that it opened the recording.",
    tag: "recordings",
    params: ById,
    body: WithReason.prefault({}),
    response: null,
    handler: async ({ me, params, body, request }) => {
      await visible(me, params.id);
      await views.viewed(me, params.id, request.ip, body.reason);
      return undefined;
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/verify",
    tokens: "read",
    access: exporters,
    summary: "Reads the whole recording from the store and checks every signature, hash and link.",
    tag: "recordings",
    params: ById,
    body: WithReason.prefault({}),
    response: VerifyReport,
    handler: async ({ me, params, body, request, reply }) => {
      await visible(me, params.id);
      views.requireReason("verify", body.reason);
      const report = await deps.verifier.verify(params.id, goneSignal(reply));
      await deps.audit.append({
        actor: me.name,
        action: "recording.verify",
        subject: params.id,
        address: request.ip,
        details: {
          verdict: report.verdict,
          findings: report.findings.length,
          ...(body.reason === undefined ? {} : { reason: body.reason }),
        },
      });
      return report;
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/custody",
    access: exporters,
    summary:
      "Who viewed, exported, verified, unsealed and held the recording, when, from where and why; the newest 500.",
    tag: "recordings",
    params: ById,
    response: RecordingCustody,
    handler: async ({ me, params }) => {
      await visible(me, params.id);
      return custodyOf(deps.audit, params.id);
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/export",
    access: exporters,
    summary:
      "The recording as a file: one terminal track (cast, txt), all tracks in time order (jsonl), all stored bytes (zip), or all that a court needs (bundle).",
    tag: "recordings",
    params: ById,
    query: ExportQuery,
    response: {
      contentTypes: ["application/x-asciicast", "text/plain; charset=utf-8", "application/jsonl", "application/zip"],
    },
    handler: async ({ me, params, query, request, reply }) => {
      await visible(me, params.id);
      views.requireReason("export", query.reason);
      const file = await deps.exporter.export(params.id, query.format, query.track, {
        fromUs: microseconds(query.fromSeconds),
        toUs: microseconds(query.toSeconds),
      });
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
            ...file.inLog,
            ...(query.reason === undefined ? {} : { reason: query.reason }),
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

function microseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e6);
}

async function custodyOf(audit: ApiDeps["audit"], session: string): Promise<RecordingCustody> {
  const page = await audit.list({ subject: session, limit: 500 });
  const items = page.items
    .filter(({ action }) => action.startsWith("recording.") || action.startsWith("hold."))
    .map(({ at, actor, action, address, details }) => {
      const { reason } = details;
      return { at, actor, action, address, reason: typeof reason === "string" ? reason : null, details };
    });
  return { session, items: items.reverse(), more: page.next !== null };
}

/** Aborted when the client has gone: nobody waits for the answer any more. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const abort = new AbortController();
  reply.raw.once("close", () => abort.abort(new Error("the client has gone")));
  return abort.signal;
}
