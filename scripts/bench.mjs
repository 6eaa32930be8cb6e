// npm run bench -- NAME… [--json FILE] [--strict]: installs and builds what is out of date, then runs the benches.
import { join } from "node:path";
import { become, buildIfNeeded, installIfNeeded, requireNode, root } from "./steps.mjs";

requireNode();
installIfNeeded();
buildIfNeeded();
become(process.execPath, ["--import", "tsx", join(root, "test/bench/run.ts"), ...process.argv.slice(2)]);
