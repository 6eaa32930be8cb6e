// A RecordingGate over memory, for units that record.

import { RecordingGate } from "../../../recorder/tap/recording-gate.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";

export function memoryGate(): { gate: RecordingGate; events: SessionEvent[] } {
  const events: SessionEvent[] = [];
  const gate = new RecordingGate(
    {
      append: (event) => {
        events.push(structuredClone(event));
        return true;
      },
      durable: async () => undefined,
      drained: async () => undefined,
    },
    () => undefined,
  );
  return { gate, events };
}
