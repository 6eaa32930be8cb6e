// What standards and the plant's policy ask, and which figures show it. Clause ids are data; no security level is claimed.
import type { ReportFigure, ReportRequirement } from "../../shared/api/report.ts";
import type { Policy } from "../../shared/policy/policy.ts";

interface Asked {
  id: string;
  text: string;
  clauses: string[];
  figures: string[];
  /** Null: nothing in the period could show it. */
  shown(value: (figure: string) => number | null, policy: Policy): boolean | null;
  sentence: string;
}

const whole = (share: number | null) => (share === null ? null : share === 100);
const none = (count: number | null) => count === 0;

const asked: Asked[] = [
  {
    id: "approval",
    text: "Each vendor session needs an explicit, logged approval",
    clauses: ["IEC 62443-3-3 SR 1.13 RE 1", "IEC 62443-2-4 SP.07.04"],
    figures: ["approved", "unapproved", "requests-approved", "unapproved-refused"],
    shown: (value) => ((value("sessions") ?? 0) === 0 ? null : none(value("unapproved"))),
    sentence:
      "Shown when every session stood on an approved request, or on emergency access, which is reviewed (below). " +
      "Sessions without a request are listed.",
  },
  {
    id: "mfa",
    text: "Multi-factor authentication for all interactive remote access",
    clauses: ["NERC CIP-005-7 R2.3", "IEC 62443-3-3 SR 1.1 RE 2"],
    figures: ["mfa", "mfa-refused"],
    shown: (value) => whole(value("mfa")),
    sentence: "Shown when every session's sign-in had a second factor; those without are listed.",
  },
  {
    id: "time-limit",
    text: "Sessions end on time, on idleness, or by an operator",
    clauses: ["IEC 62443-3-3 SR 2.5", "IEC 62443-3-3 SR 2.6", "NIST SP 800-53 AC-12"],
    figures: ["time-limited", "overran", "ended-idle", "ended-duration", "ended-window", "ended-operator"],
    shown: (value) => {
      const limited = whole(value("time-limited"));
      return limited === null ? null : limited && none(value("overran"));
    },
    sentence: "Shown when every session had an end set beforehand and none went on beyond it.",
  },
  {
    id: "no-reconnection",
    text: "Access can be ended, and its reconnection is blocked",
    clauses: ["NERC CIP-005-7 R2.5", "NERC CIP-005-7 R3.2"],
    figures: [
      "ended-operator",
      "ended-revoked",
      "ended-withdrawn",
      "ended-policy",
      "ended-window",
      "reconnection-refused",
    ],
    shown: (value) => {
      const cut = ["ended-operator", "ended-revoked", "ended-withdrawn", "ended-policy", "ended-window"].reduce(
        (sum, id) => sum + (value(id) ?? 0),
        0,
      );
      return cut === 0 ? null : none(value("overran"));
    },
    sentence: "Shown when sessions were cut and none of them went on; reconnections that were refused are listed.",
  },
  {
    id: "recorded",
    text: "Every session is recorded, and every recording is whole",
    clauses: ["IEC 62443-3-3 SR 2.8", "IEC 62443-3-3 SR 6.1", "NIST SP 800-53 AU-14"],
    figures: ["recorded", "recordings-whole"],
    shown: (value) => {
      const recorded = whole(value("recorded"));
      return recorded === null ? null : recorded && (whole(value("recordings-whole")) ?? true);
    },
    sentence: "Shown when all sessions were recorded in full, and ended recordings are sealed and without a gap.",
  },
  {
    id: "retention",
    text: "Recordings are kept for at least 90 days",
    clauses: ["NERC CIP-007-6 R4.3", "NIST SP 800-53 AU-11"],
    figures: ["store-faults"],
    shown: (value, policy) => policy.retentionDays >= 90 && none(value("store-faults")),
    sentence:
      "From the policy in force and the store's own checks, which are listed where they failed; whether each recording is still there is what conduit verify shows.",
  },
  {
    id: "prohibited",
    text: "Prohibited targets are reached by nobody",
    clauses: ["IEC 62443-3-3 SR 5.2 RE 1"],
    figures: ["prohibited-blocked"],
    shown: (_value, policy) => policy.prohibitedTargets.length > 0,
    sentence: "The policy refuses them whatever a rule says; the attempts that were blocked are listed.",
  },
  {
    id: "emergency",
    text: "Emergency access is reviewed afterwards by somebody else",
    clauses: ["IEC 62443-3-3 SR 2.1 RE 4", "NIST SP 800-53 AC-2 (11)"],
    figures: ["break-glass", "break-glass-reviewed", "break-glass-waiting", "break-glass-overdue"],
    shown: (value) => ((value("break-glass") ?? 0) === 0 ? null : none(value("break-glass-overdue"))),
    sentence: "Shown when no review is overdue; uses and reviews are listed.",
  },
  {
    id: "files",
    text: "Files pass only after a scan",
    clauses: ["IEC 62443-3-3 SR 3.2 RE 1"],
    figures: ["files-refused"],
    shown: (_value, policy) =>
      policy.fileTransfer !== "allow" && policy.rules.every(({ fileTransfer }) => fileTransfer !== "allow"),
    sentence: "Shown when no rule lets files pass without a scan; files that were refused are listed.",
  },
];

export function requirementsOf(figures: readonly ReportFigure[], policy: Policy): ReportRequirement[] {
  const value = (id: string) => {
    const figure = figures.find((one) => one.id === id);
    if (figure === undefined) throw new RangeError(`the report has no figure ${id}`);
    return figure.value;
  };
  return asked.map(({ shown, ...requirement }) => {
    const answer = shown(value, policy);
    const status = answer === null ? "no-data" : answer ? "shown" : "not-shown";
    for (const id of requirement.figures) value(id);
    return { ...requirement, status };
  });
}
