// Searching everything that was recorded, and searches that are kept. What somebody searches for is in the audit before the
// first hit goes out, since a hit shows content.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { SavedSearch, SavedSearchList, SaveSearch, SearchPage, SearchRequest } from "../../shared/api/search.ts";
import { AppError } from "../../shared/errors.ts";
import { parseQuery } from "../search/query.ts";
import type { SearchQuery } from "../search/search-index.ts";
import type { ApiDeps, Searching } from "./deps.ts";
import { contentReaders } from "./roles.ts";
import { addRoute } from "./route.ts";
import { SearchLog } from "./search-log.ts";
import type { ViewLog } from "./view-log.ts";
import { visibleRecording } from "./visible-recording.ts";

const ById = z.strictObject({ id: z.uuid("not a kept search's id") });

export function addSearchRoutes(app: FastifyInstance, deps: ApiDeps, views: ViewLog): void {
  const searches = new SearchLog(deps.audit);

  addRoute(app, {
    method: "GET",
    url: "/search",
    access: contentReaders,
    summary: "Commands, typed text, output, files, clipboard, keys, events and notes of recordings, newest first.",
    tag: "search",
    query: SearchRequest,
    response: SearchPage,
    handler: async ({ me, query, request }) => {
      const search = searchingOf(deps);
      const { reason, limit, cursor, group, ...asked } = query;
      // A query that cannot be done was no search.
      parseQuery(query.q);
      const filter = Object.fromEntries(
        Object.entries(asked).filter(([, value]) => value !== undefined && value !== ""),
      );
      // Hits show content: what policy asks of a view it asks of them.
      if (query.session !== undefined) {
        await visibleRecording(deps, me, query.session);
        await views.viewed(me, query.session, request.ip, reason);
      }
      if (searches.isNew(me, { search: filter })) {
        views.requireReason("search", reason);
        views.requireReason("view", reason);
        await searches.searched(me, { search: filter }, request.ip, reason);
      }
      const wanted = { ...asked, limit, cursor, group };
      const found = await search.search(
        Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) as unknown as SearchQuery,
      );
      return { ...found, coverage: await search.coverage() };
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/searches",
    access: contentReaders,
    summary: "Searches that this person keeps, and those that others share.",
    tag: "search",
    response: SavedSearchList,
    handler: async ({ me }) => ({ items: await searchingOf(deps).saved.list(me.name) }),
  });

  addRoute(app, {
    method: "POST",
    url: "/searches",
    tokens: "act",
    access: contentReaders,
    summary: "Keeps a search under a name; one of that name is replaced.",
    tag: "search",
    body: SaveSearch,
    response: SavedSearch,
    handler: async ({ me, body, request }) => {
      const { saved } = searchingOf(deps);
      parseQuery(body.query.q ?? "");
      const { name, query, shared } = body;
      await deps.audit.append({
        actor: me.name,
        action: "search.save",
        subject: name,
        address: request.ip,
        details: { query, shared },
      });
      return saved.save(me.name, body);
    },
  });

  addRoute(app, {
    method: "DELETE",
    url: "/searches/:id",
    tokens: "act",
    access: contentReaders,
    summary: "Forgets a search that this person keeps.",
    tag: "search",
    params: ById,
    response: null,
    handler: async ({ me, params, request }) => {
      const line = { actor: me.name, action: "search.forget", subject: params.id, address: request.ip, details: {} };
      await searchingOf(deps).saved.remove(me.name, params.id, () => deps.audit.append(line));
      return undefined;
    },
  });
}

function searchingOf(deps: ApiDeps): Searching {
  if (deps.search !== undefined) return deps.search;
  throw new AppError("REQUEST_NOT_FOUND", "the search is switched off here (search.enabled)", { op: "api.search" });
}
