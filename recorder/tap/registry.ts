// Which Tap speaks which protocol: an explicit table, so that a new protocol is one line here.
import { createSshTap, type SshTapOptions } from "./ssh/ssh-tap.ts";
import type { Tap } from "./tap.ts";

export interface TapOptions {
  ssh: SshTapOptions;
}

export const taps: { [P in keyof TapOptions]: (options: TapOptions[P]) => Tap } = {
  ssh: createSshTap,
};
