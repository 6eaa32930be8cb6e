// The conduit report, as JSON, as a page for people, and as tables for spreadsheets. Making one is itself in the audit log.
import type { FastifyInstance } from "fastify";
import { ReportQuery, reportTables } from "../../shared/api/report.ts";
import { reportCsv } from "../report/csv.ts";
import { reportPage } from "../report/html.ts";
import type { ApiDeps } from "./deps.ts";
import { attachment } from "./disposition.ts";
import { reportReaders } from "./roles.ts";
import { addRoute } from "./route.ts";

export function addReportRoutes(app: FastifyInstance, deps: ApiDeps): void {
  addRoute(app, {
    method: "GET",
    url: "/report",
    access: reportReaders,
    summary: `The conduit report of a period, the last 30 days by default: json, html, or csv of one table (${reportTables.join(", ")}).`,
    tag: "report",
    query: ReportQuery,
    response: { contentTypes: ["application/json", "text/html; charset=utf-8", "text/csv; charset=utf-8"] },
    handler: async ({ me, query, request, reply }) => {
      const report = await deps.report(query);
      const { from, to } = report.period;
      await deps.audit.append({
        actor: me.name,
        action: "report.make",
        subject: "conduit-report",
        address: request.ip,
        details: { from, to, format: query.format },
      });
      const name = `conduit-report-${from.slice(0, 10)}-${to.slice(0, 10)}`;
      if (query.format === "json") return reply.type("application/json; charset=utf-8").send(JSON.stringify(report));
      if (query.format === "csv") {
        void reply.header("content-disposition", attachment(`${name}-${query.table}.csv`));
        return reply.type("text/csv; charset=utf-8").send(reportCsv(report, query.table));
      }
      void reply.header("content-disposition", attachment(`${name}.html`));
      return reply.type("text/html; charset=utf-8").send(reportPage(report, { portal: deps.portalUrl() }));
    },
  });
}
