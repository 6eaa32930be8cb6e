// The viewer's leg up to the question who it is: version, security type, name and password or ticket. Nothing is answered
// to the log-in here: `ViewerAnswer` does that once the session is open, so that the viewer can show why it is not.
// Invariant: a wrong name, a wrong password and a throttled address get the same answer.
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../../../shared/errors.ts";
import { type Factor, hasSecondFactor } from "../../../shared/policy/factor.ts";
import type { AuthenticatedPerson, ClientAddress } from "../tap.ts";
import { splitUserName } from "../user-name.ts";
import { HandshakeStream, uint32 } from "./handshake-stream.ts";
import type { ViewerSecurity, VncTapOptions } from "./options.ts";
import { securityType, veNCrypt, veNCryptTypes } from "./security-types.ts";
import { looksLikeTicket, type TicketGrant } from "./tickets.ts";
import { secureViewer, type ViewerTls } from "./tls-legs.ts";
import { type RfbVersion, readVersion, versionMessage } from "./versions.ts";
import { challengeLength } from "./vnc-auth.ts";

const maxNameBytes = 256;
const maxPasswordBytes = 1024;

const subtypes: Record<Exclude<ViewerSecurity, "vnc-auth">, number> = {
  "x509-plain": veNCrypt.x509Plain,
  "x509-vnc": veNCrypt.x509Vnc,
  "tls-plain": veNCrypt.tlsPlain,
  "tls-vnc": veNCrypt.tlsVnc,
  plain: veNCrypt.plain,
};

export interface ViewerFacts {
  /** As the viewer said it, e.g. `003.008`. */
  version: string;
  security: string;
  tls: string;
}

/** A viewer that has said who it is, and waits to hear whether it is let in. */
export interface LoggedInViewer {
  person: AuthenticatedPerson;
  target: string;
  facts: ViewerFacts;
  answer: ViewerAnswer;
}

export interface LoginOptions
  extends Pick<VncTapOptions, "host" | "tickets" | "findPerson" | "beginTicket" | "ticketRefused" | "security"> {
  tls: ViewerTls;
  /** Who gets on with it is not the first to make room for others. */
  progressed(progress: "identified" | "signing-in"): void;
}

/** What is still to be said to a viewer: SecurityResult, and with 3.8 its reason (RFC 6143 §7.1.3). */
export class ViewerAnswer {
  readonly stream: HandshakeStream;
  readonly #version: RfbVersion;
  /** With type None, only 3.8 has a SecurityResult. */
  readonly #hasResult: boolean;

  constructor(stream: HandshakeStream, version: RfbVersion, hasResult: boolean) {
    this.stream = stream;
    this.#version = version;
    this.#hasResult = hasResult;
  }

