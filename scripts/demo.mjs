// npm run demo [-- options]: from a fresh clone to a running demonstration; needs nothing but Node.
import { become, buildIfNeeded, cliPath, installIfNeeded, requireNode } from "./steps.mjs";

requireNode();
installIfNeeded();
buildIfNeeded();
become(process.execPath, [cliPath, "demo", ...process.argv.slice(2)]);
