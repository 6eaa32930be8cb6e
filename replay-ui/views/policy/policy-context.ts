// The policy in force, made ready in the browser: decisions and their explanations are the gateway's own code.
import "../../zod-without-eval.ts";
import type { AccessRequestView } from "../../../shared/api/access.ts";
import type { PersonView } from "../../../shared/api/people.ts";
import type { PolicyInForce } from "../../../shared/api/policy.ts";
import { type CompiledPolicy, compilePolicy } from "../../../shared/policy/compile.ts";
import { type Explanation, explainTarget } from "../../../shared/policy/explain.ts";
import type { Capability, Role, Target } from "../../../shared/policy/policy.ts";
import { protocolFor } from "../../../shared/policy/request.ts";
import { getPolicy, listPeople } from "../../api/access-client.ts";
import { ApiError } from "../../api/client.ts";

export interface PolicyContext {
  inForce: PolicyInForce;
  compiled: CompiledPolicy;
  /** Empty where this person may not read them. */
  people: readonly PersonView[];
}

/** Null: this person may not read the policy. */
export async function loadPolicyContext(): Promise<PolicyContext | null> {
  const allowed = async <T>(answer: Promise<T>): Promise<T | null> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof ApiError && error.status === 403) return null;
      throw error;
    }
  };
  const [inForce, people] = await Promise.all([allowed(getPolicy()), allowed(listPeople())]);
  if (inForce === null) return null;
  return { inForce, compiled: compilePolicy(inForce.policy, inForce.conduits), people: people ?? [] };
}

export interface Asked {
  person: { name: string; roles: readonly Role[] };
  target: string;
  protocol: string;
  atMs: number;
  secondFactor: boolean;
  /** As if a request were approved for that moment. */
  approved: boolean;
}

/** Of a target that is not there: what is prohibited is so by its name. */
export function explain({ compiled, inForce }: PolicyContext, asked: Asked): Explanation {
  const found = inForce.targets.find(({ name }) => name.toLowerCase() === asked.target.toLowerCase());
  // Decisions look at name, conduit and tags alone; neither address nor credential ever comes to the browser.
  const target = (found ?? { name: asked.target, conduit: "", tags: [] }) as unknown as Target;
  return explainTarget(compiled, {
    person: { ...asked.person, factors: asked.secondFactor ? ["password", "totp"] : ["password"] },
    target,
    protocol: asked.protocol,
    nowMs: asked.atMs,
    grant: asked.approved
      ? {
          id: "",
          request: "",
          kind: "request",
          fromMs: asked.atMs,
          toMs: Number.POSITIVE_INFINITY,
          targets: [asked.target],
          state: "open",
          escorts: [],
        }
      : null,
  });
}

export interface SaidOfRequest {
  people: string[];
  targets: string[];
  explanation: Explanation;
}

/**
 * What would hold in the sessions of a request once it is approved: people and targets with the same answer together.
 * `unknown`: of whom the roles are not known here.
 */
export function explainRequest(
  context: PolicyContext,
  request: Pick<AccessRequestView, "people" | "targets" | "protocol" | "from">,
): { said: SaidOfRequest[]; unknown: string[] } {
  const said = new Map<string, SaidOfRequest>();
  const unknown: string[] = [];
  for (const name of request.people) {
    const person = context.people.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (person === undefined) {
      unknown.push(name);
      continue;
    }
    for (const target of request.targets) {
      const explanation = explain(context, {
        person,
        target,
        protocol: protocolOf(context, request, target),
        atMs: Date.parse(request.from),
        secondFactor: true,
        approved: true,
      });
      const { decision, inWords } = explanation;
      const key = JSON.stringify([decision.effect, decision.reason, decision.rule, inWords]);
      const same = said.get(key);
      if (same === undefined) said.set(key, { people: [name], targets: [target], explanation });
      else {
        if (!same.people.includes(name)) same.people.push(name);
        if (!same.targets.includes(target)) same.targets.push(target);
      }
    }
  }
  return { said: [...said.values()], unknown };
}

function protocolOf(context: PolicyContext, request: Pick<AccessRequestView, "protocol">, name: string): string {
  const target = context.inForce.targets.find((one) => one.name.toLowerCase() === name.toLowerCase());
  return target === undefined ? request.protocol : protocolFor(request, target);
}

/** What an approver can leave out: all that any of the sessions may do. */
export function capabilitiesOf(said: readonly SaidOfRequest[]): Capability[] {
  return [...new Set(said.flatMap(({ explanation }) => explanation.decision.capabilities))];
}
