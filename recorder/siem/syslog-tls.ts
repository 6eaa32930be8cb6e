// Syslog over TLS (RFC 5425): both sides show a certificate, and the receiver's must carry its name. Syslog has no
// acknowledgement. Invariant: what was sent counts as sent only when the receiver stayed for a moment after it and then
// answered the end of the connection with its own; every wait has an end.
import { readFile } from "node:fs/promises";
import { connect, type TLSSocket } from "node:tls";
import { AppError } from "../../shared/errors.ts";
import { frame } from "./rfc5424.ts";

export interface SyslogReceiver {
  host: string;
  port: number;
  /** The name that its certificate must carry, where that is not `host`. */
  serverName?: string | undefined;
  /** Whose certificates are believed; PEM. The system's own authorities are not. */
  caFile: string;
  /** What this service shows; PEM. The three files are read for each connection, so that they can be renewed. */
  certificateFile: string;
  keyFile: string;
}

export interface SyslogTimes {
  /** For the connection with its handshake, for a receiver that reads nothing, and for its answer to the end. */
  patienceMs: number;
  /**
   * Between the last byte and the end. TLS 1.3 tells of a certificate that the receiver refuses only after the handshake,
   * and a receiver that was going away when the last byte came is seen to be gone by then.
   */
  settleMs: number;
}

export const syslogTimes: SyslogTimes = { patienceMs: 10_000, settleMs: 500 };

/** A receiver has nothing to say; one that says more than this is none. */
const maxAnswerBytes = 64 * 1024;

export class SyslogConnection {
  readonly #receiver: SyslogReceiver;
  readonly #times: SyslogTimes;
  readonly #socket: TLSSocket;
  #failure: Error | null = null;
  #isEnding = false;
  /** Called once when it breaks, or the receiver leaves before it was asked to. */
  #broken: (() => void) | null = null;

