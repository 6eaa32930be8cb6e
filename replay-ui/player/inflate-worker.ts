// Decompresses beside the page.
import { type InflateAnswer, type InflateRequest, unzstd, workerReady } from "./zstd.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<InflateRequest>) => void;
  postMessage(answer: InflateAnswer | typeof workerReady, transfer: Transferable[]): void;
};

scope.onmessage = ({ data: { id, stored } }) => {
  try {
    const raw = unzstd(stored);
    scope.postMessage({ id, raw }, [raw.buffer]);
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
  }
};

scope.postMessage(workerReady, []);
