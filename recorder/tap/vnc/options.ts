// What the VNC tap can be told, with the defaults that hold where nothing is said.
import type { AuthenticatedPerson, TapLogger, VncGatewayHost } from "../tap.ts";
import type { VncTickets } from "./tickets.ts";

/**
 * How viewers may log in, best first. The VncAuth types take a one-time ticket, the Plain types a password or a ticket;
 * `plain` is in the clear.
 */
export type ViewerSecurity = "x509-plain" | "x509-vnc" | "tls-plain" | "tls-vnc" | "vnc-auth" | "plain";

export interface VncTapLimits {
  /** From the connection to the end of the log-in. */
  loginGraceMs: number;
  /** Connections that have not logged in yet; one address may have a quarter of them, where the newest counts. */
  maxUnauthenticated: number;
  maxConnections: number;
  /** Browsers of one person that have a ticket and have not begun to speak; the newest count. */
  maxSilentBrowsers: number;
  dialTimeoutMs: number;
  /** A target without fences that sends nothing for so long has answered what it will answer. */
  targetQuietMs: number;
}

export interface VncTapOptions {
  host: VncGatewayHost;
  tickets: VncTickets;
  /** Whom a ticket was given to, as he is now; null when he may not sign in any more. */
  findPerson(name: string): Promise<Omit<AuthenticatedPerson, "authMethod" | "factors" | "grant"> | null>;
  /**
   * Before a ticket is tried: it counts as a failure until it is said to have been none. AUTH_THROTTLED when this address
   * must wait.
   */
  beginTicket(address: string): { succeeded(): void; undecided(): void };
  /** A ticket's response fitted no open ticket. */
  ticketRefused(address: string): void;
  /** PEM, of the listener. */
  certificate: { cert: string; key: string };
  security: readonly ViewerSecurity[];
  logger: TapLogger;
  limits?: Partial<VncTapLimits>;
}

export const defaultLimits: VncTapLimits = {
  loginGraceMs: 60_000,
  maxUnauthenticated: 100,
  maxConnections: 500,
  maxSilentBrowsers: 4,
  dialTimeoutMs: 15_000,
  targetQuietMs: 200,
};
