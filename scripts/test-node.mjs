// npm run test:node -- MAJOR [vitest arguments]: the whole test run under another Node, taken from the npm package
// `node`. It happens in a copy of the tree, because native add-ons are built for one Node and ours stay as they are.
// With --keep the copy is left in place and its path printed.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fail, npm, root, run } from "./steps.mjs";

const keep = process.argv.includes("--keep");
const [version, ...testArgs] = process.argv.slice(2).filter((arg) => arg !== "--keep");
if (!/^\d+(\.\d+){0,2}$/.test(version ?? "")) fail("usage: npm run test:node -- MAJOR [--keep] [vitest arguments]");

const workDir = mkdtempSync(join(tmpdir(), `conduit-node${version}-`));
process.once("exit", () => {
  if (keep) console.log(`left in place: ${workDir}`);
  else rmSync(workDir, { recursive: true, force: true });
});
// A signal ends the process without the "exit" event unless something handles it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const nodePath = installNode();
const tree = join(workDir, "tree");
copyTree(tree);

const binDir = dirname(nodePath);
const env = { ...process.env, PATH: `${binDir}${delimiter}${process.env.PATH}`, CI: "true" };
const headers = dirname(binDir);
if (existsSync(join(headers, "include/node/node.h"))) env.npm_config_nodedir = headers; // for node-gyp

console.log(`Installing and testing with Node ${spawnSync(nodePath, ["--version"]).stdout.toString().trim()} …`);
const [command, args] = npm(["ci", "--no-audit", "--no-fund"]);
const install = command === "npm" ? ["npm", args] : [nodePath, args];
if (run(...install, { cwd: tree, env }) !== 0) fail("npm ci failed");
process.exitCode = run(nodePath, [join(tree, "scripts/test.mjs"), ...testArgs], { cwd: tree, env });

function installNode() {
  const home = join(workDir, "node");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }));
  if (run(...npm(["install", "--no-audit", "--no-fund", `node@${version}`]), { cwd: home }) !== 0) {
    fail(`Node ${version} could not be installed from npm`);
  }
  const packages = join(home, "node_modules/node/node_modules");
  const platform = join(packages, `node-${process.platform}-${process.arch}`, "bin/node");
  return existsSync(platform) ? platform : join(home, "node_modules/node/bin/node");
}

// What git has or would add: neither dependencies nor builds nor data.
function copyTree(target) {
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  if (listed.status !== 0) fail("the tree to copy must be a git work tree");
  for (const file of listed.stdout.toString().split("\0")) {
    const from = join(root, file);
    if (file === "" || !existsSync(from)) continue; // deleted and not yet committed
    mkdirSync(dirname(join(target, file)), { recursive: true });
    copyFileSync(from, join(target, file));
  }
}
