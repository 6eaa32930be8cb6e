// A recorder numbers its recordings without a gap. A number that no signed OPEN record has is a recording that is gone,
// even when store and index say nothing of it any more.
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { openName, openSignatureName } from "../store/keys.ts";
import { openRecordProves } from "./proof.ts";

export interface Numbered {
  session: string;
  recorder: string;
  sequence: number;
}

export interface NumberFault {
  recorder: string;
  /** Both ends inclusive. */
  from: number;
  to: number;
  message: string;
}

/** How many recordings are read at once: a store far away answers each in its own time. */
const readAtOnce = 16;

/** The numbers of those sessions whose OPEN record is signed by a trusted key; the others prove no number. */
export async function readNumbers(
  sessions: readonly string[],
  read: (session: string, name: string) => Promise<Uint8Array | null>,
  keys: ReadonlyMap<string, string>,
): Promise<Numbered[]> {
  const readOne = async (session: string): Promise<Numbered | null> => {
    const [open, signature] = await Promise.all([read(session, openName), read(session, openSignatureName)]);
    if (open === null || signature === null || !openRecordProves(session, open, signature, keys)) return null;
    const { id, sequence } = OpenRecord.parse(JSON.parse(Buffer.from(open).toString("utf8"))).recorder;
    return { session, recorder: id, sequence };
  };
  const numbered: Numbered[] = [];
  for (let at = 0; at < sessions.length; at += readAtOnce) {
    const some = await Promise.all(sessions.slice(at, at + readAtOnce).map(readOne));
    numbered.push(...some.filter((one) => one !== null));
  }
  return numbered;
}

/** `last`: by recorder, the highest number known to have been given. */
export function findNumberFaults(all: readonly Numbered[], last: ReadonlyMap<string, number>): NumberFault[] {
  const faults: NumberFault[] = [];
  for (const recorder of new Set([...all.map((one) => one.recorder), ...last.keys()])) {
    const own = all.filter((one) => one.recorder === recorder).sort((a, b) => a.sequence - b.sequence);
    let next = 1;
    let before: Numbered | undefined;
    const hole = (to: number) => {
      const which = next === to ? `number ${to}` : `numbers ${next} to ${to}`;
      const message = `no recording has the ${which} of the recorder ${recorder}: it was made and is gone`;
      faults.push({ recorder, from: next, to, message });
    };
    for (const one of own) {
      const { session, sequence } = one;
      if (sequence > next) hole(sequence - 1);
      if (before?.sequence === sequence) {
        const message = `${before.session} and ${session} have the same number ${sequence} of the recorder ${recorder}`;
        faults.push({ recorder, from: sequence, to: sequence, message });
      }
      next = sequence + 1;
      before = one;
    }
    const highest = last.get(recorder) ?? 0;
    if (highest >= next) hole(highest);
  }
  return faults;
}
