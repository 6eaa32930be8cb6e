// A time stamp authority (RFC 3161) on loopback: OpenSSL signs, a small server hands on.
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createTempDir } from "./temp-dir.ts";

export interface TimestampAuthority {
  url: string;
  /** Certificate of the authority above it, in PEM. */
  caFile: string;
  /** Of which it changes the answer; null: as OpenSSL gave it. */
  spoil: ((answer: Buffer) => Buffer) | null;
  answers: number;
  /** Its answer to a request for these bytes, as of now. */
  stamp(bytes: Uint8Array): Buffer;
  stop(): Promise<void>;
}

const config = `
[tsa]
default_tsa = here
[here]
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.crt
certs = $dir/ca.crt
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
[extensions]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
`;

export async function startTimestampAuthority(): Promise<TimestampAuthority> {
  const directory = await createTempDir("tsa");
  const inside = (name: string) => join(directory.path, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory.path, stdio: "pipe" });
  writeFileSync(inside("tsa.cnf"), config.replaceAll("$dir", directory.path));
  writeFileSync(inside("serial"), "01\n");
  const caSubject = ["-subj", "/CN=Test stamps CA", "-days", "30"];
  openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", ...caSubject);
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test stamps");
  const signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
  const extensions = ["-extfile", "tsa.cnf", "-extensions", "extensions"];
  openssl("x509", "-req", "-in", "tsa.csr", "-out", "tsa.crt", ...signing, ...extensions);
  const replyTo = (query: string): Buffer => {
    const reply = inside(`${randomUUID()}.tsr`);
    openssl("ts", "-reply", "-config", "tsa.cnf", "-section", "here", "-queryfile", query, "-out", reply);
    return readFileSync(reply);
  };
  const authority: TimestampAuthority = {
    url: "",
    caFile: inside("ca.crt"),
    spoil: null,
    answers: 0,
    stamp(bytes) {
      const [data, query] = [inside(randomUUID()), inside(`${randomUUID()}.tsq`)];
      writeFileSync(data, bytes);
      openssl("ts", "-query", "-data", data, "-sha256", "-cert", "-out", query);
      return replyTo(query);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await directory.remove();
    },
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const query = inside(`${randomUUID()}.tsq`);
      writeFileSync(query, Buffer.concat(parts));
      try {
        const answer = replyTo(query);
        authority.answers++;
        response.setHeader("content-type", "application/timestamp-reply");
        response.end(authority.spoil === null ? answer : authority.spoil(answer));
      } catch (error) {
        response.statusCode = 500;
        response.end(String(error));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  authority.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stamp`;
  return authority;
}
