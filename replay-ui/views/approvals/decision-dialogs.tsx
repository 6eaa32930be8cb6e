// Refusing, taking away, reviewing, lifting a block: each with its reason, which is kept.
import { useState } from "preact/hooks";
import type { AccessBlock, AccessRequestView, ReviewVerdict } from "../../../shared/api/access.ts";
import { liftBlock, refuseRequest, reviewRequest, revokeRequest } from "../../api/access-client.ts";
import { ReasonDialog } from "../../components/reason-dialog.tsx";

interface OfRequest {
  request: AccessRequestView;
  onClose: () => void;
  onDone: () => void;
}

export function RefuseDialog({ request, onClose, onDone }: OfRequest) {
  return (
    <ReasonDialog
      title="Refuse this request?"
      testId="refuse-dialog"
      label="Why, told to the requester and kept"
      required
      maxLength={1000}
      back="Not now"
      confirm="Refuse"
      danger
      onClose={onClose}
      act={async (reason) => {
        await refuseRequest(request.id, reason);
        onDone();
      }}
    >
      <strong>{request.people.join(", ")}</strong> at <strong>{request.targets.join(", ")}</strong>. One refusal refuses
      it, for good.
    </ReasonDialog>
  );
}

export function RevokeDialog({ request, onClose, onDone }: OfRequest) {
  return (
    <ReasonDialog
      title="Revoke this access?"
      testId="revoke-dialog"
      label="Why, told to the person and kept"
      required
      back="Leave it"
      confirm="Revoke"
      danger
      onClose={onClose}
      act={async (reason) => {
        await revokeRequest(request.id, reason);
        onDone();
      }}
    >
      Its credentials die, and what is live on it ends within a second, also in the middle of a transfer: a controller
      may be left half written.
    </ReasonDialog>
  );
}

export function ReviewDialog({ request, onClose, onDone }: OfRequest) {
  const [verdict, setVerdict] = useState<ReviewVerdict>("justified");
  return (
    <ReasonDialog
      title="Review this emergency access"
      testId="review-dialog"
      label="What the review found"
      required
      maxLength={2000}
      back="Not now"
      confirm="Keep the review"
      onClose={onClose}
      act={async (comment) => {
        await reviewRequest(request.id, verdict, comment);
        onDone();
      }}
    >
      <p>
        <strong>{request.requester}</strong> opened <strong>{request.targets.join(", ")}</strong> without approval:{" "}
        <q>{request.purpose}</q>
      </p>
      <fieldset class="segmented wide-choice">
        <legend class="visually-hidden">Verdict</legend>
        {(["justified", "not-justified"] as const).map((one) => (
          <label key={one} class="segment">
            <input
              type="radio"
              name="verdict"
              class="visually-hidden"
              checked={verdict === one}
              data-testid={`verdict-${one}`}
              onChange={() => setVerdict(one)}
            />
            <span>{one === "justified" ? "Justified" : "Not justified"}</span>
          </label>
        ))}
      </fieldset>
    </ReasonDialog>
  );
}

export function LiftDialog({
  block,
  onClose,
  onDone,
}: {
  block: AccessBlock;
  onClose: () => void;
  onDone: () => void;
}) {
  return (
    <ReasonDialog
      title="Lift this block?"
      testId="lift-dialog"
      label="Why, kept"
      required
      back="Leave it"
      confirm="Lift the block"
      onClose={onClose}
      act={async (reason) => {
        await liftBlock(block.id, reason);
        onDone();
      }}
    >
      <strong>{block.person}</strong> may connect to <strong>{block.target}</strong> again without a new approval.
    </ReasonDialog>
  );
}
