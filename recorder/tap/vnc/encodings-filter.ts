// Narrows a viewer's SetEncodings to what the recording can show. Pure. Invariant: a target that keeps to the list sends
// nothing that the decoder does not understand.
import { writeClientMessage } from "../../rfb/client-writer.ts";
import { encoding, isPassableEncoding, isQualityLevel } from "../../rfb/encodings.ts";

export interface EncodingRules {
  quality: "evidence" | "viewer";
  /** The extended clipboard goes both ways; where only one is allowed, the plain one has to do. */
  extendedClipboard: boolean;
  /** The operator may switch the target off: only then is xvp spoken of. */
  power: boolean;
}

/** In the viewer's order. Fence is added when the viewer lacks it: the tap answers for it (see FormatPin). */
export function narrowEncodings(asked: readonly number[], rules: EncodingRules): number[] {
  const passed = [...new Set(asked)].filter((number) => {
    if (!isPassableEncoding(number)) return false;
    if (number === encoding.extendedClipboard) return rules.extendedClipboard;
    if (number === encoding.xvp) return rules.power;
    return rules.quality === "viewer" || !isQualityLevel(number);
  });
  return passed.includes(encoding.fence) ? passed : [...passed, encoding.fence];
}

export function setEncodings(encodings: readonly number[]): Buffer {
  return writeClientMessage({ type: "set-encodings", encodings: [...encodings] });
}
