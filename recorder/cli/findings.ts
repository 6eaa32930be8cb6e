// Findings of configuration and inventory as lines for people.
import { type Finding, formatFinding } from "../config/document.ts";

export function formatFindings(findings: readonly Finding[]): string[] {
  return findings.map(formatFinding);
}
