// A sign-in as a whole: what the person knows or holds, then the code of the authenticator where one is enrolled.
// Invariants: one entry of the throttle counts the whole sign-in, so that wrong codes slow guessing down as wrong passwords
// do, and a right password without its code clears nothing; wrong codes count for the person as well, from however many
// addresses they come; where policy wants a second factor, what follows a wrong
// password is what follows a right one, so that neither names nor passwords nor enrolments can be probed.
import type { PasskeyAssertion } from "../../shared/api/webauthn.ts";
import { AppError } from "../../shared/errors.ts";
import type { Factor } from "../../shared/policy/factor.ts";
import type { Role } from "../../shared/policy/policy.ts";
import type { CodeFactor, Mfa } from "./mfa/mfa.ts";
import { parsePortalCode } from "./mfa/portal-codes.ts";
import { parseRecoveryCode } from "./mfa/recovery-codes.ts";
import { parseTotpCode } from "./mfa/totp.ts";
import type { People, Person } from "./people.ts";
import type { PresentedCertificate, SshAuthorities } from "./ssh-authorities.ts";
import { Throttle, type ThrottledAttempt, type ThrottleLimits } from "./throttle.ts";
import type { Passkeys, Question } from "./webauthn/passkeys.ts";

export interface SignedInPerson {
  name: string;
  roles: readonly Role[];
  /** A one-time password has been through other hands: it only opens the page where it is replaced. */
  mustChangePassword: boolean;
  /** `password`, `publickey`, `grant-password`, `oidc`, with `+totp` or another second factor; `webauthn` alone. */
  authMethod: string;
  factors: readonly Factor[];
  grant?: string;
}

export interface PendingCode {
  outcome: "second-step";
  /** Null when the code or the passkey, or what came before it, is wrong. AUTH_THROTTLED when this address must wait. */
  verify(answer: string | PasskeyAssertion): Promise<SignedInPerson | null>;
  /** What a passkey is asked, whoever it would be; answered once. */
  passkey?: Question["options"];
  /** A key was proven: another code may follow a wrong one. */
  mayRepeat: boolean;
  /** Whose it would be, for the audit; null when the first factor was wrong. */
  person: string | null;
}

export type FirstStep = { outcome: "accepted"; person: SignedInPerson } | PendingCode | { outcome: "refused" };

/** Time-limited credentials that come with an approved request. */
export interface GrantCredentials {
  /** In constant time; null when there is none, or its window is not open. */
  password(name: string, password: string): Promise<{ grant: string; person: string } | null>;
  key(name: string, blob: Uint8Array): Promise<{ grant: string; person: string } | null>;
}

export interface SignInOptions {
  people: People;
  mfa: Pick<Mfa, "isEnrolled" | "verify">;
  /** Left out: nobody has one. */
  passkeys?: Pick<Passkeys, "ask" | "verify">;
  throttle: Throttle;
  /** Whether policy wants a second factor at sign-in. */
  mfaRequired(): boolean;
  grants?: GrantCredentials;
  /** Left out: no certificate opens anything. */
  authorities?: Pick<SshAuthorities, "whyNot">;
  /** Wrong codes of each person. */
  codes?: Throttle;
}

/**
 * Of wrong codes after a right first factor, over all addresses: a code is short, and who knows the password may have many
 * addresses. Nobody without it can make the person wait.
 */
export const codeLimits: Partial<ThrottleLimits> = {
  freePerPair: 20,
  freePerAddress: Number.POSITIVE_INFINITY,
  attemptsPerMinute: Number.POSITIVE_INFINITY,
};
const everywhere = "everywhere";

interface Proven {
  person: Person;
  factor: Factor;
  grant?: string;
}

/** At the portal passkeys can be asked for, and what the portal itself showed is no proof. */
type Place = "portal" | "gateway";

