// A database with people and a clock, for what has to do with the second factor.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MasterKey } from "../../../../recorder/access/master-key.ts";
import { Mfa, type MfaEvent } from "../../../../recorder/access/mfa/mfa.ts";
import { totpCode, totpStepAt } from "../../../../recorder/access/mfa/totp.ts";
import { People } from "../../../../recorder/access/people.ts";
import { Throttle } from "../../../../recorder/access/throttle.ts";
import type { ServiceDatabase } from "../../../../recorder/database.ts";
import { openState } from "../../../support/state.ts";

export const password = "correct horse battery";
export const from = { address: "192.0.2.1" };

export class MfaUnderTest {
  readonly database: ServiceDatabase;
  readonly file: string;
  readonly people: People;
  readonly throttle: Throttle;
  readonly mfa: Mfa;
  readonly key: Uint8Array;
  readonly events: MfaEvent[] = [];
  nowMs = Date.UTC(2026, 10, 23, 10, 0, 0);
  #directory: string;

  private constructor(directory: string, database: ServiceDatabase) {
    this.#directory = directory;
    this.file = join(directory, "conduit.db");
    this.database = database;
    this.key = randomBytes(32);
    this.throttle = new Throttle({}, () => this.nowMs);
    this.people = new People(database.access, { throttle: this.throttle });
    this.mfa = this.another(database);
  }

  static async open(): Promise<MfaUnderTest> {
    const directory = mkdtempSync(join(tmpdir(), "conduit-mfa-"));
    const made = new MfaUnderTest(directory, await openState(join(directory, "conduit.db")));
    for (const name of ["Erika", "omar"]) await made.people.create({ name, roles: ["vendor"], password });
    return made;
  }

  /** As another process has it. */
  another(database: ServiceDatabase): Mfa {
    return new Mfa(database.access, MasterKey.of(database.access, this.key), {
      issuer: "Conduit test",
      now: () => this.nowMs,
      record: async (_trx, event) => {
        this.events.push(event);
      },
    });
  }

  /** The step after it: the code of the enrolment is used. */
  async enrol(name: string): Promise<{ secret: string; recoveryCodes: string[]; code(): string }> {
    const { secret } = await this.mfa.begin(name);
    const code = () => totpCode(secret, totpStepAt(this.nowMs));
    const confirmed = await this.mfa.confirm(name, code(), { actor: name, address: from.address });
    if (confirmed === null) throw new Error("the code was refused");
    this.nowMs += 30_000;
    return { secret, code, ...confirmed };
  }

  async close(): Promise<void> {
    await this.database.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
