// Reason codes: stable, never reused, each with a plain sentence for people. docs/policy.md has the same table (a test
// compares the two).

export const reasonSentences = {
  "allowed-by-rule": "A rule of the policy allows it.",
  "denied-by-rule": "A rule of the policy forbids it.",
  "prohibited-target": "This target is prohibited for everybody, whatever a rule says.",
  "no-rule": "No rule of the policy allows it.",
  "protocol-blocked": "This protocol is blocked by the policy, whatever a rule says.",
  "protocol-unavailable": "This protocol is not one that the recorder passes on.",
  "other-protocol": "The target is reached by another protocol.",
  "conduit-not-serving": "The conduit of this target does not serve this person.",
  "outside-hours": "The rule that allows it does not hold at this time of day.",
  "vendor-unrecorded": "A vendor's session is always recorded, and this rule's sessions are not.",
  "approval-needed": "An approved access request is needed first.",
  "window-not-begun": "The approved window has not begun yet.",
  "window-over": "The approved window is over.",
  "access-revoked": "The approved access was revoked.",
  "access-used-up": "The approved access is used up.",
  "not-in-request": "The approved access request does not include this.",
  "mfa-needed": "A second factor is needed: enrol one and sign in with its code.",
  "escort-needed": "The session waits for its escort.",
  "break-glass-not-named": "The policy does not name this person for emergency access.",
  "reconnection-blocked":
    "An earlier session was ended, and its reconnection is refused until there is a new approval.",
  stopped: "The plant has stopped all sessions of this scope; none begins until that is lifted.",
  "too-many-sessions": "This person has as many sessions open as the policy allows.",
  "capability-not-allowed": "The rule that allows this session does not allow this kind of request.",
  "env-not-listed": "This environment variable is not on the policy's list.",
  "forward-not-listed": "The rule that allows this session does not list this address for forwarding.",
  "clipboard-off": "The rule that allows this session does not let the clipboard pass.",
  "clipboard-too-large": "This clipboard text is longer than the target's setting allows.",
  "file-transfer-denied": "The policy lets no file pass in this session.",
  "too-many-channels": "The session has as many channels open as the policy allows.",
  unrecordable: "This cannot be recorded, so it does not open.",
} as const;
export type ReasonCode = keyof typeof reasonSentences;
