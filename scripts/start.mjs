// npm start [-- options]: installs and builds what is out of date, then runs `conduit serve`.
import { become, buildIfNeeded, cliPath, installIfNeeded, requireNode } from "./steps.mjs";

requireNode();
installIfNeeded();
buildIfNeeded();
become(process.execPath, [cliPath, "serve", ...process.argv.slice(2)]);
