// One-time tickets: who asked for one in the portal or at the command line may open one session with it, soon. For
// browsers a long token; for viewers that know only VncAuth eight characters, found by trying a response against every
// open ticket. Invariant: a ticket opens at most once, and what is kept of a token cannot be used as one.
import { createHash, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { AppError } from "../../../shared/errors.ts";
import type { Factor } from "../../../shared/policy/factor.ts";
import { vncAuthResponse } from "./vnc-auth.ts";

export type TicketUse = "browser" | "viewer";

export interface TicketGrant {
  person: string;
  target: string;
  /** Proven where the ticket was taken; left out: nothing. */
  factors?: readonly Factor[];
}

type Holder = Pick<TicketGrant, "person" | "target">;

export interface IssuedTicket {
  ticket: string;
  /** RFC 3339. */
  expiresAt: string;
}

export interface TicketOptions {
  lifetimeMs: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Without those that people mistake for one another. 47 bits in eight: a guess in a ticket's minutes is hopeless. */
const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
const viewerLength = 8;
const viewerTicket = new RegExp(`^[${alphabet}]{${viewerLength}}$`);

/** Whether somebody may have meant it as a ticket: a password that has the same form is still one. */
export function looksLikeTicket(text: string): boolean {
  return viewerTicket.test(text);
}

/** Each attempt of a viewer costs one DES for each of its kind. */
const maxOpen: Record<TicketUse, number> = { browser: 2000, viewer: 200 };
const maxOfPerson = 8;
/** Each is an entry of the audit trail, and lets a connection in. */
const maxPerMinute = 30;
const minuteMs = 60_000;

interface OpenTicket extends TicketGrant {
  use: TicketUse;
  /** Viewer: the ticket. Browser: SHA-256 of it. */
  secret: string;
  expiresMs: number;
}

export class VncTickets {
  readonly #lifetimeMs: number;
  readonly #now: () => number;
  /** Oldest first. */
  #open: OpenTicket[] = [];
  /** When each person took tickets in the last minute. */
  readonly #taken = new Map<string, number[]>();

  constructor(options: TicketOptions) {
    this.#lifetimeMs = options.lifetimeMs;
    this.#now = options.now ?? Date.now;
  }

  /**
   * The oldest of a person's goes when there are too many; REQUEST_CONFLICT when all people together have too many, or one
   * takes them too fast.
   */
  issue(grant: TicketGrant, use: TicketUse): IssuedTicket {
    this.#forgetExpired();
    const own = this.#open.filter((ticket) => ticket.person === grant.person && ticket.use === use);
    const oldest = own[0];
    if (own.length >= maxOfPerson && oldest !== undefined) this.#remove(oldest);
    if (this.#open.filter((ticket) => ticket.use === use).length >= maxOpen[use]) {
      throw new AppError("REQUEST_CONFLICT", "too many tickets are open; try again in a minute", {
        op: "vnc.ticket",
        retryable: true,
      });
    }
    this.#countTaken(grant.person);
    const ticket = use === "browser" ? randomBytes(32).toString("base64url") : randomText(viewerLength);
    const expiresMs = this.#now() + this.#lifetimeMs;
    this.#open.push({ ...grant, use, secret: use === "browser" ? digest(ticket) : ticket, expiresMs });
    return { ticket, expiresAt: new Date(expiresMs).toISOString() };
  }

  /**
   * False: there is no such ticket, it was used, is too old, or is for somebody or something else, who can still use it.
   */
  redeemToken(token: string, holder: Holder): boolean {
    this.#forgetExpired();
    const wanted = digest(token);
    const found = this.#open.find(
      (ticket) => ticket.use === "browser" && ticket.secret === wanted && isFor(ticket, holder),
    );
    return this.#take(found) !== undefined;
  }

  /** Tries every open ticket, always all of them: how long it takes says nothing about any. */
  redeemResponse(challenge: Uint8Array, response: Uint8Array): TicketGrant | undefined {
    this.#forgetExpired();
    let found: OpenTicket | undefined;
    for (const ticket of this.#open) {
      if (ticket.use !== "viewer") continue;
      if (timingSafeEqual(vncAuthResponse(ticket.secret, challenge), response)) found = ticket;
    }
    return this.#take(found);
  }

  /**
   * As typed into a field for a password. Compares with every open ticket, always all of them. Where the viewer `named`
   * somebody or something that the ticket is not for, it is not taken, and its holder can still use it.
   */
  redeemText(text: string, named: Holder | null = null): TicketGrant | undefined {
    this.#forgetExpired();
    const typed = createHash("sha256").update(text).digest();
    let found: OpenTicket | undefined;
    for (const ticket of this.#open) {
      if (ticket.use !== "viewer") continue;
      if (timingSafeEqual(createHash("sha256").update(ticket.secret).digest(), typed)) found = ticket;
    }
    if (found !== undefined && named !== null && !isFor(found, named)) return undefined;
    return this.#take(found);
  }

  #countTaken(person: string): void {
    const now = this.#now();
    for (const [name, times] of this.#taken) {
      const recent = times.filter((time) => time > now - minuteMs);
      if (recent.length === 0) this.#taken.delete(name);
      else this.#taken.set(name, recent);
    }
    const name = person.toLowerCase();
    const own = this.#taken.get(name) ?? [];
    if (own.length >= maxPerMinute) {
      throw new AppError("REQUEST_CONFLICT", `at most ${maxPerMinute} tickets a minute; try again in a minute`, {
        op: "vnc.ticket",
        retryable: true,
      });
    }
    own.push(now);
    this.#taken.set(name, own);
  }

  #take(ticket: OpenTicket | undefined): TicketGrant | undefined {
    if (ticket === undefined) return undefined;
    this.#remove(ticket);
    const { person, target, factors } = ticket;
    return { person, target, ...(factors === undefined ? {} : { factors }) };
  }

  #remove(ticket: OpenTicket): void {
    this.#open = this.#open.filter((one) => one !== ticket);
  }

  #forgetExpired(): void {
    const now = this.#now();
    this.#open = this.#open.filter((ticket) => ticket.expiresMs > now);
  }
}

function isFor(ticket: Holder, { person, target }: Holder): boolean {
  return ticket.person.toLowerCase() === person.toLowerCase() && ticket.target.toLowerCase() === target.toLowerCase();
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}
