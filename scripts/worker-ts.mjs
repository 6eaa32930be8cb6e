// Lets a worker thread start from a .ts source, for development and tests; production runs the built .js.
// `--import tsx` alone registers only in the main thread on Node 20, so a worker passes this file instead:
//   new Worker(url, { execArgv: ["--import", new URL("../../scripts/worker-ts.mjs", import.meta.url).href] })
// Where nothing changed since the build, what was built of that source runs in its place: it starts in a third of the time.
import { readdirSync, statSync } from "node:fs";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

const root = new URL("../", import.meta.url);

// A process of its own is a test's, with sources beside those that are built.
if (!isMainThread && isBuilt()) {
  const redirect = `
    const sources = ${JSON.stringify(["recorder/", "shared/"].map((folder) => new URL(folder, root).href))};
    export function resolve(specifier, context, next) {
      if (!specifier.endsWith(".ts")) return next(specifier, context);
      const { href } = new URL(specifier, context.parentURL);
      if (!sources.some((folder) => href.startsWith(folder))) return next(specifier, context);
      const built = ${JSON.stringify(new URL("dist/", root).href)} + href.slice(${root.href.length}, -".ts".length);
      return next(built + ".js", context);
    }`;
  register(`data:text/javascript,${encodeURIComponent(redirect)}`);
} else {
  (await import("tsx/esm/api")).register();
}

function isBuilt() {
  for (const folder of ["recorder", "shared"]) {
    for (const file of readdirSync(new URL(folder, root), { recursive: true })) {
      if (!file.endsWith(".ts") || file.endsWith(".d.ts")) continue;
      const built = statSync(new URL(`dist/${folder}/${file.slice(0, -".ts".length)}.js`, root), {
        throwIfNoEntry: false,
      });
      if (built === undefined || built.mtimeMs < statSync(new URL(`${folder}/${file}`, root)).mtimeMs) return false;
    }
  }
  return true;
}
