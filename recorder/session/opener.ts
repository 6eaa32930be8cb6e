// Opens sessions for the gateways: policy and the grant behind it, then the limits, then a durable OPEN record, and only
// then the credential. Invariant: who was refused learns why and how to mend it, and the audit log has it first.
import { AppError } from "../../shared/errors.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { ConfirmRules } from "../../shared/policy/confirm.ts";
import type { SshTarget, Target, VncTarget } from "../../shared/policy/policy.ts";
import { reasonSentences } from "../../shared/policy/reasons.ts";
import { mayApprove } from "../../shared/policy/request.ts";
import type {
  AuthAttempt,
  AuthenticatedPerson,
  ClientAddress,
  GatewayHost,
  SecondStep,
  TapSession,
  TargetAccess,
  TerminateReason,
  VncGatewayHost,
  VncTargetAccess,
} from "../tap/tap.ts";
import { type AccessStates, Admission, type Admitted, type InventoryView, type SessionRefusal } from "./admission.ts";
import { type OpenRecordFacts, openFacts } from "./open-facts.ts";
import type { SessionRegistry } from "./registry.ts";
import { GatewaySession } from "./session.ts";
import type { SessionHappening, SessionLogger, SessionRecording } from "./session-facts.ts";
import { patternsFor } from "./session-patterns.ts";

export type { OpenRecordFacts } from "./open-facts.ts";

export interface OpenerDependencies {
  registry: SessionRegistry;
  logger: SessionLogger;
  inventory(): InventoryView;
  /** Requests, grants and blocks; left out: nobody has any, and ends of sessions have no consequence. */
  access?: AccessStates;
  /** What stops every session through this conduit now; left out: nothing ever does. */
  stopOf?(conduit: string): { reason: string } | null;
  /** Throws where no session may begin now, in words for who connects; left out: it never drains. */
  refuseWhileDraining?(): void;
  authenticate(attempt: AuthAttempt): Promise<AuthenticatedPerson | SecondStep | null>;
  /** AppError when there is no such secret. */
  credential(secret: string): Promise<TargetAccess["credential"]>;
  openRecording(facts: OpenRecordFacts): Promise<SessionRecording & { readonly open: OpenRecord }>;
  sealRecipients: readonly string[];
  /** Of people, sessions and refusals; awaited before the answer is given. */
  audit(
    actor: string,
    action: string,
    subject: string,
    address: string,
    details: Record<string, unknown>,
  ): Promise<void>;
  /** What goes on in sessions, for who follows it; nothing waits for it. */
  happened?(facts: SessionFactsTold, what: SessionHappening | { type: "opened" } | SessionRefusal): void;
}

export interface SessionFactsTold {
  session: string | null;
  person: string;
  target: string;
  address: string;
  request: string | null;
}

export class SessionOpener implements GatewayHost, Omit<VncGatewayHost, "authenticate"> {
  readonly #deps: OpenerDependencies;
  readonly #admission: Admission;

