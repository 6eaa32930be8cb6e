// breaks: layer-recorder-export
import "../../../../../recorder/catalog/tables.ts";
