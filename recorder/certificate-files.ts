// A listener's certificate and key as files that others renew (ACME clients, a plant's CA). Looked at every few seconds, by
// content, so that renamed, linked and copied files all count. Invariant: only a pair that belongs together and is valid is
// handed over; otherwise the old one stays in force and an alarm says why.
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";

export interface CertificatePair {
  /** PEM. */
  cert: string;
  key: string;
}

export interface CertificateFiles {
  certificate: string;
  key: string;
}

export interface WatchedCertificate {
  /** In force now. */
  readonly current: CertificatePair;
  /** Of the one in force: milliseconds since 1970. */
  readonly expiresMs: number;
  /** Told of each pair after the first. */
  onChange(listener: (pair: CertificatePair) => void): void;
  /** Looks now. */
  look(): Promise<void>;
  close(): void;
}

export interface CertificateWatchParts {
  /** `TLS_CERTIFICATE portal`. */
  alarm: string;
  alarms: {
    raise(code: string, message: string, facts: Record<string, unknown>): void;
    clear(code: string): void;
  };
  logger: { info(facts: object, message: string): void };
}

const everyMs = 2000;

/** Certificate and key, as PEM. */
export async function readPair(files: CertificateFiles): Promise<CertificatePair> {
  return { cert: await readFile(files.certificate, "utf8"), key: await readFile(files.key, "utf8") };
}

/** The first pair is taken as it is: whether it can be used, the listener says. */
export async function watchCertificate(
  files: CertificateFiles,
  { alarm, alarms, logger }: CertificateWatchParts,
): Promise<WatchedCertificate> {
  let current = await readPair(files);
  let refused = "";
  let looking: Promise<void> | null = null;
  const listeners: Array<(pair: CertificatePair) => void> = [];
  const look = async () => {
    let next: CertificatePair;
    try {
      next = await readPair(files);
      const same = next.cert === current.cert && next.key === current.key;
      if (!same) checkPair(next);
      if (same) {
        alarms.clear(alarm);
        refused = "";
        return;
      }
      for (const listener of listeners) listener(next);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // While files are being replaced one of them is the old one for a moment.
      if (refused === why) {
        const message = `${files.certificate}: the new certificate is not taken, and the old one stays in force: ${why}`;
        alarms.raise(alarm, message, {});
      }
      refused = why;
      return;
    }
    current = next;
    refused = "";
    alarms.clear(alarm);
    logger.info({ certificate: files.certificate, expires: expiry(next.cert).toISOString() }, "certificate reloaded");
  };
  const once = () => {
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
  };
  const timer = setInterval(() => void once(), everyMs);
  timer.unref();
  return {
    get current() {
      return current;
    },
    get expiresMs() {
      return expiry(current.cert).getTime();
    },
    onChange: (listener) => void listeners.push(listener),
    look: once,
    close: () => clearInterval(timer),
  };
}

function expiry(cert: string): Date {
  return new Date(new X509Certificate(cert).validTo);
}

/** Throws with the reason, in words. */
function checkPair({ cert, key }: CertificatePair): void {
  const certificate = new X509Certificate(cert);
  if (!createPublicKey(createPrivateKey(key)).equals(certificate.publicKey)) {
    throw new Error("certificate and key do not belong together");
  }
  if (Date.parse(certificate.validTo) < Date.now()) throw new Error(`it has expired on ${certificate.validTo}`);
  createSecureContext({ cert, key });
}
