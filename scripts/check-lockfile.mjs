// package-lock.json must install anywhere: bound to no registry's address, and with an entry for every optional package,
// those of other platforms too, without which `npm ci` refuses it. A registry that carries only some platforms leaves
// the others out; `npm run lockfile` (this script with --mend) writes them from what their parents ask for. Such an
// entry has no integrity, because only the package itself could tell it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

const path = join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));

const bound = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
const absent = absentOptionals();

if (process.argv.includes("--mend")) {
  for (const [, entry] of bound) delete entry.resolved;
  for (const { name, version, parent } of absent) {
    lock.packages[`node_modules/${name}`] = { version, ...platformOf(name), ...roleOf(parent), optional: true };
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
} else {
  for (const [name, entry] of bound) console.error(`package-lock.json: ${name} is bound to ${entry.resolved}`);
  for (const { name } of absent) console.error(`package-lock.json: no entry for the optional package ${name}`);
  if (bound.length + absent.length > 0) {
    console.error("npm run lockfile mends it.");
    process.exit(1);
  }
}

function absentOptionals() {
  const found = new Map();
  for (const [parentPath, parent] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (!resolves(parentPath, name)) found.set(name, { name, version, parent });
    }
  }
  return [...found.values()];
}

/** As Node does: beside the parent, then beside each folder above it. */
function resolves(parentPath, name) {
  for (let folder = parentPath; ; folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))) {
    if (lock.packages[`${folder}${folder === "" ? "" : "/"}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

/** The os, cpu and libc that such a package's name ends with: `…-linux-x64-musl`. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const of = (known) => words.filter((word) => known.includes(word));
  const os = of(["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]);
  const cpu = of(["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"]);
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : words.includes("gnu") ? ["glibc"] : [];
  if (os.length + cpu.length === 0) throw new Error(`${name} does not tell its platform: add it to the lock by hand`);
  return {
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(os.includes("linux") && libc.length > 0 ? { libc } : {}),
    ...(os.length > 0 ? { os } : {}),
  };
}

function roleOf(parent) {
  return parent.dev === true ? { dev: true } : {};
}
