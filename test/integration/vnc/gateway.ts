// The VNC tap alone, in this process, with a host that knows one person and records into memory.
import { generateSelfSigned, type SelfSigned } from "../../../recorder/cli/self-signed.ts";
import type { AuthAttempt, VncTargetAccess } from "../../../recorder/tap/tap.ts";
import type { VncTapOptions } from "../../../recorder/tap/vnc/options.ts";
import { VncTickets } from "../../../recorder/tap/vnc/tickets.ts";
import { createVncTap, type VncTap } from "../../../recorder/tap/vnc/vnc-tap.ts";
import { AppError } from "../../../shared/errors.ts";
import { type Capability, VncSettings } from "../../../shared/policy/policy.ts";
import { MemorySession, personName, personPassword } from "../ssh/gateway.ts";

export { MemorySession, personName, personPassword };

export interface VncTestGateway {
  host: string;
  port: number;
  tap: VncTap;
  tickets: VncTickets;
  certificate: SelfSigned;
  sessions: MemorySession[];
  attempts: AuthAttempt[];
  targets: Map<string, VncTargetAccess>;
  refuseWith: AppError | undefined;
  refusedTickets: number;
  errors: string[];
  onSession: ((session: MemorySession) => void) | undefined;
  last(): MemorySession;
  stop(): Promise<void>;
}

export interface VncGatewayOptions {
  capabilities?: Capability[];
  tap?: Partial<VncTapOptions>;
}

export function vncAccess(
  target: { host: string; port: number; password?: string },
  settings: Parameters<typeof VncSettings.parse>[0] = {},
  more: Partial<VncTargetAccess> = {},
): VncTargetAccess {
  return {
    name: "hmi-1",
    host: target.host,
    port: target.port,
    account: "",
    credential:
      target.password === undefined || target.password === ""
        ? { kind: "none" }
        : { kind: "password", password: target.password },
    settings: VncSettings.parse(settings),
    ...more,
  };
}

export async function startVncGateway(
  target: VncTargetAccess | undefined,
  options: VncGatewayOptions = {},
): Promise<VncTestGateway> {
  const certificate = generateSelfSigned("conduit test", ["localhost", "127.0.0.1"]);
  const capabilities = options.capabilities ?? ["screen"];
  const tickets = new VncTickets({ lifetimeMs: 60_000 });
  const quiet = (): void => undefined;
  const gateway: Omit<VncTestGateway, "tap"> = {
    host: "127.0.0.1",
    port: 0,
    tickets,
    certificate,
    sessions: [],
    attempts: [],
    targets: new Map(),
    refuseWith: undefined,
    refusedTickets: 0,
    errors: [],
    onSession: undefined,
    last: () => {
      const session = gateway.sessions.at(-1);
      if (session === undefined) throw new Error("no session was opened");
      return session;
    },
    stop: async () => {
      for (const session of gateway.sessions) session.terminate({ code: "shutdown", sentence: "The test is over." });
      await tap.close();
    },
  };
  if (target !== undefined) gateway.targets.set(target.name, target);
  const tap = createVncTap({
    host: {
      authenticate: async (attempt) => {
        gateway.attempts.push(attempt);
        const known = attempt.name === personName && attempt.method === "password";
        return known && attempt.password === personPassword
          ? { name: personName, roles: ["vendor"], authMethod: attempt.method, factors: [attempt.method] }
          : null;
      },
      openVncSession: async (_person, targetName) => {
        if (gateway.refuseWith !== undefined) throw gateway.refuseWith;
        const access = gateway.targets.get(targetName);
        if (access === undefined) {
          throw new AppError("POLICY_REFUSED", `There is no target ${targetName} for you.`, { op: "test" });
        }
        const session = new MemorySession(`session-${gateway.sessions.length}`, capabilities);
        gateway.sessions.push(session);
        gateway.onSession?.(session);
        return { session, target: access };
      },
    },
    tickets,
    findPerson: async (name) => (name === personName ? { name, roles: ["vendor"] } : null),
    beginTicket: () => ({ succeeded: () => undefined, undecided: () => undefined }),
    ticketRefused: () => {
      gateway.refusedTickets++;
    },
    certificate: { cert: certificate.certificate, key: certificate.key },
    security: ["x509-plain", "x509-vnc", "tls-plain", "tls-vnc", "vnc-auth"],
    logger: {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (facts, said) => gateway.errors.push(`${said} ${JSON.stringify(facts, errorText)}`),
    },
    ...options.tap,
  });
  gateway.port = (await tap.listen({ host: "127.0.0.1", port: 0 })).port;
  return Object.assign(gateway, { tap });
}

function errorText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.stack : value;
}
