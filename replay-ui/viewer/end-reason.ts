// Why a session ended, in words. The gateway closes the WebSocket with a sentence, or with a stable code as in a manifest's
// endReason; a connection that just breaks says nothing.

const sentences: Record<string, string> = {
  "client-closed": "You closed the session.",
  "target-closed": "The target closed the connection.",
  "target-unreachable": "The target does not answer.",
  terminated: "The session was ended by somebody who watches over it.",
  "limit-duration": "The session reached the longest time that policy allows.",
  "limit-idle": "Nothing was typed or clicked for as long as policy allows.",
  "pattern-matched": "The plant's policy ended the session.",
  "window-ended": "The window of your access has ended.",
  "access-revoked": "Your access was revoked. Reconnection is refused until there is a new approval.",
  "access-withdrawn": "Your access was withdrawn: your roles were changed.",
  "escort-gone": "No escort came back in time, so the session was ended. You may open it again.",
  stopped: "The plant has stopped all sessions.",
  "limit-recorded-bytes": "The session reached the recording size that policy allows.",
  "recording-failed": "The recording could not be written, so the session was ended.",
  "policy-changed": "The policy was changed, and does not allow this session any more.",
  "service-stopping": "The recorder is being stopped.",
  "decode-error": "The target sent something that cannot be recorded, so the session was ended.",
};

export function endSentence(close: { code: number; reason: string }): string {
  const reason = close.reason.trim();
  const known = sentences[reason];
  if (known !== undefined) return known;
  // Not only a code: what the gateway says about it.
  if (/\s/.test(reason)) return /[.!?]$/.test(reason) ? reason : `${reason}.`;
  if (reason !== "") return `The session was ended: ${reason.replaceAll("-", " ")}.`;
  if (close.code === 1000) return "The session was closed.";
  if (close.code === 1001) return "The recorder is being stopped.";
  if (close.code === 1008) return "The recorder refused the session.";
  return "The connection to the recorder was lost.";
}
