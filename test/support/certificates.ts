// Authorities and certificates of a test's own, made by openssl in a folder.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const day = 86_400_000;

export class TestCertificates {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  at(name: string): string {
    return join(this.directory, name);
  }

  /** `<name>.crt` and `<name>.key`. */
  authority(name: string): void {
    this.#openssl(
      "req",
      "-x509",
      ...newKey,
      "-days",
      "2",
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
      "-subj",
      `/CN=${name}`,
    );
    writeFileSync(this.at(`${name}.index`), "");
  }

  /** The same, for a DNS name. */
  certificate(name: string, dnsName: string, by: string, { expired = false } = {}): void {
    this.#openssl("req", ...newKey, "-subj", `/CN=${dnsName}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const [section, index] = [this.at(`${name}.cnf`), this.at(`${by}.index`)];
    writeFileSync(
      section,
      `[ca]\ndefault_ca=one\n[one]\ndatabase=${index}\nnew_certs_dir=${this.directory}\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nx509_extensions=san\nunique_subject=no\n[any]\ncommonName=supplied\n[san]\nsubjectAltName=DNS:${dnsName}\n`,
    );
    const from = Date.now() - 10 * day;
    const times = ["-startdate", openssltime(from), "-enddate", openssltime(expired ? from + day : from + 60 * day)];
    const authority = ["-cert", `${by}.crt`, "-keyfile", `${by}.key`];
    this.#openssl(
      "ca",
      "-batch",
      "-notext",
      "-config",
      section,
      ...authority,
      ...times,
      "-in",
      `${name}.csr`,
      "-out",
      `${name}.crt`,
    );
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.directory, stdio: "pipe" });
  }
}

function openssltime(ms: number): string {
  return `${new Date(ms)
    .toISOString()
    .replace(/[-:T]|\.\d+/g, "")
    .slice(0, 14)}Z`;
}
