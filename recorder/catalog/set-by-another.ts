// Whether what a person signs in with was last set by somebody else, as the audit log has it. Whoever set a password knows
// it: until its owner has changed it, it proves nobody where two people are asked for.
import type { Kysely } from "kysely";
import type { CatalogTables } from "./tables.ts";

export interface SetByAnother {
  what: "password" | "second factor";
  by: string;
  at: string;
}

const actions = [
  "person.add",
  "password.reset",
  "password.change",
  "mfa.reset",
  "mfa.enrolled",
  "mfa.recovery-codes-made",
  "mfa.passkey-added",
];

/** @param person as people have the name. Null: all of it is the person's own, or nobody knows better. */
export async function setByAnother(db: Kysely<CatalogTables>, person: string): Promise<SetByAnother | null> {
  const name = person.toLowerCase();
  const rows = await db
    .selectFrom("audit")
    .select(["at", "actor", "action"])
    .where("action", "in", actions)
    .where("subject", "=", person)
    .orderBy("id")
    .execute();
  let password: SetByAnother | null = null;
  let factor: SetByAnother | null = null;
  let wasTaken = false;
  for (const { at, actor, action } of rows) {
    const own = actor.toLowerCase() === name;
    if (action.startsWith("mfa.")) {
      // New codes for what another enrolled do not make it one's own.
      if (own && action === "mfa.recovery-codes-made") continue;
      // A reset took everything away; beside what another enrolled, a passkey of one's own proves nothing more.
      if (own && action === "mfa.passkey-added" && !wasTaken) continue;
      factor = own ? null : { what: "second factor", by: actor, at };
      wasTaken = action === "mfa.reset";
    } else {
      password = own ? null : { what: "password", by: actor, at };
      // Where no second factor is wanted, a password that nobody else knows is proof again.
      if (own && wasTaken) factor = null;
    }
  }
  return password ?? factor;
}
