// A value that components and the player watch. Setting an equal value tells nobody.
import { useEffect, useState } from "preact/hooks";

export class Store<T> {
  private value: T;
  private readonly listeners = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.value = initial;
  }

  get(): T {
    return this.value;
  }

  set(next: T): void {
    if (Object.is(next, this.value)) return;
    this.value = next;
    for (const listener of [...this.listeners]) listener(next);
  }

  update(change: Partial<T>): void {
    const current = this.value;
    for (const key of Object.keys(change) as (keyof T)[]) {
      if (!Object.is(current[key], change[key])) {
        this.set({ ...current, ...change });
        return;
      }
    }
  }

  subscribe(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Re-renders the component when what `select` takes from the store changes. */
export function useStore<T, S = T>(store: Store<T>, select: (value: T) => S = (value) => value as unknown as S): S {
  const [selected, setSelected] = useState(() => select(store.get()));
  useEffect(() => {
    setSelected(() => select(store.get()));
    return store.subscribe((value) => setSelected(() => select(value)));
    // `select` is written inline by callers and means the same at every render.
  }, [store]);
  return selected;
}
