// The unit of systemd by its own tools, and the pages that are made of data or link to files.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { variables } from "../../../recorder/config/environment.ts";
import { ConfigFile } from "../../../recorder/config/schema.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (name: string) => readFileSync(join(root, name), "utf8");
const unit = "deploy/systemd/conduit.service";

test("systemd takes the unit without a warning, and finds it exposed to little", () => {
  // The programs that it names are those of the machine that it is installed on.
  const known = read(unit).replace(/^ExecStart=\S+/m, "ExecStart=/bin/true");
  const said = execFileSync(
    "sh",
    [
      "-c",
      'd=$(mktemp -d) && cat > "$d/conduit.service" && systemd-analyze verify --man=no "$d/conduit.service" 2>&1; rm -r "$d"',
    ],
    { input: known, encoding: "utf8" },
  );
  expect(said).toBe("");
  const args = ["security", "--offline=true", "--no-pager", "--threshold=20", join(root, unit)];
  // Beyond the threshold (tenths of its scale to 10) it ends with an error.
  const security = execFileSync("systemd-analyze", args, { encoding: "utf8" });
  expect(security).toMatch(/Overall exposure level for conduit\.service: [01]\.\d OK/);
});

test("the unit waits longer for a stop than the service drains by default, and gives only variables that it reads", () => {
  const text = read(unit);
  const stopSeconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
  expect(stopSeconds).toBeGreaterThan(ConfigFile.parse({}).limits.drainSeconds + 30);
  const known = variables(ConfigFile).map(({ name }) => name);
  for (const [name] of text.matchAll(/\bCONDUIT_[A-Z_]+/g)) expect(known).toContain(name);
  expect(read("docs/operations.md")).toContain(/^LoadCredential=([a-z-]+):/m.exec(text)?.[1] ?? "?");
});

const Compliance = z.array(
  z.strictObject({
    standard: z.string(),
    clauses: z
      .array(z.strictObject({ id: z.string(), title: z.string(), does: z.string(), tests: z.array(z.string()).min(1) }))
      .min(1),
  }),
);

test("the compliance page is what its data makes, every test that it names exists, and no clause stands twice", () => {
  const standards = Compliance.parse(parse(read("docs/compliance.yaml")));
  for (const { standard, clauses } of standards) {
    expect(new Set(clauses.map(({ id }) => id)).size, standard).toBe(clauses.length);
    for (const { id, tests } of clauses)
      for (const one of tests) expect(existsSync(join(root, one)), `${id} ${one}`).toBe(true);
  }
  execFileSync(process.execPath, [join(root, "scripts/compliance.mjs"), "--check"]);
});

test.each(["deployment", "hardening", "threat-model", "sizing", "compliance", "operations", "runbooks/README"])(
  "docs/%s.md links only to what exists",
  (name) => {
    const page = `docs/${name}.md`;
    for (const [, target = ""] of read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (!/^https?:/.test(target)) expect(existsSync(join(root, dirname(page), target)), target).toBe(true);
    }
  },
);
