// What the commands about access share: the requests on the service's database, who acts, and times as people type them.

import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { AccessFeed } from "../../access/feed.ts";
import { People } from "../../access/people.ts";
import { AccessRequests, type Acting } from "../../access/requests/requests.ts";
import { copyToAudit } from "../../access-audit.ts";
import { parseDurationMs } from "../../config/units.ts";
import { type Cli, inWorkspace, type Workspace } from "../cli.ts";
import { inventoryOf } from "../inventory-of.ts";
import { proveIdentity } from "../prove-identity.ts";

export interface AccessDesk {
  requests: AccessRequests;
  people: People;
  /** Who acts proves it: password and code, typed. */
  as(name: string): Promise<Acting>;
}

/** A running service learns of what was done here by its feed; what was done is in the audit when this resolves. */
export function atAccessDesk<T>(cli: Cli, command: Command, work: (desk: AccessDesk) => Promise<T>): Promise<T> {
  return inWorkspace(cli, command, async (workspace) => {
    const inventory = inventoryOf(workspace.config);
    const people = new People(workspace.database.access);
    let failure: unknown;
    const feed = new AccessFeed(workspace.database.requests, {
      onError: (error) => {
        failure = error;
      },
    });
    const requests = new AccessRequests(workspace.database.requests, { policy: () => inventory, people, feed });
    await requests.start();
    try {
      return await work({ requests, people, as: (name) => actor(cli, workspace, name) });
    } finally {
      copyToAudit(feed);
      await feed.close();
      if (failure !== undefined)
        cli.err.line("The audit log could not be written now; the service adds what is missing.");
    }
  });
}

async function actor(cli: Cli, workspace: Workspace, name: string): Promise<Acting> {
  const { name: proven, roles, factors } = await proveIdentity(cli, workspace, name);
  return { name: proven, roles, factors, address: "local" };
}

export const asOption = (what: string) =>
  new Option("--as <person>", `${what}; types password and verification code`).makeOptionMandatory();

export const requestHelp = "the request's id, or its first or last characters";

/** A time, or one that is counted from the moment at which it is used: the password is typed in between. */
export type When = (nowMs: number) => number;

/** RFC 3339 with its offset, or from now on: `+2h`. In milliseconds since the epoch. */
export function timeArgument(text: string): When {
  const ahead = text.startsWith("+") ? parseDurationMs(text.slice(1)) : null;
  // Whole seconds, and one more: what follows takes its time, and a notice of as long is to be kept.
  if (ahead !== null) return (nowMs) => Math.ceil((nowMs + ahead) / 1000 + 1) * 1000;
  const isTime = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = isTime ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  if (Number.isFinite(ms)) return () => ms;
  throw new InvalidArgumentError("A time is written 2026-11-23T08:00Z, 2026-11-23T09:00+01:00, or +2h from now on.");
}

export function durationArgument(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== null && ms > 0) return ms;
  throw new InvalidArgumentError("A duration is written 90m, 2h or 1h 30m.");
}

export function countArgument(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A number from 1 to 999.");
}
