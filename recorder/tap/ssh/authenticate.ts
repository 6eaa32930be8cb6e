// Sign-in of one connection: public key, password, keyboard-interactive, and then perhaps a code. Invariant: an unknown
// name, a wrong password and a throttled address get the same answer; every well-formed key is answered with "go on", so
// that no name and no key can be probed, and the host is asked about a key only after its signature has been verified. A
// log-in that cannot be decided is neither: it ends the connection in words and counts as no failure.
//
// What is asked when, once the host has taken the first factor without saying whether it was right (a SecondStep):
//   publickey             partial success, then keyboard-interactive `Verification code: `; after a wrong code again, since
//                         who gets so far holds the key.
//   password              the same, but after a wrong code everything begins anew: whether password or code was wrong is
//                         not said.
//   keyboard-interactive  `Password: `, then `Verification code: ` in the same exchange, then as with password.
// Where policy wants a second factor the host makes a SecondStep of a wrong password as well, of every name; where it does
// not, only somebody who is enrolled and gave the right password is asked for a code.
import type { AuthContext, Connection, KeyboardAuthContext, PublicKeyAuthContext } from "ssh2";
import { AppError } from "../../../shared/errors.ts";
import type { AuthAttempt, AuthenticatedPerson, ClientAddress, GatewayHost, SecondStep, TapLogger } from "../tap.ts";
import { type Login, splitUserName } from "../user-name.ts";
import { certificateType, readCertificate } from "./certificate.ts";
import { fingerprintOf } from "./host-keys.ts";
import { isAcceptableKey, signatureIsValid } from "./public-key.ts";
import { disconnectReason } from "./wire.ts";

const methods = ["publickey", "password", "keyboard-interactive"] as const;
const codeMethods = ["keyboard-interactive"] as const;
const maxCodeLength = 64;
const maxNameLength = 128;
const maxKeyQueries = 32;

export interface AuthenticatorOptions {
  host: GatewayHost;
  client: ClientAddress;
  maxFailures: number;
  logger: TapLogger;
  /** The connection must end. `reason` is RFC 4253 §11.1's. */
  end(sentence: string, reason: number): void;
  /** `key` is the fingerprint of the public key, where one was used. */
  done(person: AuthenticatedPerson, login: Login, key: string | undefined): void;
}

interface Pending {
  userName: string;
  login: Login;
  step: SecondStep;
  key: string | undefined;
  /** How the first factor came. */
  method: AuthContext["method"];
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #failures = 0;
  #keyQueries = 0;
  #over = false;
  /** The first factor was taken, for this user name; what is to come is the code. */
  #pending: Pending | undefined;

