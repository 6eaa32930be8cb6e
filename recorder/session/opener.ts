// Opens sessions for the gateways: policy, then the limits, then a durable OPEN record, and only then the credential.
import { AppError } from "../../shared/errors.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { type Decision, decideCapability, decideSession, reasonSentences } from "../../shared/policy/decide.ts";
import type { Conduit, Policy, SshTarget, Target, VncTarget } from "../../shared/policy/policy.ts";
import type {
  AuthAttempt,
  AuthenticatedPerson,
  ClientAddress,
  GatewayHost,
  SecondStep,
  TapSession,
  TargetAccess,
  VncGatewayHost,
  VncTargetAccess,
} from "../tap/tap.ts";
import type { SessionRegistry } from "./registry.ts";
import { GatewaySession, type SessionLogger, type SessionRecording } from "./session.ts";

export type OpenRecordFacts = Omit<OpenRecord, "format" | "type" | "recorder" | "session" | "startedAt">;

export interface InventoryView {
  targets: readonly Target[];
  conduits: readonly Conduit[];
  policy: Policy;
  policyHash: string;
}

export interface OpenerDependencies {
  registry: SessionRegistry;
  logger: SessionLogger;
  inventory(): InventoryView;
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
}

interface Admitted<T extends Target> {
  inventory: InventoryView;
  target: T;
  decision: Decision;
}

export class SessionOpener implements GatewayHost, Omit<VncGatewayHost, "authenticate"> {
  readonly #deps: OpenerDependencies;

  constructor(deps: OpenerDependencies) {
    this.#deps = deps;
  }

  authenticate(attempt: AuthAttempt): Promise<AuthenticatedPerson | SecondStep | null> {
    return this.#deps.authenticate(attempt);
  }

