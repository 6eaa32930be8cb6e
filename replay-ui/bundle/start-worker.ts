// The worker that decompresses, carried within the page: it takes the place of player/start-worker.ts there.
import InflateWorker from "../player/inflate-worker.ts?worker&inline";

export function startInflateWorker(): Worker {
  return new InflateWorker();
}
