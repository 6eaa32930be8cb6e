// How people name their target when they sign in: `person+target`, in every protocol.
export interface Login {
  /** Before the last `+`. */
  name: string;
  /** After the last `+`; empty when there is none. */
  target: string;
}

export function splitUserName(userName: string): Login {
  const at = userName.lastIndexOf("+");
  return at < 0 ? { name: userName, target: "" } : { name: userName.slice(0, at), target: userName.slice(at + 1) };
}
