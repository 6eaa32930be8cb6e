// breaks: layer-recorder-catalog
import "../../../../../recorder/store/fs-store.ts";
