import { useEffect, useState } from "preact/hooks";
import type { Player } from "../../player/player.ts";

/** What follows from the moment on the screen; the component renders again only when that changes. */
export function useMoment<T extends number | string | boolean>(
  player: Player,
  derive: (atUs: number) => T,
  inputs: readonly unknown[] = [],
): T {
  const [value, setValue] = useState(() => derive(player.timeUs.get()));
  useEffect(() => {
    const update = () => setValue(derive(player.timeUs.get()));
    update();
    const ends = [player.timeUs.subscribe(update), player.timeline.subscribe(update)];
    return () => {
      for (const end of ends) end();
    };
  }, [player, ...inputs]);
  return value;
}
