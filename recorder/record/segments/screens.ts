// What a segment worker loads to take sessions with a screen.
import { loadJpegDecoder } from "../../rfb/decoders/jpeg.ts";
import { ScreenChannel, type ScreenChannelParts } from "./screen-channel.ts";

export { restoreScreens } from "./restore-screens.ts";

export async function ready(): Promise<void> {
  await loadJpegDecoder();
}

export function makeScreen(parts: ScreenChannelParts): ScreenChannel {
  return new ScreenChannel(parts);
}
