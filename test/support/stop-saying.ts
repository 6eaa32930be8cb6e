// The end of what a test has started, step by step: one that does not come to its end fails by its name, and not as a hook
// that timed out.
import { type StopStep, stopInSteps } from "../../recorder/stopping.ts";

const mostMs = 120_000;
const said: string[] = [];

/** For a service's `warn`: keeps what it says of its end, and that alone. */
export function sayStopping(_facts: object, message: string): void {
  if (!message.startsWith("stopping")) return;
  said.push(message);
  console.error(message);
}

/** Rejects when it takes too long, with what it waits for. */
export async function stopSaying(steps: readonly StopStep[], limitMs = mostMs): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let at = "";
  const named = steps.map(({ what, stop }) => ({
    what,
    stop: () => {
      at = what;
      return stop();
    },
  }));
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited ${limitMs} ms for the end of ${at} in vain. ${said.slice(-2).join("; ")}`));
    }, limitMs);
  });
  try {
    await Promise.race([stopInSteps(named, { warn: sayStopping }), limit]);
  } finally {
    clearTimeout(timer);
  }
}
