// `conduit recordings`: what was recorded. Works on database and store directly, with or without a running service; each
// view, export and verification is an audit entry of the operating system's user.
import type { Register } from "./cli.ts";
import { registerCat } from "./recordings/cat.ts";
import { registerCustody } from "./recordings/custody.ts";
import { registerDecrypt } from "./recordings/decrypt.ts";
import { registerExport } from "./recordings/export.ts";
import { registerList } from "./recordings/list.ts";
import { registerPlay } from "./recordings/play.ts";
import { registerRebuild } from "./recordings/rebuild.ts";
import { registerShow } from "./recordings/show.ts";
import { registerUnseal } from "./recordings/unseal.ts";
import { registerVerify } from "./recordings/verify.ts";

export const registerRecordings: Register = (program, cli) => {
  const recordings = program
    .command("recordings")
    .alias("rec")
    .description("what was recorded: list, show, play, cat, export, decrypt, verify");
  registerList(recordings, cli);
  registerShow(recordings, cli);
  registerPlay(recordings, cli);
  registerCat(recordings, cli);
  registerExport(recordings, cli);
  registerDecrypt(recordings, cli);
  registerVerify(recordings, cli);
  registerCustody(recordings, cli);
  registerUnseal(recordings, cli);
  registerRebuild(recordings, cli);
};
