// One consistent reading of targets.yaml, conduits.yaml and policy.yaml: validated, cross-checked, frozen. Pure but for
// the reading of the files. Invariant: a snapshot has no errors; what is merely suspicious is in its warnings.
import { createHash } from "node:crypto";
import { z } from "zod";
import { type CompiledPolicy, compilePolicy } from "../../shared/policy/compile.ts";
import { matchesGlob } from "../../shared/policy/decide.ts";
import { lintPolicy, type PolicyFinding, policyFaults } from "../../shared/policy/lint.ts";
import { type CompiledPatterns, compilePatterns } from "../../shared/policy/patterns.ts";
import { Conduit, Policy, Target, type VncTarget } from "../../shared/policy/policy.ts";
import { type Finding, invalid, SourceDocument, validate } from "../config/document.ts";
import { nearest } from "../config/nearest.ts";
import { readConfigText } from "../config.ts";

export interface InventoryFiles {
  targets: string;
  conduits: string;
  policy: string;
}

export interface InventoryDefaults {
  /** Of targets that do not name their own. */
  durability: "strict" | "interval";
}

export interface InventorySnapshot {
  readonly targets: readonly Target[];
  readonly conduits: readonly Conduit[];
  readonly policy: Policy;
  /** SHA-256 (hex) of the effective policy: defaults filled in, keys sorted, comments and layout gone. */
  readonly policyHash: string;
  readonly compiled: CompiledPolicy;
  readonly patterns: CompiledPatterns;
  /** As it was written: what is kept of every version. */
  readonly policyText: string;
  readonly warnings: readonly Finding[];
  /** RFC 3339. */
  readonly loadedAt: string;
}

// `version` is required, so that a file that was emptied by half a save is refused rather than obeyed.
export const TargetsFile = z.strictObject({ version: z.literal(1), targets: z.array(Target).default([]) });
export const ConduitsFile = z.strictObject({
  version: z.literal(1),
  conduits: z.array(Conduit).default([]),
});

interface Documents {
  targets: SourceDocument;
  conduits: SourceDocument;
  policy: SourceDocument;
}

export interface InventoryTexts {
  targets: string;
  conduits: string;
  policy: string;
}

export function readInventoryTexts(files: InventoryFiles): InventoryTexts {
  return {
    targets: readConfigText(files.targets, "list of targets"),
    conduits: readConfigText(files.conduits, "list of conduits"),
    policy: readConfigText(files.policy, "policy"),
  };
}

/** Throws CONFIG_UNREADABLE, or CONFIG_INVALID with the findings of all three files. */
export function loadInventory(
  files: InventoryFiles,
  defaults: InventoryDefaults = { durability: "strict" },
): InventorySnapshot {
  return parseInventory(files, readInventoryTexts(files), defaults);
}

export function parseInventory(
  files: InventoryFiles,
  texts: InventoryTexts,
  defaults: InventoryDefaults = { durability: "strict" },
): InventorySnapshot {
  const faults: Finding[] = [];
  const read = <T>(schema: z.ZodType<T>, name: keyof InventoryFiles): { document: SourceDocument; value: T } | null => {
    try {
      const document = SourceDocument.parse(files[name], texts[name]);
      return { document, value: validate(schema, document) };
    } catch (error) {
      const findings = (error as { details?: { findings?: Finding[] } }).details?.findings;
      if (findings === undefined) throw error;
      faults.push(...findings);
      return null;
    }
  };
  const targets = read(TargetsFile, "targets");
  const conduits = read(ConduitsFile, "conduits");
  const policy = read(Policy, "policy");
  if (targets === null || conduits === null || policy === null) throw invalid(faults, "inventory.load");

  const documents: Documents = { targets: targets.document, conduits: conduits.document, policy: policy.document };
  const list = targets.value.targets.map((target, index) => withDefaults(target, documents.targets, index, defaults));
  const errors = [
    ...targetErrors(list, conduits.value.conduits, documents),
    ...duplicates(list, conduits.value.conduits, policy.value, documents),
    ...placed(policyFaults(policy.value), documents.policy),
  ];
  if (errors.length > 0) throw invalid(errors, "inventory.load");
  const compiled = compilePolicy(policy.value, conduits.value.conduits);
  return Object.freeze({
    targets: list,
    conduits: conduits.value.conduits,
    policy: policy.value,
    policyHash: createHash("sha256").update(canonicalJson(policy.value)).digest("hex"),
    compiled,
    patterns: compilePatterns(compiled),
    policyText: texts.policy,
    warnings: [
      ...warnings(list, conduits.value.conduits, policy.value, documents),
      ...placed(lintPolicy(compiled), documents.policy),
    ],
    loadedAt: new Date().toISOString(),
  });
}

