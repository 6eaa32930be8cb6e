// The lock file must install from whatever registry the reader uses: no host of ours in it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
const bound = Object.entries(packages).filter(([, entry]) => entry.resolved !== undefined);
for (const [path, entry] of bound) console.error(`package-lock.json: ${path} is bound to ${entry.resolved}`);
if (bound.length > 0) console.error("Run npm install again; .npmrc has omit-lockfile-registry-resolved=true.");
process.exit(bound.length === 0 ? 0 : 1);
