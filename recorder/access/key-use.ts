// That a key was used to sign in is kept with the key; where the database cannot take it, the log has it. Invariant: it
// keeps nobody out who may come in.
import type { People } from "./people.ts";
import { fingerprintOf } from "./public-keys.ts";

interface ErrorLog {
  error(facts: object, message: string): void;
}

export async function noteKeyUse(
  people: Pick<People, "keyUsed">,
  person: string,
  { blob, client }: { blob: Uint8Array; client: { address: string } },
  logger: ErrorLog,
): Promise<void> {
  try {
    await people.keyUsed(blob);
  } catch (error) {
    const facts = { person, key: fingerprintOf(blob), address: client.address, err: error };
    logger.error(facts, "signed in with a key whose use could not be stored");
  }
}
