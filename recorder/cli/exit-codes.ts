// What `conduit` ends with; docs/cli.md has the same table.
export const exitCodes = {
  ok: 0,
  /** Anything that failed and has no code of its own. */
  failure: 1,
  /** An unknown option or command, or an argument that makes no sense. */
  usage: 2,
  /** `verify` found a recording that is not VALID, `doctor` a check that fails, or `export` damage in what it shows. */
  findings: 3,
  /** The person, target, secret, session or recording does not exist. */
  notFound: 4,
  /** The command needs the running service, and it does not answer. */
  notRunning: 5,
  /** The configuration or the inventory is refused. */
  configuration: 6,
  /** `verify` found nothing wrong but recordings of other recorders, signed by keys that are not trusted here. */
  untrusted: 7,
  /** `verify` found nothing worse than what is incomplete, overdue or not anchored. */
  unfinished: 8,
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
