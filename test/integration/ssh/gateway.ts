// The SSH tap alone, in this process, with a host that knows one person and records into memory. The sink can be made slow,
// full or broken, and keeps what was durable at each moment, so that a test can ask what was recorded before it passed.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSshTap, type SshTapOptions } from "../../../recorder/tap/ssh/ssh-tap.ts";
import type {
  AuthAttempt,
  AuthenticatedPerson,
  ConfirmDesk,
  ControlledTap,
  EventSink,
  FileTransferMode,
  GatewayHost,
  SessionControl,
  SessionHold,
  SessionWarning,
  TapSession,
  TargetAccess,
  TerminateReason,
} from "../../../recorder/tap/tap.ts";
import type { AppError } from "../../../shared/errors.ts";
import type { FileEvent, SessionEvent } from "../../../shared/events/session-event.ts";
import type { Decision } from "../../../shared/policy/decide.ts";
import { matchesGlob, refusal } from "../../../shared/policy/decide.ts";
import type { Capability } from "../../../shared/policy/policy.ts";
import { generateSshKey, type SshKey, type SshKeyType } from "../../support/ssh-key.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { GatewayAddress } from "./clients.ts";

export const personName = "ada";
export const personPassword = "Turbine-hall-3!";

export interface Recorded {
  /** In order of `append`, with bytes copied. */
  events: SessionEvent[];
  /** How many of them were durable when something last asked. */
  durableCount: number;
}

export class MemorySession implements TapSession {
  readonly id: string;
  readonly recorded: Recorded = { events: [], durableCount: 0 };
  readonly sink: EventSink;
  readonly #abort = new AbortController();
  readonly #capabilities: ReadonlySet<Capability>;
  #thaw: { promise: Promise<void>; resolve: () => void } | undefined;
  #held: (hold: SessionHold | null) => void = () => undefined;
  fileTransfer: FileTransferMode = "allow";
  touches = 0;
  endedWith: string | undefined;
  /** Milliseconds that `durable()` takes. */
  durableMs = 0;
  /** While true, nothing becomes durable: what waits goes on when it is set to false. */
  stuck = false;
  /** While true, `append` says that the recorder is behind. */
  behind = false;
  failure: AppError | undefined;
  /** Count only: a flood of output is not worth keeping. */
  countOnly = false;
  outputBytes = 0;
  inputBytes = 0;
  earlyInput: "refuse" | "deliver" = "refuse";
  /** Why it is frozen, when it is. */
  holdCode: SessionHold["code"] = "frozen";
  typedText = "";
  /** Tells the person something, as the session would. */
  warn: (warning: SessionWarning) => void = () => undefined;

