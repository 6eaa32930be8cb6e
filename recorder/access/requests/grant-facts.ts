// What policy is told of a grant. Shapes only.

import type { Factor } from "../../../shared/policy/factor.ts";
import type { Capability, Conduit, Policy, Role, Target } from "../../../shared/policy/policy.ts";

export interface GrantFacts {
  id: string;
  request: string;
  kind: "request" | "break-glass";
  fromMs: number;
  toMs: number;
  /** Names as the inventory had them at submission. */
  targets: readonly string[];
  state: "open" | "revoked" | "used-up";
  /** Who may escort; empty: anybody with that role. */
  escorts: readonly string[];
  /** Of what the rule allows, only these. */
  capabilities?: readonly Capability[];
}

/** Somebody who acts: proved elsewhere. */
export interface Acting {
  name: string;
  roles: readonly Role[];
  factors?: readonly Factor[];
  /** Where they act from; `local` at the recorder's own machine. */
  address: string;
}

/** The inventory in force. */
export interface PolicyView {
  policy: Policy;
  conduits: readonly Conduit[];
  targets: readonly Target[];
  policyHash: string;
}