  constructor(connection: Connection, options: AuthenticatorOptions) {
    this.#options = options;
    connection.on("authentication", (context) => {
      this.#answer(context).catch((error: unknown) => {
        options.logger.error({ err: error }, "sign-in could not be decided");
        this.#end(
          "The recorder cannot decide log-ins now. Try again later; its log says why.",
          disconnectReason.byApplication,
        );
      });
    });
  }

  async #answer(context: AuthContext): Promise<void> {
    const login = splitUserName(context.username);
    if (this.#over) return;
    const pending = this.#pending;
    if (pending !== undefined) {
      const goesOn = pending.userName === context.username;
      if (goesOn && context.method === "keyboard-interactive") return this.#code(context, pending);
      if (goesOn && context.method === "none") return context.reject([...codeMethods], true);
      // Another name, or a first factor again: begun anew (RFC 4252 §5).
      this.#pending = undefined;
    }
    switch (context.method) {
      case "publickey":
        return this.#publicKey(context, login);
      case "password":
        return this.#ask(context, login, this.#password(login, context.password));
      case "keyboard-interactive":
        return this.#interactive(context, login);
      default:
        // `none`: how a client asks which methods there are. Not a failure.
        context.reject([...methods]);
    }
  }

  async #publicKey(context: PublicKeyAuthContext, login: Login): Promise<void> {
    const { algo: keyType, data: blob } = context.key;
    if (context.signature === undefined || context.blob === undefined) {
      if (++this.#keyQueries > maxKeyQueries) this.#giveUp();
      else if (isAcceptableKey(keyType, blob)) context.accept();
      else context.reject([...methods]);
      return;
    }
    const signed = { keyType, blob, hash: context.hashAlgo, signature: context.signature, signed: context.blob };
    if (!signatureIsValid(signed)) {
      this.#reject(context);
      return;
    }
    const read = keyType === certificateType ? readCertificate(blob) : null;
    await this.#ask(context, login, {
      method: "publickey",
      name: login.name.slice(0, maxNameLength),
      algorithm: keyType,
      blob: read?.key ?? blob,
      client: this.#options.client,
      ...(read === null ? {} : { certificate: read.certificate }),
    });
  }

  async #interactive(context: KeyboardAuthContext, login: Login): Promise<void> {
    const password = await answerTo(context, "Password: ");
    if (password === undefined) this.#reject(context);
    else await this.#ask(context, login, this.#password(login, password));
  }

  async #code(context: KeyboardAuthContext, pending: Pending): Promise<void> {
    const code = await answerTo(context, "Verification code: ");
    const person =
      code === undefined ? null : await this.#decided(() => pending.step.verify(code.slice(0, maxCodeLength)));
    if (this.#over) return;
    if (person === undefined) return this.#giveUp();
    if (person === null) {
      if (!pending.step.mayRepeat) this.#pending = undefined;
      return this.#reject(context);
    }
    this.#accept(context, person, pending);
  }

  #password(login: Login, password: string): AuthAttempt {
    return {
      method: "password",
      name: login.name.slice(0, maxNameLength),
      password: password.slice(0, 1024),
      client: this.#options.client,
    };
  }

  async #ask(context: AuthContext, login: Login, attempt: AuthAttempt): Promise<void> {
    const answer = await this.#decided(() => this.#options.host.authenticate(attempt));
    if (this.#over) return;
    if (answer === undefined) return this.#giveUp();
    if (answer === null) return this.#reject(context);
    const key = attempt.method === "publickey" ? fingerprintOf(Buffer.from(attempt.blob)) : undefined;
    const { username: userName, method } = context;
    if (!("verify" in answer)) return this.#accept(context, answer, { login, key, method });
    const pending = { userName, login, step: answer, key, method };
    this.#pending = pending;
    if (context.method === "keyboard-interactive") await this.#code(context, pending);
    else context.reject([...codeMethods], true);
  }

  /** Undefined where this address must wait. */
  async #decided<T>(decide: () => Promise<T>): Promise<T | undefined> {
    try {
      return await decide();
    } catch (error) {
      if (!(error instanceof AppError && error.code === "AUTH_THROTTLED")) throw error;
      return undefined;
    }
  }

  #accept(
    context: AuthContext,
    person: AuthenticatedPerson,
    { login, key, method }: Pick<Pending, "login" | "key" | "method">,
  ): void {
    this.#over = true;
    const { authMethod: said } = person;
    // The host knows a password; how it came, this side does.
    const authMethod = method === "keyboard-interactive" ? said.replace(/^password/, method) : said;
    this.#options.done({ ...person, authMethod }, login, key);
    context.accept();
  }

  #reject(context: AuthContext): void {
    if (this.#over) return;
    if (++this.#failures >= this.#options.maxFailures) this.#giveUp();
    else context.reject(this.#pending === undefined ? [...methods] : [...codeMethods]);
  }

  #giveUp(): void {
    this.#end("Too many failed log-ins. Wait a while, then try again.", disconnectReason.noMoreAuthMethods);
  }

  #end(sentence: string, reason: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.end(sentence, reason);
  }
}

/** Undefined when the client gives none, or begins something else. */
async function answerTo(context: KeyboardAuthContext, prompt: string): Promise<string | undefined> {
  const answers = await new Promise<string[]>((resolve) => {
    context.once("abort", () => resolve([]));
    context.prompt([{ prompt, echo: false }], (given) => resolve(Array.isArray(given) ? given : []));
  });
  return answers[0];
}
