// What the audit log's codes say. The code itself stays in the tooltip, for who looks for it elsewhere.
const known: Record<string, string> = {
  "sign-in": "Signed in",
  "sign-in-failed": "Sign-in failed",
  "sign-out": "Signed out",
  "password.change": "Changed the password",
  "password.change-failed": "Change of password failed",
  "person.add": "Added a person",
  "recording.view": "Watched a recording",
  "recording.key": "Was given a recording's keys",
  "encryption.shred": "Destroyed the keys of a month",
  "recording.watched-range": "Watched parts of a recording",
  "recording.search": "Searched for recordings",
  "recording.unseal": "Unsealed masked keystrokes",
  "recording.verify": "Verified a recording",
  "recording.export": "Exported a recording",
  "report.make": "Made a report",
  "vnc.ticket": "Took a ticket for a screen",
  "service.start": "Service started",
  "service.stop": "Service stopped",
  "request.submitted": "Asked for access",
  "request.rejected": "Request against the policy",
  "request.approval": "One approval of several",
  "request.approval-lapsed": "Approval no longer counts",
  "request.approved": "Request approved",
  "request.refused": "Request refused",
  "request.withdrawn": "Request withdrawn",
  "request.revoked": "Access revoked",
  "request.expired": "Window over",
  "request.activated": "First session on a request",
  "request.used-up": "All sessions used",
  "grant.issued": "Access granted",
  "grant.revoked": "Access ended",
  "grant.expired": "Access over",
  "credential.issued": "Took a credential",
  "break-glass.opened": "Opened emergency access",
  "break-glass.refused": "Emergency access refused",
  "break-glass.reviewed": "Emergency access reviewed",
  "break-glass.review-overdue": "Review overdue",
  "access.blocked": "Reconnection blocked",
  "access.unblocked": "Block lifted",
  "mfa.enrolled": "Second factor set up",
  "mfa.reset": "Second factor reset",
  "mfa.recovery-code-used": "Recovery code used",
  "mfa.recovery-codes-made": "New recovery codes",
  "mfa.code-refused": "Code refused",
  "policy.loaded": "Policy loaded",
  "policy.refused": "Policy not loaded",
  "session.opened": "Session opened",
  "session.open": "Session opened",
  "session.refused": "Session refused",
  "session.warned": "Warned of the end",
  "session.freeze": "Froze a session",
  "session.frozen": "Session frozen",
  "session.unfreeze": "Let a session go on",
  "session.unfrozen": "Session goes on",
  "session.terminate": "Ended a session",
  "session.ended": "Session ended",
  "session.pattern": "Pattern matched",
  "session.escort-lost": "Nobody escorts any more",
  "session.confirm": "Answered what waited to be agreed to",
  "session.confirmation": "Something waited to be agreed to",
  "session.control": "Took or gave back control of a session",
  "session.message": "Wrote to a person",
  "session.note": "Wrote a note",
  "session.bookmark": "Set a bookmark",
  "session.watch": "Watched a session",
  "stop.set": "Stopped sessions",
  "stop.lifted": "Lifted a stop",
  "file.held": "File held",
  "file.released": "File passed",
  "file.refused": "File refused",
  "file.quarantined": "File kept in quarantine",
};

/** `stop.set` becomes `Stop: set` where nothing better is known. */
export function auditWords(action: string): string {
  const words = known[action];
  if (words !== undefined) return words;
  const text = action.replace(".", ": ").replaceAll(/[-_]/g, " ");
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

const bad = /fail|refus|reject|overdue|blocked|lapsed|quarantined/;

export function isAuditedFault(action: string): boolean {
  return bad.test(action);
}