  async openSession(
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<{ session: TapSession; target: TargetAccess }> {
    const admitted = await this.#admit<SshTarget>("ssh", person, targetName, client);
    const { name, host, port, account, secret, hostKeys } = admitted.target;
    const { session, credential } = await this.#open(admitted, person, client, () => this.#deps.credential(secret));
    return { session, target: { name, host, port, account, credential, hostKeys } };
  }

  async openVncSession(
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<{ session: TapSession; target: VncTargetAccess }> {
    const admitted = await this.#admit<VncTarget>("vnc", person, targetName, client);
    const { name, host, port, account, vnc: settings } = admitted.target;
    const { session, credential } = await this.#open(admitted, person, client, () => this.#password(admitted.target));
    return { session, target: { name, host, port, account, credential, settings } };
  }

  /** Whether `openVncSession` would be allowed now; what it throws says why not. For tickets. */
  async mayOpenVnc(person: AuthenticatedPerson, targetName: string, client: ClientAddress): Promise<VncTarget> {
    return (await this.#admit<VncTarget>("vnc", person, targetName, client)).target;
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

  async #admit<T extends Target>(
    protocol: T["protocol"],
    person: AuthenticatedPerson,
    targetName: string,
    client: ClientAddress,
  ): Promise<Admitted<T>> {
    const inventory = this.#deps.inventory();
    const target = inventory.targets.find((candidate) => candidate.name.toLowerCase() === targetName.toLowerCase());
    let decision = target === undefined ? undefined : decideSession(inventory.policy, person, target);
    // SSH decides for each channel; a VNC session without its screen is none.
    if (target?.protocol === "vnc" && decision !== undefined) decision = decideCapability(decision, "screen");
    if (target === undefined || decision === undefined || decision.effect === "deny") {
      const reason = decision?.reason ?? "no-rule";
      await this.#refuse(person, targetName, client, { reason, rule: decision?.rule ?? "default" });
      // A target that does not exist and one that no rule opens get the same answer: names cannot be probed.
      throw new AppError(
        "POLICY_REFUSED",
        `${person.name} may not reach ${printable(targetName)}: ${reasonSentences[reason]} Ask the plant for access.`,
        { op: "session.open", details: { reason } },
      );
    }
    if (target.protocol !== protocol) {
      await this.#refuse(person, targetName, client, { reason: "other-protocol" });
      const [spoken, asked] = [target.protocol.toUpperCase(), protocol.toUpperCase()];
      throw new AppError("POLICY_REFUSED", `${target.name} is reached by ${spoken}, not by ${asked}.`, {
        op: "session.open",
        details: { reason: "other-protocol" },
      });
    }
    return { inventory, target: target as T, decision };
  }

  async #open<C>(
    { inventory, target, decision }: Admitted<Target>,
    person: AuthenticatedPerson,
    client: ClientAddress,
    findCredential: () => Promise<C>,
  ): Promise<{ session: TapSession; credential: C }> {
    const { registry } = this.#deps;
    if (!registry.accepting) {
      throw new AppError("POLICY_REFUSED", "The recorder is being stopped; try again in a minute.", {
        op: "session.open",
      });
    }
    const { limits } = inventory.policy;
    if (!registry.reserve(person.name, limits.maxSessionsPerPerson)) {
      await this.#refuse(person, target.name, client, { reason: "too-many-sessions" });
      throw new AppError(
        "POLICY_REFUSED",
        `${person.name} has ${limits.maxSessionsPerPerson} sessions open, as many as policy allows: end one first.`,
        { op: "session.open", details: { reason: "too-many-sessions" } },
      );
    }
    let session: GatewaySession | undefined;
    try {
      // The credential first: a session that cannot reach its target leaves no empty recording behind.
      const credential = await findCredential();
      const recording = await this.#deps.openRecording({
        protocol: target.protocol,
        person: { name: person.name, roles: [...person.roles], authMethod: person.authMethod },
        client: { address: client.address, port: client.port, software: client.software },
        target: {
          name: target.name,
          conduit: target.conduit,
          address: `${target.host}:${target.port}`,
          account: target.account,
          hostKey: pinOf(target),
          tags: [...target.tags],
        },
        request: null,
        policy: { hash: inventory.policyHash, rule: decision.rule, reason: decision.reason },
        recording: {
          durability: target.durability,
          failureMode: target.failureMode,
          sealRecipients: [...this.#deps.sealRecipients],
          ...(target.protocol === "vnc" ? { screen: screenOf(target) } : {}),
        },
        limits: { maxSessionSeconds: limits.maxSessionSeconds, maxRecordedBytes: limits.maxRecordedBytes },
        retentionDays: inventory.policy.retentionDays,
      });
      session = new GatewaySession(
        { person, client, target, decision, policy: inventory.policy, limits, startedAt: recording.open.startedAt },
        recording,
        { nowMs: () => performance.now(), logger: this.#deps.logger, onClosed: (closed) => registry.remove(closed) },
      );
      registry.add(session);
      // `stop()` may have run while the OPEN record was being made durable: it did not see this session.
      if (!registry.accepting) {
        session.ended("recorder-stopped");
        throw new AppError("POLICY_REFUSED", "The recorder is being stopped; try again in a minute.", {
          op: "session.open",
        });
      }
      session.notice("session-open", {
        person: person.name,
        target: target.name,
        client: client.address,
        software: client.software,
      });
      session.notice("auth", { method: person.authMethod });
      session.notice("decision", { effect: decision.effect, reason: decision.reason, rule: decision.rule });
      await this.#deps.audit(person.name, "session.open", session.id, client.address, {
        target: target.name,
        rule: decision.rule,
      });
      return { session, credential };
    } catch (error) {
      if (session === undefined) registry.release(person.name);
      else session.ended("recorder-error");
      this.#deps.logger.warn({ person: person.name, target: target.name, err: error }, "session could not be opened");
      throw error;
    }
  }

  async #refuse(
    person: AuthenticatedPerson,
    target: string,
    client: ClientAddress,
    details: Record<string, unknown>,
  ): Promise<void> {
    this.#deps.logger.warn(
      { person: person.name, target: printable(target), client: client.address, ...details },
      "session refused",
    );
    await this.#deps.audit(person.name, "session.refused", printable(target), client.address, details);
  }
}

function pinOf(target: Target): string {
  return (target.protocol === "ssh" ? target.hostKeys[0] : target.vnc.tls.fingerprints[0]) ?? "";
}

function screenOf({ vnc: { quality, video, maskKeys, keepRaw } }: VncTarget) {
  return { quality, video, maskKeys, keepRaw };
}

/** Names come from the wire: what is not printable ASCII must not reach a terminal or a log as it is. */
function printable(text: string): string {
  return text.slice(0, 64).replaceAll(/[^\x20-\x7e]/g, "?");
}
