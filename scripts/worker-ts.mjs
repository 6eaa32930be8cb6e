// Lets a worker thread start from a .ts source, for development and tests; production runs the built .js.
// `--import tsx` alone registers only in the main thread on Node 20, so a worker passes this file instead:
//   new Worker(url, { execArgv: ["--import", new URL("../../scripts/worker-ts.mjs", import.meta.url).href] })
import { register } from "tsx/esm/api";

register();
