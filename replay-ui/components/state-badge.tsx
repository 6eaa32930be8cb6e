import type { RecordingState } from "../../shared/api/types.ts";

const labels: Record<RecordingState, { text: string; title: string }> = {
  recording: { text: "Live", title: "The session goes on and is being recorded" },
  closing: { text: "Closing", title: "The session has ended; its last segments are being written" },
  sealed: { text: "Sealed", title: "Complete, chained and signed" },
  interrupted: { text: "Interrupted", title: "Cut short; what was recorded is signed, and lost time is stated" },
  failed: { text: "Failed", title: "The recording could not be completed" },
  expired: { text: "Expired", title: "Its time of retention is over: it was taken away, and that is on record" },
};

export function StateBadge({ state }: { state: RecordingState }) {
  const { text, title } = labels[state];
  return (
    <span class={`badge ${state}`} title={title} data-testid="state-badge">
      <span class="badge-dot" aria-hidden="true" />
      {text}
    </span>
  );
}

export const stateNames = Object.entries(labels).map(([value, { text }]) => ({ value: value as RecordingState, text }));
