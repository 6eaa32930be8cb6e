// Videos and single pictures of a recording: asked for, followed, fetched and given up. The audit has the line before any
// of it is made.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { PictureJob, PictureRequest } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ApiDeps } from "./deps.ts";
import { attachment } from "./disposition.ts";
import { exporters } from "./roles.ts";
import { addRoute } from "./route.ts";
import { visibleRecording } from "./visible-recording.ts";

const ByRecording = z.strictObject({ id: z.string().regex(sessionIdPattern, "not a recording's id") });
const ByJob = z.strictObject({ job: z.uuid("not an export's id") });

export function addPictureRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/pictures",
    tokens: "act",
    access: exporters,
    summary: "Begins a video (mp4, webm, gif) or a single picture (png) of a terminal or a screen.",
    tag: "recordings",
    params: ByRecording,
    body: PictureRequest,
    response: PictureJob,
    handler: async ({ me, params, body, request }) => {
      await visibleRecording(deps, me, params.id);
      if (body.reason === undefined && deps.inventory().policy.custody.reasonFor.includes("export")) {
        throw new AppError("REASON_REQUIRED", "policy asks why: say the reason of this export", { op: "api.custody" });
      }
      const prepared = await deps.pictures.prepare(me.name, params.id, body);
      const { format, track: _, ...asked } = body;
      await deps.audit.append({
        actor: me.name,
        action: "recording.export",
        subject: params.id,
        address: request.ip,
        details: { format, track: prepared.track, file: prepared.fileName, ...prepared.inLog, ...asked },
      });
      return prepared.start();
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/pictures/:job",
    access: exporters,
    summary: "How far a video or picture of one's own is. Says that one still waits for it.",
    tag: "recordings",
    params: ByJob,
    response: PictureJob,
    handler: async ({ me, params }) => deps.pictures.state(me.name, params.job),
  });

  addRoute(app, {
    method: "GET",
    url: "/pictures/:job/file",
    access: exporters,
    summary: "The file, when it is ready.",
    tag: "recordings",
    params: ByJob,
    response: { contentTypes: ["video/mp4", "video/webm", "image/gif", "image/png"] },
    handler: async ({ me, params, reply }) => {
      const file = deps.pictures.file(me.name, params.job);
      void reply.headers({
        "content-disposition": attachment(file.fileName),
        "content-length": String(file.bytes),
        "cache-control": "no-store",
      });
      return reply.type(file.contentType).send(file.body);
    },
  });

  addRoute(app, {
    method: "DELETE",
    url: "/pictures/:job",
    tokens: "act",
    access: exporters,
    summary: "Gives a video or picture up, and removes its file.",
    tag: "recordings",
    params: ByJob,
    response: null,
    handler: async ({ me, params }) => {
      await deps.pictures.drop(me.name, params.job);
      return undefined;
    },
  });
}
