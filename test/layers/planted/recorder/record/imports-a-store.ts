// breaks: layer-recorder-record
import "../../../../../recorder/store/fs-store.ts";
