// Why a recording is looked at, taken along or checked, where policy asks for it. What was said goes into its custody log.
import { ReasonDialog } from "../../components/reason-dialog.tsx";

const what = {
  view: { title: "Why do you look at this recording?", confirm: "Open it" },
  export: { title: "Why do you export it?", confirm: "Export" },
  verify: { title: "Why do you verify it?", confirm: "Verify" },
  search: { title: "What do you search for, and why?", confirm: "Search" },
} as const;

export function AskReason(props: {
  action: keyof typeof what;
  testId: string;
  act: (reason: string) => Promise<void>;
  onClose: () => void;
}) {
  const { title, confirm } = what[props.action];
  return (
    <ReasonDialog
      title={title}
      testId={props.testId}
      label="Reason"
      required
      needed="Policy asks for a reason: a case, a ticket, or what you were told to do."
      back="Back"
      confirm={confirm}
      act={props.act}
      onClose={props.onClose}
    >
      Policy asks for it. It stands in the custody log with your name, for as long as that is kept.
    </ReasonDialog>
  );
}
