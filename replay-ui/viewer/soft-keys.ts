// What a touch screen's keyboard types, as keysyms. The key events of such keyboards say little (many have one code for
// every key), so the text that they put into a field is what counts.

const named: Record<string, number> = {
  Backspace: 0xff08,
  Tab: 0xff09,
  Enter: 0xff0d,
  Escape: 0xff1b,
  Delete: 0xffff,
  ArrowLeft: 0xff51,
  ArrowUp: 0xff52,
  ArrowRight: 0xff53,
  ArrowDown: 0xff54,
};

/** Undefined for keys that type something: their text follows. */
export function namedKeysym(key: string): number | undefined {
  return named[key];
}

/** X11: Latin-1 is its own keysym, all other characters are 0x01000000 and their code point. */
export function textKeysyms(text: string): number[] {
  return [...text].map((character) => {
    const point = character.codePointAt(0) ?? 0;
    if (point === 0x0a || point === 0x0d) return named["Enter"]!;
    if (point === 0x09) return named["Tab"]!;
    const latin = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
    return latin ? point : 0x01000000 + point;
  });
}
