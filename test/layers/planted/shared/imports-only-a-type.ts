// breaks: layer-shared
import type { ObjectStore } from "../../../../recorder/store/object-store.ts";

export type Planted = ObjectStore;
