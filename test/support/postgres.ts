// PostgreSQL of the test's own: a data directory, a socket and a password that nobody else has. Neither a cluster of the
// system nor a port is touched; the server ends with the test's process, however that ends.
import { access, chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RunningProcess, runChecked, startProcess } from "./process.ts";
import { createTempDir } from "./temp-dir.ts";

const PROGRAMS = "/usr/lib/postgresql/15/bin";
const password = "of the tests";

/** It holds nothing that is to outlive the test. */
const settings = ["fsync=off", "full_page_writes=off", "shared_buffers=64MB"];

export interface TestPostgres {
  /** With its password. */
  url: string;
  /** What no log may have. */
  password: string;
  /** As a crash does. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<TestPostgres> {
  await access(join(PROGRAMS, "postgres")).catch(() => {
    throw new Error(`${PROGRAMS}/postgres is missing: run "npm run test:setup" (Debian package postgresql)`);
  });
  const directory = await createTempDir("postgres");
  const data = join(directory.path, "data");
  const passwordFile = join(directory.path, "password");
  await writeFile(passwordFile, `${password}\n`);
  // It refuses to run as root.
  const asWhom = process.getuid?.() === 0 ? await unprivileged([directory.path, passwordFile]) : [];
  const bound = [...asWhom, "--pdeathsig=QUIT"];
  const made = ["-D", data, "-U", "conduit", "-A", "scram-sha-256", `--pwfile=${passwordFile}`, "-E", "UTF8"];
  const quickly = ["--locale=C", "--no-sync", "--no-instructions"];
  await runChecked("setpriv", [...bound, `${PROGRAMS}/initdb`, ...made, ...quickly], { cwd: directory.path });
  let server: RunningProcess;
  const start = async () => {
    const given = ["-D", data, "-k", directory.path, "-h", "", ...settings.flatMap((one) => ["-c", one])];
    server = await startProcess("setpriv", [...bound, `${PROGRAMS}/postgres`, ...given], {
      cwd: directory.path,
      ready: /ready to accept connections/,
      readyTimeoutMs: 60_000,
    });
  };
  try {
    await start();
  } catch (error) {
    await directory.remove();
    throw error;
  }
  return {
    url: `postgresql://conduit:${encodeURIComponent(password)}@localhost/postgres?host=${directory.path}`,
    password,
    start,
    kill: () => server.stop("SIGQUIT", 30_000),
    stop: async () => {
      await server.stop("SIGINT", 30_000);
      await directory.remove();
    },
  };
}

/** Options of setpriv that run a program as the account of the Debian package. */
async function unprivileged(paths: readonly string[]): Promise<string[]> {
  const idOf = async (flag: string) => Number(await runChecked("id", [flag, "postgres"]));
  const [user, group] = [await idOf("-u"), await idOf("-g")];
  for (const path of paths) await chown(path, user, group);
  return [`--reuid=${user}`, `--regid=${group}`, "--clear-groups"];
}
