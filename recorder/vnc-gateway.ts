// The VNC tap as the service uses it: with its certificate, its tickets, and who may have one. A part of the composition
// root, beside main.ts.
import { X509Certificate } from "node:crypto";
import type { Logger } from "pino";
import { AppError } from "../shared/errors.ts";
import type { Factor } from "../shared/policy/factor.ts";
import type { Role } from "../shared/policy/policy.ts";
import type { People } from "./access/people.ts";
import type { RefusalTally } from "./access/refusal-tally.ts";
import type { Throttle } from "./access/throttle.ts";
import type { WatchedCertificate } from "./certificate-files.ts";
import type { Config } from "./config.ts";
import type { SessionOpener } from "./session/opener.ts";
import { taps } from "./tap/registry.ts";
import type { AuthAttempt, AuthenticatedPerson } from "./tap/tap.ts";
import { publicKeyPin } from "./tap/vnc/public-key-pin.ts";
import { type IssuedTicket, type TicketUse, VncTickets } from "./tap/vnc/tickets.ts";
import type { VncTap } from "./tap/vnc/vnc-tap.ts";

/** Whose a ticket is shows only once it fits: all of a network count as one name, which no person can have. */
const anyTicket = "(ticket)";

export interface VncGatewayParts {
  opener: SessionOpener;
  people: People;
  authenticate(attempt: AuthAttempt): Promise<AuthenticatedPerson | null>;
  /** The same for tickets as for passwords. */
  throttle: Throttle;
  refusals: RefusalTally;
  certificate: WatchedCertificate;
  logger: Logger;
}

export interface VncGateway {
  tap: VncTap;
  /** SHA-256 of the listener's certificate, in hex pairs. */
  fingerprint: string;
  /** SHA-256 of its public key, in Base64. */
  publicKeyPin: string;
  /** Asks policy first; POLICY_REFUSED says why not. */
  ticket(
    person: { name: string; roles: readonly Role[]; factors: readonly Factor[] },
    target: string,
    use: TicketUse,
    from: { address: string; software: string },
  ): Promise<IssuedTicket & { target: string }>;
  /** For a native viewer, asked for by somebody else; REQUEST_NOT_FOUND when there is no such person. */
  ticketFor(person: string, target: string, factors: readonly Factor[]): Promise<IssuedTicket & { target: string }>;
}

export async function createVncGateway(config: Config, parts: VncGatewayParts): Promise<VncGateway> {
  const { opener, people, throttle, refusals, logger } = parts;
  const tickets = new VncTickets({ lifetimeMs: config.vnc.ticketSeconds * 1000 });
  const certificate = parts.certificate.current;
  const findPerson = async (name: string) => {
    const person = await people.find(name);
    return person === null || person.disabled || person.mustChangePassword ? null : person;
  };
  const tap = taps.vnc({
    host: {
      authenticate: parts.authenticate,
      openVncSession: (person, target, client) => opener.openVncSession(person, target, client),
    },
    tickets,
    findPerson,
    beginTicket: (address) => throttle.begin(anyTicket, address),
    ticketRefused: (address) => {
      refusals
        .refused("unknown", address, "ticket")
        .catch((error: unknown) => logger.error({ err: error }, "the audit log cannot be written"));
    },
    certificate,
    security: config.vnc.security,
    logger,
    limits: {
      loginGraceMs: config.limits.loginGraceSeconds * 1000,
      maxUnauthenticated: config.limits.maxUnauthenticated,
      maxConnections: config.limits.maxConnections,
      dialTimeoutMs: config.limits.targetConnectSeconds * 1000,
    },
  });
  parts.certificate.onChange((pair) => tap.setCertificate(pair));
  const ticket: VncGateway["ticket"] = async ({ name, roles, factors }, targetName, use, { address, software }) => {
    const client = { address, port: 0, software };
    const target = await opener.mayOpenVnc({ name, roles, authMethod: "portal", factors }, targetName, client);
    return { ...tickets.issue({ person: name, target: target.name, factors }, use), target: target.name };
  };
  return {
    tap,
    get fingerprint() {
      return new X509Certificate(parts.certificate.current.cert).fingerprint256;
    },
    get publicKeyPin() {
      return publicKeyPin(parts.certificate.current.cert);
    },
    ticket,
    ticketFor: async (name, target, factors) => {
      const person = await findPerson(name);
      if (person === null) {
        throw new AppError(
          "REQUEST_NOT_FOUND",
          `there is no person ${name} who could use a ticket: unknown, disabled, or still with a one-time password`,
          { op: "vnc.ticket" },
        );
      }
      // Without factors nobody signed in for it: where a second one is needed, it is refused.
      return ticket({ ...person, factors }, target, "viewer", {
        address: "local",
        software: "conduit target ticket",
      });
    },
  };
}
