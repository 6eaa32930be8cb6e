// What a decision costs, in CPU time of one core: with the shipped policy and a plant's rules, for a keystroke, and with ten
// thousand rules. The peer reads the rules one after another, as the documentation describes them. Each measure is taken
// with people and targets that were seen before and, as `new`, with ones that never were.
import { policy as template } from "../../recorder/cli/templates.ts";
import { SourceDocument, validate } from "../../recorder/config/document.ts";
import {
  type CompiledPolicy,
  compilePolicy,
  expandGroups,
  matchesPerson,
  matchesTarget,
} from "../../shared/policy/compile.ts";
import { decideTarget, type GrantFacts, type Subject, type TargetQuery } from "../../shared/policy/decide.ts";
import { matchesGlob } from "../../shared/policy/glob.ts";
import { compilePatterns } from "../../shared/policy/patterns.ts";
import { Policy, Target } from "../../shared/policy/policy.ts";
import { terminationDue } from "../../shared/policy/termination.ts";
import { type Bench, type Bound, figure, interleaved, median, percentile } from "./harness.ts";

const rounds = 7;
const least = (bound: number): Bound => ({ measure: "value", at: "least", bound });
const most = (bound: number): Bound => ({ measure: "value", at: "most", bound });
const nowMs = Date.UTC(2026, 10, 24, 9);

export const run: Bench = async ({ log }) => {
  log("decisions of the shipped policy");
  const shipped = await decisionsASecond();
  log("keystrokes");
  const keys = keystrokesUs();
  log("ten thousand rules");
  const many = await manyRules();
  return [
    figure("decisions, shipped policy and a plant's rules", "/s", shipped.ours, shipped.peer, least(1_000_000)),
    figure("decisions, the same, person and target new", "/s", shipped.fresh, shipped.peer),
    figure("a keystroke: patterns, limits and window, median", "µs", median(keys), null, most(2)),
    figure("a keystroke, 99 %", "µs", percentile(keys, 99), null),
    figure("a decision with 10,000 rules", "µs", many.ours, many.peer, most(50)),
    figure("a decision with 10,000 rules, person and target new", "µs", many.fresh, many.peer, most(50)),
    figure("a policy of 10,000 rules made ready", "ms", many.compileMs, null),
  ];
};

/** Of this process; other work of the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function shippedPolicy(): Policy {
  const policy = validate(Policy, SourceDocument.parse("policy.yaml", template));
  const rules = [
    { id: "no-temps", effect: "deny", people: ["temp-*"], targets: ["*"] },
    {
      id: "plant-night",
      effect: "deny",
      people: ["role:vendor"],
      targets: ["tag:critical"],
      hours: { from: "22:00", to: "06:00" },
    },
    {
      id: "turbine",
      people: ["group:oem"],
      targets: ["turbine-*"],
      hours: { from: "06:00", to: "18:00", timeZone: "Europe/Berlin" },
    },
    { id: "vendors-reactor", people: ["role:vendor"], targets: ["conduit:reactor"] },
    { id: "vendors-screens", people: ["role:vendor"], targets: ["hmi-*"], protocols: ["vnc"] },
    { id: "engineers", people: ["role:escort"], targets: ["*"], capabilities: ["shell", "exec", "sftp", "screen"] },
  ];
  return Policy.parse({ ...policy, groups: { oem: ["erika", "oem-*"] }, rules });
}

function personOf(n: number): Subject {
  return { name: `person-${n}`, roles: n % 4 === 0 ? ["escort"] : ["vendor"], factors: ["publickey", "totp"] };
}

const plain = Target.parse({ name: "x", conduit: "x", protocol: "ssh", host: "h", account: "a", secret: "s" });
function targetOf(n: number, kinds: readonly string[]): Target {
  const tags = n % 3 === 0 ? ["plc", `line-${n % 500}`] : ["hmi"];
  return {
    ...plain,
    name: `${kinds[n % kinds.length] ?? "plc"}-${n}`,
    conduit: n % 2 === 0 ? "reactor" : `cell-${n % 500}`,
    tags,
  };
}

function queryOf(person: Subject, target: Target): TargetQuery {
  const grant: GrantFacts = {
    id: "g",
    request: "r",
    kind: "request",
    fromMs: nowMs - 1000,
    toMs: nowMs + 3_600_000,
    targets: [target.name],
    state: "open",
    escorts: [],
  };
  return { person, target, protocol: target.protocol, nowMs, grant };
}

function queries(count: number, from: number, kinds: readonly string[]): TargetQuery[] {
  return Array.from({ length: count }, (_, i) =>
    queryOf(personOf(from + ((i * 7) % count)), targetOf(from + i, kinds)),
  );
}

/** Nothing remembered, nothing indexed. */
function naive(policy: Policy, { person, target, protocol }: TargetQuery): string {
  if (policy.prohibitedTargets.some((pattern) => matchesGlob(pattern, target.name))) return "prohibited";
  const rule = policy.rules.find(
    (one) =>
      (one.protocols === undefined || one.protocols.some((name) => name === protocol)) &&
      expandGroups(policy, one.people).some((pattern) => matchesPerson(pattern, person)) &&
      matchesTarget(one.targets, target),
  );
  return rule?.id ?? "default";
}