  constructor(deps: OpenerDependencies) {
    this.#deps = deps;
    this.#admission = new Admission({
      inventory: () => deps.inventory(),
      access: deps.access,
      stopOf: (conduit) => this.#stopOf(conduit),
      refused: (person, target, client, refusal) => this.#refused(person, target, client, refusal),
    });
  }

  authenticate(attempt: AuthAttempt): Promise<AuthenticatedPerson | SecondStep | null> {
    return this.#deps.authenticate(attempt);
  }

  async openSession(
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<{ session: TapSession; target: TargetAccess }> {
    const admitted = await this.#admission.admit<SshTarget>("ssh", person, targetName, client);
    const { name, host, port, account, secret, hostKeys } = admitted.target;
    const { session, credential } = await this.#open(admitted, person, client, () => this.#deps.credential(secret));
    return { session, target: { name, host, port, account, credential, hostKeys } };
  }

  async openVncSession(
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<{ session: TapSession; target: VncTargetAccess }> {
    const admitted = await this.#admission.admit<VncTarget>("vnc", person, targetName, client);
    const { name, host, port, account, vnc: settings } = admitted.target;
    const { session, credential } = await this.#open(admitted, person, client, () => this.#password(admitted.target));
    return { session, target: { name, host, port, account, credential, settings } };
  }

  /** Whether `openVncSession` would be allowed now; what it throws says why not. For tickets. */
  async mayOpenVnc(person: AuthenticatedPerson, targetName: string, client: ClientAddress): Promise<VncTarget> {
    return (await this.#admission.admit<VncTarget>("vnc", person, targetName, client)).target;
  }

  async #password({ name, secret }: VncTarget): Promise<VncTargetAccess["credential"]> {
    if (secret === undefined) return { kind: "none" };
    const credential = await this.#deps.credential(secret);
    if (credential.kind === "password") return credential;
    throw new AppError(
      "CONFIG_INVALID",
      `The secret ${secret} of target ${name} is a private key; VNC takes a password: conduit secret set ${secret}.`,
      { op: "session.open" },
    );
  }

  async #open<C>(
    admitted: Admitted<Target>,
    person: AuthenticatedPerson,
    client: ClientAddress,
    findCredential: () => Promise<C>,
  ): Promise<{ session: TapSession; credential: C }> {
    const { registry } = this.#deps;
    const { target, decision } = admitted;
    if (!registry.accepting) throw beingStopped();
    this.#deps.refuseWhileDraining?.();
    const { maxSessionsPerPerson } = decision.obligations.limits;
    if (!registry.reserve(person.name, maxSessionsPerPerson)) {
      await this.#refused(person, target.name, client, { type: "refused", reason: "too-many-sessions" });
      throw new AppError(
        "POLICY_REFUSED",
        `${person.name} has ${maxSessionsPerPerson} sessions open, as many as policy allows: end one first.`,
        { op: "session.open", details: { reason: "too-many-sessions" } },
      );
    }
    let session: GatewaySession | undefined;
    try {
      // The credential first: a session that cannot reach its target leaves no empty recording behind.
      const credential = await findCredential();
      const facts = openFacts(admitted, person, client, this.#deps.sealRecipients);
      const recording = await this.#deps.openRecording(facts);
      session = this.#begin(admitted, person, client, recording);
      // `stop()` may have run while the OPEN record was being made durable: it did not see this session.
      if (!registry.accepting) {
        session.ended("recorder-stopped");
        throw beingStopped();
      }
      this.#deps.refuseWhileDraining?.();
      // Neither did a stop that was set in the meantime.
      const stop = this.#stopOf(target.conduit);
      if (stop !== null) {
        const message = `${reasonSentences.stopped} Reason: ${stop.reason}`;
        throw new AppError("POLICY_REFUSED", message, { op: "session.open", details: { reason: "stopped" } });
      }
      await this.#useGrant(session);
      await this.#deps.audit(person.name, "session.open", session.id, client.address, {
        target: target.name,
        rule: decision.rule,
        ...(facts.request === null ? {} : { request: facts.request }),
        ...(facts.recording.mode === undefined ? {} : { recording: facts.recording.mode }),
      });
      this.#deps.happened?.(this.#told(session), { type: "opened" });
      return { session, credential };
    } catch (error) {
      if (session === undefined) registry.release(person.name);
      else session.ended(error instanceof AppError && error.code === "POLICY_REFUSED" ? "refused" : "recorder-error");
      this.#deps.logger.warn({ person: person.name, target: target.name, err: error }, "session could not be opened");
      throw error;
    }
  }

  #begin(
    { inventory, target, decision, grant }: Admitted<Target>,
    person: AuthenticatedPerson,
    client: ClientAddress,
    recording: SessionRecording & { readonly open: OpenRecord },
  ): GatewaySession {
    const { registry, logger } = this.#deps;
    const session = new GatewaySession(
      {
        person,
        client,
        target,
        decision,
        policy: inventory.policy,
        patterns: patternsFor(inventory.compiled, person, target),
        confirm: new ConfirmRules(inventory.compiled, person, target),
        serves: (one) => inventory.compiled.serves(target, one),
        approves: (one) => mayApprove(inventory.compiled, one, target.conduit),
        grant,
        startedAt: recording.open.startedAt,
      },
      recording,
      {
        nowMs: () => performance.now(),
        wallMs: () => Date.now(),
        logger,
        onClosed: (closed) => registry.remove(closed),
        happened: (one, what) => this.#deps.happened?.(this.#told(one), what),
        onPunished: (one, by, reason) => this.#endAccess(one, by, reason),
      },
    );
    registry.add(session);
    session.notice("session-open", {
      person: person.name,
      target: target.name,
      client: client.address,
      software: client.software,
    });
    session.notice("auth", { method: person.authMethod });
    const { reason, rule, effect } = decision;
    session.notice("decision", { effect, reason, rule, ...(grant === null ? {} : { request: grant.request }) });
    if (decision.obligations.escort) session.awaitEscort();
    return session;
  }

  #stopOf(conduit: string): { reason: string } | null {
    return this.#deps.stopOf?.(conduit) ?? null;
  }

  async #useGrant(session: GatewaySession): Promise<void> {
    const { grant, target, client } = session.facts;
    if (grant === null) return;
    await this.#deps.access?.use(grant.id, { id: session.id, target: target.name, address: client.address });
  }

  /** Somebody or a pattern ended the session: what it stood on is over, and so is every other session on it. */
  #endAccess(session: GatewaySession, by: string, reason: TerminateReason): void {
    const { person, target, grant, client } = session.facts;
    const { access, registry, logger } = this.#deps;
    if (access === undefined) return;
    const release = this.#admission.hold(person.name, target.name);
    const ended = { by, address: client.address, reason: reason.sentence, session: session.id, target: target.name };
    const write =
      grant === null ? access.blockReconnection({ ...ended, person: person.name }) : access.endGrant(grant.id, ended);
    if (grant !== null) registry.grantEnded(grant.id, "revoked", { but: session.id });
    // Until it is written the reconnection is refused from memory; if it cannot be, until the service is started again.
    write.then(
      () => release(),
      (error: unknown) =>
        logger.error({ session: session.id, err: error }, "the end of an access could not be written"),
    );
  }

  #told(session: GatewaySession): SessionFactsTold {
    const { person, target, client, grant } = session.facts;
    return {
      session: session.id,
      person: person.name,
      target: target.name,
      address: client.address,
      request: grant?.request ?? null,
    };
  }

  async #refused(
    person: AuthenticatedPerson,
    target: string,
    client: ClientAddress,
    refusal: SessionRefusal,
  ): Promise<void> {
    const { type: _type, ...details } = refusal;
    this.#deps.logger.warn({ person: person.name, target, client: client.address, ...details }, "session refused");
    await this.#deps.audit(person.name, "session.refused", target, client.address, details);
    const facts = { session: null, person: person.name, target, address: client.address, request: null };
    this.#deps.happened?.(facts, refusal);
  }
}

function beingStopped(): AppError {
  return new AppError("POLICY_REFUSED", "The recorder is being stopped; try again in a minute.", {
    op: "session.open",
  });
}
