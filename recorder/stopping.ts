// The service's end, one step after the other, each with its name. Invariant: a step that takes long says so in the log while
// it does, so that whoever waits for the service knows what it waits for.
export interface StopStep {
  /** What is waited for, in words that complete "the service waits for". */
  what: string;
  stop(): unknown;
}

export interface StoppingLog {
  warn(facts: object, message: string): void;
}

/** Longer than any grace that a peer is given. */
const longMs = 10_000;

export async function stopInSteps(steps: readonly StopStep[], logger: StoppingLog, eachMs = longMs): Promise<void> {
  for (const { what, stop } of steps) {
    const beganMs = performance.now();
    const seconds = () => Math.round((performance.now() - beganMs) / 100) / 10;
    let isLong = false;
    const timer = setInterval(() => {
      isLong = true;
      logger.warn({ step: what, seconds: seconds() }, `stopping takes long: the service waits for ${what}`);
    }, eachMs);
    try {
      await stop();
    } finally {
      clearInterval(timer);
    }
    if (isLong) logger.warn({ step: what, seconds: seconds() }, `stopping goes on: that was ${what}`);
  }
}
