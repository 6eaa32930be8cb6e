// What a segment worker loads to take sessions with a screen.
import { loadJpegDecoder } from "../../rfb/decoders/jpeg.ts";
import { ScreenChannel, type ScreenChannelParts } from "./screen-channel.ts";
import { ScreenRoom } from "./screen-room.ts";

export { restoreScreens } from "./restore-screens.ts";

export async function ready(): Promise<void> {
  await loadJpegDecoder();
}

const room = new ScreenRoom();

export function makeScreen(parts: ScreenChannelParts): ScreenChannel {
  return new ScreenChannel(parts, room);
}
