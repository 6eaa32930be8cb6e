// A real rsyslog that takes syslog over TLS from a peer with a certificate, on a port and in a folder of the test's.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { TestCertificates } from "./certificates.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { freePort, waitForPort } from "./free-port.ts";

export class TestRsyslog {
  readonly port: number;
  readonly #certificates: TestCertificates;
  #daemon: Daemon | null = null;

  private constructor(port: number, certificates: TestCertificates) {
    this.port = port;
    this.#certificates = certificates;
  }

  /** As `siem.example`, of the authority `ca`, for a peer `recorder.example`. */
  static async prepare(certificates: TestCertificates): Promise<TestRsyslog> {
    const made = new TestRsyslog(await freePort(), certificates);
    const at = (name: string) => certificates.at(name);
    writeFileSync(
      at("rsyslog.conf"),
      `global(workDirectory="${certificates.directory}" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="${at("ca.crt")}"
  defaultNetstreamDriverCertFile="${at("siem.crt")}" defaultNetstreamDriverKeyFile="${at("siem.key")}")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name"
  permittedPeer=["recorder.example"])
template(name="text" type="string" string="%msg%\\n")
template(name="head" type="string" string="%pri% %app-name% %msgid% %structured-data%\\n")
input(type="imtcp" port="${made.port}" address="127.0.0.1")
if $app-name == "conduit-recorder" then {
  action(type="omfile" file="${at("kept")}" template="text")
  action(type="omfile" file="${at("heads")}" template="head")
}
`,
    );
    return made;
  }

  async start(): Promise<void> {
    const at = (name: string) => this.#certificates.at(name);
    const args = ["-n", "-f", at("rsyslog.conf"), "-i", at("rsyslog.pid")];
    this.#daemon = startDaemon("rsyslogd", "/usr/sbin/rsyslogd", args, {
      env: process.env,
      outputFile: at("rsyslog.out"),
    });
    await waitForPort(this.port);
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill();
  }

  pause(): void {
    this.#daemon?.pause();
  }

  resume(): void {
    this.#daemon?.resume();
  }

  /** The texts of all messages so far. */
  kept(): string {
    const file = this.#certificates.at("kept");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Priority, APP-NAME, MSGID and structured data of each. */
  heads(): string[] {
    const file = this.#certificates.at("heads");
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }
}
