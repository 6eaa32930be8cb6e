// What is pressed: keys and buttons, as the viewer has them and as the target has them. Fed with what comes and with what
// passes. Invariant: after a hold the target has nothing down that the viewer let go of meanwhile, and nothing that was
// pressed before the hold ended reaches it until the viewer has let go of it.
import type { WritableMessage } from "../../rfb/client-writer.ts";

type Key = Extract<WritableMessage, { type: "key" | "qemu-key" }>;
type Pointer = Extract<WritableMessage, { type: "pointer" }>;

/** More than any keyboard has. */
const maxKeys = 512;

export class Pressed {
  /** At the target, with the message that lets go of it. */
  readonly #atTarget = new Map<string, Key>();
  readonly #atViewer = new Set<string>();
  /** Pressed when the last hold ended, or let go of by the gateway: nothing of them passes until the viewer lets go. */
  readonly #deaf = new Set<string>();
  #pointerAtTarget: Pointer = { type: "pointer", x: 0, y: 0, buttons: 0 };
  #buttonsAtViewer = 0;
  #deafButtons = 0;

  /** While held: from the viewer, and dropped. */
  droppedKey(key: Key): void {
    const id = idOf(key);
    if (key.down) add(this.#atViewer, id);
    else this.#atViewer.delete(id);
    if (key.down) add(this.#deaf, id);
    else this.#deaf.delete(id);
  }

  droppedPointer({ buttons }: Pointer): void {
    this.#buttonsAtViewer = buttons;
    this.#deafButtons = buttons;
  }

  /** From the viewer. False: not for the target. */
  takeKey(key: Key): boolean {
    const id = idOf(key);
    if (key.down) add(this.#atViewer, id);
    else this.#atViewer.delete(id);
    if (!this.#deaf.has(id)) return true;
    if (!key.down) this.#deaf.delete(id);
    return false;
  }

  /** From the viewer; answers it as the target may have it. */
  takePointer(pointer: Pointer): Pointer {
    this.#buttonsAtViewer = pointer.buttons;
    this.#deafButtons &= pointer.buttons;
    return { ...pointer, buttons: pointer.buttons & ~this.#deafButtons };
  }

  /** The target has it. */
  passed(message: WritableMessage): void {
    if (message.type === "pointer") {
      this.#pointerAtTarget = message;
      return;
    }
    if (message.type !== "key" && message.type !== "qemu-key") return;
    const id = idOf(message);
    if (!message.down) this.#atTarget.delete(id);
    else if (this.#atTarget.size < maxKeys) this.#atTarget.set(id, { ...message, down: false });
  }

  /** A hold begins: what lets go of all that the target has down, in the order opposite to that in which it was pressed. */
  letGo(): WritableMessage[] {
    for (const id of this.#atViewer) add(this.#deaf, id);
    this.#deafButtons = this.#buttonsAtViewer;
    const released: WritableMessage[] = [...this.#atTarget.values()].reverse();
    if (this.#pointerAtTarget.buttons !== 0) released.unshift({ ...this.#pointerAtTarget, buttons: 0 });
    return released;
  }
}

/** The place of a key outlives a change of its meaning, as by Shift. */
function idOf(key: Key): string {
  return key.type === "qemu-key" ? `place ${key.keycode}` : `sym ${key.sym}`;
}

function add(ids: Set<string>, id: string): void {
  if (ids.size < maxKeys) ids.add(id);
}
