// How an answer can fail. Apart from the client: pages that ask no service know the words for it all the same.

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** The service does not answer: the network is away, or the service is. */
export class OfflineError extends Error {
  constructor(cause: unknown) {
    super("The recorder does not answer. Check the network; this page retries by itself.", { cause });
    this.name = "OfflineError";
  }
}
