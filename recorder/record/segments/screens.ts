// What a segment worker loads to take sessions with a screen.
import { loadJpegDecoder } from "../../rfb/decoders/jpeg.ts";
import { ScreenChannel, type ScreenChannelParts } from "./screen-channel.ts";
import { ScreenRoom } from "./screen-room.ts";

export { restoreScreens } from "./restore-screens.ts";

let room = new ScreenRoom();

/** @param count that all threads share. */
export async function ready(count: SharedArrayBuffer): Promise<void> {
  room = new ScreenRoom(count);
  await loadJpegDecoder();
}

export function makeScreen(parts: ScreenChannelParts): ScreenChannel {
  return new ScreenChannel(parts, room);
}