  admit(): void {
    if (this.#hasResult) this.stream.write(uint32(0));
  }

  refuse(sentence: string): void {
    const { stream } = this.stream;
    const reason = Buffer.from(sentence.slice(0, 1000), "utf8");
    const said = this.#version === "3.8" ? Buffer.concat([uint32(reason.length), reason]) : Buffer.alloc(0);
    if (this.#hasResult) this.stream.write(Buffer.concat([uint32(1), said]));
    stream.end();
  }
}

/** Rejects, after the viewer was told what can be told, when it did not log in. */
export async function loginViewer(
  socket: Socket,
  client: ClientAddress,
  options: LoginOptions,
): Promise<LoggedInViewer> {
  const plain = new HandshakeStream(socket, "viewer");
  plain.write(versionMessage("3.8"));
  const { version, said } = await readVersion(plain, "viewer");
  options.progressed("identified");
  const type = await chooseType(plain, version, options);
  options.progressed("signing-in");
  if (type === securityType.vncAuth) {
    const answer = new ViewerAnswer(plain, version, true);
    const facts = { version: said, security: "vnc-auth", tls: "" };
    return { ...(await byTicket(answer, client, options)), facts, answer };
  }
  return loginByVeNCrypt(socket, plain, { version, said }, client, options);
}

/** The number of the chosen type; 3.3 leaves the viewer no choice. */
async function chooseType(stream: HandshakeStream, version: RfbVersion, { security }: LoginOptions): Promise<number> {
  const byTicketOnly = security.includes("vnc-auth");
  if (version === "3.3") {
    if (byTicketOnly) {
      stream.write(uint32(securityType.vncAuth));
      return securityType.vncAuth;
    }
    const sentence = "This gateway takes encrypted log-ins only, and RFB 3.3 has none: use a viewer with VeNCrypt.";
    const reason = Buffer.from(sentence, "utf8");
    stream.write(Buffer.concat([uint32(0, reason.length), reason]));
    stream.stream.end();
    throw refusedType(sentence);
  }
  const types: number[] = [];
  if (security.some((one) => one !== "vnc-auth")) types.push(securityType.veNCrypt);
  if (byTicketOnly) types.push(securityType.vncAuth);
  stream.write(Buffer.from([types.length, ...types]));
  const chosen = await stream.uint8();
  if (types.includes(chosen)) return chosen;
  const sentence = "The viewer chose a security type that was not offered.";
  new ViewerAnswer(stream, version, true).refuse(sentence);
  throw refusedType(sentence);
}

async function loginByVeNCrypt(
  socket: Socket,
  plain: HandshakeStream,
  { version, said }: { version: RfbVersion; said: string },
  client: ClientAddress,
  options: LoginOptions,
): Promise<LoggedInViewer> {
  plain.write(Buffer.from([0, 2]));
  const wanted = await plain.read(2);
  const accepted = wanted[0] === 0 && wanted[1] === 2;
  plain.write(Buffer.from([accepted ? 0 : 255]));
  if (!accepted) {
    socket.end();
    throw refusedType("The viewer speaks another version of VeNCrypt than 0.2.");
  }
  const offered = options.security.flatMap((one) => (one === "vnc-auth" ? [] : [subtypes[one]]));
  plain.write(Buffer.concat([Buffer.from([offered.length]), uint32(...offered)]));
  const subtype = await plain.uint32();
  if (!offered.includes(subtype)) {
    plain.write(Buffer.from([0]));
    socket.end();
    throw refusedType("The viewer chose a VeNCrypt type that was not offered.");
  }
  const kind = veNCryptTypes.get(subtype);
  if (kind === undefined) {
    const answer = new ViewerAnswer(plain, version, true);
    const facts = { version: said, security: "plain", tls: "" };
    return { ...(await byPassword(answer, client, options)), facts, answer };
  }
  plain.write(Buffer.from([1]));
  const secured = await secureViewer(socket, kind.tls === "x509" ? options.tls.x509 : options.tls.anonymous);
  const tls = `${secured.getProtocol() ?? ""} ${secured.getCipher().standardName}`;
  const answer = new ViewerAnswer(new HandshakeStream(secured as Duplex, "viewer"), version, true);
  const login = kind.inside === "plain" ? byPassword(answer, client, options) : byTicket(answer, client, options);
  return { ...(await login), facts: { version: said, security: kind.name, tls }, answer };
}

type Known = Pick<LoggedInViewer, "person" | "target">;

/**
 * A code stands at the end of the password; the host knows. Viewers ask for a name as well wherever they can: a ticket in
 * the password's place is one whatever the name says, unless it names another person and target.
 */
async function byPassword(answer: ViewerAnswer, client: ClientAddress, options: LoginOptions): Promise<Known> {
  const { stream } = answer;
  const [nameLength, passwordLength] = [await stream.uint32(), await stream.uint32()];
  if (nameLength > maxNameBytes || passwordLength > maxPasswordBytes) throw wrong(answer);
  const userName = (await stream.read(nameLength)).toString("utf8");
  const password = (await stream.read(passwordLength)).toString("utf8");
  const { name, target } = splitUserName(userName);
  const mayBeTicket = looksLikeTicket(password);
  if (mayBeTicket) {
    const named = target === "" ? null : { person: name, target };
    const grant = await decided(answer, () => redeemText(password, named, client, options));
    if (grant !== undefined) return holderOf(grant, answer, options);
  }
  const attempt = { method: "password", name: name.slice(0, 128), password, client } as const;
  const person = await decided(answer, () => options.host.authenticate(attempt));
  if (person === null) throw wrong(answer, mayBeTicket ? wrongOrUsed : wrongLogin);
  return { person, target };
}

/** That it was no ticket is not held against anybody: as a password it is judged next. */
function redeemText(
  text: string,
  named: Pick<TicketGrant, "person" | "target"> | null,
  { address }: ClientAddress,
  { beginTicket, tickets }: LoginOptions,
): TicketGrant | undefined {
  const attempt = beginTicket(address);
  const grant = tickets.redeemText(text, named);
  if (grant === undefined) attempt.undecided();
  else attempt.succeeded();
  return grant;
}

/** The viewer is told where nobody could say whether its log-in was right. */
async function decided<T>(answer: ViewerAnswer, decide: () => T | Promise<T>): Promise<T> {
  try {
    return await decide();
  } catch (error) {
    if (error instanceof AppError && error.code === "AUTH_THROTTLED") {
      answer.refuse("Too many failed log-ins. Wait a while, then try again.");
    } else {
      answer.refuse("The recorder cannot decide log-ins now. Try again later; its log says why.");
    }
    throw error;
  }
}

async function byTicket(answer: ViewerAnswer, client: ClientAddress, options: LoginOptions): Promise<Known> {
  const challenge = randomBytes(challengeLength);
  answer.stream.write(challenge);
  const response = await answer.stream.read(challengeLength);
  const attempt = await decided(answer, () => options.beginTicket(client.address));
  const grant = options.tickets.redeemResponse(challenge, response);
  if (grant === undefined) {
    options.ticketRefused(client.address);
    throw wrong(answer, "The ticket is wrong, was used, or is too old: ask the portal for another.");
  }
  attempt.succeeded();
  return holderOf(grant, answer, options);
}

async function holderOf(grant: TicketGrant, answer: ViewerAnswer, { findPerson }: LoginOptions): Promise<Known> {
  const person = await findPerson(grant.person);
  if (person === null) throw wrong(answer);
  return { person: { ...person, ...ticketFactors("ticket", grant.factors ?? []) }, target: grant.target };
}

/** What the ticket's holder proved where he took it counts here too; the record says that it came by ticket. */
export function ticketFactors(
  authMethod: string,
  proven: readonly Factor[],
): Pick<AuthenticatedPerson, "authMethod" | "factors"> {
  const second = proven.find((factor) => hasSecondFactor([factor]));
  return {
    authMethod: second === undefined ? authMethod : `${authMethod}+${second}`,
    factors: ["ticket", ...proven.filter((factor) => factor !== "ticket")],
  };
}

const codeFollows = "Who has an authenticator types its code after the password: PASSWORD,123456.";
const wrongLogin = `The name or the password is wrong, or the account is disabled. ${codeFollows}`;
const wrongOrUsed = `The name or the password is wrong, or the account is disabled; or it is a ticket that was used or is too old. ${codeFollows}`;

function wrong(answer: ViewerAnswer, sentence = wrongLogin): AppError {
  answer.refuse(sentence);
  return new AppError("AUTH_FAILED", sentence, { op: "vnc.login" });
}

function refusedType(sentence: string): AppError {
  return new AppError("PROTOCOL_MALFORMED", sentence, { op: "vnc.login" });
}
