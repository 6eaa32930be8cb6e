// Passes a recorded terminal's output to a person's own terminal, without what would act beyond the screen: clipboard and
// title writes, device control strings, and queries, whose answers would be typed into the person's shell.
const maxHeld = 4096;

// ECMA-48 §5.6: OSC, DCS, SOS, PM and APC strings end with ST or, as terminals take it, BEL.
const string = /^\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)/;
const stringOpen = /^\x1b[\]PX^_][^\x07\x1b]*\x1b?$/;
const csi = /^\x1b\[[0-?]*[ -/]*[@-~]/;
const csiOpen = /^\x1b\[[0-?]*[ -/]*$/;
// Device attributes (c), status and position reports (n), window reports (t), terminal parameters (x), version (>q),
// mode and checksum requests ($p, *y): all answered by the terminal on its input.
const query = /^\x1b\[[0-?]*(?:[cntx]|\$p|\*y|q)$/;

export class ReplayFilter {
  #held = "";
  /** Inside a string that outgrew what is held back: dropped until it ends. */
  #dropping = false;

  pass(data: string): string {
    let rest = this.#held + data;
    this.#held = "";
    let out = "";
    while (rest !== "") {
      if (this.#dropping) {
        const end = /\x07|\x1b\\/.exec(rest);
        if (end === null) return out;
        rest = rest.slice(end.index + end[0].length);
        this.#dropping = false;
        continue;
      }
      const at = rest.indexOf("\x1b");
      if (at < 0) return out + rest;
      out += rest.slice(0, at);
      rest = rest.slice(at);
      const taken = this.#sequence(rest);
      if (taken === null) return out;
      if (taken.keep) out += rest.slice(0, taken.length);
      rest = rest.slice(taken.length);
    }
    return out;
  }

  /** Null when the sequence is not complete yet. */
  #sequence(text: string): { length: number; keep: boolean } | null {
    const whole = string.exec(text);
    if (whole !== null) return { length: whole[0].length, keep: false };
    if (text === "\x1b" || csiOpen.test(text) || stringOpen.test(text)) {
      if (text.length <= maxHeld) {
        this.#held = text;
        return null;
      }
      this.#dropping = stringOpen.test(text);
      return { length: text.length, keep: false };
    }
    const control = csi.exec(text);
    if (control !== null) {
      const sequence = control[0];
      // `CSI … q` with a space sets the cursor's shape, `CSI ! p` resets softly: both are only output.
      const asks = query.test(sequence) && !sequence.endsWith(" q");
      return { length: sequence.length, keep: !asks };
    }
    // A string that another escape breaks off: its introducer alone is dropped.
    if (/^\x1b[\]PX^_]/.test(text)) return { length: 2, keep: false };
    return { length: text[1] === "Z" ? 2 : Math.min(2, text.length), keep: text[1] !== "Z" };
  }
}

/** Leaves a terminal as a shell expects it, whatever the recording switched on. */
export const terminalReset =
  "\x1b[0m\x1b[?1l\x1b>\x1b[?7h\x1b[?25h\x1b[?47l\x1b[?1047l\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[r\x1b(B";