  private constructor(receiver: SyslogReceiver, times: SyslogTimes, socket: TLSSocket) {
    this.#receiver = receiver;
    this.#times = times;
    this.#socket = socket;
    let answered = 0;
    socket.on("data", (chunk: Buffer) => {
      answered += chunk.length;
      if (answered > maxAnswerBytes) this.#fail(new Error("it answers, which no syslog receiver does"));
    });
    socket.once("end", () => {
      if (!this.#isEnding) this.#fail(new Error("it closed the connection"));
    });
    socket.on("error", (error) => this.#fail(error));
    socket.once("close", () => {
      if (!this.#isEnding) this.#fail(new Error("the connection was closed"));
    });
  }

  /** SERVICE_UNREACHABLE, with what to mend, here and in the rest. */
  static async open(
    receiver: SyslogReceiver,
    signal: AbortSignal,
    times: SyslogTimes = syslogTimes,
  ): Promise<SyslogConnection> {
    const { host, port, serverName = host } = receiver;
    try {
      const [ca, cert, key] = await Promise.all([
        readFile(receiver.caFile),
        readFile(receiver.certificateFile),
        readFile(receiver.keyFile),
      ]);
      signal.throwIfAborted();
      // An IP address is no name for SNI; the certificate is compared with `host` then.
      const name = serverName === host ? {} : { servername: serverName };
      const socket = connect({ host, port, ca, cert, key, ...name, minVersion: "TLSv1.2", rejectUnauthorized: true });
      await inTime(times.patienceMs, "it did not finish the TLS handshake", signal, socket, (resolve, reject) => {
        socket.once("secureConnect", resolve);
        socket.once("error", reject);
        socket.once("close", () => reject(new Error("it closed the connection in the handshake")));
      });
      return new SyslogConnection(receiver, times, socket);
    } catch (cause) {
      throw unreachable(receiver, cause);
    }
  }

  /** In a frame. Resolves when there is room for the next one: what is in memory is one socket's buffer and this message. */
  async send(message: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#wait("it reads nothing", signal, (resolve) => {
      if (this.#socket.write(frame(message))) resolve();
      else this.#socket.once("drain", resolve);
    });
  }

  /** Rejects where the connection breaks before that time is over. */
  async stay(ms: number, signal: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.#wait(null, signal, (resolve) => {
        timer = setTimeout(resolve, ms);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when the receiver has answered the end. What was sent when it rejects may have arrived nevertheless. */
  async finish(signal: AbortSignal): Promise<void> {
    await this.stay(this.#times.settleMs, signal);
    this.#isEnding = true;
    const { host, port } = this.#receiver;
    try {
      await inTime(this.#times.patienceMs, "it does not answer the end", signal, this.#socket, (resolve, reject) => {
        let ended = false;
        this.#socket.once("end", () => {
          ended = true;
        });
        this.#socket.once("error", reject);
        this.#socket.once("close", () => {
          if (ended && this.#socket.writableFinished) resolve();
          else reject(new Error(`${host}:${port} closed before it had everything`));
        });
        this.#socket.end();
      });
    } catch (cause) {
      throw unreachable(this.#receiver, cause);
    }
  }

  /** At once; harmless when it is over. */
  destroy(): void {
    this.#isEnding = true;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    // The first says why; what comes after follows from it.
    this.#failure ??= error;
    this.#broken?.();
  }

  async #wait(late: string | null, signal: AbortSignal, begin: (resolve: () => void) => void): Promise<void> {
    try {
      if (this.#failure !== null) throw this.#failure;
      const patience = late === null ? null : this.#times.patienceMs;
      await inTime(patience, late ?? "", signal, this.#socket, (resolve, reject) => {
        this.#broken = () => reject(this.#failure ?? new Error("the connection broke"));
        begin(resolve);
      });
    } catch (cause) {
      throw unreachable(this.#receiver, cause);
    } finally {
      this.#broken = null;
    }
  }
}

/** One message in a connection of its own; resolves as `finish` does. */
export async function sendOverTls(receiver: SyslogReceiver, message: Uint8Array, signal: AbortSignal): Promise<void> {
  const connection = await SyslogConnection.open(receiver, signal);
  try {
    await connection.send(message, signal);
    await connection.finish(signal);
  } finally {
    connection.destroy();
  }
}

/** Ends the socket with the wait: by time, or by the signal. */
async function inTime(
  ms: number | null,
  late: string,
  signal: AbortSignal,
  socket: TLSSocket,
  begin: (resolve: () => void, reject: (error: unknown) => void) => void,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stop = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      stop = () => reject(new Error("the sending was given up"));
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      if (ms !== null) timer = setTimeout(() => reject(new Error(`${late} within ${ms / 1000} s`)), ms);
      begin(resolve, reject);
    });
  } catch (error) {
    // Whatever it says from now on is of no interest, and must not be thrown.
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** By OpenSSL's and Node's codes: what somebody has to do. */
const mends: ReadonlyArray<[RegExp, string]> = [
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/,
    "check its address, that it runs, and the firewall",
  ],
  [/ENOENT|EACCES/, "check caFile, certificateFile and keyFile, and who may read them"],
  [/ALTNAME/, "its certificate is for another name: check address and serverName"],
  [/HAS_EXPIRED|NOT_YET_VALID/, "renew the receiver's certificate, or check both clocks"],
  [/SELF_SIGNED|UNABLE_TO|UNTRUSTED|INVALID_CA/, "its certificate is not of an authority in caFile"],
  [/KEY_VALUES_MISMATCH/, "certificateFile and keyFile do not belong together"],
  [
    /ALERT|ECONNRESET|EPIPE/,
    "it may refuse this service's certificate: look at its log, and at the end of certificateFile",
  ],
];

function unreachable({ host, port }: SyslogReceiver, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const { code = "", message } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : { message: String(cause) };
  const mend = mends.find(([pattern]) => pattern.test(code))?.[1] ?? "check its address, both certificates and its log";
  const text = `the syslog receiver ${host}:${port} cannot be sent to (${message.trim()}): ${mend}`;
  return new AppError("SERVICE_UNREACHABLE", text, { op: "siem.send", retryable: true, cause });
}
