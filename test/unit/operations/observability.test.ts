// Dashboard, alert rules and pages name only metrics that a scrape has; every alert has its page, and promtool takes the rules.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { Metrics } from "../../../recorder/metrics/metrics.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (name: string) => readFileSync(join(root, name), "utf8");

const Rules = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z
        .array(
          z.strictObject({
            alert: z.string().regex(/^Conduit[A-Za-z]+$/),
            expr: z.string(),
            for: z.string(),
            labels: z.strictObject({ severity: z.enum(["warning", "critical"]) }),
            annotations: z.strictObject({ summary: z.string(), runbook_url: z.string() }),
          }),
        )
        .min(15),
    }),
  ),
});
const rules = Rules.parse(parse(read("deploy/prometheus/rules.yaml"))).groups.flatMap((group) => group.rules);
const Dashboard = z.object({
  panels: z.array(
    z.object({ id: z.int(), title: z.string(), targets: z.array(z.object({ expr: z.string() })).min(1) }),
  ),
});
const dashboard = Dashboard.parse(JSON.parse(read("deploy/grafana/conduit.json")));

let known: Set<string>;
beforeAll(async () => {
  const metrics = new Metrics("1", () => {});
  const never = () => Promise.reject(new Error("not asked"));
  metrics.sample({
    sessions: () => [],
    alarms: () => [],
    spool: never,
    ledger: () => ({ entries: 0, signedEntries: 0, uploadedEntries: 0, checkpointAt: null, anchors: [] }),
    siem: () => [],
    verification: never,
    askDatabase: never,
    ready: never,
    draining: () => false,
    certificates: () => new Map(),
  });
  const { text } = await metrics.render();
  known = new Set(["up"]);
  for (const [, name = "", type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    known.add(name);
    if (type === "histogram") for (const part of ["_bucket", "_count", "_sum"]) known.add(`${name}${part}`);
  }
});

const metricsIn = (text: string) => text.match(/\b(?:conduit|nodejs|process)_[a-z0-9_]+\b/g) ?? [];

test("rules and dashboard name only metrics that exist, and leave out none of ours", () => {
  const used = new Set<string>();
  for (const { alert, expr } of rules)
    for (const name of metricsIn(expr)) expect(known, `${alert} ${name}`).toContain(name);
  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      for (const name of metricsIn(expr)) expect(known, `${title} ${name}`).toContain(name);
    }
  }
  const text = rules.map(({ expr }) => expr).join() + dashboard.panels.map((one) => JSON.stringify(one)).join();
  for (const name of metricsIn(text)) used.add(name.replace(/_(?:bucket|count|sum)$/, ""));
  const seenElsewhere = ["conduit_build_info", "conduit_spool_accepting"];
  const ours = [...known].filter((name) => name.startsWith("conduit_") && !/_(?:bucket|count|sum)$/.test(name));
  expect(ours.filter((name) => !used.has(name) && !seenElsewhere.includes(name))).toEqual([]);
});

test("the pages name only metrics that exist, and docs/operations.md each of ours", () => {
  const pages = [
    "docs/operations.md",
    ...readdirSync(join(root, "docs/runbooks")).map((name) => `docs/runbooks/${name}`),
  ];
  for (const page of pages) {
    for (const name of metricsIn(read(page))) expect(known, `${page} ${name}`).toContain(name);
  }
  const operations = new Set(metricsIn(read("docs/operations.md")));
  const ours = [...known].filter((name) => name.startsWith("conduit_") && !/_(?:bucket|count|sum)$/.test(name));
  expect(ours.filter((name) => !operations.has(name))).toEqual([]);
});

test("every alert has its page, with its expression and severity, and every page its alert", () => {
  const index = read("docs/runbooks/README.md");
  for (const { alert, expr, labels, annotations } of rules) {
    expect(annotations.runbook_url).toBe(`docs/runbooks/${alert}.md`);
    expect(existsSync(join(root, annotations.runbook_url)), alert).toBe(true);
    const page = read(annotations.runbook_url);
    expect(page).toContain(expr);
    expect(page).toContain(`Severity: ${labels.severity}.`);
    expect(index).toContain(`[${alert}](${alert}.md) | ${labels.severity}`);
  }
  const pages = readdirSync(join(root, "docs/runbooks")).filter((name) => name !== "README.md");
  expect(pages.map((name) => name.replace(".md", "")).sort()).toEqual(rules.map(({ alert }) => alert).sort());
});

test("promtool takes the rules, and they fire on what they are for", () => {
  const folder = join(root, "deploy/prometheus");
  const run = (...args: string[]) => execFileSync("promtool", args, { cwd: folder, encoding: "utf8" });
  expect(run("check", "rules", "rules.yaml")).toContain("SUCCESS");
  expect(run("test", "rules", "rules.test.yaml")).toContain("SUCCESS");
});
