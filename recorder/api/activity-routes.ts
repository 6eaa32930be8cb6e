// Who was on which target when. Seen by whoever sees the list of recordings, of the sessions that are in theirs; asking
// with a filter is in the audit as a search of the list is.
import type { FastifyInstance } from "fastify";
import { Activity, ActivityQuery } from "../../shared/api/activity.ts";
import type { ApiDeps } from "./deps.ts";
import { mayListAll } from "./roles.ts";
import { addRoute } from "./route.ts";
import { SearchLog } from "./search-log.ts";
import type { ViewLog } from "./view-log.ts";

export function addActivityRoutes(app: FastifyInstance, deps: ApiDeps, views: ViewLog): void {
  const searches = new SearchLog(deps.audit);

  addRoute(app, {
    method: "GET",
    url: "/activity",
    access: "signed-in",
    summary:
      "Who was on which target when, by days and hours of a time zone, and what was unusual; a vendor sees his own sessions, without the latter.",
    tag: "recordings",
    query: ActivityQuery,
    response: Activity,
    handler: async ({ me, query, request }) => {
      const { reason, ...asked } = query;
      const filter = mayListAll(me) ? asked : { ...asked, onlyPerson: me.name };
      const { zone: _zone, ...narrowing } = asked;
      const given = Object.entries(narrowing).filter(([, value]) => value !== undefined && value !== "");
      const line = { activity: Object.fromEntries(given) };
      // What cannot be answered was not asked.
      const answer = await deps.activity(filter);
      if (given.length > 0 && searches.isNew(me, line)) {
        views.requireReason("search", reason);
        await searches.searched(me, line, request.ip, reason);
      }
      return answer;
    },
  });
}
