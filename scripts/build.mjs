// npm run build: the service by tsc into dist/recorder and dist/shared, the replay UI by Vite into dist/replay-ui.
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binOf, cliPath, mustRun, recordBuild, root, sourcesStamp } from "./steps.mjs";

const stamp = sourcesStamp();
// Without its old output tsc -b leaves the files of sources that are gone; with it but no sources' change it does nothing.
if (process.argv.includes("--clean")) rmSync(join(root, "dist"), { recursive: true, force: true });
mustRun("tsc", process.execPath, [binOf("typescript", "tsc"), "-b", "shared", "recorder", "replay-ui"]);
mustRun("vite build", process.execPath, [binOf("vite"), "build", "replay-ui", "--logLevel", "warn"]);
// The page of evidence bundles: one file with everything in it.
mustRun("vite build of the bundle page", process.execPath, [
  binOf("vite"),
  "build",
  "replay-ui/bundle",
  "--logLevel",
  "warn",
]);
chmodSync(cliPath, 0o755);
recordBuild(stamp);