export function placed(findings: readonly PolicyFinding[], source: SourceDocument): Finding[] {
  return findings.map(({ path, problem, mend }) => source.finding(path, problem, mend));
}

/** The schema's own default would hide whether a target names its durability. */
function withDefaults(target: Target, document: SourceDocument, index: number, defaults: InventoryDefaults): Target {
  const raw = (document.value as { targets?: Record<string, unknown>[] }).targets?.[index];
  return raw?.["durability"] === undefined ? { ...target, durability: defaults.durability } : target;
}

/** JSON with sorted keys: the same policy gives the same text, however its file is laid out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(",")}}`;
}

const fingerprint = /^(?:[a-z0-9-]+ )?SHA256:[A-Za-z0-9+/]{43}=?$/;
const keyLine = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) (AAAA[A-Za-z0-9+/]+={0,2})(?: .*)?$/;

/** Whether a VNC target's pinned certificate is written in one of the two forms that can be compared. */
function isCertificatePin(text: string): boolean {
  return /^SHA256:[A-Za-z0-9+/]{43}=?$/.test(text) || /^(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/.test(text);
}

/** Whether a pinned host key is written in one of the two forms that can be compared. */
export function isHostKeyPin(text: string): boolean {
  return fingerprint.test(text) || keyLine.test(text);
}

function targetErrors(
  targets: readonly Target[],
  conduits: readonly Conduit[],
  { targets: source, conduits: home }: Documents,
): Finding[] {
  const ids = conduits.map(({ id }) => id);
  return targets.flatMap((target, index) => {
    const findings: Finding[] = [];
    if (!ids.includes(target.conduit)) {
      const meant = nearest(target.conduit, ids);
      const there =
        ids.length === 0 ? "which has none yet" : `or name one that is there: ${ids.slice(0, 20).join(", ")}`;
      const mend = meant === null ? `Add it to ${home.file}, ${there}.` : `Did you mean "${meant}"?`;
      findings.push(
        source.finding(["targets", index, "conduit"], `names an unknown conduit ("${target.conduit}")`, mend),
      );
    }
    if (target.protocol === "vnc") return [...findings, ...vncErrors(target, index, source)];
    for (const [i, key] of target.hostKeys.entries()) {
      if (isHostKeyPin(key)) continue;
      const mend = `Write "ssh-ed25519 AAAA…" or "SHA256:…" (43 characters); conduit target scan ${target.name} shows them.`;
      findings.push(source.finding(["targets", index, "hostKeys", i], "is not a host key", mend));
    }
    return findings;
  });
}

function vncErrors(target: VncTarget, index: number, source: SourceDocument): Finding[] {
  const findings: Finding[] = [];
  const at = (...path: PropertyKey[]): PropertyKey[] => ["targets", index, "vnc", ...path];
  const { tls, security } = target.vnc;
  for (const [i, text] of tls.fingerprints.entries()) {
    if (isCertificatePin(text)) continue;
    const mend = `Write "SHA256:…" (43 characters) or 32 hex pairs with colons; conduit target scan ${target.name} shows it.`;
    findings.push(source.finding(at("tls", "fingerprints", i), "is not a certificate's fingerprint", mend));
  }
  if (tls.ca !== undefined && !/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(tls.ca)) {
    findings.push(source.finding(at("tls", "ca"), "holds no certificate in PEM", "Put the CA's certificate here."));
  }
  const needsPin = (security ?? []).find((type) => type.startsWith("x509-"));
  if (needsPin !== undefined && tls.fingerprints.length === 0 && tls.ca === undefined) {
    const mend = `Pin it: conduit target scan ${target.name} --pin; or give tls.ca.`;
    findings.push(source.finding(at("security"), `lists ${needsPin}, but no certificate is pinned`, mend));
  }
  return findings;
}

function duplicates(
  targets: readonly Target[],
  conduits: readonly Conduit[],
  policy: Policy,
  documents: Documents,
): Finding[] {
  return [
    ...repeated(
      targets.map(({ name }) => name),
      (index) => ["targets", index, "name"],
      documents.targets,
    ),
    ...repeated(
      conduits.map(({ id }) => id),
      (index) => ["conduits", index, "id"],
      documents.conduits,
    ),
    ...repeated(
      policy.rules.map(({ id }) => id),
      (index) => ["rules", index, "id"],
      documents.policy,
    ),
    ...repeated(
      policy.patterns.map(({ id }) => id),
      (index) => ["patterns", index, "id"],
      documents.policy,
    ),
    ...repeated(
      policy.confirm.map(({ id }) => id),
      (index) => ["confirm", index, "id"],
      documents.policy,
    ),
  ];
}

/** Letter case does not tell two names apart: people type target names by hand, and rules ignore case. */
function repeated(names: readonly string[], path: (index: number) => PropertyKey[], source: SourceDocument): Finding[] {
  const seen = new Map<string, number>();
  return names.flatMap((name, index) => {
    const first = seen.get(name.toLowerCase());
    if (first === undefined) {
      seen.set(name.toLowerCase(), index);
      return [];
    }
    const { line } = source.locate(path(first));
    return [
      source.finding(path(index), `repeats the name "${name}" of line ${line}`, "Rename or remove one of the two."),
    ];
  });
}

function warnings(
  targets: readonly Target[],
  conduits: readonly Conduit[],
  policy: Policy,
  documents: Documents,
): Finding[] {
  const findings: Finding[] = [];
  for (const [index, target] of targets.entries()) {
    if (target.protocol === "ssh" && target.hostKeys.length === 0) {
      const mend = `Compare and pin its key: conduit target scan ${target.name} --pin.`;
      findings.push(
        documents.targets.finding(
          ["targets", index, "name"],
          `("${target.name}") has no pinned host key, so every session to it is refused`,
          mend,
        ),
      );
    }
    const pattern = policy.prohibitedTargets.find((candidate) => matchesGlob(candidate, target.name));
    if (pattern !== undefined) {
      const problem = `("${target.name}") matches the prohibited "${pattern}", so no rule can open it`;
      findings.push(documents.targets.finding(["targets", index, "name"], problem, "Nothing, if that is meant."));
    }
  }
  const lists = [
    ...policy.rules.map((rule, at) => ({ patterns: rule.targets, path: ["rules", at, "targets"] })),
    ...policy.retention.map((entry, at) => ({ patterns: entry.targets, path: ["retention", at, "targets"] })),
    ...policy.patterns.map((entry, at) => ({ patterns: entry.targets ?? [], path: ["patterns", at, "targets"] })),
    ...policy.confirm.map((entry, at) => ({ patterns: entry.targets ?? [], path: ["confirm", at, "targets"] })),
  ];
  for (const { patterns, path } of lists) {
    for (const [p, pattern] of patterns.entries()) {
      if (reaches(pattern, targets, conduits)) continue;
      const problem = `("${pattern}") matches nothing in the inventory`;
      findings.push(documents.policy.finding([...path, p], problem, "Correct it, or remove it."));
    }
  }
  return findings;
}

function reaches(pattern: string, targets: readonly Target[], conduits: readonly Conduit[]): boolean {
  if (pattern.startsWith("conduit:")) return conduits.some(({ id }) => matchesGlob(pattern.slice(8), id));
  if (pattern.startsWith("tag:"))
    return targets.some(({ tags }) => tags.some((tag) => matchesGlob(pattern.slice(4), tag)));
  return pattern === "*" || targets.some(({ name }) => matchesGlob(pattern, name));
}
