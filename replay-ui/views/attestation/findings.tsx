// Findings of a verification, each with its place.
import type { EvidenceFinding } from "../../../shared/evidence/verdict.ts";

export function Findings({ findings }: { findings: readonly EvidenceFinding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul class="attested-findings" data-testid="attested-findings">
      {findings.map(({ place, message, weight }, i) => (
        <li key={i}>
          <strong>{weight}</strong> <code>{place}</code>: {message}
        </li>
      ))}
    </ul>
  );
}
