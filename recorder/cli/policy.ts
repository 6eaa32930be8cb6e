// `conduit policy`: is a policy sound, why is an answer as it is, do its cases hold, what would it have changed, and which
// was in force. Works on files and database, with or without a running service; nothing here changes what is in force.
import type { Register } from "./cli.ts";
import { registerCheck } from "./policy/check.ts";
import { registerExplain } from "./policy/explain.ts";
import { registerSimulate } from "./policy/simulate.ts";
import { registerTest } from "./policy/test.ts";
import { registerShow, registerVersions } from "./policy/versions.ts";

export const registerPolicy: Register = (program, cli) => {
  const policy = program
    .command("policy")
    .description("who may reach what: check, explain, test, simulate, show, versions");
  registerCheck(policy, cli);
  registerExplain(policy, cli);
  registerTest(policy, cli);
  registerSimulate(policy, cli);
  registerShow(policy, cli);
  registerVersions(policy, cli);
};
