// The built command line, as people run it.
import { fileURLToPath } from "node:url";

export const conduitScript = fileURLToPath(new URL("../../../dist/recorder/cli/main.js", import.meta.url));
