import type { AttestedState } from "../../../shared/evidence/attestation.ts";

export const stateWords: Record<AttestedState, string> = {
  live: "going on",
  kept: "kept",
  held: "under legal hold",
  due: "due to go",
  overdue: "overdue",
  gone: "gone, with proof",
  "gone-early": "gone early",
  missing: "missing",
  unknown: "not in the ledger",
};

const bad: readonly AttestedState[] = ["overdue", "gone-early", "missing", "unknown"];

export function stateTone(state: AttestedState): "fine" | "bad" {
  return bad.includes(state) ? "bad" : "fine";
}
