// How the live bench finds in what watchers are sent which picture came: what comes again, or looks like one, is none.
import { expect, it } from "vitest";
import { colourOf, newestPicture } from "../../bench/live/pictures.ts";

const drawn = (...pictures: number[]) =>
  Buffer.concat(
    pictures.map((picture) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUIntBE(colourOf(picture), 0, 3);
      return bytes;
    }),
  );

it("each picture has a colour of its own, which counts once", () => {
  const colours = new Set<number>();
  for (let picture = 0; picture < 1000; picture++) {
    colours.add(colourOf(picture));
    expect(newestPicture(drawn(picture), picture - 1)).toBe(picture);
    expect(newestPicture(drawn(picture), picture)).toBeNull();
  }
  expect(colours.size).toBe(1000);
});

it("a segment's beginning, which has all that is on the screen, is as old as the newest picture on it", () => {
  expect(newestPicture(drawn(3, 9, 1), 9)).toBeNull();
  expect(newestPicture(drawn(3, 10, 1), 9)).toBe(10);
});

it("bytes that look like a picture that is far ahead are none", () => {
  expect(newestPicture(Buffer.from([0xc5, 0xc5, 0x7f, 0xc5, 0x04, 0x7f]), 20)).toBeNull();
});
