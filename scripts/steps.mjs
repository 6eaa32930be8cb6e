// What the project's scripts are made of: running a step, and installing and building only when something changed.
// Plain Node without packages, because these run before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const cliPath = join(root, "dist/recorder/cli/main.js");

const OLDEST_NODE = [20, 19];
const BUILT_FROM = ["shared", "recorder", "replay-ui", "tsconfig.base.json", "tsconfig.json", "package-lock.json"];

/** Ends the process with a plain sentence when this Node is too old to run the project. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(`Conduit Recorder needs Node ${OLDEST_NODE.join(".")} or newer; this is ${process.versions.node}.`);
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Runs a program with the terminal's own input and output; gives its exit code. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

/** run, but a nonzero exit ends this process too. */
export function mustRun(what, command, args, options) {
  const code = run(command, args, options);
  if (code !== 0) {
    console.error(`${what} failed`);
    process.exit(code);
  }
}

/** The file that an installed package runs for its command `name`. */
export function binOf(packageName, name = packageName) {
  const folder = join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[name]);
}

/** Arguments for `process.execPath` that run npm: the npm that started us, else the one on the PATH. */
export function npm(args) {
  const npmPath = process.env.npm_execpath;
  return npmPath?.endsWith(".js") ? [process.execPath, [npmPath, ...args]] : ["npm", args];
}

export function installIfNeeded() {
  if (!dependenciesInstalled()) {
    console.log("Installing dependencies …");
    mustRun("npm ci", ...npm(["ci", "--no-audit", "--no-fund"]));
  } else if (readText(abiStamp) !== undefined && readText(abiStamp) !== process.versions.modules) {
    console.log(`Rebuilding native add-ons for Node ${process.versions.node} …`);
    mustRun("npm rebuild", ...npm(["rebuild"]));
  }
  writeFileSync(abiStamp, process.versions.modules);
}

const abiStamp = join(root, "node_modules/.conduit-abi");

// npm records what it installed in node_modules/.package-lock.json; optional packages for other platforms are absent.
function dependenciesInstalled() {
  const installed = readText(join(root, "node_modules/.package-lock.json"));
  if (installed === undefined) return false;
  const have = JSON.parse(installed).packages;
  const want = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(want).every(([path, entry]) => {
    if (path === "") return true;
    return have[path] === undefined ? entry.optional === true : have[path].version === entry.version;
  });
}

export function buildIfNeeded() {
  const stampPath = join(root, "dist/.built-from");
  const stamp = sourcesStamp();
  if (existsSync(cliPath) && readText(stampPath) === stamp) return;
  console.log("Building …");
  mustRun("the build", process.execPath, [join(root, "scripts/build.mjs")]);
}

/** Written by the build at its end, so that a broken build is tried again. */
export function recordBuild(stamp) {
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "dist/.built-from"), stamp);
}

/** Changes whenever a source file is added, taken away or touched. */
export function sourcesStamp() {
  const hash = createHash("sha256");
  for (const entry of BUILT_FROM) {
    const path = join(root, entry);
    if (!existsSync(path)) continue;
    for (const file of filesUnder(path)) {
      const { size, mtimeMs } = statSync(file);
      hash.update(`${file}\0${size}\0${mtimeMs}\n`);
    }
  }
  return hash.digest("hex");
}

function filesUnder(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.name === "node_modules" ? [] : filesUnder(join(path, entry.name))));
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Runs a long-lived program in our place: Ctrl-C reaches it by the terminal, other signals are passed on, and this
 * process ends when it does, with its exit code.
 */
export function become(command, args) {
  const child = spawn(command, args, { cwd: process.cwd(), stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole foreground group; a second copy could be taken for impatience.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  // A signal to npm alone ends npm and its shell, but not us: without them there is nobody left to run for.
  const parent = process.ppid;
  const orphanWatch = setInterval(() => {
    if (process.ppid === parent || process.env.npm_lifecycle_event === undefined) return;
    clearInterval(orphanWatch);
    child.kill("SIGTERM");
  }, 500);
  orphanWatch.unref();
  child.once("error", (error) => fail(`${command}: ${error.message}`));
  child.once("exit", (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
