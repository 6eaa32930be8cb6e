// Releases to one target happen one after another, over all sessions: what was scanned together with a file's old contents
// must still stand there when the rest is written. Invariant: a turn that throws or is given up frees the next.
const turns = new Map<string, Promise<void>>();

export async function inTurn<T>(target: string, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
  const before = turns.get(target) ?? Promise.resolve();
  let done: () => void = () => undefined;
  const mine = new Promise<void>((resolve) => {
    done = resolve;
  });
  const chain = before.then(() => mine);
  turns.set(target, chain);
  try {
    await before;
    signal.throwIfAborted();
    return await step();
  } finally {
    done();
    if (turns.get(target) === chain) turns.delete(target);
  }
}
