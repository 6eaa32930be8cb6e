// Who acts over the admin socket in a person's name proves it to the service: password and code, for one request within a
// minute. Invariant: no request to the socket is attributed to a person who did not prove it here; whoever may open the
// socket acts as the account of this machine (`os:NAME`), and as nobody else.
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import type { Role } from "../shared/policy/policy.ts";
import type { FirstStep, PendingCode, SignedInPerson } from "./access/sign-in.ts";

export type ProvenPerson = Pick<SignedInPerson, "name" | "roles" | "factors">;

export interface AdminProofs {
  /** With a code that is still to come, or with the proof. AUTH_FAILED, AUTH_THROTTLED. */
  password(asked: PasswordProof): Promise<ProofStep>;
  code(asked: CodeProof): Promise<ProofStep>;
  /** Once. AUTH_FAILED where it is none, or too old. */
  redeem(proof: string): ProvenPerson;
}

export const ProofStep = z.union([
  z.strictObject({ pending: z.string() }),
  z.strictObject({ proof: z.string(), name: z.string() }),
]);
export type ProofStep = z.infer<typeof ProofStep>;

const operator = z.string().regex(/^os:.{1,60}$/);
const token = z.string().regex(/^[0-9a-f]{32}$/);
export const PasswordProof = z.strictObject({
  operator,
  name: z.string().min(1).max(64),
  password: z.string().max(1024),
});
type PasswordProof = z.infer<typeof PasswordProof>;
export const CodeProof = z.strictObject({ operator, pending: token, code: z.string().max(64) });
type CodeProof = z.infer<typeof CodeProof>;
/** In the place of a name. */
const Proof = z.strictObject({ proof: token });

export interface AdminProofParts {
  signIn: { password(name: string, password: string, address: string, how: { ownAlone: boolean }): Promise<FirstStep> };
  findPerson(name: string): Promise<{ name: string } | null>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    address: string;
    details: Record<string, unknown>;
  }): Promise<void>;
  nowMs?: () => number;
}

const op = "admin.prove";
const lifeMs = 60_000;
/** For whoever looks for the telephone with the codes. */
const pendingMs = 300_000;
const most = 100;

export class LocalProofs implements AdminProofs {
  readonly #parts: AdminProofParts;
  readonly #nowMs: () => number;
  readonly #pending = new Map<string, { name: string; step: PendingCode; untilMs: number }>();
  readonly #proofs = new Map<string, { person: SignedInPerson; untilMs: number }>();

  constructor(parts: AdminProofParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? Date.now;
  }

  async password({ operator: by, name, password }: PasswordProof): Promise<ProofStep> {
    const step = await this.#parts.signIn.password(name, password, "local", { ownAlone: true });
    if (step.outcome === "second-step") return { pending: this.#keep(this.#pending, { name, step }, pendingMs) };
    return this.#proven(by, name, step.outcome === "accepted" ? step.person : null);
  }

  async code({ operator: by, pending, code }: CodeProof): Promise<ProofStep> {
    const waiting = this.#take(this.#pending, pending);
    return this.#proven(by, waiting?.name ?? "", (await waiting?.step.verify(code)) ?? null);
  }

  redeem(proof: string): ProvenPerson {
    const found = this.#take(this.#proofs, proof);
    if (found === null)
      throw new AppError("AUTH_FAILED", "the proof of who asks is none, or older than a minute: try again", { op });
    return found.person;
  }

  async #proven(by: string, name: string, person: SignedInPerson | null): Promise<ProofStep> {
    const tell = (action: string, details: Record<string, unknown>) =>
      this.#parts.audit({ actor: by, action, subject: "cli", address: "local", details });
    if (person === null) {
      const known = (await this.#parts.findPerson(name))?.name ?? "unknown";
      await tell("sign-in-failed", { person: known });
      const text =
        "the name, the password or the code is wrong, or the account is disabled; a code works once, also in another " +
        "program: wait for the next one";
      throw new AppError("AUTH_FAILED", text, { op });
    }
    if (person.mustChangePassword) {
      const text = `${person.name} still has a one-time password; change it in the portal first`;
      throw new AppError("AUTH_FORBIDDEN", text, { op });
    }
    await tell("sign-in", { person: person.name, method: person.authMethod });
    return { proof: this.#keep(this.#proofs, { person }, lifeMs), name: person.name };
  }

  #keep<T>(all: Map<string, T & { untilMs: number }>, one: T, forMs: number): string {
    const id = randomBytes(16).toString("hex");
    // The oldest goes: what is waited for is used at once.
    for (const key of all.keys()) {
      if (all.size < most) break;
      all.delete(key);
    }
    all.set(id, { ...one, untilMs: this.#nowMs() + forMs });
    return id;
  }

  #take<T>(all: Map<string, T & { untilMs: number }>, id: string): T | null {
    const found = all.get(id);
    all.delete(id);
    return found === undefined || found.untilMs < this.#nowMs() ? null : found;
  }
}

/** Who acts beside the machine's own account: as the portal has it. */
const operators: readonly Role[] = ["admin", "escort"];

/**
 * The request with names in the places of their proofs: `person` is always proven, `operator` is the account of this machine
 * or an administrator or escort who proved it. A ticket's `person` is whose session it will be: with a proof it is that
 * person who asks, without one nobody has shown a second factor.
 */
export function attributed(route: string, body: unknown, proofs: AdminProofs): unknown {
  if (typeof body !== "object" || body === null) return body;
  const { person, operator: by, factors, ...rest } = body as Record<string, unknown>;
  const named: Record<string, unknown> = { ...rest };
  const isTicket = route === "POST /vnc-ticket";
  if (factors !== undefined) throw refused("factors: nobody says what somebody proved");
  if (person !== undefined) {
    const proof = Proof.safeParse(person).data;
    if (proof !== undefined) {
      const proven = proofs.redeem(proof.proof);
      named["person"] = proven.name;
      if (isTicket) named["factors"] = proven.factors;
    } else if (isTicket) named["person"] = person;
    else throw refused("person: a proof of who asks is wanted, not a name");
  }
  if (by !== undefined) named["operator"] = operatorIn(by, proofs);
  return named;
}

function operatorIn(by: unknown, proofs: AdminProofs): unknown {
  const proof = Proof.safeParse(by).data;
  if (proof === undefined) {
    // What is no text at all is refused as any other bad value.
    if (typeof by !== "string" || by === "" || by.startsWith("os:")) return by;
    throw refused("operator: the account of this machine (os:NAME), or the proof of a person");
  }
  const { name, roles } = proofs.redeem(proof.proof);
  if (roles.some((role) => operators.includes(role))) return name;
  throw new AppError("AUTH_FORBIDDEN", `${name} is neither an administrator nor an escort`, { op });
}

function refused(why: string): AppError {
  return new AppError("REQUEST_INVALID", `the request has a bad value (${why})`, { op });
}