export class SignIn {
  readonly #options: SignInOptions;
  readonly #codes: Throttle;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#codes = options.codes ?? new Throttle(codeLimits);
  }

  /**
   * AUTH_THROTTLED (details.retryAfterSeconds) when this address, or this name from this address, must wait.
   * @param ownAlone no credential of a grant counts: what it opens would outlive its window.
   * @param passkeys whoever asks can put a question to a passkey.
   */
  async password(
    name: string,
    password: string,
    address: string,
    { ownAlone = false, passkeys = false }: { ownAlone?: boolean; passkeys?: boolean } = {},
  ): Promise<FirstStep> {
    const attempt = this.#options.throttle.begin(name, address);
    return undecidedOnFailure(attempt, async () => {
      const proven = await this.#provePassword(name, password, ownAlone);
      // Looked up for whoever it is: it takes as long.
      const enrolled = await this.#options.mfa.isEnrolled(name);
      const asked = proven === null ? this.#options.mfaRequired() : enrolled;
      if (asked) {
        const question = passkeys ? ((await this.#options.passkeys?.ask({ whole: false })) ?? null) : null;
        return this.#pending(proven, name, address, attempt, { place: passkeys ? "portal" : "gateway", question });
      }
      if (proven === null) return { outcome: "refused" };
      attempt.succeeded();
      return { outcome: "accepted", person: signedIn(proven) };
    });
  }

  /** The caller has verified the signature: a key cannot be guessed, and is not throttled. */
  async key(name: string, algorithm: string, blob: Uint8Array, address: string): Promise<FirstStep> {
    const proven = await this.#proveKey(name, algorithm, blob);
    if (proven === null) return { outcome: "refused" };
    if (await this.#options.mfa.isEnrolled(proven.person.name)) {
      return this.#pending(proven, name, address, null, { place: "gateway", question: null });
    }
    return { outcome: "accepted", person: signedIn(proven) };
  }

  /** The caller has verified its authority's signature and its holder's. `why` is for the log. */
  async certificate(
    name: string,
    certificate: PresentedCertificate,
    address: string,
  ): Promise<FirstStep | { outcome: "refused"; why: string }> {
    const person = await this.#options.people.find(name);
    const why = this.#options.authorities?.whyNot(certificate, name, address) ?? null;
    if (this.#options.authorities === undefined || why !== null) {
      return { outcome: "refused", why: why ?? "no authority is trusted here" };
    }
    if (person === null || person.disabled)
      return { outcome: "refused", why: "there is no such account, or it is disabled" };
    const proven: Proven = { person, factor: "certificate" };
    if (!(await this.#options.mfa.isEnrolled(person.name))) return { outcome: "accepted", person: signedIn(proven) };
    return this.#pending(proven, name, address, null, { place: "gateway", question: null });
  }

  /**
   * The identity provider has said who it is. @param secondFactor it saw one as well, which the configuration takes for
   * ours. Refused for a disabled account.
   */
  async provider(name: string, secondFactor: boolean, address: string): Promise<FirstStep> {
    const person = await this.#options.people.find(name);
    if (person === null || person.disabled) return { outcome: "refused" };
    const proven: Proven = { person, factor: "oidc" };
    if (secondFactor) return { outcome: "accepted", person: signedIn(proven, "oidc-mfa") };
    if (!(await this.#options.mfa.isEnrolled(person.name))) return { outcome: "accepted", person: signedIn(proven) };
    const question = (await this.#options.passkeys?.ask({ whole: false })) ?? null;
    return this.#pending(proven, name, address, null, { place: "portal", question });
  }

  /**
   * An attempt with something that cannot be guessed: one of its address's minute, and nobody's failure, since whoever sends
   * rubbish would otherwise keep out the others of that address. AUTH_THROTTLED.
   */
  unguessable(address: string): void {
    this.#options.throttle.begin(nobody, address).undecided();
  }

  /** A sign-in with a passkey alone, which says whose it is; null where there are none. */
  async passkey(address: string): Promise<PendingCode | null> {
    const question = (await this.#options.passkeys?.ask({ whole: true })) ?? null;
    if (question === null) return null;
    let unanswered = true;
    return {
      outcome: "second-step",
      mayRepeat: false,
      person: null,
      passkey: question.options,
      verify: async (answer) => {
        if (typeof answer === "string" || !unanswered) return null;
        unanswered = false;
        this.unguessable(address);
        const found = await this.#options.passkeys?.verify(answer, question.challenge, { whole: true, address });
        const person = found == null ? null : await this.#options.people.find(found.person);
        return person === null || person.disabled ? null : signedIn({ person, factor: "webauthn" });
      },
    };
  }

  /**
   * For clients that ask once: `password,123456`, or the six digits right after the password; a recovery code after a
   * comma. Of who is not enrolled, the whole text is the password. One hash, whatever it was.
   */
  async passwordWithCode(name: string, text: string, address: string): Promise<SignedInPerson | null> {
    const attempt = this.#options.throttle.begin(name, address);
    return undecidedOnFailure(attempt, async () => {
      const enrolled = await this.#options.mfa.isEnrolled(name);
      const split = splitCode(text);
      // A grant has credentials for SSH alone.
      const proven = await this.#provePassword(name, enrolled ? (split?.password ?? "") : text, true);
      const code = split?.code ?? "000000";
      if (!enrolled) {
        // As much as for who is enrolled.
        if (proven === null) await this.#options.mfa.verify(name, code, { address, portalCodes: true });
        else attempt.succeeded();
        return proven === null ? null : signedIn(proven);
      }
      // A code is used up only by who knows the password.
      const factor = await this.#verify(proven === null ? nobody : proven.person.name, code, address, "gateway");
      if (proven === null || factor === null) return null;
      attempt.succeeded();
      return signedIn(proven, factor);
    });
  }

  /** A fresh code of somebody who is signed in already. Null when it is wrong. */
  async confirm(name: string, code: string, address: string): Promise<CodeFactor | null> {
    const attempt = this.#options.throttle.begin(name, address);
    return undecidedOnFailure(attempt, async () => {
      const factor = await this.#verify(name, code, address, "portal");
      if (factor !== null) attempt.succeeded();
      return factor;
    });
  }

  /** A passkey of somebody who is signed in already; the caller asked this challenge of this sign-in, once. */
  async confirmPasskey(name: string, answer: PasskeyAssertion, challenge: string, address: string): Promise<boolean> {
    const attempt = this.#options.throttle.begin(name, address);
    return undecidedOnFailure(attempt, async () => {
      const found = await this.#options.passkeys?.verify(answer, challenge, { whole: false, address });
      if (found?.person !== name.toLowerCase()) return false;
      attempt.succeeded();
      return true;
    });
  }

  /** Who must wait hears what a wrong code hears: that the password was right is not said. Recovery codes cannot be guessed. */
  async #verify(name: string, code: string, address: string, place: Place): Promise<CodeFactor | null> {
    const { mfa } = this.#options;
    const from = { address, portalCodes: place === "gateway" };
    if (name === nobody || parseRecoveryCode(code) !== null) return mfa.verify(name, code, from);
    let guess: ThrottledAttempt;
    try {
      guess = this.#codes.begin(name, everywhere);
    } catch (error) {
      if (!(error instanceof AppError && error.code === "AUTH_THROTTLED")) throw error;
      return mfa.verify(nobody, code, from);
    }
    return undecidedOnFailure(guess, async () => {
      const factor = await mfa.verify(name, code, from);
      if (factor !== null) guess.succeeded();
      return factor;
    });
  }

  #pending(
    proven: Proven | null,
    name: string,
    address: string,
    first: ThrottledAttempt | null,
    { place, question }: { place: Place; question: Question | null },
  ): PendingCode {
    let unspent = first;
    let unanswered = question;
    const second = async (answer: string | PasskeyAssertion): Promise<SecondFactor | null> => {
      const whose = proven?.person.name ?? nobody;
      if (typeof answer === "string") return this.#verify(whose, answer, address, place);
      const asked = unanswered;
      unanswered = null;
      if (asked === null) return null;
      const found = await this.#options.passkeys?.verify(answer, asked.challenge, { whole: false, address });
      return found?.person === whose.toLowerCase() ? "webauthn" : null;
    };
    return {
      outcome: "second-step",
      mayRepeat: proven?.factor === "publickey" || proven?.factor === "certificate",
      person: proven?.person.name ?? null,
      ...(question === null ? {} : { passkey: question.options }),
      verify: async (answer) => {
        // The first code belongs to the attempt that the password began.
        const attempt = unspent ?? this.#options.throttle.begin(name, address);
        unspent = null;
        return undecidedOnFailure(attempt, async () => {
          const factor = await second(answer);
          if (proven === null || factor === null) return null;
          // Disabled, or changed, while the code was typed.
          const person = await this.#options.people.find(proven.person.name);
          if (person === null || person.disabled) return null;
          attempt.succeeded();
          return signedIn({ ...proven, person }, factor);
        });
      },
    };
  }

  async #provePassword(name: string, password: string, ownAlone = false): Promise<Proven | null> {
    const person = await this.#options.people.checkPassword(name, password);
    if (ownAlone) return person === null ? null : { person, factor: "password" };
    const grant = (await this.#options.grants?.password(name, password)) ?? null;
    if (person !== null) return { person, factor: "password" };
    return this.#byGrant(grant, "grant-password");
  }

  async #proveKey(name: string, algorithm: string, blob: Uint8Array): Promise<Proven | null> {
    const answer = await this.#options.people.authenticateKey(name, algorithm, blob);
    const grant = (await this.#options.grants?.key(name, blob)) ?? null;
    if (answer.outcome === "accepted") return { person: answer.person, factor: "publickey" };
    return this.#byGrant(grant, "publickey");
  }

  async #byGrant(found: { grant: string; person: string } | null, factor: Factor): Promise<Proven | null> {
    if (found === null) return null;
    const person = await this.#options.people.find(found.person);
    return person === null || person.disabled ? null : { person, factor, grant: found.grant };
  }
}

/** No person's name: the same look into the database finds nothing. */
const nobody = "(nobody)";

function splitCode(text: string): { password: string; code: string } | null {
  const comma = text.lastIndexOf(",");
  const after = comma < 0 ? "" : text.slice(comma + 1).trim();
  if (comma >= 0 && [parseRecoveryCode, parseTotpCode, parsePortalCode].some((parse) => parse(after) !== null)) {
    return { password: text.slice(0, comma), code: after };
  }
  const digits = /^(.*?)([0-9]{6})$/s.exec(text);
  return digits === null ? null : { password: digits[1] ?? "", code: digits[2] ?? "" };
}

type SecondFactor = CodeFactor | "webauthn" | "oidc-mfa";

function signedIn({ person, factor, grant }: Proven, second?: SecondFactor): SignedInPerson {
  return {
    name: person.name,
    roles: person.roles,
    // A credential of a grant is no password of the person's.
    mustChangePassword: factor === "password" && person.mustChangePassword,
    authMethod: second === undefined ? factor : `${factor}+${second}`,
    factors: second === undefined ? [factor] : [factor, second],
    ...(grant === undefined ? {} : { grant }),
  };
}

async function undecidedOnFailure<T>(attempt: ThrottledAttempt, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // A database that does not answer must not lock people out once it does again.
    attempt.undecided();
    throw error;
  }
}
