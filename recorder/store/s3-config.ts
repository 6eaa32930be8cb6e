// What the S3 store is told, and the client it makes of it.
import { AppError } from "../../shared/errors.ts";

export interface S3StoreConfig {
  kind: "s3";
  /** `https://host[:port]`; without it, AWS. */
  endpoint?: string;
  region: string;
  bucket: string;
  /** Put before every key; a slash is added at its end. Lets several recorders share a bucket. */
  prefix?: string;
  /** `https://host/bucket/key` instead of `https://bucket.host/key`: what most servers but AWS need. */
  forcePathStyle?: boolean;
  /** Both or neither; with neither, the SDK's own chain (environment, instance role). */
  accessKeyId?: string;
  secretAccessKey?: string;
  sessionToken?: string;
  createBucket?: boolean;
  /** With createBucket: make it with Object Lock (and so versioned). */
  objectLock?: boolean;
  connectTimeoutMs?: number;
  /** Longest silence in one request or response; there is no limit on the whole of it. */
  idleTimeoutMs?: number;
  maxConnections?: number;
  listPageSize?: number;
}

export function keyPrefix(config: S3StoreConfig): string {
  const prefix = (config.prefix ?? "").replace(/^\/+|\/+$/g, "");
  return prefix === "" ? "" : `${prefix}/`;
}

/** For `new S3Client`. */
export function clientConfig(config: S3StoreConfig) {
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw invalid("accessKeyId and secretAccessKey belong together; give both, or neither for the host's own role");
  }
  if (config.bucket === "") throw invalid("bucket is empty");
  const agent = { keepAlive: true, maxSockets: config.maxConnections ?? 16 };
  return {
    region: config.region,
    ...(config.endpoint !== undefined && { endpoint: checkedEndpoint(config.endpoint) }),
    forcePathStyle: config.forcePathStyle ?? false,
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && {
        credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
      }),
    // The default adds a CRC32 trailer, which some servers answer with 411.
    requestChecksumCalculation: "WHEN_REQUIRED" as const,
    responseChecksumValidation: "WHEN_REQUIRED" as const,
    // The uploader repeats for as long as it takes. The second attempt here is for a kept connection that the server
    // had closed meanwhile, and for a clock that the first answer showed to be off.
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: config.connectTimeoutMs ?? 5000,
      socketTimeout: config.idleTimeoutMs ?? 20_000,
      httpAgent: agent,
      httpsAgent: agent,
    },
  };
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const plain =
    url !== null &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.username === "" &&
    url.password === "" &&
    url.search === "" &&
    url.hash === "";
  if (!plain) {
    // Not repeated in the message: it may hold a password.
    throw invalid("endpoint is not an address of the form https://host:port without credentials or query");
  }
  return endpoint;
}

function invalid(what: string): AppError {
  return new AppError("CONFIG_INVALID", `The S3 store's configuration is wrong: ${what}.`, { op: "store.configure" });
}
