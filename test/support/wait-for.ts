// Waiting for a condition instead of sleeping: polls until the predicate gives something truthy, else says what never came.

export interface WaitOptions {
  /** What is awaited, for the error message. */
  what?: string;
  timeoutMs?: number;
  intervalMs?: number;
}

/** Resolves with the first truthy value of `predicate`; a predicate that throws counts as "not yet". */
export async function waitFor<T>(
  predicate: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false | 0 | "">> {
  const { what = "the condition", timeoutMs = 30_000, intervalMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await predicate();
      if (value) return value as Exclude<T, undefined | null | false | 0 | "">;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${what} in vain`, { cause: lastError });
    }
    await sleep(intervalMs);
  }
}

export function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
