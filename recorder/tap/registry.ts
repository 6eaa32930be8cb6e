// Which Tap speaks which protocol: an explicit table, so that a new protocol is one line here.
import { createSshTap } from "./ssh/ssh-tap.ts";
import { createVncTap } from "./vnc/vnc-tap.ts";

export const taps = {
  ssh: createSshTap,
  vnc: createVncTap,
};
