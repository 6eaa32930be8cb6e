// The keys of an encrypted recording, asked of the service once: as soon as it is known to be encrypted, so that they are
// here before its first segment is.
import type { RecordingIndex } from "../../shared/api/types.ts";
import { getKeys, OfflineError } from "../api/client.ts";
import { type DataKeySource, dataKeyFromBase64 } from "../player/decrypt.ts";

export function serviceKeys(session: string, index: RecordingIndex): DataKeySource {
  let asked: Promise<{ content: CryptoKey | null; input: CryptoKey | null }> | null = null;
  const ask = async () => {
    const { streams } = await getKeys(session);
    const imported = async (text: string | undefined) => (text === undefined ? null : await dataKeyFromBase64(text));
    return { content: await imported(streams.content), input: await imported(streams.input) };
  };
  const keys = () => {
    asked ??= ask().catch((error: unknown) => {
      // What is only lost on the way is asked again.
      if (error instanceof OfflineError) asked = null;
      throw error;
    });
    return asked;
  };
  if (index.segments.some(({ encryption }) => encryption !== undefined)) keys().catch(() => {});
  return async (stream) => (await keys())[stream];
}
