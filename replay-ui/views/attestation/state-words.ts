import type { AttestedState } from "../../../shared/evidence/attestation.ts";

export const stateWords: Record<AttestedState, string> = {
  live: "going on",
  unsealed: "never sealed",
  kept: "kept",
  held: "under legal hold",
  due: "due to go",
  overdue: "overdue",
  gone: "gone, with proof",
  "gone-early": "gone early",
  missing: "missing",
  foreign: "another recorder's",
  unknown: "not in the ledger",
};

const bad: readonly AttestedState[] = ["unsealed", "overdue", "gone-early", "missing", "foreign", "unknown"];

export function stateTone(state: AttestedState): "fine" | "bad" {
  return bad.includes(state) ? "bad" : "fine";
}