let kept = 0;

/** Microseconds of CPU an evaluation. */
function costUs(
  asked: readonly TargetQuery[],
  times: number,
  evaluate: (query: TargetQuery) => { length: number },
): number {
  const from = cpuMs();
  for (let time = 0; time < times; time++) for (const query of asked) kept += evaluate(query).length;
  return ((cpuMs() - from) * 1000) / (times * asked.length);
}

const ours = (compiled: CompiledPolicy) => (query: TargetQuery) => decideTarget(compiled, query).reason;

async function decisionsASecond(): Promise<{ ours: number; fresh: number; peer: number }> {
  const kinds = ["plc", "hmi", "turbine", "SIS"];
  const policy = shippedPolicy();
  const compiled = compilePolicy(policy);
  const asked = queries(400, 0, kinds);
  let next = 1_000_000;
  const us = await interleaved(
    {
      ours: async () => costUs(asked, 2000, ours(compiled)),
      fresh: async () => {
        next += 50_000;
        return costUs(queries(50_000, next, kinds), 1, ours(compiled));
      },
      peer: async () => costUs(asked, 200, (query) => naive(policy, query)),
    },
    rounds,
    2,
  );
  return { ours: 1e6 / median(us.ours), fresh: 1e6 / median(us.fresh), peer: 1e6 / median(us.peer) };
}

const patterns = [
  "erase\\s+(flash|firmware)",
  "rm\\s+-[a-z]*r[a-z]*f",
  "(?i)format\\s+c:",
  "shutdown|reboot|halt",
  "passw(or)?d\\s",
];
const typed =
  "show running-config\rconfigure terminal\rinterface gigabitethernet 0/1\rdescription to the pump\rexit\rwrite memory\r";

/** As a session meets a key: what it types is looked at, and whether the session is to end. */
function keystrokesUs(): number[] {
  const list = patterns.map((match, i) => ({ id: `p${i}`, in: "input", match, action: "freeze" }));
  const policy = Policy.parse({ ...shippedPolicy(), patterns: list });
  const scanner = compilePatterns(compilePolicy(policy)).for(personOf(1), plain).input?.();
  if (scanner === undefined) throw new Error("there is no pattern");
  const warned = new Set<string>();
  const batch = 50;
  const samples: number[] = [];
  let at = 0;
  for (let round = 0; round < 12_000; round++) {
    const from = process.hrtime.bigint();
    for (let key = 0; key < batch; key++) {
      at++;
      kept += scanner.feed(typed[at % typed.length] ?? "x").length;
      const { due } = terminationDue({
        startedMs: 0,
        lastInputMs: at,
        nowMs: at + 20,
        wallMs: nowMs + at,
        windowEndsMs: nowMs + 3_600_000,
        grantState: "open",
        limits: policy.limits,
        recordedBytes: at,
        warned,
      });
      if (due !== null) throw new Error("the session ended");
    }
    if (round >= 2000) samples.push(Number(process.hrtime.bigint() - from) / 1000 / batch);
  }
  return samples;
}

async function manyRules(): Promise<{ ours: number; fresh: number; peer: number; compileMs: number }> {
  const rules = Array.from({ length: 10_000 }, (_, i) => ({
    id: `r${i}`,
    effect: i % 5 === 0 ? "deny" : "allow",
    people:
      i % 3 === 0 ? [`person-${i}`] : i % 3 === 1 ? [`person-${i % 97}*`, "role:auditor"] : [`*-${i}`, `oem-${i}-?`],
    targets:
      i % 4 === 0
        ? [`plc-${i}`]
        : i % 4 === 1
          ? [`hmi-${i % 89}*`]
          : i % 4 === 2
            ? [`tag:line-${i % 700}`]
            : [`conduit:cell-${i % 600}`, `*-${i}`],
  }));
  rules.push({ id: "last", effect: "allow", people: ["*"], targets: ["*"] });
  const policy = Policy.parse({ version: 1, rules });
  const compileMs: number[] = [];
  for (let i = 0; i < 5; i++) {
    const from = cpuMs();
    kept += compilePolicy(policy).rules.length;
    compileMs.push(cpuMs() - from);
  }
  const compiled = compilePolicy(policy);
  const kinds = ["plc", "hmi", "drive"];
  const asked = queries(500, 0, kinds);
  let next = 20_000;
  const us = await interleaved(
    {
      ours: async () => costUs(asked, 200, ours(compiled)),
      fresh: async () => {
        next += 5000;
        return costUs(queries(5000, next, kinds), 1, ours(compiled));
      },
      peer: async () => costUs(asked.slice(0, 100), 1, (query) => naive(policy, query)),
    },
    rounds,
    2,
  );
  if (kept < 0) throw new Error("nothing was decided");
  return { ours: median(us.ours), fresh: median(us.fresh), peer: median(us.peer), compileMs: median(compileMs) };
}
