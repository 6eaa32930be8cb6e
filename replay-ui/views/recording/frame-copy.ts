// A copy of the screen as it stands, as PNG: the recorded pixels, without cursor and marks.
import { useEffect, useState } from "preact/hooks";
import type { RecordingSummary } from "../../../shared/api/types.ts";
import { formatSessionTime } from "../../format.ts";
import type { OpenedRecording } from "./opened.ts";

const SAID_MS = 2_000;

export interface FrameCopy {
  /** What came of the last copy, for a short while. */
  said: string;
  copy: () => void;
  save: () => void;
}

export function useFrameCopy(opened: OpenedRecording | null, summary: RecordingSummary | null): FrameCopy {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const attempt = (work: (png: Promise<Blob>) => Promise<string>) => {
    const picture = opened?.picture.get();
    if (picture == null) return;
    work(picture.png()).then(setSaid, (error: unknown) => {
      setSaid(`The frame could not be copied: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
  return {
    said,
    copy: () =>
      attempt(async (png) => {
        const clipboard = navigator.clipboard as Clipboard | undefined;
        if (clipboard === undefined || typeof ClipboardItem === "undefined") {
          throw new Error("this browser has no clipboard for pictures here; download it instead");
        }
        await clipboard.write([new ClipboardItem({ "image/png": png })]);
        return "Frame copied as PNG";
      }),
    save: () =>
      attempt(async (png) => {
        const url = URL.createObjectURL(await png);
        const link = document.createElement("a");
        link.href = url;
        link.download = fileName(opened, summary);
        link.click();
        // After the browser has taken it.
        setTimeout(() => URL.revokeObjectURL(url), 10_000);
        return "Frame saved as PNG";
      }),
  };
}

/** E.g. `hmi-line-2_019a8f3e_0-12-07.4.png`. */
function fileName(opened: OpenedRecording | null, summary: RecordingSummary | null): string {
  const atUs = opened?.player.timeUs.get() ?? 0;
  const time = formatSessionTime(atUs, { tenths: true, hours: true }).replaceAll(":", "-");
  const session = opened?.source.session.slice(0, 8) ?? "";
  return `${[summary?.target ?? "screen", session, time].join("_")}.png`;
}
