// Parts of a policy in plain words.
import type { Policy, Rule } from "../../../shared/policy/policy.ts";
import { formatBytes, formatLeft, formatPlural } from "../../format.ts";

const seconds = (value: number) => formatLeft(value * 1000);

const recordingWords = {
  full: "",
  "without-input": "recorded without what is typed",
  metadata: "only the facts are recorded",
  none: "not recorded",
} as const;

const fileWords = { scan_required: "files are scanned", allow: "files pass unscanned", deny: "no files" } as const;

/** What comes with an allowing rule; empty of a denying one. */
export function ruleInWords(rule: Rule, policy: Policy): string[] {
  if (rule.effect === "deny") return rule.reason === "" ? [] : [rule.reason];
  const { approval, mfa, escort } = rule.require;
  const files = fileWords[rule.fileTransfer ?? policy.fileTransfer];
  return [
    approval ? "an approved request" : "no request",
    mfa ? "a second factor" : "no second factor",
    { vendors: "an escort for vendors", always: "an escort", never: "no escort" }[escort],
    recordingWords[rule.recording],
    rule.unrecordedBecause ?? "",
    rule.capabilities.includes("sftp") || rule.capabilities.includes("exec") ? files : "",
    rule.limits.maxSessionSeconds === undefined ? "" : `${seconds(rule.limits.maxSessionSeconds)} at most`,
    rule.limits.idleSeconds === undefined ? "" : `idle for ${seconds(rule.limits.idleSeconds)} at most`,
    rule.hours === undefined
      ? ""
      : `${rule.hours.days.join(" ")} ${rule.hours.from}–${rule.hours.to} ${rule.hours.timeZone}`,
    rule.forwardTo.length === 0 ? "" : `forwards to ${rule.forwardTo.join(", ")}`,
    rule.reason,
  ].filter((words) => words !== "");
}

export interface PolicyFact {
  name: string;
  value: string;
}

export function policyFacts(policy: Policy): PolicyFact[] {
  const { limits, requests, breakGlass } = policy;
  const list = (names: readonly string[]) => names.join(", ") || "none";
  return [
    { name: "Prohibited targets", value: list(policy.prohibitedTargets) },
    { name: "Blocked protocols", value: list(policy.blockedProtocols) },
    {
      name: "Sign-in",
      value: policy.signIn.mfa === "required" ? "with a second factor" : "a second factor is optional",
    },
    {
      name: "A session",
      value: `${seconds(limits.maxSessionSeconds)} at most, ${seconds(limits.idleSeconds)} idle, ${formatBytes(limits.maxRecordedBytes)} recorded, ${formatPlural(limits.maxChannels, "channel")}, ${limits.maxSessionsPerPerson} a person`,
    },
    { name: "Warnings", value: limits.warnSeconds.map(seconds).join(", ") || "none" },
    {
      name: "Requests",
      value: `${requests.noticeSeconds === 0 ? "no notice" : `${seconds(requests.noticeSeconds)} notice`}, a window of ${seconds(requests.maxWindowSeconds)} at most, ${seconds(requests.maxAheadSeconds)} ahead at most`,
    },
    {
      name: "Approvers",
      value: `${list(requests.approvers)}; ${formatPlural(requests.approvals, "approval")}${requests.approverMayEscort ? "" : "; they do not escort what they approved"}`,
    },
    { name: "Tickets", value: requests.ticketPattern ?? "not asked for" },
    { name: "Files", value: fileWords[policy.fileTransfer] },
    {
      name: "Emergency access",
      value:
        breakGlass.people.length === 0
          ? "nobody"
          : `${list(breakGlass.people)}, for ${seconds(breakGlass.maxSeconds)}; reviewed within ${seconds(breakGlass.reviewWithinSeconds)}`,
    },
    { name: "Environment", value: list(policy.env) },
    {
      name: "Recordings",
      value: [
        `kept ${formatPlural(policy.retentionDays, "day")}`,
        ...policy.retention.map(({ targets, days }) => `${list(targets)}: ${formatPlural(days, "day")}`),
      ].join("; "),
    },
    ...Object.entries(policy.groups).map(([name, members]) => ({ name: `Group ${name}`, value: list(members) })),
  ];
}
