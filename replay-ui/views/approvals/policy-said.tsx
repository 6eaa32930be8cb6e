// What the policy says of a request: the rule, and what will hold in the sessions.
import type { AccessRequestView } from "../../../shared/api/access.ts";
import { explainRequest, type PolicyContext } from "../policy/policy-context.ts";

export function PolicySaid({ request, context }: { request: AccessRequestView; context: PolicyContext | null }) {
  if (context === null) {
    return (
      <div class="policy-said" data-testid="policy-said">
        <p>The policy is not for your roles to read. It was asked when the request was made, and is asked again now.</p>
      </div>
    );
  }
  const { said, unknown } = explainRequest(context, request);
  return (
    <>
      {said.map(({ people, targets, explanation }) => {
        const { decision, sentence, inWords } = explanation;
        return (
          <div class="policy-said" key={`${people.join()}${targets.join()}`} data-testid="policy-said">
            <p class={decision.effect === "deny" ? "text-bad" : undefined}>
              {said.length > 1 ? `${people.join(", ")} at ${targets.join(", ")}: ` : ""}
              {decision.effect === "allow" ? (
                <>
                  Rule <code class="tag">{decision.rule}</code> allows it.
                </>
              ) : (
                sentence
              )}
            </p>
            <ul>
              {inWords.map((words) => (
                <li key={words}>{words}</li>
              ))}
            </ul>
          </div>
        );
      })}
      {unknown.length === 0 ? null : (
        <div class="policy-said" data-testid="policy-said">
          <p>Of {unknown.join(", ")} the roles are not known here, and so not what the policy says.</p>
        </div>
      )}
    </>
  );
}
