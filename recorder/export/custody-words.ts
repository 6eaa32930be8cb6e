// What was done with a recording, in words for people: in a bundle and on the command line.
import type { CustodyLine } from "./evidence.ts";

const actions: Record<string, string> = {
  "recording.view": "opened it",
  "recording.key": "was given its keys",
  "recording.watched-range": "watched parts of it",
  "recording.search": "searched in it",
  "recording.export": "exported it",
  "recording.verify": "verified it",
  "recording.unseal": "unsealed masked keystrokes",
  "hold.place": "placed a legal hold",
  "hold.release-ask": "asked for the release of a legal hold",
  "hold.release-refuse": "refused the release of a legal hold",
  "hold.release": "released a legal hold",
};

export function custodyWords({ action, details }: Pick<CustodyLine, "action" | "details">): string {
  const words = actions[action] ?? action;
  const format = details["format"];
  if (action === "recording.export" && typeof format === "string") {
    const excerpt = details["excerpt"];
    return `${words} as ${format}${typeof excerpt === "string" ? `, ${excerpt} of it` : ""}`;
  }
  const caseId = details["caseId"];
  if (action.startsWith("hold.") && typeof caseId === "string") return `${words} (case ${caseId})`;
  const verdict = details["verdict"];
  if (action === "recording.verify" && typeof verdict === "string") return `${words}: ${verdict}`;
  return words;
}
