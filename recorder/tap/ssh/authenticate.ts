// Sign-in of one connection: public key, password, keyboard-interactive. Invariant: an unknown name, a wrong password and
// a throttled address get the same answer; every well-formed key is answered with "go on", so that no name and no key can
// be probed, and the host is asked about a key only after its signature has been verified. A log-in that cannot be decided
// is neither: it ends the connection in words and counts as no failure.
import type { AuthContext, Connection, KeyboardAuthContext, PublicKeyAuthContext } from "ssh2";
import { AppError } from "../../../shared/errors.ts";
import type { AuthAttempt, AuthenticatedPerson, ClientAddress, GatewayHost, SecondStep, TapLogger } from "../tap.ts";
import { type Login, splitUserName } from "../user-name.ts";
import { fingerprintOf } from "./host-keys.ts";
import { isAcceptableKey, signatureIsValid } from "./public-key.ts";
import { disconnectReason } from "./wire.ts";

const methods = ["publickey", "password", "keyboard-interactive"] as const;
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

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #failures = 0;
  #keyQueries = 0;
  #over = false;

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
    await this.#ask(context, login, {
      method: "publickey",
      name: login.name.slice(0, maxNameLength),
      algorithm: keyType,
      blob,
      client: this.#options.client,
    });
  }

  /** One prompt, the password's. A second factor is a further `prompt` on the same context, after this one. */
  async #interactive(context: KeyboardAuthContext, login: Login): Promise<void> {
    const answers = await new Promise<string[]>((resolve) => {
      context.on("abort", () => resolve([]));
      context.prompt([{ prompt: "Password: ", echo: false }], (given) => resolve(Array.isArray(given) ? given : []));
    });
    const [password] = answers;
    if (password === undefined) {
      this.#reject(context);
      return;
    }
    await this.#ask(context, login, this.#password(login, password), "keyboard-interactive");
  }

  #password(login: Login, password: string): AuthAttempt {
    return {
      method: "password",
      name: login.name.slice(0, maxNameLength),
      password: password.slice(0, 1024),
      client: this.#options.client,
    };
  }

  async #ask(context: AuthContext, login: Login, attempt: AuthAttempt, authMethod?: string): Promise<void> {
    let person: AuthenticatedPerson | SecondStep | null;
    try {
      person = await this.#options.host.authenticate(attempt);
    } catch (error) {
      if (!(error instanceof AppError && error.code === "AUTH_THROTTLED")) throw error;
      this.#giveUp();
      return;
    }
    if (this.#over) return;
    if (person === null || "verify" in person) {
      this.#reject(context);
      return;
    }
    this.#over = true;
    const key = attempt.method === "publickey" ? fingerprintOf(Buffer.from(attempt.blob)) : undefined;
    this.#options.done(authMethod === undefined ? person : { ...person, authMethod }, login, key);
    context.accept();
  }

  #reject(context: AuthContext): void {
    if (this.#over) return;
    if (++this.#failures >= this.#options.maxFailures) this.#giveUp();
    else context.reject([...methods]);
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
