// What a page shows is asked for when it opens and, where it says so, again while it is looked at.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  value: T | null;
  /** Of the newest attempt; what was there before stays. */
  error: unknown;
  reload: () => void;
  set: (value: T) => void;
}

export function useLoad<T>(load: () => Promise<T>, of: readonly unknown[] = [], refreshMs = 0): Loaded<T> {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<unknown>(null);
  const newest = useRef(0);
  const reload = useCallback(() => {
    const mine = ++newest.current;
    load().then(
      (fresh) => {
        if (mine !== newest.current) return;
        setValue(() => fresh);
        setError(null);
      },
      (failure: unknown) => {
        if (mine === newest.current) setError(failure);
      },
    );
    // The loader is written inline; what it depends on is in `of`.
  }, of);
  useEffect(() => {
    setValue(null);
    setError(null);
    reload();
    if (refreshMs === 0) return;
    const timer = setInterval(() => {
      if (document.visibilityState !== "hidden") reload();
    }, refreshMs);
    return () => clearInterval(timer);
  }, [reload]);
  useEffect(
    () => () => {
      newest.current++;
    },
    [],
  );
  return { value, error, reload, set: (next) => setValue(() => next) };
}
