// Marks that a bench or a test can wait for: the picture of a moment is on the screen. Each is a performance mark and a
// window event of the same name with what was measured.
export interface PictureDetail {
  /** Session time that is on the screen. */
  timeUs: number;
  /** From the request (page start, click on the list, seek) to the painted frame. */
  tookMs: number;
}

/** Resolves after the frame that shows what was just drawn has been handed to the compositor. */
export function painted(): Promise<void> {
  return new Promise((resolve) => {
    if (document.visibilityState === "hidden") {
      resolve();
      return;
    }
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => resolve();
      channel.port2.postMessage(0);
    });
  });
}

export function markPicture(name: "conduit:first-picture" | "conduit:seeked", detail: PictureDetail): void {
  performance.mark(name, { detail });
  window.dispatchEvent(new CustomEvent(name, { detail }));
}