  constructor(id: string, capabilities: readonly Capability[]) {
    this.id = id;
    this.#capabilities = new Set(capabilities);
    this.sink = {
      append: (event) => this.#append(event),
      durable: () => this.#durable(),
      drained: async () => {
        await waitFor(() => !this.behind, { what: "the sink to drain", timeoutMs: 60_000 });
      },
    };
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
  get frozen(): boolean {
    return this.#thaw !== undefined;
  }
  whenUnfrozen(): Promise<void> {
    return this.#thaw?.promise ?? Promise.resolve();
  }
  decide(capability: Capability): Decision {
    return this.#capabilities.has(capability)
      ? permission([...this.#capabilities])
      : refusal("capability-not-allowed", "test");
  }
  decideEnv(name: string): Decision {
    return ["LANG", "LC_*", "CONDUIT_TEST_*"].some((pattern) => matchesGlob(pattern, name))
      ? permission([])
      : refusal("env-not-listed", "test");
  }
  decideForward(capability: Capability): Decision {
    return this.decide(capability);
  }
  decideClipboard(direction: "inbound" | "outbound"): Decision {
    return this.decide(direction === "inbound" ? "clipboard-in" : "clipboard-out");
  }
  get hold(): SessionHold | null {
    return this.#thaw === undefined ? null : { code: this.holdCode, sentence: "The plant has stopped this session." };
  }
  onHold(listener: (hold: SessionHold | null) => void): void {
    this.#held = listener;
  }
  control: SessionControl | null = null;
  controlled: ControlledTap | undefined;
  confirm: ConfirmDesk | null = null;
  onControl(tap: ControlledTap): void {
    this.controlled = tap;
  }
  onWarning(listener: (warning: SessionWarning) => void): void {
    this.warn = listener;
  }
  typed(_channel: number, text: string): void {
    this.typedText += text;
  }
  touch(): void {
    this.touches++;
  }
  ended(reason: string): void {
    this.endedWith ??= reason;
  }

  freeze(): void {
    let resolve: () => void = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    if (this.#thaw !== undefined) return;
    this.#thaw = { promise, resolve };
    this.#held(this.hold);
  }
  unfreeze(): void {
    if (this.#thaw === undefined) return;
    this.#thaw.resolve();
    this.#thaw = undefined;
    this.#held(null);
  }
  terminate(reason: TerminateReason): void {
    this.#abort.abort(reason);
  }

  // --- what tests ask ---

  of<T extends SessionEvent["type"]>(type: T): Extract<SessionEvent, { type: T }>[] {
    return this.recorded.events.filter((event): event is Extract<SessionEvent, { type: T }> => event.type === type);
  }
  notices(notice: string): Record<string, unknown>[] {
    return this.of("notice")
      .filter((event) => event.notice === notice)
      .map((event) => event.facts);
  }
  files(): FileEvent[] {
    return this.of("file").map((event) => event.event);
  }
  input(channel?: number): Buffer {
    return Buffer.concat(
      this.of("input")
        .filter((e) => channel === undefined || e.channel === channel)
        .map((e) => e.data),
    );
  }
  output(stream: "stdout" | "stderr" = "stdout", channel?: number): Buffer {
    return Buffer.concat(
      this.of("output")
        .filter((e) => e.stream === stream && (channel === undefined || e.channel === channel))
        .map((e) => e.data),
    );
  }
  async whenEnded(): Promise<void> {
    await waitFor(() => this.endedWith !== undefined, { what: "the session to end", timeoutMs: 15_000 });
  }

  #append(event: SessionEvent): boolean {
    if (this.failure !== undefined) throw this.failure;
    if (this.endedWith !== undefined) throw new Error(`${event.type} after the session's end`);
    if (event.type === "output") this.outputBytes += event.data.length;
    if (event.type === "input") this.inputBytes += event.data.length;
    const bytes = event.type === "output" || event.type === "input";
    if (!(this.countOnly && bytes)) {
      this.recorded.events.push(bytes ? { ...event, data: Buffer.from(event.data) } : structuredClone(event));
    }
    return !this.behind;
  }

  async #durable(): Promise<void> {
    const covered = this.recorded.events.length;
    if (this.stuck) await waitFor(() => !this.stuck, { what: "the disk to go on", timeoutMs: 60_000 });
    if (this.durableMs > 0) await new Promise((resolve) => setTimeout(resolve, this.durableMs));
    if (this.failure !== undefined) throw this.failure;
    this.recorded.durableCount = Math.max(this.recorded.durableCount, covered);
  }
}

export interface TestGateway {
  host: string;
  port: number;
  hostKey: SshKey;
  personKey: SshKey;
  sessions: MemorySession[];
  attempts: AuthAttempt[];
  /** Who came as far as a target. */
  people: AuthenticatedPerson[];
  /** Where sessions go; change it before a connection is made. */
  targets: Map<string, TargetAccess>;
  /** Told of each new session before its tap goes on. */
  onSession: ((session: MemorySession) => void) | undefined;
  refuseWith: AppError | undefined;
  /** How long policy takes to decide. */
  decideMs: number;
  throttleWith: AppError | undefined;
  /** Log-ins cannot be decided. */
  faultWith: Error | undefined;
  dir: string;
  last(): MemorySession;
  stop(): Promise<void>;
}

export interface GatewayOptions {
  capabilities?: Capability[];
  hostKeyType?: SshKeyType;
  tap?: Partial<SshTapOptions>;
  /** Instead of the one person's. */
  authenticate?: GatewayHost["authenticate"];
}

export function accessTo(target: SshTarget, how: "key" | "password" = "key"): TargetAccess {
  return {
    name: "plc-1",
    host: target.host,
    port: target.port,
    account: target.user,
    credential:
      how === "password"
        ? { kind: "password", password: target.password ?? "" }
        : { kind: "private-key", privateKey: target.userKey.privatePem },
    hostKeys: [target.hostKey.publicLine.split(" ").slice(0, 2).join(" ")],
  };
}

export async function startGateway(target: SshTarget | undefined, options: GatewayOptions = {}): Promise<TestGateway> {
  const dir = await createTempDir("gateway");
  const hostKey = await generateSshKey(dir.path, "host", options.hostKeyType);
  const personKey = await generateSshKey(dir.path, "person");
  const blob = Buffer.from(personKey.publicLine.split(" ")[1] ?? "", "base64");
  const capabilities = options.capabilities ?? ["shell", "exec", "sftp"];
  const gateway: TestGateway = {
    host: "127.0.0.1",
    port: 0,
    hostKey,
    personKey,
    sessions: [],
    attempts: [],
    people: [],
    targets: new Map(),
    onSession: undefined,
    refuseWith: undefined,
    decideMs: 0,
    throttleWith: undefined,
    faultWith: undefined,
    dir: dir.path,
    last: () => {
      const session = gateway.sessions.at(-1);
      if (session === undefined) throw new Error("no session was opened");
      return session;
    },
    stop: async () => {
      for (const session of gateway.sessions) session.terminate({ code: "shutdown", sentence: "The test is over." });
      await tap.close();
      await dir.remove();
    },
  };
  if (target !== undefined) gateway.targets.set("plc-1", accessTo(target));
  const host: GatewayHost = {
    authenticate: async (attempt) => {
      gateway.attempts.push(attempt);
      if (gateway.throttleWith !== undefined) throw gateway.throttleWith;
      if (gateway.faultWith !== undefined) throw gateway.faultWith;
      if (options.authenticate !== undefined) return options.authenticate(attempt);
      const known =
        attempt.name === personName &&
        (attempt.method === "password" ? attempt.password === personPassword : blob.equals(attempt.blob));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return known
        ? { name: personName, roles: ["vendor"], authMethod: attempt.method, factors: [attempt.method] }
        : null;
    },
    openSession: async (person, targetName) => {
      gateway.people.push(person);
      if (gateway.decideMs > 0) await new Promise((resolve) => setTimeout(resolve, gateway.decideMs));
      if (gateway.refuseWith !== undefined) throw gateway.refuseWith;
      const access = gateway.targets.get(targetName);
      if (access === undefined) {
        const { AppError: Refusal } = await import("../../../shared/errors.ts");
        throw new Refusal("POLICY_REFUSED", `There is no target ${targetName} for you.`, { op: "test" });
      }
      const session = new MemorySession(`session-${gateway.sessions.length}`, capabilities);
      gateway.sessions.push(session);
      gateway.onSession?.(session);
      return { session, target: access };
    },
  };
  const quiet = (): void => undefined;
  const tap = createSshTap({
    host,
    hostKeys: [hostKey.privatePem],
    logger: { debug: quiet, info: quiet, warn: quiet, error: (facts, sentence) => console.error(sentence, facts) },
    ...options.tap,
  });
  gateway.port = (await tap.listen({ host: "127.0.0.1", port: 0 })).port;
  return gateway;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function sha256OfFile(path: string): Promise<string> {
  return sha256(await readFile(path));
}

/** What a client needs to know of this gateway. */
export function addressOf(gateway: TestGateway, login = `${personName}+plc-1`): GatewayAddress {
  return {
    host: gateway.host,
    port: gateway.port,
    login,
    identity: gateway.personKey.privatePath,
    hostKeyLine: gateway.hostKey.publicLine,
    dir: gateway.dir,
  };
}

function permission(capabilities: Capability[]): Decision {
  return { ...refusal("allowed-by-rule", "test"), effect: "allow", capabilities };
}
