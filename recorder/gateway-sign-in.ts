// Sign-ins at the gateways, with their audit. A part of the composition root, beside main.ts. Invariant: where a code is
// asked for after a wrong password too, neither what is written nor when tells the two apart, and no failure goes unwritten:
// who stays away from the code is written down after a minute.
import type { Logger } from "pino";
import { noteKeyUse } from "./access/key-use.ts";
import type { People } from "./access/people.ts";
import { fingerprintOf } from "./access/public-keys.ts";
import type { PendingCode, SignedInPerson, SignIn } from "./access/sign-in.ts";
import type { AuthAttempt, AuthenticatedPerson, SecondStep } from "./tap/tap.ts";

const codeWaitMs = 60_000;

/** `actor` is a person that exists, or `unknown`. */
type Refused = (actor: string, address: string) => Promise<void>;

export interface GatewaySignInParts {
  signIn: SignIn;
  people: People;
  logger: Logger;
  /** Durable when it resolves: by which certificate somebody is there, which is registered nowhere. */
  certificateUsed(person: string, address: string, facts: Record<string, string>): Promise<void>;
}

export class GatewaySignIn {
  readonly #parts: GatewaySignInParts;
  readonly #waiting = new Set<() => Promise<void>>();

  constructor(parts: GatewaySignInParts) {
    this.#parts = parts;
  }

  async ssh(attempt: AuthAttempt, refused: Refused): Promise<AuthenticatedPerson | SecondStep | null> {
    const { signIn } = this.#parts;
    const { name, client } = attempt;
    const step =
      attempt.method === "password"
        ? await signIn.password(name, attempt.password, client.address)
        : attempt.certificate !== undefined
          ? await signIn.certificate(name, attempt.certificate, client.address)
          : await signIn.key(name, attempt.algorithm, attempt.blob, client.address);
    if ("why" in step) {
      this.#parts.logger.info({ address: client.address, why: step.why }, "an SSH certificate opened nothing");
    }
    switch (step.outcome) {
      case "accepted":
        return this.#admit(step.person, attempt, refused);
      case "second-step":
        return this.#waitForCode(step, attempt, refused);
      case "refused":
        return this.#refuse(attempt, refused);
    }
  }

  /** A code stands at the end of the password. */
  async vnc(attempt: AuthAttempt, refused: Refused): Promise<AuthenticatedPerson | null> {
    if (attempt.method !== "password") return null;
    const { name, password, client } = attempt;
    const person = await this.#parts.signIn.passwordWithCode(name, password, client.address);
    return person === null ? this.#refuse(attempt, refused) : this.#admit(person, attempt, refused);
  }

  /** Whose code has not come is written down now. */
  async close(): Promise<void> {
    for (const write of [...this.#waiting]) await write();
  }

  #waitForCode(step: PendingCode, attempt: AuthAttempt, refused: Refused): SecondStep {
    const write = async () => {
      clearTimeout(timer);
      if (this.#waiting.delete(write)) await this.#writeRefusal(attempt, refused);
    };
    const timer = setTimeout(() => {
      write().catch((error: unknown) => this.#parts.logger.error({ err: error }, "the audit log cannot be written"));
    }, codeWaitMs);
    timer.unref();
    this.#waiting.add(write);
    return {
      mayRepeat: step.mayRepeat,
      verify: async (code) => {
        const person = await step.verify(code);
        clearTimeout(timer);
        this.#waiting.delete(write);
        if (person !== null) return this.#admit(person, attempt, refused);
        await this.#writeRefusal(attempt, refused);
        return null;
      },
    };
  }

  async #admit(person: SignedInPerson, attempt: AuthAttempt, refused: Refused): Promise<AuthenticatedPerson | null> {
    const { mustChangePassword, ...known } = person;
    if (mustChangePassword) return this.#refuse(attempt, refused);
    if (attempt.method === "publickey" && attempt.certificate !== undefined) {
      const { authority, keyId, serial } = attempt.certificate;
      await this.#parts.certificateUsed(known.name, attempt.client.address, {
        authority: fingerprintOf(authority),
        keyId: keyId.replaceAll(/\p{Cc}/gu, "").slice(0, 200),
        serial,
      });
    } else if (attempt.method === "publickey" && known.grant === undefined) {
      await noteKeyUse(this.#parts.people, known.name, attempt, this.#parts.logger);
    }
    return known;
  }

  /** Clients offer one key after another: a key that is not known is no failed log-in, a password is. */
  async #refuse(attempt: AuthAttempt, refused: Refused): Promise<null> {
    if (attempt.method === "password") await this.#writeRefusal(attempt, refused);
    return null;
  }

  /** A name that does not exist is not kept: it may be a password that was typed in the wrong place. */
  async #writeRefusal({ name, client }: AuthAttempt, refused: Refused): Promise<void> {
    await refused((await this.#parts.people.find(name))?.name ?? "unknown", client.address);
  }
}
