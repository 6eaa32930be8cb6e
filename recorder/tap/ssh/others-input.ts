// What somebody other than its person types at a channel's terminal: an escort with control, or the gateway where it clears
// a line. Beside the person's own pipeline. Invariant: recorded as theirs and durable before it passes, in order; nothing of
// it passes once control is over or the session is held for another reason; what does not pass is counted in the record.
import type { RecordingGate } from "../recording-gate.ts";
import type { TapSession } from "../tap.ts";

export interface OthersInputPlace {
  session: TapSession;
  gate: RecordingGate;
  channel: number;
  write(bytes: Buffer): void;
  failed(error: unknown): void;
}

interface Flight {
  by: string;
  /** The gateway's own: it passes while the person's input does. */
  isOwn: boolean;
  bytes: Buffer;
  durable: Promise<void>;
  /** It has passed, or never will. */
  settled(): void;
}

const nothing = (): void => undefined;

/** Whose input it is where the gateway itself types. */
export const gatewayName = "conduit";
/** Waiting for the disk: beyond it what is typed is dropped. */
const maxInFlightBytes = 256 * 1024;

export class OthersInput {
  readonly #place: OthersInputPlace;
  #flights: Flight[] = [];
  #bytes = 0;
  #flying = false;
  #stopped = false;

  constructor(place: OthersInputPlace) {
    this.#place = place;
  }

  /** Of whoever has control. False: nothing of it passes. */
  type(bytes: Buffer): boolean {
    const { control } = this.#place.session;
    return control !== null && this.#push(control.by, false, bytes, nothing);
  }

  /** Of the gateway. `settled` is called once it has passed, or never will. */
  own(bytes: Buffer, settled: () => void): void {
    if (!this.#push(gatewayName, true, bytes, settled)) settled();
  }

  /** Control has changed hands, or the session is held: what may not pass any more is dropped within this call. */
  changed(): void {
    const dropped = new Map<string, number>();
    const gone: Flight[] = [];
    this.#flights = this.#flights.filter((flight) => {
      if (this.#mayPass(flight)) return true;
      dropped.set(flight.by, (dropped.get(flight.by) ?? 0) + flight.bytes.length);
      this.#bytes -= flight.bytes.length;
      gone.push(flight);
      return false;
    });
    for (const { settled } of gone) settled();
    for (const [by, bytes] of dropped) this.#say(by, bytes, bytes);
  }

  stop(): void {
    this.#stopped = true;
    this.changed();
  }

  /** What had left for the target's end and has not left there. */
  notSent(bytes: number, by: string): void {
    if (bytes > 0) this.#say(by, bytes, bytes);
  }

  #mayPass({ by, isOwn }: Pick<Flight, "by" | "isOwn">): boolean {
    const { session } = this.#place;
    if (this.#stopped) return false;
    return isOwn ? !session.frozen : session.control?.by === by;
  }

  #push(by: string, isOwn: boolean, bytes: Buffer, settled: () => void): boolean {
    const { gate, channel } = this.#place;
    if (!this.#mayPass({ by, isOwn })) return false;
    if (this.#bytes + bytes.length > maxInFlightBytes) {
      this.#say(by, bytes.length, 0);
      return false;
    }
    try {
      gate.append({ type: "input", channel, data: bytes, by });
      if (!this.#mayPass({ by, isOwn })) {
        // Stopped by what was just recorded.
        this.#say(by, bytes.length, bytes.length);
        return false;
      }
      const durable = gate.durable();
      durable.catch(() => undefined);
      this.#flights.push({ by, isOwn, bytes, durable, settled });
      this.#bytes += bytes.length;
      if (!this.#flying) void this.#fly();
    } catch (error) {
      this.#place.failed(error);
    }
    return true;
  }

  async #fly(): Promise<void> {
    this.#flying = true;
    try {
      for (let flight = this.#flights[0]; flight !== undefined; flight = this.#flights[0]) {
        await flight.durable;
        // What ended meanwhile has taken it out.
        if (this.#flights[0] !== flight) continue;
        if (!this.#mayPass(flight)) throw new Error("input of somebody without control is on its way");
        this.#flights.shift();
        this.#bytes -= flight.bytes.length;
        this.#place.write(flight.bytes);
        flight.settled();
      }
    } catch (error) {
      this.#place.failed(error);
    } finally {
      this.#flying = false;
    }
  }

  #say(by: string, bytes: number, recorded: number): void {
    const { session, gate, channel } = this.#place;
    const hold = session.hold?.code ?? "controlled";
    const facts = { bytes, ...(recorded > 0 ? { recorded } : {}), by, hold };
    try {
      gate.append({ type: "notice", notice: "input-dropped", channel, facts });
    } catch {
      // The recording has failed, and the connection was told so by the gate.
    }
  }
}
