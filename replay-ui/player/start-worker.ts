// Starts the worker that decompresses. Apart, because a page that is one file brings its worker along in itself.

export function startInflateWorker(): Worker {
  return new Worker(new URL("./inflate-worker.ts", import.meta.url), { type: "module" });
}
