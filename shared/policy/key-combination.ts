// Combinations of keys as policies name them, `Ctrl+Alt+Delete`: modifiers and a last key, by X11's keysyms. Pure.

const modifierKeysyms: Readonly<Record<string, readonly number[]>> = {
  ctrl: [0xffe3, 0xffe4],
  alt: [0xffe9, 0xffea, 0xffe7, 0xffe8, 0xfe03],
  shift: [0xffe1, 0xffe2],
  super: [0xffeb, 0xffec],
};

/** The second of each is that of the number pad, or with a modifier. */
const namedKeysyms: Readonly<Record<string, readonly number[]>> = {
  backspace: [0xff08],
  tab: [0xff09, 0xfe20, 0xff89],
  enter: [0xff0d, 0xff8d],
  pause: [0xff13],
  break: [0xff6b],
  sysrq: [0xff15],
  escape: [0xff1b],
  home: [0xff50, 0xff95],
  left: [0xff51, 0xff96],
  up: [0xff52, 0xff97],
  right: [0xff53, 0xff98],
  down: [0xff54, 0xff99],
  pageup: [0xff55, 0xff9a],
  pagedown: [0xff56, 0xff9b],
  end: [0xff57, 0xff9c],
  print: [0xff61],
  insert: [0xff63, 0xff9e],
  menu: [0xff67],
  delete: [0xffff, 0xff9f],
  space: [0x20, 0x0100_0020, 0xff80],
};

export interface KeyCombination {
  /** As it is told: `Ctrl+Alt+Delete`. */
  readonly name: string;
  /** Of each, one is held. */
  readonly modifiers: readonly (readonly number[])[];
  /** One of them is the last key. */
  readonly last: readonly number[];
}

/** Null: it is none. Letters count in either case. */
export function keyCombination(text: string): KeyCombination | null {
  // A plus at the end is the key itself.
  const parts = text.endsWith("++") ? [...text.slice(0, -2).split("+"), "+"] : text.split("+");
  const last = parts.pop() ?? "";
  const modifiers: (readonly number[])[] = [];
  for (const part of parts) {
    const keysyms = Object.hasOwn(modifierKeysyms, part.toLowerCase())
      ? modifierKeysyms[part.toLowerCase()]
      : undefined;
    if (keysyms === undefined || modifiers.includes(keysyms)) return null;
    modifiers.push(keysyms);
  }
  const keysyms = lastKeysyms(last);
  return keysyms === null ? null : { name: text, modifiers, last: keysyms };
}

function lastKeysyms(key: string): readonly number[] | null {
  const named = key.toLowerCase();
  if (Object.hasOwn(namedKeysyms, named)) return namedKeysyms[named] ?? null;
  const functionKey = /^f([1-9]|1\d|2[0-4])$/.exec(named);
  if (functionKey !== null) {
    const number = Number(functionKey[1]);
    return number <= 4 ? [0xffbd + number, 0xff90 + number] : [0xffbd + number];
  }
  if ([...key].length !== 1) return null;
  const characters = new Set([key, key.toLowerCase(), key.toUpperCase()]);
  return [...characters].filter((character) => [...character].length === 1).flatMap(keysymsOf);
}

/** Latin-1 is its own keysym, stands in the Unicode range as all characters do, and may be on the number pad. */
function keysymsOf(character: string): number[] {
  const point = character.codePointAt(0) ?? 0;
  if (point >= 0x100) return [0x0100_0000 + point];
  const onPad = /[0-9*+,\-./=]/.test(character) ? [point === 0x3d ? 0xffbd : 0xff80 + point] : [];
  return [point, 0x0100_0000 + point, ...onPad];
}

/** Whether this key, going down while those are held, completes it: in whatever order, since keys that are held repeat. */
export function completes(combination: KeyCombination, sym: number, held: ReadonlySet<number>): boolean {
  const isDown = (keysyms: readonly number[]) => keysyms.some((keysym) => keysym === sym || held.has(keysym));
  return (
    isPartOf(combination, sym) && isDown(combination.last) && combination.modifiers.every((keysyms) => isDown(keysyms))
  );
}

export function isPartOf({ modifiers, last }: KeyCombination, sym: number): boolean {
  return last.includes(sym) || modifiers.some((keysyms) => keysyms.includes(sym));
}
