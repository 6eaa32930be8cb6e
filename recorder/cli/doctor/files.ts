// Configuration files and keys: present, private, readable.
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { publicKeyPin } from "../../tap/vnc/public-key-pin.ts";
import { masterKeyPath, signingKeyPath } from "../key-files.ts";
import { type Check, fail, ok, warn } from "./check.ts";

export function checkConfiguration(config: Config): Check[] {
  const name = "configuration";
  if (config.file !== null) return [ok(name, config.file)];
  return [
    warn(
      name,
      "no file; defaults and the environment are in force",
      "Nothing, or run conduit serve once: it writes one.",
    ),
  ];
}

export function checkPermissions(config: Config): Check[] {
  const { dataDirectory, keyDirectory } = config.recorder;
  if (!existsSync(dataDirectory)) {
    return [fail("permissions", `${dataDirectory} does not exist`, "Run conduit serve once: it sets everything up.")];
  }
  const keys = existsSync(keyDirectory) ? readdirSync(keyDirectory).map((name) => join(keyDirectory, name)) : [];
  const secret = [
    dataDirectory,
    keyDirectory,
    config.recorder.database,
    ...config.ssh.hostKeys,
    ...keys.filter((path) => !path.endsWith(".pub") && !path.endsWith(".pub.pem")),
    ...(config.http.tls === null ? [] : [config.http.tls.key]),
    config.vnc.tls.key,
  ];
  const open = [...new Set(secret)].filter((path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0);
  if (open.length === 0) return [ok("permissions", "keys, database and data directory are the service's alone")];
  return open.map((path) => fail("permissions", `others can read ${path}`, `chmod go= '${path}'`));
}

export function checkKeys(config: Config): Check[] {
  const checks: Check[] = [];
  for (const path of config.ssh.hostKeys) checks.push(checkHostKey(path));
  checks.push(checkMasterKeyFile(config));
  checks.push(checkSigningKey(signingKeyPath(config)));
  if (config.http.tls !== null) checks.push(checkCertificate("certificate", config.http.tls));
  checks.push(checkVncCertificate(config.vnc.tls));
  return checks;
}

/** Whether it is the right one, the database knows. */
function checkMasterKeyFile(config: Config): Check {
  const path = masterKeyPath(config);
  if (path === null) {
    const from = config.masterKey.kind === "command" ? "the command in masterKey.command" : "the environment";
    return ok("master key", `from ${from}`);
  }
  if (!existsSync(path)) {
    const mend = "Restore it from its backup; on a new installation run conduit serve.";
    return fail("master key", `${path} is missing`, mend);
  }
  return ok("master key", `${path} (back it up apart from the database)`);
}

function checkHostKey(path: string): Check {
  if (!existsSync(path))
    return fail("host key", `${path} is missing`, "Restore it; on a new installation run conduit serve.");
  const text = readFileSync(path, "utf8");
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    return fail("host key", `${path} is no private key`, "Give the file that ssh-keygen wrote.");
  return ok("host key", path);
}

function checkSigningKey(path: string): Check {
  if (!existsSync(path))
    return warn(
      "signing key",
      `${path} is missing`,
      "The next start makes one; recordings of before verify with their own key.",
    );
  const key = createPrivateKey(readFileSync(path));
  if (key.asymmetricKeyType !== "ed25519")
    return fail("signing key", `${path} is no Ed25519 key`, "Restore the recorder's own.");
  return ok("signing key", path);
}

const dayMs = 86_400_000;

function checkVncCertificate(files: { certificate: string; key: string }): Check {
  const name = "vnc certificate";
  const missing = [files.certificate, files.key].find((path) => !existsSync(path));
  if (missing !== undefined) {
    return warn(name, `${missing} is missing`, "The next start makes both at their default place, else restore them.");
  }
  const check = checkCertificate(name, files);
  if (check.verdict !== "ok") return check;
  const certificate = readFileSync(files.certificate, "utf8");
  const { fingerprint256 } = new X509Certificate(certificate);
  const pin = publicKeyPin(certificate);
  return ok(name, `${check.message}; viewers show SHA-256 ${fingerprint256}, or of its key pin-sha256="${pin}"`);
}

function checkCertificate(name: string, { certificate, key }: { certificate: string; key: string }): Check {
  const parsed = new X509Certificate(readFileSync(certificate));
  const publicKey = createPublicKey(readFileSync(key));
  if (!publicKey.equals(parsed.publicKey))
    return fail(name, `${certificate} and ${key} do not belong together`, "Give the pair.");
  const days = Math.floor((Date.parse(parsed.validTo) - Date.now()) / dayMs);
  if (days < 0) return fail(name, `${certificate} has expired on ${parsed.validTo}`, "Renew it.");
  if (days < 30)
    return warn(name, `${certificate} expires in ${days} days`, "Renew it; the running service takes it by itself.");
  return ok(name, `valid for ${days} days`);
}
