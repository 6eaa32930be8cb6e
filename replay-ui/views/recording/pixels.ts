// The renderer of a screen track on the page, told of zoom and of what the pointer did.
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { PointerMarks } from "../../player/pointer-marks.ts";
import type { ScreenZoom } from "../../renderers/loupe.ts";
import { createScreenRenderer, type ScreenRenderer } from "../../renderers/screen.ts";
import { useStore } from "../../store.ts";
import type { OpenedRecording } from "./opened.ts";

/** @param track the screen track to show; null: none. */
export function usePixels(
  opened: OpenedRecording,
  track: string | null,
  host: preact.RefObject<HTMLDivElement | null>,
  zoom: ScreenZoom,
): void {
  const { player, loader } = opened;
  const [renderer, setRenderer] = useState<ScreenRenderer | null>(null);
  const speed = useStore(player.state, (state) => (state.status === "playing" ? state.speed : 1));

  useLayoutEffect(() => {
    const parent = host.current;
    if (track === null || parent === null) return;
    const made = createScreenRenderer(parent, (note) => opened.note.set(note));
    setRenderer(made);
    opened.picture.set(made);
    player.setRenderer(made);
    return () => {
      player.setRenderer(null);
      opened.picture.set(null);
      opened.note.set(null);
      setRenderer(null);
      made.dispose();
    };
  }, [player, track]);

  useLayoutEffect(() => renderer?.setZoom(zoom), [renderer, zoom]);
  const follow = useStore(opened.followPointer);
  useLayoutEffect(() => renderer?.setFollow(follow), [renderer, follow]);

  const lens = useStore(opened.lens);
  useLayoutEffect(() => {
    renderer?.setLens(lens);
    if (renderer !== null && lens) host.current?.focus({ preventScroll: true });
  }, [renderer, lens]);

  useEffect(() => {
    if (renderer === null || track === null) return;
    const channel = player.timeline.get().track(track)?.channel ?? 0;
    const marks = new PointerMarks(loader, () => player.timeline.get(), channel);
    const show = () => renderer.setMarks((atUs) => marks.at(atUs, speed));
    show();
    return loader.onLoaded((n) => {
      if (player.timeline.get().index.segments[n]?.track === "input") show();
    });
  }, [renderer, track, speed]);
}
