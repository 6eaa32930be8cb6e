// The renderer of screens is a part of the program that terminals do without.
type ScreenModule = typeof import("../../renderers/screen.ts");

let loaded: ScreenModule | null = null;

export async function loadScreenModule(): Promise<ScreenModule> {
  loaded ??= await import("../../renderers/screen.ts");
  return loaded;
}

/** If it is here already: then the screen is drawn without waiting a frame for it. */
export function loadedScreenModule(): ScreenModule | null {
  return loaded;
}
