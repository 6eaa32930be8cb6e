// Vera at work at one of her targets: what arrives there of the letter that she types again and again tells what passed, and
// when.
import type { TypedAtTarget } from "./live-plant.ts";
import { waitFor } from "./wait-for.ts";

export interface Work {
  target: string;
  typed: TypedAtTarget;
  /** This letter from now on; resolves when the one before is no longer being typed. Null: none. */
  types(letter: string | null): Promise<void>;
  told(text: string): Promise<unknown>;
  over(): Promise<unknown>;
  stop(): void;
}

export function workAt(
  target: string,
  typed: TypedAtTarget,
  press: (letter: string) => unknown,
  isTold: (text: string) => boolean | Promise<boolean>,
  over: Promise<unknown>,
): Work {
  let current: string | null = null;
  let busy = false;
  let fault: unknown;
  const timer = setInterval(async () => {
    if (current === null || busy) return;
    busy = true;
    await Promise.resolve(press(current)).catch((error: unknown) => {
      fault ??= error;
    });
    busy = false;
  }, 150);
  return {
    target,
    typed,
    types: async (letter) => {
      current = letter;
      await waitFor(() => !busy, { what: `${target} to be left alone`, timeoutMs: 40_000 });
      if (fault !== undefined) throw new Error(`${target} could not be typed at`, { cause: fault });
    },
    told: (text) =>
      waitFor(() => isTold(text), { what: `${target} is told: ${text}`, timeoutMs: 30_000, intervalMs: 100 }),
    over: () => over,
    stop: () => clearInterval(timer),
  };
}
