// The demo's scripted session: an SSH client of its own that types through the real gateway as a person would.
import { setTimeout as sleep } from "node:timers/promises";
import ssh2, { type Client, type ClientChannel } from "ssh2";

export interface ScriptOptions<T> {
  host: string;
  port: number;
  /** `person+target` */
  username: string;
  password: string;
  /** The gateway's own host key, base64 of the blob. */
  hostKey: string;
  enablePassword: string;
  signal: AbortSignal;
  /** Called once the session is open; what it gives is what the whole gives. */
  connected(): Promise<T>;
}

type Step =
  | { type: string; expect: string }
  /** Keys without Enter, and a pause after them. */
  | { keys: string; pauseMs: number };

const prompt = "PLC-REACTOR-01>";
const privileged = "PLC-REACTOR-01#";

function steps(enablePassword: string): Step[] {
  return [
    { type: "show status", expect: prompt },
    { type: "shwo\x7f\x7fow alarms", expect: prompt },
    { type: "tags", expect: prompt },
    { type: "trend TIC-101", expect: prompt },
    { type: "enable", expect: "Password:" },
    { type: enablePassword, expect: privileged },
    { type: "write TIC-101 145", expect: privileged },
    { type: "ack 2", expect: privileged },
    { keys: "top\r", pauseMs: 3200 },
    { keys: "q", pauseMs: 400 },
    { type: "disable", expect: prompt },
    { type: "exit", expect: "" },
  ];
}

const stepTimeoutMs = 15_000;

/** Rejects when the gateway refuses or the shell does not answer; aborts quietly with the signal. */
export async function playScript<T>(options: ScriptOptions<T>): Promise<T> {
  const client = await connect(options);
  const stop = () => client.end();
  options.signal.addEventListener("abort", stop);
  try {
    await exchangeFiles(client);
    const result = await options.connected();
    await typeShell(client, options);
    return result;
  } finally {
    options.signal.removeEventListener("abort", stop);
    client.end();
  }
}

function connect(options: ScriptOptions<unknown>): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.once("ready", () => resolve(client));
    client.once("error", reject);
    client.connect({
      host: options.host,
      port: options.port,
      username: options.username,
      password: options.password,
      readyTimeout: stepTimeoutMs,
      hostVerifier: (key: Buffer) => key.toString("base64") === options.hostKey,
    });
  });
}

/** A recipe fetched, changed and put back, so that the files track has something to show. */
function exchangeFiles(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error !== undefined) return reject(error);
      const fail = (cause: Error) => reject(cause);
      sftp.once("error", fail);
      sftp.readFile("/recipe.txt", (readError, data) => {
        if (readError !== undefined && readError !== null) return reject(readError);
        const changed = data.toString("utf8").replace("temperature 142", "temperature 145");
        sftp.writeFile("/recipe-7b.txt", changed, (writeError) => {
          sftp.end();
          if (writeError !== undefined && writeError !== null) reject(writeError);
          else resolve();
        });
      });
    });
  });
}

async function typeShell(client: Client, { enablePassword, signal }: ScriptOptions<unknown>): Promise<void> {
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.shell({ term: "xterm-256color", cols: 100, rows: 30 }, (error, opened) =>
      error === undefined ? resolve(opened) : reject(error),
    );
  });
  const screen = new Screen(channel);
  await screen.waitFor(prompt);
  for (const step of steps(enablePassword)) {
    if (signal.aborted || screen.closed) return;
    await sleep(450, undefined, { signal }).catch(() => undefined);
    if ("keys" in step) {
      await type(channel, step.keys);
      await sleep(step.pauseMs, undefined, { signal }).catch(() => undefined);
      continue;
    }
    screen.forget();
    await type(channel, `${step.type}\r`);
    await (step.expect === "" ? screen.end() : screen.waitFor(step.expect));
  }
}

/** 40 to 110 ms a key: a brisk typist. */
async function type(channel: ClientChannel, keys: string): Promise<void> {
  let rhythm = 7;
  for (const key of keys) {
    channel.write(key);
    rhythm = (rhythm * 31 + 17) % 71;
    await sleep(40 + rhythm);
  }
}

class Screen {
  readonly #channel: ClientChannel;
  #seen = "";
  closed = false;

  constructor(channel: ClientChannel) {
    this.#channel = channel;
    channel.on("data", (data: Buffer) => {
      this.#seen = (this.#seen + data.toString("utf8")).slice(-8192);
    });
    channel.once("close", () => {
      this.closed = true;
    });
  }

  forget(): void {
    this.#seen = "";
  }

  waitFor(text: string): Promise<void> {
    return this.#until(() => this.#seen.includes(text), text);
  }

  end(): Promise<void> {
    return this.#until(() => this.closed, "the end");
  }

  async #until(reached: () => boolean, what: string): Promise<void> {
    const giveUpAtMs = performance.now() + stepTimeoutMs;
    while (!reached()) {
      if (this.closed) throw new Error("the scripted session was ended early");
      if (performance.now() > giveUpAtMs) {
        this.#channel.close();
        throw new Error(`the scripted session waited for ${what} in vain`);
      }
      await sleep(20);
    }
  }
}
