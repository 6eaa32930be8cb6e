// Which keys a VNC input track may name when printable keys are masked: only those that type nothing on any layout.
// Everything else, also what is not known, counts as printable: a password must not leak by a rare keysym.

/** Ranges of X11 keysyms (keysymdef.h), both ends inclusive. */
const control: ReadonlyArray<readonly [number, number]> = [
  // ISO_Lock … ISO_Enter: levels, groups, Tab. Dead keys begin at 0xfe50.
  [0xfe01, 0xfe34],
  // BackSpace, Tab, Return, Escape, Multi_key and input methods, Home … End, Select … Num_Lock.
  [0xff08, 0xff7f],
  [0xff89, 0xff89],
  [0xff8d, 0xff8d],
  [0xff91, 0xff94],
  // Keypad keys between these type digits or move the cursor, as the target's Num Lock says.
  // F1 … F35 and modifiers; Delete. Between them lie the dots of Braille.
  [0xffbe, 0xffee],
  [0xffff, 0xffff],
  // XF86 keys: volume, brightness, media.
  [0x1008fe01, 0x1008ffff],
];

export function isControlKey(sym: number): boolean {
  return control.some(([first, last]) => sym >= first && sym <= last);
}

/** Shift, Control, Lock, Meta, Alt, Super, Hyper, and the levels and groups of ISO 9995. */
export function isModifierKey(sym: number): boolean {
  return (sym >= 0xffe1 && sym <= 0xffee) || (sym >= 0xfe01 && sym <= 0xfe13) || sym === 0xff7e || sym === 0xff7f;
}

/**
 * The same by the keycode that QEMU's extended key message carries beside the keysym (XT set 1; an extended key has bit 7
 * set). A target may act on it and not on the keysym, so a key is only named where both agree that it types nothing.
 */
const controlCodes: ReadonlyArray<readonly [number, number]> = [
  // Escape; Backspace and Tab; Return and left Control; left Shift.
  [0x01, 0x01],
  [0x0e, 0x0f],
  [0x1c, 0x1d],
  [0x2a, 0x2a],
  // Right Shift, left Alt, Caps Lock and F1 … Scroll Lock; F11 and F12.
  [0x36, 0x36],
  [0x38, 0x38],
  [0x3a, 0x46],
  [0x57, 0x58],
  // Extended: keypad Enter and right Control, Print, right Alt, Pause, Home … Delete, logo keys and Menu.
  [0x9c, 0x9d],
  [0xb7, 0xb8],
  [0xc6, 0xc9],
  [0xcb, 0xcb],
  [0xcd, 0xcd],
  [0xcf, 0xd3],
  [0xdb, 0xdd],
];

export function isControlCode(keycode: number): boolean {
  return controlCodes.some(([first, last]) => keycode >= first && keycode <= last);
}
