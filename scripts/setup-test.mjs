// npm run test:setup: installs the Debian packages the tests need, when some are missing.
// Without root or without Debian it changes nothing, names what is missing, and exits with 1.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fail, run } from "./steps.mjs";

const list = readFileSync(fileURLToPath(new URL("./debian-packages.txt", import.meta.url)), "utf8");
const missing = list
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.trim().split(/\s+/))
  .filter(([, file]) => !existsSync(file))
  .map(([name]) => name);

if (missing.length > 0) {
  const command = `apt-get install --no-install-recommends ${missing.join(" ")}`;
  if (!existsSync("/usr/bin/apt-get")) {
    fail(
      `The tests need these programs, named here by their Debian packages: ${missing.join(" ")}.\nInstall them by this system's own means; tests whose program is missing will fail.`,
    );
  }
  if (process.getuid() !== 0) fail(`The tests need Debian packages that are missing. As root: ${command}`);
  console.log(`Installing Debian packages: ${missing.join(" ")}`);
  if (missing.includes("postgresql")) {
    // Tests start servers of their own; the package would make one for the whole machine, and start it.
    const directory = "/etc/postgresql-common/createcluster.d";
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${directory}/no-main-cluster.conf`, "create_main_cluster = false\n");
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Another apt may be at work, at the start of a new machine for instance: wait for it.
  const apt = ["-q", "-o", "DPkg::Lock::Timeout=300"];
  const install = [...apt, "install", "-y", "--no-install-recommends", ...missing];
  if (run("apt-get", install, { env }) !== 0) {
    if (run("apt-get", [...apt, "update"], { env }) !== 0 || run("apt-get", install, { env }) !== 0) {
      fail(`Debian packages could not be installed. By hand: ${command}`);
    }
  }
}
