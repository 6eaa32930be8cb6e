// `npm run rgw`: a throw-away Ceph S3 server in the foreground, for trying the recorder against a real one by hand.
import { startCephRgw } from "../test/support/ceph-rgw.ts";

const rgw = await startCephRgw({ log: (line) => process.stderr.write(`${line}\n`) });
process.stdout.write(`
A throw-away S3 server is up (its objects live in memory). Ctrl-C ends it.

  endpoint           ${rgw.endpoint}
  region             ${rgw.region}   (path-style addresses)
  access key id      ${rgw.accessKeyId}
  secret access key  ${rgw.secretAccessKey}
  logs               ${rgw.directory}/log
`);

const alive = setInterval(() => {}, 1 << 30);
let stopping = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    clearInterval(alive);
    process.stderr.write("stopping rgw, osd, mon\n");
    rgw.stop().catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exitCode = 1;
    });
  });
}
